//! Windows of a long record: which times they hold, and how they are chosen around storms and plumes.

mod census;
mod choose;
mod rule;

use std::path::Path;

use serde::{Deserialize, Serialize};

pub use census::Storm;
pub use choose::{Choice, WindowChooser};
pub use rule::{Season, SplitRule, WindowRule};

use crate::{Error, Result, STEP_HOURS, Time};

/// A stretch of contiguous 6-hourly states and what happens in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub struct Window {
    /// What it is for, such as `train` or `report`.
    pub split: String,
    /// Time of its first state.
    pub first: Time,
    /// Time of its last state.
    pub last: Time,
    /// Number of its states.
    pub steps: usize,
    /// Share of the area between 20 and 65 degrees under moisture plumes, mean over the states.
    pub plume_share: f64,
    /// Its storms, the deepest first.
    pub storms: Vec<Storm>,
}

/// A window as files have it: the attribute of a store says less.
#[derive(Deserialize)]
struct Stored {
    split: String,
    first: Time,
    steps: usize,
    #[serde(default)]
    plume_share: f64,
    #[serde(default)]
    storms: Vec<Storm>,
}

impl From<Stored> for Window {
    fn from(stored: Stored) -> Self {
        let hours = (stored.steps.max(1) as i64 - 1).saturating_mul(STEP_HOURS);
        Self {
            last: stored.first.plus_hours(hours),
            split: stored.split,
            first: stored.first,
            steps: stored.steps,
            plume_share: stored.plume_share,
            storms: stored.storms,
        }
    }
}

impl Window {
    /// Windows from a JSON list, or from the attribute `windows` of a Zarr v3 directory.
    ///
    /// # Errors
    /// [`Error::Io`] if nothing can be read there, [`Error::Malformed`] if there are no windows or they are of
    /// another form.
    pub fn read(path: impl AsRef<Path>) -> Result<Vec<Self>> {
        let path = path.as_ref();
        let malformed = |message: String| Error::malformed(path, "windows", message);
        let is_store = path.is_dir();
        let file = if is_store {
            path.join("zarr.json")
        } else {
            path.to_owned()
        };
        let text = std::fs::read_to_string(&file).map_err(|e| Error::io(&file, e))?;
        let mut value: serde_json::Value =
            serde_json::from_str(&text).map_err(|e| malformed(e.to_string()))?;
        if is_store {
            value = value["attributes"]["windows"].take();
        }
        if !value.is_array() {
            let message = "expected a list of windows such as {\"split\": \"train\", \"first\": \"1996-01-01T06\", \"steps\": 29}, found none\nhint: `dropsonde windows` writes one";
            return Err(malformed(message.to_owned()));
        }
        serde_json::from_value(value).map_err(|e| malformed(e.to_string()))
    }

    /// Whether a time lies in the window.
    pub fn contains(&self, time: Time) -> bool {
        self.first <= time && time <= self.last
    }
}

/// Which times of a record are meant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TimeSelection {
    /// No times before this one.
    pub from: Option<Time>,
    /// No times after this one.
    pub to: Option<Time>,
    /// Only times in one of these windows.
    pub within: Option<Vec<Window>>,
    /// No times in any of these windows.
    pub without: Vec<Window>,
}

impl TimeSelection {
    /// Whether a time is meant.
    pub fn holds(&self, time: Time) -> bool {
        let inside = |windows: &[Window]| windows.iter().any(|window| window.contains(time));
        self.from.is_none_or(|from| from <= time)
            && self.to.is_none_or(|to| time <= to)
            && self.within.as_deref().is_none_or(inside)
            && !inside(&self.without)
    }

    /// Those of some times that are meant, in their order.
    pub fn of(&self, times: &[Time]) -> Vec<Time> {
        times
            .iter()
            .copied()
            .filter(|&time| self.holds(time))
            .collect()
    }
}

/// The contiguous runs of ascending times: index of the first and number of each.
pub(crate) fn runs(times: &[Time], step_hours: i64) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (index, &time) in times.iter().enumerate() {
        match runs.last_mut() {
            Some((_, n)) if time == times[index - 1].plus_hours(step_hours) => *n += 1,
            _ => runs.push((index, 1)),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(first: &str, steps: usize) -> Window {
        let text = format!(r#"{{"split": "report", "first": "{first}", "steps": {steps}}}"#);
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn selections_keep_what_is_meant() {
        let first: Time = "2000-01-01".parse().unwrap();
        let times: Vec<Time> = (0..40).map(|k| first.plus_hours(6 * k)).collect();
        let selection = TimeSelection {
            from: Some(times[2]),
            to: Some(times[30]),
            within: None,
            without: vec![window("2000-01-03", 5)],
        };
        let found = selection.of(&times);
        assert_eq!(found.len(), 29 - 5);
        assert_eq!(runs(&found, 6), [(0, 6), (6, 18)]);
        let only = TimeSelection {
            within: Some(vec![window("2000-01-03", 5)]),
            ..TimeSelection::default()
        };
        assert_eq!(only.of(&times), times[8..13]);
    }

    #[test]
    fn windows_come_from_lists_and_stores() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("windows.json");
        let windows = vec![window("2000-01-03", 5)];
        std::fs::write(&file, serde_json::to_string(&windows).unwrap()).unwrap();
        assert_eq!(Window::read(&file).unwrap(), windows);
        assert_eq!(windows[0].last, "2000-01-04".parse().unwrap());
        let attributes = r#"{"attributes": {"windows": [{"split": "report", "first": "2000-01-03", "steps": 5}]}}"#;
        std::fs::write(directory.path().join("zarr.json"), attributes).unwrap();
        assert_eq!(Window::read(directory.path()).unwrap(), windows);
        std::fs::write(&file, "{}").unwrap();
        let error = Window::read(&file).unwrap_err().to_string();
        assert!(
            error.contains("windows.json") && error.contains("hint"),
            "{error}"
        );
    }
}
