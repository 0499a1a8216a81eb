//! The dynamic programme that chooses the windows of one split.

use super::{Season, SplitRule};
use crate::Time;

/// A possible window.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    /// Index of its first state.
    pub(super) start: usize,
    pub(super) first: Time,
    pub(super) last: Time,
    pub(super) season: Season,
    /// 1 for a storm in the south, 2 for one in the north, or their sum.
    pub(super) hemispheres: usize,
    pub(super) tracks: usize,
    pub(super) value: f64,
}

/// What some windows have together.
#[derive(Clone, Copy)]
struct Tally {
    windows: usize,
    seasons: usize,
    hemispheres: usize,
    /// Not more than wanted.
    tracks: usize,
}

/// Numbers tallies, which are the states of the programme.
struct Tallies {
    max_windows: usize,
    max_tracks: usize,
}

/// Where the best value of a state came from: without this candidate.
const WITHOUT: u32 = u32::MAX;

impl Tallies {
    fn len(&self) -> usize {
        (self.max_windows + 1) * (self.max_tracks + 1) * 64
    }

    fn number(&self, tally: Tally) -> usize {
        let windows_and_tracks = tally.windows * (self.max_tracks + 1) + tally.tracks;
        windows_and_tracks * 64 + tally.seasons * 4 + tally.hemispheres
    }

    fn tally(&self, number: usize) -> Tally {
        let windows_and_tracks = number / 64;
        Tally {
            windows: windows_and_tracks / (self.max_tracks + 1),
            tracks: windows_and_tracks % (self.max_tracks + 1),
            seasons: number / 4 % 16,
            hemispheres: number % 4,
        }
    }

    /// The number of a tally with one window more, if there may be one.
    fn with(&self, number: usize, candidate: &Candidate) -> Option<usize> {
        let tally = self.tally(number);
        (tally.windows < self.max_windows).then(|| {
            self.number(Tally {
                windows: tally.windows + 1,
                seasons: tally.seasons | 1 << candidate.season as usize,
                hemispheres: tally.hemispheres | candidate.hemispheres,
                tracks: (tally.tracks + candidate.tracks).min(self.max_tracks),
            })
        })
    }

    /// What is more important than the value, the most important first.
    fn merit(&self, number: usize) -> [usize; 4] {
        let tally = self.tally(number);
        let (seasons, hemispheres) = (tally.seasons.count_ones(), tally.hemispheres.count_ones());
        [
            tally.windows,
            seasons as usize,
            hemispheres as usize,
            tally.tracks,
        ]
    }
}

/// Indices of the best candidates, ascending; `candidates` in the order of time, `gap` in seconds between them.
pub(super) fn best(candidates: &[Candidate], rule: &SplitRule, gap: i64) -> Vec<usize> {
    let tallies = Tallies {
        max_windows: rule.windows,
        max_tracks: rule.min_tracks,
    };
    // tables[k]: best value of each tally from the first k candidates.
    let mut tables = vec![vec![f64::NEG_INFINITY; tallies.len()]];
    tables[0][0] = 0.0;
    let mut origins: Vec<Vec<u32>> = Vec::with_capacity(candidates.len());
    for (k, candidate) in candidates.iter().enumerate() {
        let mut table = tables[k].clone();
        let mut origin = vec![WITHOUT; tallies.len()];
        for (number, &value) in tables[before(candidates, k, gap)].iter().enumerate() {
            let more = (value > f64::NEG_INFINITY).then(|| tallies.with(number, candidate));
            if let Some(to) = more.flatten()
                && value + candidate.value > table[to]
            {
                (table[to], origin[to]) = (value + candidate.value, number as u32);
            }
        }
        tables.push(table);
        origins.push(origin);
    }
    let last = &tables[candidates.len()];
    let reached = (0..tallies.len()).filter(|&number| last[number] > f64::NEG_INFINITY);
    let better = |&a: &usize, &b: &usize| {
        let by_merit = tallies.merit(a).cmp(&tallies.merit(b));
        by_merit.then(last[a].total_cmp(&last[b]))
    };
    let mut number = reached.max_by(better).unwrap_or(0);
    let (mut chosen, mut k) = (Vec::new(), candidates.len());
    while k > 0 {
        match origins[k - 1][number] {
            WITHOUT => k -= 1,
            from => {
                chosen.push(k - 1);
                number = from as usize;
                k = before(candidates, k - 1, gap);
            }
        }
    }
    chosen.reverse();
    chosen
}

