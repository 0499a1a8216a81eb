//! Mean and deviation of every variable and level.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::source::read_level_table;
use crate::{Error, Result, Variable};

/// The three files of the public statistics and what each holds.
const FILES: [(&str, &str); 3] = [
    ("mean_by_level.nc", "mean"),
    ("stddev_by_level.nc", "stddev"),
    ("diffs_stddev_by_level.nc", "diffs_stddev"),
];

/// Numbers by level; a single number for a variable without levels.
///
/// Levels are hPa and are always matched by value, so statistics on 37 levels serve a model of 13.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LevelTable {
    /// Pressure levels in hPa; empty for a single number.
    pub levels: Vec<u32>,
    /// One number per level, or exactly one.
    pub values: Vec<f64>,
}

impl LevelTable {
    /// A single number for a variable without levels.
    pub fn single(value: f64) -> Self {
        Self {
            levels: Vec::new(),
            values: vec![value],
        }
    }

    /// The number of a level, or the single one for `None`.
    pub fn get(&self, level: Option<u32>) -> Option<f64> {
        match level {
            None if self.levels.is_empty() => self.values.first().copied(),
            None => None,
            Some(level) => {
                let index = self.levels.iter().position(|&l| l == level)?;
                self.values.get(index).copied()
            }
        }
    }

    /// Appends the levels that `other` has and this table lacks, and returns them.
    fn complete_from(&mut self, other: &Self) -> Vec<u32> {
        let mut taken = Vec::new();
        // A single number stands for a variable without levels: there is nothing to complete.
        if self.levels.is_empty() {
            return taken;
        }
        for (&level, &value) in other.levels.iter().zip(&other.values) {
            if !self.levels.contains(&level) {
                self.levels.push(level);
                self.values.push(value);
                taken.push(level);
            }
        }
        taken
    }

    fn is_consistent(&self) -> bool {
        self.values.len() == self.levels.len().max(1)
    }
}

/// The statistics of one variable in its physical units.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct VariableStatistics {
    /// Mean of the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean: Option<LevelTable>,
    /// Standard deviation of the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stddev: Option<LevelTable>,
    /// Standard deviation of the change over 6 hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diffs_stddev: Option<LevelTable>,
}

impl VariableStatistics {
    pub(crate) fn value(&self, kind: &str, level: Option<u32>) -> Option<f64> {
        self.table(kind).as_ref()?.get(level)
    }

    pub(crate) fn table(&self, kind: &str) -> &Option<LevelTable> {
        match kind {
            "mean" => &self.mean,
            "stddev" => &self.stddev,
            _ => &self.diffs_stddev,
        }
    }

    fn table_mut(&mut self, kind: &str) -> &mut Option<LevelTable> {
        match kind {
            "mean" => &mut self.mean,
            "stddev" => &mut self.stddev,
            _ => &mut self.diffs_stddev,
        }
    }
}

/// Statistics of many variables: what normalisation needs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    /// Where the numbers come from, in words.
    #[serde(default)]
    pub source: String,
    /// By variable.
    pub variables: BTreeMap<Variable, VariableStatistics>,
}

