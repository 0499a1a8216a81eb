//! What the check of the inputs of a forecast says.

use std::fmt;

use serde::Serialize;

use crate::{Frame, Provenance, Time, Variable};

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Note,
    /// Worth a look; a forecast may be wrong.
    Warn,
    /// A forecast would fail or be wrong.
    Refuse,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Note => "note",
            Self::Warn => "warning",
            Self::Refuse => "refused",
        })
    }
}

/// Which check a finding is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Check {
    /// The variable, the time or levels are not there.
    Missing,
    /// Missing (NaN) values.
    Gaps,
    /// The spacing of the times.
    TimeStep,
    /// The unit, by attribute or by magnitude.
    Units,
    /// The magnitude, for which no unit accounts.
    Magnitude,
    /// The time over which precipitation is accumulated.
    Accumulation,
    /// Top-of-atmosphere radiation.
    Radiation,
    /// Progress of year and day.
    Progress,
    /// The order of the levels.
    Levels,
    /// North and south.
    Latitude,
    /// East and west.
    Longitude,
    /// A field or a frame that does not vary.
    Constant,
    /// The statistics themselves.
    Statistics,
}

/// Something that is worth saying about the inputs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// How grave it is.
    pub severity: Severity,
    /// Which check found it.
    pub check: Check,
    /// The variable, if it is about one.
    pub variable: Option<Variable>,
    /// The frame, if it is about one.
    pub frame: Option<Frame>,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: String,
    /// What can be done; may be empty.
    pub hint: String,
}

/// One variable of one frame, in the units of the store.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VariableReport {
    /// The variable.
    pub variable: Variable,
    /// Where it comes from.
    pub provenance: Provenance,
    /// The `units` attribute of the store.
    pub units: Option<String>,
    /// The units that the model expects.
    pub expected_units: Option<String>,
    /// The levels of the task in hPa; empty for a variable without levels.
    pub levels: Vec<u32>,
    /// Those that are not there or hold no value at all.
    pub missing_levels: Vec<u32>,
    /// Smallest value.
    pub min: Option<f64>,
    /// Area-weighted mean, averaged over levels.
    pub mean: Option<f64>,
    /// Largest value.
    pub max: Option<f64>,
    /// Deviation of the area mean from the statistics' mean in standard deviations, averaged over levels.
    pub mean_z: Option<f64>,
    /// The same of the level where it is largest, without its sign.
    pub max_abs_z: Option<f64>,
    /// That level in hPa.
    pub max_abs_z_level: Option<u32>,
    /// Standard deviation over the globe relative to the statistics', averaged over levels.
    pub spread: Option<f64>,
    /// How many values are missing (NaN) or infinite.
    pub n_missing: usize,
    /// How many gaps were filled by rule.
    pub n_filled: usize,
    /// The order of the latitudes in the store: `S to N` or `N to S` (turned on reading).
    pub latitude: Option<String>,
}

/// The variables of one frame.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FrameReport {
    /// The frame.
    pub frame: Frame,
    /// Its time in words.
    pub when: String,
    /// Its time, if the times have dates.
    pub time: Option<Time>,
    /// Every variable that the task needs in this frame.
    pub variables: Vec<VariableReport>,
}

/// What the check of the inputs of a forecast says: a JSON object with serde, a table with [`fmt::Display`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct InputReport {
    /// What was checked, in a line.
    pub heading: String,
    /// The start of the forecast, if the times have dates.
    pub init: Option<Time>,
    /// The statics, the two input frames and the forcings of the first step.
    pub frames: Vec<FrameReport>,
    /// Everything worth saying, in the order in which it was found.
    pub findings: Vec<Finding>,
}

impl InputReport {
    /// Whether a forecast from these inputs would fail or be wrong.
    pub fn is_refused(&self) -> bool {
        self.findings
            .iter()
            .any(|finding| finding.severity == Severity::Refuse)
    }
}
