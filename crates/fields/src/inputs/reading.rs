//! What one source has of one variable at one time.

use crate::{Error, Field, Result, Source, Time, Variable};

/// Why a source cannot give a variable, or not all of it.
#[derive(Clone, Debug)]
pub(super) struct Lack {
    /// Levels in hPa that are not there; empty if it is about the whole variable.
    pub(super) levels: Vec<u32>,
    pub(super) reason: String,
}

impl Lack {
    fn whole(reason: String) -> Self {
        Self {
            levels: Vec::new(),
            reason,
        }
    }

    fn and(mut self, other: Self) -> Self {
        self.levels.extend(other.levels);
        self.reason = format!("{}; {}", self.reason, other.reason);
        self
    }
}

/// What a source has.
pub(super) enum Reading {
    /// Every level, gaps filled; how many.
    Complete(Field, usize),
    /// Some levels or values.
    Partial(Field, Lack),
    /// Nothing.
    Absent(Lack),
}

/// Reads a variable, whose levels should be `levels` if it is on levels; of a static one any time will do.
///
/// # Errors
/// [`Error::Io`], [`Error::Remote`]; anything else that is wrong with the variable makes it partial or absent.
pub(super) fn read(
    source: &Source,
    variable: &Variable,
    time: Time,
    levels: &[u32],
) -> Result<Reading> {
    let absent = |reason: String| Ok(Reading::Absent(Lack::whole(reason)));
    if let Some(reason) = absence(source, variable, time) {
        return absent(reason);
    }
    let time = match source.times().first() {
        Some(&first) if variable.is_static() && !has_time(source, time) => first,
        _ => time,
    };
    let mut field = match source.unfilled(variable, time) {
        Ok(field) => field,
        Err(error @ (Error::Io { .. } | Error::Remote { .. })) => return Err(error),
        Err(error) => return absent(error.to_string()),
    };
    if field.levels.is_empty() == variable.is_atmospheric() {
        let (expected, found) = match variable.is_atmospheric() {
            true => ("pressure levels", "none"),
            false => ("no pressure levels", "some"),
        };
        let path = source.path().display();
        return absent(format!("expected {expected}, found {found} in `{path}`"));
    }
    let gaps = count_gaps(&field);
    // The fields of the error say no more than the gaps that are left.
    let filled = source.fill_policy().apply(variable, time, &mut field);
    let gap_lack = filled.is_err().then(|| gap_lack(&field));
    let level_lack = missing_levels(source, &field, levels);
    Ok(match (gap_lack, level_lack) {
        (Some(a), Some(b)) => Reading::Partial(field, a.and(b)),
        (Some(lack), None) | (None, Some(lack)) => Reading::Partial(field, lack),
        (None, None) => Reading::Complete(field, gaps),
    })
}

/// Why a source has nothing at all of a variable, as far as its lists tell.
pub(super) fn absence(source: &Source, variable: &Variable, time: Time) -> Option<String> {
    let path = source.path().display();
    if !source.has(variable) {
        return Some(format!("`{path}` has no such variable"));
    }
    if variable.is_atmospheric() && source.levels().is_empty() {
        return Some(format!("`{path}` has none of the task's levels"));
    }
    if !variable.is_static() && !has_time(source, time) {
        return Some(format!("`{path}` has no such time"));
    }
    None
}

pub(super) fn has_time(source: &Source, time: Time) -> bool {
    source.times().binary_search(&time).is_ok()
}

fn count_gaps(field: &Field) -> usize {
    field.data.iter().filter(|x| !x.is_finite()).count()
}

/// The levels with gaps, and how many values are missing.
fn gap_lack(field: &Field) -> Lack {
    let (gaps, n_values) = (count_gaps(field), field.data.len());
    let planes = field.data.outer_iter().zip(&field.levels);
    let has_gaps = planes.filter(|(plane, _)| plane.iter().any(|x| !x.is_finite()));
    let levels: Vec<u32> = has_gaps.map(|(_, &level)| level).collect();
    let reason = match gaps == n_values {
        true => "every value is missing (NaN)".to_owned(),
        false => format!("{gaps} of {n_values} values are missing (NaN)"),
    };
    Lack { levels, reason }
}

fn missing_levels(source: &Source, field: &Field, wanted: &[u32]) -> Option<Lack> {
    if field.levels.is_empty() {
        return None;
    }
    let levels: Vec<u32> = wanted
        .iter()
        .copied()
        .filter(|level| !field.levels.contains(level))
        .collect();
    let reason = format!("{levels:?} hPa are not in `{}`", source.path().display());
    (!levels.is_empty()).then_some(Lack { levels, reason })
}
