//! Whether stored radiation and progress are those of the date.

use dropsonde_mesh::LatLonGrid;
use ndarray::{Array2, ArrayView2};

use super::{Check, Finding, Severity};
use crate::forcings::{derive_forcings, toa_incident_solar_radiation};
use crate::{Time, Variable};

/// Correlation with the derived hour above which nothing is looked for: 20 minutes off give less.
const SAME: f64 = 0.997;

/// Correlation below which nothing explains the field.
const RESEMBLES: f64 = 0.95;

/// Windows in hours over which radiation is found accumulated or averaged.
const WINDOWS: [usize; 5] = [1, 3, 6, 12, 24];

/// Largest error of a scale.
const SCALE_TOLERANCE: f64 = 0.1;

/// Rounding, and the f32 dates of the reference, stay below this in sine and cosine of progress.
const PROGRESS_TOLERANCE: f64 = 0.02;

/// How a stored field relates to the derived one.
#[derive(Clone, Copy, Debug)]
struct Fit {
    correlation: f64,
    /// Stored over derived, by regression through the origin.
    scale: f64,
    /// Hours of accumulation.
    window: usize,
    /// Columns to the east.
    shift: usize,
    upside_down: bool,
}

/// Compares a radiation field `[lat, lon]` with the hour that ends at `time`, derived in double precision.
pub(super) fn radiation(
    grid: &LatLonGrid,
    time: Time,
    field: ArrayView2<'_, f32>,
) -> Option<Finding> {
    let variable = Variable::TOA_INCIDENT_SOLAR_RADIATION;
    let sample = Thinned::new(grid, field)?;
    let hour = sample.derived(time, 1);
    let direct = sample.fit(&hour, 1, 0, false);
    if direct.correlation > SAME && (direct.scale - 1.0).abs() < SCALE_TOLERANCE {
        return None;
    }
    let best = sample.best_fit(time);
    let finding = |severity, found: String, hint: &str| Finding {
        severity,
        check: Check::Radiation,
        variable: Some(variable),
        frame: None,
        expected: "energy of the hour that ends at this time, in J m-2".to_owned(),
        found,
        hint: hint.to_owned(),
    };
    if best.correlation < RESEMBLES {
        let found = format!(
            "correlation {:.2} with the radiation of this date",
            direct.correlation
        );
        let hint = "leave the variable out: it is derived then";
        return Some(finding(Severity::Warn, found, hint));
    }
    explain(&sample, best, finding)
}

/// The finding for a fit that is good, unless it is that of the right field.
fn explain(
    sample: &Thinned,
    fit: Fit,
    finding: impl FnOnce(Severity, String, &str) -> Finding,
) -> Option<Finding> {
    const LEAVE_OUT: &str = "leave the variable out: it is derived then";
    if fit.upside_down {
        let found = "the radiation of this time with north and south exchanged".to_owned();
        let hint = "turn the data to the order of the latitudes";
        return Some(finding(Severity::Refuse, found, hint));
    }
    let hours = sample.hours(fit.shift);
    if fit.window == 1 && hours.abs() > 0.2 {
        let severity = if hours.abs() > 0.75 {
            Severity::Refuse
        } else {
            Severity::Warn
        };
        let degrees = 15.0 * hours;
        let found = format!(
            "local noon {:.1} degrees too far {}, as {:.1} h {}",
            degrees.abs(),
            if degrees > 0.0 { "east" } else { "west" },
            hours.abs(),
            if hours > 0.0 { "earlier" } else { "later" }
        );
        return Some(finding(severity, found, LEAVE_OUT));
    }
    let window = fit.window as f64;
    let mean_flux = fit.scale * 3600.0 * window;
    let is = |value: f64| (value - 1.0).abs() < SCALE_TOLERANCE;
    let over = match fit.window {
        1 => "one hour".to_owned(),
        hours => format!("{hours} hours"),
    };
    let found = if is(mean_flux) {
        format!("the mean over {over} in W m-2")
    } else if fit.window == 1 && is(fit.scale) {
        return None;
    } else if is(fit.scale) {
        format!("the energy of {over}")
    } else {
        format!("{:.4} times the energy of {over}", fit.scale)
    };
    Some(finding(Severity::Refuse, found, LEAVE_OUT))
}

/// A field on some rows and columns of its grid.
struct Thinned {
    grid: LatLonGrid,
    weights: Vec<f64>,
    values: Array2<f64>,
    can_shift: bool,
}

