//! What windows have to be.

use serde::{Deserialize, Serialize};

use crate::{Error, Result, Time};

/// A season of three months.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Season {
    /// December to February.
    #[serde(rename = "DJF")]
    Djf,
    /// March to May.
    #[serde(rename = "MAM")]
    Mam,
    /// June to August.
    #[serde(rename = "JJA")]
    Jja,
    /// September to November.
    #[serde(rename = "SON")]
    Son,
}

impl Season {
    /// All of them, in the order of the year.
    pub const ALL: [Self; 4] = [Self::Djf, Self::Mam, Self::Jja, Self::Son];

    /// That of a time.
    pub fn of(time: Time) -> Self {
        let (_, month, _) = time.date();
        Self::ALL[(month % 12 / 3) as usize]
    }

    /// `DJF` and so on.
    pub fn name(self) -> &'static str {
        ["DJF", "MAM", "JJA", "SON"][self as usize]
    }
}

/// How many windows a split has, and what they should hold together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitRule {
    /// Name of the split.
    pub split: String,
    /// Number of windows.
    pub windows: usize,
    /// Storm tracks that should lie in the windows, at least.
    #[serde(default)]
    pub min_tracks: usize,
    /// The strongest storm of a window counts twice, for splits whose experiments begin at one storm.
    #[serde(default)]
    pub strongest_twice: bool,
}

/// The rule by which windows are chosen.
///
/// Splits are served in their order, so the first one has the best of the record. Each takes, by a dynamic programme over
/// the possible first states, the windows that fulfil most of: its number of windows, all four seasons, storms on both
/// hemispheres, its number of tracks, in this order of importance; and among those the windows with the most storm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WindowRule {
    /// States in a window.
    pub states: usize,
    /// Days between the last state of a window and the first one of the next, at least.
    pub gap_days: u32,
    /// The splits, the most important one first.
    pub splits: Vec<SplitRule>,
    /// States of a track inside a window from which the track counts as one of its storms.
    pub min_storm_states: usize,
    /// Depth in hPa above which a low counts no more.
    pub deepest_hpa: f64,
    /// What a per cent of the area between 20 and 65 degrees under plumes is worth, in hPa times states.
    pub plume_weight: f64,
}

impl Default for WindowRule {
    fn default() -> Self {
        let split = |split: &str, windows, min_tracks| SplitRule {
            split: split.to_owned(),
            windows,
            min_tracks,
            strongest_twice: split != "train",
        };
        Self {
            states: 29,
            gap_days: 10,
            splits: vec![
                split("report", 4, 10),
                split("select", 4, 0),
                split("train", 5, 0),
            ],
            min_storm_states: 4,
            deepest_hpa: 15.0,
            plume_weight: 2.0,
        }
    }
}

impl WindowRule {
    /// # Errors
    /// [`Error::InvalidParameter`] for the first number that makes no sense.
    pub fn check(&self) -> Result<()> {
        let invalid = |name, expected: &str, found: String| {
            let expected = expected.to_owned();
            Err(Error::InvalidParameter {
                name,
                expected,
                found,
            })
        };
        if !(1..=1000).contains(&self.states) {
            return invalid(
                "states",
                "1 to 1000 states in a window",
                self.states.to_string(),
            );
        }
        if self.gap_days > 366 {
            return invalid("gap_days", "at most 366 days", self.gap_days.to_string());
        }
        if self.splits.is_empty() {
            return invalid("splits", "at least one split", "none".to_owned());
        }
        for (index, rule) in self.splits.iter().enumerate() {
            if self.splits[..index]
                .iter()
                .any(|other| other.split == rule.split)
            {
                return invalid(
                    "splits",
                    "each split once",
                    format!("`{}` twice", rule.split),
                );
            }
            if !(1..=40).contains(&rule.windows) || rule.min_tracks > 40 {
                let found = format!(
                    "{} windows, {} tracks of `{}`",
                    rule.windows, rule.min_tracks, rule.split
                );
                return invalid("splits", "1 to 40 windows and at most 40 tracks", found);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seasons_of_months() {
        for (date, name) in [
            ("2000-12-01", "DJF"),
            ("2000-02-29", "DJF"),
            ("2000-03-01", "MAM"),
            ("2000-08-31", "JJA"),
            ("2000-09-01", "SON"),
            ("2000-11-30", "SON"),
        ] {
            assert_eq!(Season::of(date.parse().unwrap()).name(), name, "{date}");
        }
    }

    #[test]
    fn rules_that_make_no_sense() {
        let twice = WindowRule {
            splits: vec![WindowRule::default().splits[0].clone(); 2],
            ..WindowRule::default()
        };
        assert!(
            twice
                .check()
                .unwrap_err()
                .to_string()
                .contains("`report` twice")
        );
        let none = WindowRule {
            states: 0,
            ..WindowRule::default()
        };
        assert!(none.check().is_err());
        assert!(WindowRule::default().check().is_ok());
    }
}
