//! One time axis of a packed store and the variables on it.

use crate::writer::Sharded;
use crate::{Time, Variable};

/// States in one inner chunk of the axis `time`, days in one of the axis `day`.
const INNER: usize = 4;
const INNER_DAYS: usize = 8;

/// A day in seconds.
const DAY: i64 = 86_400;

/// Entries that are packed in blocks of one shard each.
pub(super) struct Axis {
    pub(super) name: &'static str,
    /// Times and the index of the member that has each.
    pub(super) entries: Vec<(Time, usize)>,
    pub(super) arrays: Vec<(Variable, Sharded)>,
    /// Entries in one shard.
    pub(super) block: usize,
}

impl Axis {
    pub(super) fn n_blocks(&self) -> usize {
        self.entries.len().div_ceil(self.block)
    }

    pub(super) fn times(&self) -> Vec<Time> {
        self.entries.iter().map(|&(time, _)| time).collect()
    }
}

/// Entries in an inner chunk and in a shard of an axis of `n` entries: the shard is a multiple of the inner chunk, not
/// longer than the axis needs nor than what is wanted, but one inner chunk at least.
pub(super) fn lengths(name: &str, n: usize, wanted: usize) -> (usize, usize) {
    let inner = if name == "day" { INNER_DAYS } else { INNER }.min(n.max(1));
    let whole = n.max(1).next_multiple_of(inner);
    let shard = (wanted / inner * inner).clamp(inner, whole);
    (inner, shard)
}

/// One entry a day: the first time, and then each that is a day or more after the last entry.
///
/// The entries are at least a day apart and none is a day older than a time that it holds for, which is what a reader
/// of a slow axis asks.
pub(super) fn days(times: &[(Time, usize)]) -> Vec<(Time, usize)> {
    let mut days: Vec<(Time, usize)> = Vec::new();
    for &(time, member) in times {
        if days.last().is_none_or(|&(last, _)| time.0 - last.0 >= DAY) {
            days.push((time, member));
        }
    }
    days
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_multiples_of_inner_chunks() {
        assert_eq!(lengths("time", 348, 400), (4, 348));
        assert_eq!(lengths("time", 347, 400), (4, 348));
        assert_eq!(lengths("time", 1000, 402), (4, 400));
        assert_eq!(lengths("time", 1000, 0), (4, 4));
        assert_eq!(lengths("time", 1, 9), (1, 1));
        assert_eq!(lengths("day", 96, 96), (8, 96));
    }

    #[test]
    fn a_new_day_begins_after_each_gap() {
        let hours = [0, 6, 12, 18, 24, 30, 60, 66, 72, 84];
        let times: Vec<_> = hours
            .iter()
            .map(|&hour| (Time(0).plus_hours(hour), 0))
            .collect();
        let found: Vec<i64> = days(&times).iter().map(|(time, _)| time.0 / 3600).collect();
        assert_eq!(found, [0, 24, 60, 84]);
    }
}
