//! The records of one split, in windows and blocks of time.

use dropsonde_activations::Record;
use dropsonde_fields::Time;

use crate::{Error, Result};

/// Records further apart than this belong to different windows.
const WINDOW_GAP_HOURS: i64 = 24;

/// The records of one split of a store.
///
/// The state of a record is the one at its valid time, from which the step that was recorded starts.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    /// Its name.
    pub name: String,
    /// Positions in the store.
    pub records: Vec<usize>,
    /// Valid time of each record.
    pub times: Vec<Time>,
    /// Window of each record: an uninterrupted stretch of time.
    pub windows: Vec<u16>,
    /// Block of each record: a window is divided into as many equal blocks of at least the wanted length as fit.
    pub blocks: Vec<u16>,
}

impl Split {
    /// The records of a store whose split is `name`.
    ///
    /// # Errors
    /// [`Error::MissingSplit`] if there are none.
    pub fn new(records: &[Record], name: &'static str, block_hours: i64) -> Result<Self> {
        let of_split = |i: &usize| records[*i].split.as_deref() == Some(name);
        let chosen: Vec<usize> = (0..records.len()).filter(of_split).collect();
        if chosen.is_empty() {
            let mut found: Vec<String> = records.iter().filter_map(|r| r.split.clone()).collect();
            found.sort();
            found.dedup();
            return Err(Error::MissingSplit { split: name, found });
        }
        let times: Vec<Time> = chosen
            .iter()
            .map(|&i| Time(records[i].valid_time()))
            .collect();
        let windows = windows(&times);
        Ok(Self {
            name: name.to_owned(),
            blocks: blocks(&times, &windows, block_hours),
            records: chosen,
            times,
            windows,
        })
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Number of windows.
    pub fn n_windows(&self) -> usize {
        self.windows.iter().max().map_or(0, |&w| usize::from(w) + 1)
    }

    /// First and last time of every window.
    pub fn spans(&self) -> Vec<(Time, Time)> {
        spans(&self.times, &self.windows)
    }
}

fn windows(times: &[Time]) -> Vec<u16> {
    let mut order: Vec<usize> = (0..times.len()).collect();
    order.sort_by_key(|&i| times[i]);
    let mut windows = vec![0; times.len()];
    let mut window = 0;
    for pair in order.windows(2) {
        window += u16::from(times[pair[1]].hours_since(times[pair[0]]) > WINDOW_GAP_HOURS);
        windows[pair[1]] = window;
    }
    windows
}

fn spans(times: &[Time], windows: &[u16]) -> Vec<(Time, Time)> {
    let mut spans: Vec<Option<(Time, Time)>> = Vec::new();
    for (&time, &window) in times.iter().zip(windows) {
        let window = usize::from(window);
        spans.resize(spans.len().max(window + 1), None);
        let (first, last) = spans[window].unwrap_or((time, time));
        spans[window] = Some((first.min(time), last.max(time)));
    }
    spans.into_iter().flatten().collect()
}

fn blocks(times: &[Time], windows: &[u16], block_hours: i64) -> Vec<u16> {
    let mut first_block = 0;
    let mut parts = Vec::new();
    for (first, last) in spans(times, windows) {
        let hours = last.hours_since(first) + dropsonde_fields::STEP_HOURS;
        let n_blocks = (hours / block_hours).max(1);
        parts.push((first, hours, n_blocks, first_block));
        first_block += n_blocks;
    }
    let block = |(time, window): (&Time, &u16)| {
        let (first, hours, n_blocks, first_block) = parts[usize::from(*window)];
        (first_block + time.hours_since(first) * n_blocks / hours) as u16
    };
    times.iter().zip(windows).map(block).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(hours: i64, split: &str) -> Record {
        Record {
            init_time: hours * 3600,
            lead_hours: 0,
            split: Some(split.to_owned()),
        }
    }

    #[test]
    fn windows_and_blocks_follow_the_gaps() {
        let mut records: Vec<Record> = (0..28).map(|i| record(6 * i, "select")).collect();
        records.extend((0..4).map(|i| record(1000 + 6 * i, "train")));
        records.extend((0..4).map(|i| record(2000 + 6 * i, "select")));
        let split = Split::new(&records, "select", 48).unwrap();
        assert_eq!((split.len(), split.n_windows()), (32, 2));
        // 168 hours hold three blocks of 56 hours; the second window is shorter than a block.
        let counts: Vec<usize> = (0..4)
            .map(|b| split.blocks.iter().filter(|&&x| x == b).count())
            .collect();
        assert_eq!(counts, vec![10, 9, 9, 4]);
        assert_eq!(split.spans()[1], (Time(2000 * 3600), Time(2018 * 3600)));
    }

    #[test]
    fn a_missing_split_lists_the_others() {
        let error = Split::new(&[record(0, "train")], "report", 48)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("`report`") && error.contains("\"train\""),
            "{error}"
        );
    }
}