/// How many candidates are over a gap before the `k`-th begins.
fn before(candidates: &[Candidate], k: usize, gap: i64) -> usize {
    let first = candidates[k].first;
    candidates.partition_point(|other| other.last.0 + gap.max(1) <= first.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;

    /// A week from a day on.
    fn week(day: i64, tracks: usize, hemispheres: usize, value: f64) -> Candidate {
        let first = Time(day * DAY);
        Candidate {
            start: day as usize,
            first,
            last: Time(first.0 + 7 * DAY),
            season: Season::of(first),
            hemispheres,
            tracks,
            value,
        }
    }

    fn rule(windows: usize, min_tracks: usize) -> SplitRule {
        SplitRule {
            split: "report".to_owned(),
            windows,
            min_tracks,
            strongest_twice: false,
        }
    }

    #[test]
    fn what_is_asked_for_comes_before_value() {
        // From 1970-01-01: two good weeks in winter, a poor one with southern storms in spring.
        let weeks = [
            week(0, 3, 2, 90.0),
            week(20, 2, 2, 80.0),
            week(100, 1, 1, 5.0),
            week(125, 0, 0, 9.0),
        ];
        assert_eq!(best(&weeks, &rule(1, 0), 10 * DAY), [0]);
        assert_eq!(best(&weeks, &rule(2, 0), 10 * DAY), [0, 2]);
        assert_eq!(best(&weeks, &rule(2, 4), 10 * DAY), [0, 2]);
        assert_eq!(best(&weeks, &rule(3, 0), 10 * DAY), [0, 1, 2]);
        // More than there are.
        assert_eq!(best(&weeks, &rule(9, 9), 10 * DAY), [0, 1, 2, 3]);
        assert!(best(&[], &rule(2, 1), 10 * DAY).is_empty());
    }

    #[test]
    fn windows_keep_their_distance() {
        let weeks: Vec<Candidate> = (0..60)
            .map(|day| week(day, 0, 0, (day % 7) as f64))
            .collect();
        let chosen = best(&weeks, &rule(4, 0), 10 * DAY);
        assert_eq!(chosen.len(), 4);
        for pair in chosen.windows(2) {
            assert!(weeks[pair[1]].first.0 - weeks[pair[0]].last.0 >= 10 * DAY);
        }
        // 0..42 in steps of 17 days at least: the best is 6 + 6 + 6 + 6 at days 6 + 7 n as far as they fit.
        assert_eq!(
            weeks
                .iter()
                .enumerate()
                .filter(|(k, _)| chosen.contains(k))
                .map(|(_, w)| w.value)
                .sum::<f64>(),
            exhaustive(&weeks)
        );
    }

    /// The best sum of four windows by trying all.
    fn exhaustive(weeks: &[Candidate]) -> f64 {
        let apart = |a: usize, b: usize| weeks[b].first.0 - weeks[a].last.0 >= 10 * DAY;
        let mut most = 0.0_f64;
        for a in 0..weeks.len() {
            for b in (a + 1..weeks.len()).filter(|&b| apart(a, b)) {
                for c in (b + 1..weeks.len()).filter(|&c| apart(b, c)) {
                    for d in (c + 1..weeks.len()).filter(|&d| apart(c, d)) {
                        let sum = [a, b, c, d].iter().map(|&k| weeks[k].value).sum();
                        most = most.max(sum);
                    }
                }
            }
        }
        most
    }
}
