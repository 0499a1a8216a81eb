//! What a forecast needs and nobody has.

use std::fmt::Write;

use serde::Serialize;

use crate::{Frame, Variable};

/// A variable that cannot be had for one frame, or some of its levels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MissingInput {
    /// The variable.
    pub variable: Variable,
    /// The frame that needs it.
    pub frame: Frame,
    /// The time of that frame in words, such as `2022-11-07T18 (-6 h)`.
    pub when: String,
    /// The levels in hPa that cannot be had; empty if the variable is not there at all or has none.
    pub levels: Vec<u32>,
    /// Why not: what was looked for and what was found.
    pub reason: String,
    /// What can be done.
    pub hint: String,
}

impl MissingInput {
    /// Whether two entries differ in the variable only.
    fn is_like(&self, other: &Self) -> bool {
        (&self.when, &self.levels, &self.reason) == (&other.when, &other.levels, &other.reason)
    }
}

/// One line for entries that differ in the variable only, then every hint once.
pub(crate) fn describe(missing: &[MissingInput]) -> String {
    let mut text = String::new();
    let mut rest: Vec<&MissingInput> = missing.iter().collect();
    while let Some(&first) = rest.first() {
        let (group, others): (Vec<_>, Vec<_>) = rest.into_iter().partition(|m| m.is_like(first));
        let names: Vec<_> = group.iter().map(|m| format!("`{}`", m.variable)).collect();
        let levels = match first.levels.as_slice() {
            [] => String::new(),
            levels => format!(" on {levels:?} hPa"),
        };
        let (names, when, reason) = (names.join(", "), &first.when, &first.reason);
        // Writing to a string cannot fail.
        let _ = write!(text, "\n  {names} at {when}{levels}: {reason}");
        rest = others;
    }
    let mut hints: Vec<&str> = missing.iter().map(|m| m.hint.as_str()).collect();
    hints.sort_unstable();
    hints.dedup();
    for hint in hints.into_iter().filter(|hint| !hint.is_empty()) {
        let _ = write!(text, "\nhint: {hint}");
    }
    text
}
