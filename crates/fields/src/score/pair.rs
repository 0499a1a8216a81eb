//! The score of one forecast against one truth.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::{Error, Result, ScoreTarget, Time};

/// The components of a target on both sides, each `[lat, lon]`: one for a scalar, two for a vector.
#[derive(Clone, Debug)]
pub(super) struct Planes {
    pub(super) forecast: Vec<Array2<f64>>,
    pub(super) truth: Vec<Array2<f64>>,
    /// For a scalar, if known.
    pub(super) climatology: Option<Array2<f64>>,
}

/// The weighted means over the grid of one pair of forecast and truth, as [`ScoreAccumulator`](crate::ScoreAccumulator)
/// defines them; none where the truth has no value at all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PairScore {
    /// Mean square error, for a vector summed over both components.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub square: Option<f64>,
    /// Mean error of a scalar, forecast minus truth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bias: Option<f64>,
    /// Anomaly correlation of a scalar, with climatology.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acc: Option<f64>,
    /// Points without truth.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub n_missing: u64,
    /// Points where the truth is finite but the forecast is not: they are in none of the means.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub n_not_finite: u64,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde asks for"
)]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// Weighted sums over grid points.
#[derive(Default)]
struct Sums {
    weight: f64,
    square: f64,
    error: f64,
    forecast_square: f64,
    truth_square: f64,
    product: f64,
}

impl PairScore {
    /// `weights` is one per latitude.
    pub(super) fn new(weights: &[f64], planes: &Planes) -> Self {
        let mut sums = Sums::default();
        let (mut n_missing, mut n_not_finite) = (0, 0);
        let (n_lat, n_lon) = planes.truth[0].dim();
        for ilat in 0..n_lat {
            for ilon in 0..n_lon {
                let at = |planes: &Array2<f64>| planes[[ilat, ilon]];
                if !planes.truth.iter().all(|plane| at(plane).is_finite()) {
                    n_missing += 1;
                } else if !planes.forecast.iter().all(|plane| at(plane).is_finite()) {
                    n_not_finite += 1;
                } else {
                    sums.add_error(weights[ilat], planes, [ilat, ilon]);
                    sums.add_anomaly(weights[ilat], planes, [ilat, ilon]);
                }
            }
        }
        let mean = |sum: f64| (sums.weight > 0.0).then(|| sum / sums.weight);
        let is_scalar = planes.truth.len() == 1;
        Self {
            square: mean(sums.square),
            bias: is_scalar.then(|| mean(sums.error)).flatten(),
            acc: planes.climatology.is_some().then(|| sums.acc()).flatten(),
            n_missing,
            n_not_finite,
        }
    }

    /// A forecast must have a value wherever the truth has one.
    pub(super) fn check_finite(&self, target: &ScoreTarget, time: Time) -> Result<()> {
        match self.n_not_finite {
            0 => Ok(()),
            n => Err(Error::InvalidParameter {
                name: "forecast",
                expected: "finite values wherever the truth has some".to_owned(),
                found: format!("{n} values of `{target}` at {time} that are not finite"),
            }),
        }
    }
}

impl Sums {
    fn add_error(&mut self, weight: f64, planes: &Planes, at: [usize; 2]) {
        self.weight += weight;
        for (forecast, truth) in planes.forecast.iter().zip(&planes.truth) {
            let error = forecast[at] - truth[at];
            self.square += weight * error * error;
            self.error += weight * error;
        }
    }

    fn add_anomaly(&mut self, weight: f64, planes: &Planes, at: [usize; 2]) {
        let normal = planes.climatology.as_ref().map(|plane| plane[at]);
        let Some(normal) = normal.filter(|normal| normal.is_finite()) else {
            return;
        };
        let (forecast, truth) = (
            planes.forecast[0][at] - normal,
            planes.truth[0][at] - normal,
        );
        self.forecast_square += weight * forecast * forecast;
        self.truth_square += weight * truth * truth;
        self.product += weight * forecast * truth;
    }

    /// None if an anomaly is zero everywhere.
    fn acc(&self) -> Option<f64> {
        let norm = self.forecast_square.sqrt() * self.truth_square.sqrt();
        (norm > 0.0).then(|| self.product / norm)
    }
}