impl Statistics {
    /// Reads a directory like [`Statistics::from_dir`], a file like [`Statistics::from_json`].
    ///
    /// # Errors
    /// As those.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        if path.is_dir() {
            Self::from_dir(path)
        } else {
            Self::from_json(path)
        }
    }

    /// Reads `mean_by_level.nc`, `stddev_by_level.nc` and `diffs_stddev_by_level.nc` of a directory.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Malformed`] naming the file that is missing, cannot be read, or holds something
    /// else than one number per variable and level.
    pub fn from_dir(directory: impl AsRef<Path>) -> Result<Self> {
        let directory = directory.as_ref();
        let mut statistics = Self {
            source: directory.display().to_string(),
            variables: BTreeMap::new(),
        };
        for (file, kind) in FILES {
            let path = directory.join(file);
            for (variable, table) in read_level_table(&path)? {
                check_scales(&path, kind, &variable, &table)?;
                *statistics
                    .variables
                    .entry(variable)
                    .or_default()
                    .table_mut(kind) = Some(table);
            }
        }
        Ok(statistics)
    }

    /// Reads the JSON form written by [`Statistics::to_json`].
    ///
    /// # Errors
    /// [`Error::Io`], or [`Error::Malformed`] if the text is not such JSON or a table's lengths disagree.
    pub fn from_json(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|e| Error::io(path, e))?;
        let statistics: Self =
            serde_json::from_str(&text).map_err(|e| Error::malformed(path, "statistics", e))?;
        for (variable, entry) in &statistics.variables {
            for (_, kind) in FILES {
                if entry
                    .table(kind)
                    .as_ref()
                    .is_some_and(|table| !table.is_consistent())
                {
                    let message = format!("`{kind}`: expected one value per level");
                    return Err(Error::malformed(path, variable.name(), message));
                }
            }
        }
        Ok(statistics)
    }

    /// Writes JSON; the file appears under its name only when it is complete.
    ///
    /// # Errors
    /// [`Error::Write`] if the file cannot be written or a number is not finite.
    pub fn to_json(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let write = |message: String| Error::Write {
            path: path.to_owned(),
            message,
        };
        if let Some(name) = self.first_not_finite() {
            return Err(write(format!("statistics of `{name}` are not finite")));
        }
        let text = serde_json::to_string_pretty(self).map_err(|e| write(e.to_string()))?;
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        std::fs::write(&part, text + "\n").map_err(|e| write(e.to_string()))?;
        std::fs::rename(&part, path).map_err(|e| write(e.to_string()))
    }

    /// Takes from `other` what is missing here, and returns the names of what was taken, such as
    /// `total_precipitation_6hr (mean)` or, where a table lacks a level, `temperature@50 (stddev)`.
    ///
    /// Nothing that is here is changed. [`Statistics::source`] names both afterwards if anything was taken.
    pub fn complete_from(&mut self, other: &Self) -> Vec<String> {
        let mut taken = Vec::new();
        for (variable, theirs) in &other.variables {
            let ours = self.variables.entry(variable.clone()).or_default();
            for (_, kind) in FILES {
                let Some(theirs) = theirs.table(kind) else {
                    continue;
                };
                match ours.table_mut(kind) {
                    Some(ours) => {
                        let levels = ours.complete_from(theirs);
                        let name = |level| format!("{variable}@{level} ({kind})");
                        taken.extend(levels.into_iter().map(name));
                    }
                    ours @ None => {
                        *ours = Some(theirs.clone());
                        taken.push(format!("{variable} ({kind})"));
                    }
                }
            }
        }
        if !taken.is_empty() {
            self.source = format!("{}; completed from {}", self.source, other.source);
        }
        taken
    }

    fn first_not_finite(&self) -> Option<&Variable> {
        let finite = |table: &Option<LevelTable>| {
            table
                .as_ref()
                .is_none_or(|t| t.values.iter().all(|v| v.is_finite()))
        };
        let is_bad = |s: &VariableStatistics| FILES.iter().any(|(_, kind)| !finite(s.table(kind)));
        self.variables
            .iter()
            .find(|(_, s)| is_bad(s))
            .map(|(variable, _)| variable)
    }
}

/// A deviation is never negative: a negative one says that the file holds something else, such as means.
fn check_scales(path: &Path, kind: &str, variable: &Variable, table: &LevelTable) -> Result<()> {
    let negative = table.values.iter().find(|&&value| value < 0.0);
    match negative {
        Some(value) if kind != "mean" => {
            let message = format!(
                "expected standard deviations, found {value}\nhint: is this file of another kind under the name of `{kind}_by_level.nc`?"
            );
            Err(Error::malformed(path, variable.name(), message))
        }
        _ => Ok(()),
    }
}