impl Thinned {
    /// At most about 48 rows and 96 columns; `None` if a value is missing or the grid cannot be thinned.
    fn new(grid: &LatLonGrid, field: ArrayView2<'_, f32>) -> Option<Self> {
        let (n_lat, n_lon) = field.dim();
        let row_step = n_lat.div_ceil(48);
        // Only a divisor keeps the columns equally spaced around the globe.
        let column_step = (1..=n_lon).find(|d| n_lon.is_multiple_of(*d) && n_lon / d <= 96)?;
        let rows: Vec<usize> = (0..n_lat).step_by(row_step).collect();
        let columns: Vec<usize> = (0..n_lon).step_by(column_step).collect();
        let pick = |axis: &[f32], indices: &[usize]| indices.iter().map(|&i| axis[i]).collect();
        let thinned = LatLonGrid::new(pick(grid.lat(), &rows), pick(grid.lon(), &columns)).ok()?;
        let values = Array2::from_shape_fn((rows.len(), columns.len()), |(i, j)| {
            f64::from(field[[rows[i], columns[j]]])
        });
        let finite = values.iter().all(|x| x.is_finite());
        finite.then(|| Self {
            weights: thinned.latitude_weights(),
            can_shift: grid.is_periodic(),
            grid: thinned,
            values,
        })
    }

    /// The radiation of the `window` hours that end at `time`.
    fn derived(&self, time: Time, window: usize) -> Array2<f64> {
        let mut sum = Array2::zeros(self.values.dim());
        for hour in 0..window {
            let end = time.plus_hours(-(hour as i64));
            sum += &toa_incident_solar_radiation(&self.grid, end);
        }
        sum
    }

    /// The best of all windows, shifts of one hour's field, and that field upside down.
    ///
    /// A fit has to be clearly better than a simpler one to be chosen.
    fn best_fit(&self, time: Time) -> Fit {
        let hour = self.derived(time, 1);
        let mut best = self.fit(&hour, 1, 0, false);
        let mut consider = |fit: Fit| {
            if fit.correlation > best.correlation + 1e-3 {
                best = fit;
            }
        };
        for window in &WINDOWS[1..] {
            consider(self.fit(&self.derived(time, *window), *window, 0, false));
        }
        consider(self.fit(&hour, 1, 0, true));
        let n_shifts = if self.can_shift { hour.ncols() } else { 0 };
        let shifted = (1..n_shifts).map(|shift| self.fit(&hour, 1, shift, false));
        if let Some(fit) = shifted.max_by(|a, b| a.correlation.total_cmp(&b.correlation)) {
            consider(fit);
        }
        best
    }

    fn fit(&self, derived: &Array2<f64>, window: usize, shift: usize, upside_down: bool) -> Fit {
        let (n_lat, n_lon) = derived.dim();
        let (mut s, mut d, mut ss, mut dd, mut sd, mut total) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
        for ((i, j), &stored) in self.values.indexed_iter() {
            let row = if upside_down { n_lat - 1 - i } else { i };
            let derived = derived[[row, (j + n_lon - shift) % n_lon]];
            let weight = self.weights[i];
            total += weight;
            s += weight * stored;
            d += weight * derived;
            ss += weight * stored * stored;
            dd += weight * derived * derived;
            sd += weight * stored * derived;
        }
        let covariance = sd - s * d / total;
        let variances = (ss - s * s / total) * (dd - d * d / total);
        let correlation = covariance / variances.sqrt();
        Fit {
            correlation: if correlation.is_finite() {
                correlation
            } else {
                0.0
            },
            scale: sd / dd,
            window,
            shift,
            upside_down,
        }
    }

    /// A shift to the east in hours of the Sun's motion, -12 to 12.
    fn hours(&self, shift: usize) -> f64 {
        let n_lon = self.values.ncols() as f64;
        let hours = 24.0 * shift as f64 / n_lon;
        if hours > 12.0 { hours - 24.0 } else { hours }
    }
}

/// Compares sine or cosine of the progress of year or day with those of the date.
pub(super) fn progress(
    variable: &Variable,
    grid: &LatLonGrid,
    time: Time,
    field: ArrayView2<'_, f32>,
) -> Option<Finding> {
    let derived = derive_forcings(grid, time, std::slice::from_ref(variable)).remove(variable)?;
    let derived = derived.data.index_axis(ndarray::Axis(0), 0).to_owned();
    let worst = field
        .iter()
        .zip(&derived)
        .map(|(&a, &b)| (f64::from(a) - f64::from(b)).abs())
        .fold(0.0, f64::max);
    if worst <= PROGRESS_TOLERANCE {
        return None;
    }
    let is_sine = field.iter().all(|x| x.abs() <= 1.001);
    let (severity, found) = match is_sine {
        true => (
            Severity::Refuse,
            format!("up to {worst:.2} off: another time or another longitude"),
        ),
        false => (
            Severity::Warn,
            format!("up to {worst:.2} off, and no sine or cosine"),
        ),
    };
    Some(Finding {
        severity,
        check: Check::Progress,
        variable: Some(variable.clone()),
        frame: None,
        expected: "progress of this date at each longitude".to_owned(),
        found,
        hint: "leave the variable out: it is derived then".to_owned(),
    })
}
