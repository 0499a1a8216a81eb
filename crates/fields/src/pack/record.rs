//! Several sources that follow each other in time, as one record.

use crate::{Error, Result, Source, Time, TimeSelection, Variable};

/// Attribute of a store that is still being written: the days that are complete.
const DAYS_DONE: &str = "days_done";

/// A name and a source.
pub(super) struct Member {
    pub(super) name: String,
    pub(super) source: Source,
    pub(super) times: Vec<Time>,
}

/// Members on one grid and levels, in the order of time.
pub(super) struct Record {
    pub(super) members: Vec<Member>,
}

impl Record {
    /// The members that have times of a selection, in the order of their first.
    pub(super) fn new(sources: Vec<(String, Source)>, selection: &TimeSelection) -> Result<Self> {
        let all: Vec<Member> = sources
            .into_iter()
            .map(|(name, source)| Member {
                times: selection.of(written(&source)),
                name,
                source,
            })
            .collect();
        let paths: Vec<String> = all
            .iter()
            .map(|m| m.source.path().display().to_string())
            .collect();
        let mut members: Vec<Member> = all.into_iter().filter(|m| !m.times.is_empty()).collect();
        if members.is_empty() {
            return Err(Error::InvalidParameter {
                name: "sources",
                expected: "at least one time of the selection that is completely written"
                    .to_owned(),
                found: format!("none in {}", paths.join(", ")),
            });
        }
        members.sort_by_key(|member| member.times[0]);
        let this = Self { members };
        this.check()?;
        Ok(this)
    }

    /// Keeps only times of a list; an error if the record lacks one.
    pub(super) fn restrict(&mut self, times: &[Time]) -> Result<()> {
        for member in &mut self.members {
            member
                .times
                .retain(|time| times.binary_search(time).is_ok());
        }
        self.members.retain(|member| !member.times.is_empty());
        let found: usize = self.members.iter().map(|member| member.times.len()).sum();
        if found == times.len() {
            return Ok(());
        }
        Err(Error::InvalidParameter {
            name: "resume",
            expected: format!(
                "the {} times of the interrupted run in the sources",
                times.len()
            ),
            found: format!("{found} of them"),
        })
    }

    /// Every time and the index of its member.
    pub(super) fn times(&self) -> Vec<(Time, usize)> {
        let of = |(index, member): (usize, &Member)| -> Vec<(Time, usize)> {
            member.times.iter().map(|&time| (time, index)).collect()
        };
        self.members.iter().enumerate().flat_map(of).collect()
    }

    /// The member with the first time.
    pub(super) fn first(&self) -> &Source {
        &self.members[0].source
    }

    fn check(&self) -> Result<()> {
        let mismatch = |what: &'static str, a: &Member, b: &Member| Error::InvalidParameter {
            name: "sources",
            expected: format!(
                "the same {what} in all, as in `{}`",
                a.source.path().display()
            ),
            found: format!("another in `{}`", b.source.path().display()),
        };
        for pair in self.members.windows(2) {
            let (a, b) = (&pair[0], &pair[1]);
            if a.source.grid() != b.source.grid() {
                return Err(mismatch("grid", a, b));
            }
            let ends = a.times[a.times.len() - 1];
            if ends >= b.times[0] {
                return Err(Error::InvalidParameter {
                    name: "sources",
                    expected: format!(
                        "members that follow each other in time: `{}` ends at {ends}",
                        a.source.path().display()
                    ),
                    found: format!("`{}` begins at {}", b.source.path().display(), b.times[0]),
                });
            }
        }
        Ok(())
    }

    /// Every variable must be in every member.
    pub(super) fn check_variables(&self, variables: &[Variable]) -> Result<()> {
        for member in &self.members {
            let source = &member.source;
            if let Some(variable) = variables.iter().find(|&variable| !source.has(variable)) {
                return Err(Error::MissingVariable {
                    variable: variable.clone(),
                    place: format!("`{}`", source.path().display()),
                    known: source.variables().iter().map(ToString::to_string).collect(),
                });
            }
        }
        Ok(())
    }
}

/// The times of a source that are complete: its writer may still be at work.
fn written(source: &Source) -> &[Time] {
    let times = source.times();
    let days = source
        .attributes()
        .get(DAYS_DONE)
        .and_then(serde_json::Value::as_i64);
    let (Some(days), Some(first)) = (days, times.first()) else {
        return times;
    };
    let end = first.plus_hours(days.saturating_mul(24));
    &times[..times.partition_point(|&time| time < end)]
}
