//! From where to where forecasts are made, and how far there is truth.

use std::path::Path;

use anyhow::{Context, bail, ensure};
use dropsonde_fields::{STEP_HOURS, Source, Time};
use serde::{Deserialize, Serialize};

use crate::args::SkillArgs;
use crate::run_context::{Window, windows};

/// Days of a block where there are no windows.
const BLOCK_DAYS: i64 = 5;

/// Which states a forecast starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Start {
    /// The initial state and that of 6 h before.
    Pair,
    /// The initial state twice: the tendency is not known.
    Cold,
}

/// A stretch of states that initial times are taken from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stretch {
    pub(crate) first: Time,
    pub(crate) last: Time,
    /// The last time up to which the truth has every state.
    pub(crate) truth_until: Time,
}

/// One forecast to make.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Case {
    pub(crate) init: Time,
    pub(crate) start: Start,
    /// Index of its stretch.
    pub(crate) stretch: usize,
    /// What it is resampled with.
    pub(crate) block: String,
    /// Hours up to which it can be scored.
    pub(crate) truth_hours: i64,
}

/// All forecasts, in the order of time, and the stretches they lie in.
#[derive(Debug)]
pub(crate) struct Cases {
    pub(crate) cases: Vec<Case>,
    pub(crate) stretches: Vec<Stretch>,
    /// What is resampled, in words.
    pub(crate) blocks: String,
}

impl Cases {
    /// What the arguments ask for, as far as the source and the truth have it.
    pub(crate) fn find(args: &SkillArgs, source: &Source, truth: &Source) -> anyhow::Result<Self> {
        let windows = chosen_windows(args, source)?;
        let times = source.times();
        let with_windows = windows.is_some();
        let mut stretches = match windows {
            Some(windows) => windows.iter().map(|w| (w.first, w.last())).collect(),
            None => runs(times),
        };
        stretches.sort();
        let beyond = !with_windows || args.truth.is_some();
        let stretches: Vec<Stretch> = stretches
            .into_iter()
            .map(|(first, last)| Stretch {
                first,
                last,
                truth_until: match beyond {
                    true => until(truth.times(), first, Time(i64::MAX)),
                    false => until(truth.times(), first, last),
                },
            })
            .collect();
        let wanted = Wanted {
            args,
            times,
            block_days: match (args.block_days, with_windows) {
                (Some(days), _) => Some(i64::from(days)),
                (None, true) => None,
                (None, false) => Some(BLOCK_DAYS),
            },
        };
        let mut cases = wanted.all(&stretches);
        ensure!(
            !cases.is_empty(),
            "`{}` has no initial time to forecast from{}\nhint: a forecast starts from two states {STEP_HOURS} h apart, or with `--cold-start` from one",
            args.source.display(),
            match with_windows {
                true => " in the windows asked for",
                false => " in the time asked for",
            }
        );
        cases.sort_by_key(|case| (case.init, case.start));
        let blocks = match wanted.block_days {
            Some(days) => format!("blocks of {days} days of initial times"),
            None => "windows".to_owned(),
        };
        Ok(Self {
            cases,
            stretches,
            blocks,
        })
    }
}

/// What decides which times of a stretch become cases.
struct Wanted<'a> {
    args: &'a SkillArgs,
    times: &'a [Time],
    /// None: a block is a stretch.
    block_days: Option<i64>,
}

