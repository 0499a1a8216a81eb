//! What is known of a forecast before its first step.

use serde_json::{Map, Value};

use super::ForecastLayout;
use crate::{Error, Result, STEP_HOURS, Time};

/// Most steps that a forecast may have; 6-hour steps of more than a century.
const MAX_STEPS: usize = 1_000_000;

/// What is known of a forecast before its first step.
#[derive(Clone, Debug, PartialEq)]
pub struct ForecastHeader {
    /// The initial time of each batch element, whole hours.
    pub inits: Vec<Time>,
    /// The times have no absolute meaning: no valid times (`datetime`) are written.
    pub relative: bool,
    /// Number of steps that will be appended.
    pub n_steps: usize,
    /// Hours between steps; the first step is valid so long after the initial time.
    pub step_hours: u32,
    /// Attributes of the store, such as `title`, `source` and `history`; texts and numbers.
    ///
    /// `Conventions` (`CF-1.8`), `title`, `source` and `history` are added where they are not given.
    pub attributes: Map<String, Value>,
    /// Replace an existing file or store of that name at the end.
    pub overwrite: bool,
}

impl ForecastHeader {
    /// A forecast of one initial time in steps of 6 hours, with absolute times, that overwrites nothing.
    pub fn new(init: Time, n_steps: usize) -> Self {
        Self {
            inits: vec![init],
            relative: false,
            n_steps,
            step_hours: STEP_HOURS as u32,
            attributes: Map::new(),
            overwrite: false,
        }
    }

    pub(super) fn check(&self, layout: ForecastLayout) -> Result<()> {
        let n_steps = self.n_steps;
        if !(1..=MAX_STEPS).contains(&n_steps) {
            return Err(invalid("n_steps", format!("1 to {MAX_STEPS}"), n_steps));
        }
        // A year has 8784 hours at most; this keeps all times far from overflow.
        if !(1..=8784).contains(&self.step_hours) {
            let found = self.step_hours;
            return Err(invalid("step_hours", "1 to 8784".to_owned(), found));
        }
        if self.inits.is_empty() {
            let expected = "an initial time per batch element".to_owned();
            return Err(invalid("inits", expected, "none"));
        }
        if let Some(found) = self
            .inits
            .iter()
            .find(|time| time.unix_seconds() % 3600 != 0)
        {
            return Err(invalid("inits", "whole hours".to_owned(), found));
        }
        self.check_attributes()?;
        match layout {
            ForecastLayout::GraphCast => Ok(()),
            ForecastLayout::WeatherBench2 => self.check_absolute(),
        }
    }

    /// The layout of WeatherBench 2 has the initial times as its axis.
    fn check_absolute(&self) -> Result<()> {
        if self.relative {
            let expected = "absolute initial times for the `weatherbench2` layout".to_owned();
            let found =
                "relative times\nhint: use the `graphcast` layout, or say when the input begins";
            return Err(invalid("relative", expected, found));
        }
        match self.inits.windows(2).find(|pair| pair[0] >= pair[1]) {
            Some(pair) => {
                let expected = "ascending initial times for the `weatherbench2` layout".to_owned();
                let found = format!("{} after {}", pair[1], pair[0]);
                Err(invalid("inits", expected, found))
            }
            None => Ok(()),
        }
    }

    fn check_attributes(&self) -> Result<()> {
        let bad = |name: &&String| {
            name.is_empty()
                || name.trim() != *name
                || name.contains(|c: char| c.is_control() || c == '/')
        };
        match self.attributes.keys().find(bad) {
            Some(name) => {
                let expected = "names without `/` and control characters".to_owned();
                Err(invalid(
                    "attributes",
                    expected,
                    format!("`{}`", name.escape_debug()),
                ))
            }
            None => Ok(()),
        }
    }
}

fn invalid(name: &'static str, expected: String, found: impl ToString) -> Error {
    Error::InvalidParameter {
        name,
        expected,
        found: found.to_string(),
    }
}
