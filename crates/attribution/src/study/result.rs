//! What a study says.

use std::fs;
use std::path::Path;

use dropsonde_fields::Time;
use serde::{Deserialize, Serialize};

use crate::candidates::{Candidate, Family};
use crate::catalog::{FeatureCatalog, FeatureMaps};
use crate::config::StudyConfig;
use crate::phenomenon::{Metric, Phenomenon};
use crate::score::Interval;
use crate::split::Split;
use crate::{Error, Result, file};

/// The result of [`run_study`](crate::run_study).
#[derive(Clone, Debug, PartialEq)]
pub struct Study {
    /// The best candidate of each family for each phenomenon.
    pub scores: Scores,
    /// What every feature does.
    pub catalog: FeatureCatalog,
    /// Where every feature is active.
    pub maps: FeatureMaps,
}

/// The table of phenomena and families.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scores {
    /// Version of this format.
    pub format: u32,
    /// The place in the network, as text.
    pub site: String,
    /// Size of the dictionary.
    pub n_latents: usize,
    /// Active features per row, where that number is fixed.
    pub k: Option<usize>,
    /// The settings that were used.
    pub config: StudyConfig,
    /// What each split holds.
    pub splits: Vec<SplitSummary>,
    /// One entry per phenomenon, in the order of [`Phenomenon::ALL`].
    pub phenomena: Vec<PhenomenonScores>,
}

/// What a split holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SplitSummary {
    /// Its name.
    pub name: String,
    /// Number of records.
    pub n_records: usize,
    /// First and last time of each uninterrupted window.
    pub windows: Vec<(Time, Time)>,
}

/// One phenomenon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhenomenonScores {
    /// The phenomenon.
    pub phenomenon: Phenomenon,
    /// Its name in words.
    pub name: String,
    /// How rows, negatives and resampled blocks are defined.
    pub definition: String,
    /// What the scores are.
    pub metric: Metric,
    /// Rows on *select*.
    pub select: Counts,
    /// Rows on *report*.
    pub report: Counts,
    /// Features whose AUC on *select* exceeds one half at the false discovery rate of the settings
    /// (Student's t from leaving out one block at a time, Benjamini and Hochberg's rule); `None` for cycles.
    pub related_features: Option<usize>,
    /// Why there are no scores, if there are none.
    pub skipped: Option<String>,
    /// The candidate of each family with the best AUC (or correlation) on *select*.
    pub families: Vec<FamilyScores>,
    /// The candidate of each family with the best average precision on *select* (masks only): rather a sharp one that
    /// is seldom wrong where it is active than one that orders all rows well.
    #[serde(default)]
    pub sharpest: Vec<FamilyScores>,
}

/// Rows that a score is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Positive rows that have negatives in their stratum; for a cycle all rows that take part.
    pub n_positives: u64,
    /// Negative rows of the strata that hold positives; 0 for a cycle.
    pub n_negatives: u64,
    /// Independent cases: storms, regions or blocks of time that hold positives.
    pub n_blocks: usize,
}

/// The best candidate of one family for one phenomenon.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FamilyScores {
    /// The family.
    pub family: Family,
    /// Its name in words.
    pub family_name: String,
    /// The best on *select*.
    pub candidate: Candidate,
    /// Candidates that it is the best of.
    pub n_candidates: usize,
    /// Its AUC, or its multiple correlation with the cycle, on *select*: the best of many, so too high.
    pub select: f64,
    /// Its average precision on *select* (masks only).
    #[serde(default)]
    pub select_average_precision: Option<f64>,
    /// Its score on *report*.
    pub report: Score,
    /// The next best on *select*.
    pub runners_up: Vec<RunnerUp>,
}

/// A candidate that was not chosen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunnerUp {
    /// The candidate.
    pub candidate: Candidate,
    /// Its score on *select*.
    pub select: f64,
    /// Its average precision on *select* (masks only).
    #[serde(default)]
    pub select_average_precision: Option<f64>,
}

/// A score on *report*.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// AUC; or for a cycle the correlation with a cosine of the phase found on *select*. `None` if it is not defined,
    /// for example because the candidate never changes.
    pub value: Option<f64>,
    /// From resampled blocks; `None` with fewer than two.
    pub interval: Option<Interval>,
    /// Average precision (masks only); by chance it is the share of positives.
    pub average_precision: Option<f64>,
    /// When the cycle peaks on *select*: hour of local solar time, or day since the turn of the year (of the
    /// opposite season in the south).
    pub peak: Option<f64>,
    /// Multiple correlation when the phase is fitted again on *report* (cycles only).
    pub refitted: Option<f64>,
}

impl SplitSummary {
    pub(super) fn new(split: &Split) -> Self {
        Self {
            name: split.name.clone(),
            n_records: split.len(),
            windows: split.spans(),
        }
    }
}

impl Counts {
    /// Share of positives: the average precision of chance.
    pub fn base_rate(&self) -> f64 {
        self.n_positives as f64 / (self.n_positives + self.n_negatives).max(1) as f64
    }
}

impl Scores {
    /// The scores of a phenomenon.
    pub fn get(&self, phenomenon: Phenomenon) -> Option<&PhenomenonScores> {
        self.phenomena
            .iter()
            .find(|scores| scores.phenomenon == phenomenon)
    }

    /// The feature chosen for a phenomenon, if it was scored.
    pub fn feature(&self, phenomenon: Phenomenon) -> Option<u32> {
        Some(
            self.get(phenomenon)?
                .family(Family::Feature)?
                .candidate
                .index as u32,
        )
    }

    /// The feature with the best average precision for a phenomenon on *select*, if it was scored by a mask: the one
    /// to change in an intervention that should touch little else.
    pub fn sharpest_feature(&self, phenomenon: Phenomenon) -> Option<u32> {
        let scores = &self.get(phenomenon)?.sharpest;
        let feature = scores
            .iter()
            .find(|scores| scores.family == Family::Feature)?;
        Some(feature.candidate.index as u32)
    }

    /// Writes it as JSON, under a temporary name first.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        file::write_json(path.as_ref(), self)
    }

    /// Reads what [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// When the file is missing or does not hold scores.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        file::read_json(path.as_ref(), "a table of scores")
    }
}

impl PhenomenonScores {
    /// The scores of one family.
    pub fn family(&self, family: Family) -> Option<&FamilyScores> {
        self.families.iter().find(|scores| scores.family == family)
    }
}

impl Study {
    /// Writes `catalog.json`, `maps.npy` and `scores.json` into a directory, made if there is none.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn save(&self, directory: impl AsRef<Path>) -> Result<()> {
        let directory = directory.as_ref();
        fs::create_dir_all(directory).map_err(Error::io(directory))?;
        self.maps.save(directory.join("maps.npy"))?;
        self.catalog.save(directory.join("catalog.json"))?;
        self.scores.save(directory.join("scores.json"))
    }
}