impl Wanted<'_> {
    /// Pairs; with `--cold-start`, or if no pair can be scored but single states can, single states too.
    fn all(&self, stretches: &[Stretch]) -> Vec<Case> {
        let first_lead = self.args.leads.iter().copied().min().unwrap_or(STEP_HOURS);
        let of = |start: Start| -> Vec<Case> {
            let stretches = stretches.iter().enumerate();
            stretches
                .flat_map(|(index, stretch)| self.of_stretch(index, stretch, start))
                .collect()
        };
        if self.args.cold_start {
            return of(Start::Cold);
        }
        let pairs = of(Start::Pair);
        if pairs.iter().any(|case| case.truth_hours >= first_lead) {
            return pairs;
        }
        let scored = of(Start::Cold).into_iter();
        let scored = scored.filter(|case| case.truth_hours >= first_lead);
        pairs.into_iter().chain(scored).collect()
    }

    fn of_stretch(&self, index: usize, stretch: &Stretch, start: Start) -> Vec<Case> {
        let has = |time: Time| self.times.binary_search(&time).is_ok();
        let inside = |time: Time| time >= stretch.first && time <= stretch.last;
        let init = |&time: &Time| {
            let before = time.plus_hours(-STEP_HOURS);
            let is_pair = inside(before) && has(before);
            let asked = self.args.from.is_none_or(|from| time >= from)
                && self.args.to.is_none_or(|to| time <= to);
            let hours = time.hours_since(stretch.first);
            inside(time)
                && asked
                && hours % self.args.every == 0
                && (is_pair || start == Start::Cold)
        };
        let times = self.times.iter().copied().filter(init);
        times
            .map(|init| Case {
                init,
                start,
                stretch: index,
                block: self.block(stretch, init),
                truth_hours: stretch.truth_until.hours_since(init).max(0),
            })
            .collect()
    }

    fn block(&self, stretch: &Stretch, init: Time) -> String {
        let Some(days) = self.block_days else {
            return stretch.first.to_string();
        };
        let n = init.hours_since(stretch.first).div_euclid(24 * days);
        stretch.first.plus_hours(24 * days * n).to_string()
    }
}

/// The windows of `--windows` or of the source, of the split asked for; none if windows were not asked for.
fn chosen_windows(args: &SkillArgs, source: &Source) -> anyhow::Result<Option<Vec<Window>>> {
    let all = match (&args.windows, &args.split) {
        (Some(path), _) => read_windows(path)?,
        (None, Some(_)) => windows(source)?,
        (None, None) => return Ok(None),
    };
    let Some(split) = &args.split else {
        return Ok(Some(all));
    };
    let known: std::collections::BTreeSet<String> = all.iter().map(|w| w.split.clone()).collect();
    let of: Vec<Window> = all.into_iter().filter(|w| &w.split == split).collect();
    if of.is_empty() {
        let known: Vec<String> = known.into_iter().collect();
        bail!(
            "no window of split `{split}`, expected one of: {}",
            known.join(", ")
        );
    }
    Ok(Some(of))
}

fn read_windows(path: &Path) -> anyhow::Result<Vec<Window>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read `{}`", path.display()))?;
    serde_json::from_str(&text).with_context(|| {
        format!(
            "`{}` is not a list of windows with `split`, `first` and `steps`",
            path.display()
        )
    })
}

/// The stretches of times without a gap of more than a step.
fn runs(times: &[Time]) -> Vec<(Time, Time)> {
    let gap = |a: &Time, b: &Time| b.hours_since(*a) <= STEP_HOURS;
    times
        .chunk_by(gap)
        .filter_map(|run| Some((*run.first()?, *run.last()?)))
        .collect()
}

/// The last time up to which `times` has every step from `first` on; before `first` if it does not even have that.
fn until(times: &[Time], first: Time, limit: Time) -> Time {
    // A truth that begins later than the states does so without harm.
    let mut time = match times.binary_search(&first) {
        Ok(_) => first,
        Err(index) => match times.get(index) {
            Some(&next) if next <= limit && next.hours_since(first) % STEP_HOURS == 0 => next,
            _ => return first.plus_hours(-STEP_HOURS),
        },
    };
    loop {
        let next = time.plus_hours(STEP_HOURS);
        if next > limit || times.binary_search(&next).is_err() {
            return time;
        }
        time = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(hours: &[i64]) -> Vec<Time> {
        hours.iter().map(|&h| Time(3600 * h)).collect()
    }

    #[test]
    fn truth_ends_at_the_first_gap_and_at_the_limit() {
        let all = times(&[0, 6, 12, 24, 30]);
        let hours = |first: i64, limit: i64| {
            until(&all, Time(3600 * first), Time(3600 * limit)).hours_since(Time(0))
        };
        assert_eq!(hours(0, 1000), 12);
        assert_eq!(hours(0, 6), 6);
        assert_eq!(hours(24, 1000), 30);
        assert_eq!(hours(18, 1000), 30);
        assert_eq!(hours(36, 1000), 30);
    }

    #[test]
    fn stretches_end_at_gaps() {
        let all = times(&[0, 3, 6, 12, 24, 30]);
        let hours = |time: Time| time.hours_since(Time(0));
        let found: Vec<_> = runs(&all)
            .into_iter()
            .map(|(a, b)| (hours(a), hours(b)))
            .collect();
        assert_eq!(found, [(0, 12), (24, 30)]);
    }
}
