//! What to do with missing values.

use std::collections::BTreeMap;

use crate::{Error, Field, Result, Time, Variable};

/// Freezing point of sea water in K, the lowest sea surface temperature of ERA5.
pub const SEA_WATER_FREEZING_POINT: f32 = 271.35;

/// Which variables may have gaps (NaN) and what is put there.
///
/// A rule fills gaps only where the field has some value: a field of gaps alone is missing data, not land.
/// Every other variable must be finite everywhere.
#[derive(Clone, Debug, PartialEq)]
pub struct FillPolicy {
    rules: BTreeMap<Variable, f32>,
}

impl Default for FillPolicy {
    /// Sea surface temperature over land becomes [`SEA_WATER_FREEZING_POINT`], sea ice over land 0.
    fn default() -> Self {
        Self::strict()
            .with(Variable::SEA_SURFACE_TEMPERATURE, SEA_WATER_FREEZING_POINT)
            .with(Variable::SEA_ICE_COVER, 0.0)
    }
}

impl FillPolicy {
    /// No gaps anywhere.
    pub fn strict() -> Self {
        Self {
            rules: BTreeMap::new(),
        }
    }

    /// Adds or replaces the rule of a variable.
    #[must_use]
    pub fn with(mut self, variable: Variable, value: f32) -> Self {
        self.rules.insert(variable, value);
        self
    }

    /// The value that is put into the gaps of a variable, if it has a rule.
    pub fn value(&self, variable: &Variable) -> Option<f32> {
        self.rules.get(variable).copied()
    }

    /// Fills the gaps of a field that has a rule and checks that the result is finite.
    ///
    /// # Errors
    /// [`Error::MissingValues`] with the variable, the time and how many values are not finite.
    pub fn apply(&self, variable: &Variable, time: Time, field: &mut Field) -> Result<()> {
        if let Some(fill) = self.value(variable)
            && field.data.iter().any(|x| !x.is_nan())
        {
            field
                .data
                .mapv_inplace(|x| if x.is_nan() { fill } else { x });
        }
        let count = field.data.iter().filter(|x| !x.is_finite()).count();
        if count > 0 {
            return Err(Error::MissingValues {
                variable: variable.clone(),
                time,
                count,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ndarray::arr2;

    use super::*;

    #[test]
    fn fills_only_what_has_a_rule() {
        let gaps = Field::surface(arr2(&[[1.0, f32::NAN], [f32::NAN, 4.0]]));
        let policy = FillPolicy::default();
        let mut ice = gaps.clone();
        policy
            .apply(&Variable::SEA_ICE_COVER, Time(0), &mut ice)
            .unwrap();
        assert_eq!(ice, Field::surface(arr2(&[[1.0, 0.0], [0.0, 4.0]])));
        let mut sea = gaps.clone();
        policy
            .apply(&Variable::SEA_SURFACE_TEMPERATURE, Time(0), &mut sea)
            .unwrap();
        assert_eq!(sea.data[[0, 0, 1]], SEA_WATER_FREEZING_POINT);
        let error = policy
            .apply(&Variable::TEMPERATURE, Time(0), &mut gaps.clone())
            .unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("`temperature` at 1970-01-01T00 has 2 missing")
        );
    }

    #[test]
    fn a_field_of_gaps_and_infinities_are_errors() {
        let policy = FillPolicy::default();
        for data in [arr2(&[[f32::NAN, f32::NAN]]), arr2(&[[f32::INFINITY, 1.0]])] {
            let mut field = Field::surface(data);
            assert!(
                policy
                    .apply(&Variable::SEA_ICE_COVER, Time(0), &mut field)
                    .is_err()
            );
        }
    }
}
