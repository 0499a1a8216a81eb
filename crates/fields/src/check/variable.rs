//! One variable of one frame.

use ndarray::Axis;

use super::summary::{self, Plane};
use super::{Check, Checker, Finding, Severity, magnitude, sun, vertical, window};
use crate::inputs::Offer;
use crate::{Field, Kind, Time, Variable};

impl Checker<'_> {
    /// What is not there.
    pub(super) fn missing(&self, variable: &Variable, offer: &Offer) -> Vec<Finding> {
        let mut found = Vec::new();
        if let Some(problem) = &offer.problem {
            let has_gaps = |field: &Field| field.data.iter().any(|x| !x.is_finite());
            let gaps = offer.field.as_ref().is_some_and(has_gaps);
            let levels = match problem.levels.as_slice() {
                [] => String::new(),
                levels => format!(" on {levels:?} hPa"),
            };
            found.push(Finding {
                severity: Severity::Refuse,
                check: if gaps { Check::Gaps } else { Check::Missing },
                variable: Some(variable.clone()),
                frame: None,
                expected: "values at every point and level".to_owned(),
                found: format!("{}{levels}", problem.reason),
                hint: problem.hint.clone(),
            });
        }
        if offer.n_filled > 0 {
            found.push(Finding {
                severity: Severity::Note,
                check: Check::Gaps,
                variable: Some(variable.clone()),
                frame: None,
                expected: "gaps only over land".to_owned(),
                found: format!("{} gaps, filled", offer.n_filled),
                hint: String::new(),
            });
        }
        found
    }

    /// What is wrong with the values of a stored field.
    pub(super) fn judge(
        &self,
        variable: &Variable,
        time: Time,
        offer: &Offer,
        planes: &[Plane],
    ) -> Vec<Finding> {
        let samples = summary::samples(self.statistics, variable, planes);
        let levels = vertical::check(
            variable,
            planes,
            &samples,
            self.statistics,
            self.inputs.stored_levels(),
        );
        // Upside-down levels make the magnitudes wrong too; saying so as well would only confuse.
        let mut found = match levels {
            Some(finding) => vec![finding],
            None => magnitude::check(variable, offer.units.as_deref(), &samples),
        };
        if found.is_empty() {
            found.extend(window::check(variable, planes, &samples));
        }
        if let Some(field) = &offer.field
            && self.inputs.is_dated()
            && variable.is_derived_forcing()
            && field.data.shape()[0] == 1
        {
            let plane = field.data.index_axis(Axis(0), 0);
            let grid = self.inputs.grid();
            found.extend(match *variable == Variable::TOA_INCIDENT_SOLAR_RADIATION {
                true => sun::radiation(grid, time, plane),
                false => sun::progress(variable, grid, time, plane),
            });
        }
        found.extend(constant(variable, planes));
        found
    }
}

/// A field of one value, where weather has many; precipitation has a check of its own.
fn constant(variable: &Variable, planes: &[Plane]) -> Option<Finding> {
    let exempt = matches!(
        variable.kind(),
        Kind::DerivedForcing | Kind::PrescribedForcing
    ) || variable.name().ends_with("precipitation_6hr");
    let flat: Vec<String> = planes
        .iter()
        .filter(|plane| plane.mean.is_finite() && plane.min == plane.max)
        .map(|plane| match plane.level {
            Some(level) => format!("{} at {level} hPa", plane.min),
            None => format!("{}", plane.min),
        })
        .collect();
    (!exempt && !flat.is_empty()).then(|| Finding {
        severity: Severity::Warn,
        check: Check::Constant,
        variable: Some(variable.clone()),
        frame: None,
        expected: "a field that varies".to_owned(),
        found: format!("everywhere {}", flat.join(", ")),
        hint: "is this a placeholder?".to_owned(),
    })
}
