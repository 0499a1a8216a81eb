//! A field of numbers, or a mask, on a regular latitude-longitude grid.

use crate::error::{Error, Result};

/// Grid axes in degrees: latitudes in either direction, longitudes ascending.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Axes {
    pub(crate) lat: Vec<f64>,
    pub(crate) lon: Vec<f64>,
    /// True when the longitudes go around the whole globe.
    pub(crate) global: bool,
}

impl Axes {
    fn new(lat: &[f32], lon: &[f32]) -> Result<Self> {
        let lat: Vec<f64> = lat.iter().copied().map(f64::from).collect();
        let lon: Vec<f64> = lon.iter().copied().map(f64::from).collect();
        check_axis(
            "lat",
            &lat,
            "at least 2 latitudes in -90..=90, ascending or descending",
        )?;
        check_axis(
            "lon",
            &lon,
            "at least 2 longitudes, ascending, less than 360 degrees in all",
        )?;
        let bad = lat.iter().find(|v| v.abs() > 90.0 + 1e-6);
        if let Some(bad) = bad {
            return Err(axis_error(
                "lat",
                format!("contains {bad}"),
                "latitudes are in -90..=90",
            ));
        }
        let span = check_longitudes(&lon)?;
        Ok(Self {
            lat,
            lon,
            global: span > 360.0 * (1.0 - 1e-3),
        })
    }

    pub(crate) fn n_nodes(&self) -> usize {
        self.lat.len() * self.lon.len()
    }

    /// Mean distance of neighbouring longitudes in degrees.
    pub(crate) fn lon_step(&self) -> f64 {
        (self.lon[self.lon.len() - 1] - self.lon[0]) / (self.lon.len() - 1) as f64
    }

    /// Latitude of the cell edge on the low-index side of row `i`, for `i` in `0..=n_lat`.
    pub(crate) fn lat_edge(&self, i: usize) -> f64 {
        let n = self.lat.len();
        let edge = match i {
            0 => 1.5 * self.lat[0] - 0.5 * self.lat[1],
            i if i == n => 1.5 * self.lat[n - 1] - 0.5 * self.lat[n - 2],
            i => 0.5 * (self.lat[i - 1] + self.lat[i]),
        };
        // The outer rows of a global grid stand for all that lies up to the pole.
        let polar = edge.abs() > 90.0 - 0.5 * (self.lat[1] - self.lat[0]).abs();
        if (i == 0 || i == n) && polar {
            90.0f64.copysign(edge)
        } else {
            edge
        }
    }

    /// Position of a latitude in rows: 0 at the first row; `None` outside the outer cell edges.
    fn row(&self, lat: f64) -> Option<f64> {
        let n = self.lat.len();
        let (a, b) = (self.lat_edge(0), self.lat_edge(n));
        if lat < a.min(b) || lat > a.max(b) {
            return None;
        }
        let sign = (self.lat[1] - self.lat[0]).signum();
        let above = self.lat.partition_point(|v| (v - lat) * sign <= 0.0);
        let i = above.clamp(1, n - 1) - 1;
        let x = i as f64 + (lat - self.lat[i]) / (self.lat[i + 1] - self.lat[i]);
        Some(x.clamp(0.0, (n - 1) as f64))
    }

    /// Position of a longitude in columns, 0 at the first and up to `n_lon` for a global grid.
    fn column(&self, lon: f64) -> Option<f64> {
        let n = self.lon.len() as f64;
        let step = self.lon_step();
        let x = (lon - self.lon[0]).rem_euclid(360.0) / step;
        if self.global {
            return Some(x.min(n));
        }
        let past = x - 360.0 / step; // the same place, counted from the west
        [x, past]
            .into_iter()
            .find(|x| *x >= -0.5 && *x <= n - 0.5)
            .map(|x| x.clamp(0.0, n - 1.0))
    }
}

fn axis_error(axis: &'static str, problem: String, hint: &'static str) -> Error {
    Error::Axis {
        axis,
        problem,
        hint,
    }
}

/// Checks even spacing; returns the degrees that the cells cover.
fn check_longitudes(lon: &[f64]) -> Result<f64> {
    let last = lon[lon.len() - 1];
    let step = (last - lon[0]) / (lon.len() - 1) as f64;
    let span = step * lon.len() as f64;
    if step <= 0.0 || span > 360.0 * (1.0 + 1e-3) {
        let problem = format!("runs from {} to {last}", lon[0]);
        let hint = "ascending, less than 360 degrees in all";
        return Err(axis_error("lon", problem, hint));
    }
    let uneven = lon
        .windows(2)
        .find(|w| (w[1] - w[0] - step).abs() > 0.05 * step);
    uneven.map_or(Ok(span), |w| {
        let problem = format!("has {} after {}, with a mean step of {step}", w[1], w[0]);
        Err(axis_error(
            "lon",
            problem,
            "evenly spaced, within 5 % of the step",
        ))
    })
}

fn check_axis(axis: &'static str, values: &[f64], hint: &'static str) -> Result<()> {
    if values.len() < 2 {
        return Err(axis_error(
            axis,
            format!("has {} elements", values.len()),
            hint,
        ));
    }
    let rising = values[1] > values[0];
    let fault = values.windows(2).find(|w| {
        w[0] == w[1] || (w[1] > w[0]) != rising || !w[1].is_finite() || !w[0].is_finite()
    });
    match fault {
        Some(w) => Err(axis_error(
            axis,
            format!("has {} after {}", w[1], w[0]),
            hint,
        )),
        None => Ok(()),
    }
}

/// How a field is drawn between its grid points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Sampling {
    /// Every grid cell in one colour: shows the data as they are.
    Nearest,
    /// Linear in latitude and longitude; missing where the nearest value is missing, otherwise over the corners that exist.
    #[default]
    Bilinear,
}

/// Numbers on a regular latitude-longitude grid; NaN marks what is missing.
#[derive(Clone, Debug, PartialEq)]
pub struct GridField {
    pub(crate) axes: Axes,
    pub(crate) values: Vec<f32>,
}

impl GridField {
    /// A field from its axes in degrees and its values `[n_lat * n_lon]`, latitude-major.
    ///
    /// Latitudes run in either direction.
    /// Longitudes ascend and are evenly spaced; they start anywhere and may cover the globe or a part of it.
    ///
    /// # Errors
    /// [`Error::Axis`] for an axis that is too short, not monotonic or not on the globe;
    /// [`Error::Length`] when the number of values does not match the axes.
    pub fn new(lat: &[f32], lon: &[f32], values: &[f32]) -> Result<Self> {
        let axes = Axes::new(lat, lon)?;
        check_length("values", axes.n_nodes(), values.len())?;
        Ok(Self {
            axes,
            values: values.to_vec(),
        })
    }

    /// The value at a place in degrees; NaN outside the grid.
    pub fn sample(&self, lat: f64, lon: f64, sampling: Sampling) -> f32 {
        match (self.axes.row(lat), self.axes.column(lon)) {
            (Some(y), Some(x)) => match sampling {
                Sampling::Nearest => self.node(y.round() as usize, x.round() as usize),
                Sampling::Bilinear => self.bilinear(y, x),
            },
            _ => f32::NAN,
        }
    }

    /// Smallest and largest finite value.
    pub fn extent(&self) -> Option<(f64, f64)> {
        let finite = self
            .values
            .iter()
            .filter(|v| v.is_finite())
            .map(|v| f64::from(*v));
        finite.fold(None, |range, v| match range {
            None => Some((v, v)),
            Some((low, high)) => Some((v.min(low), v.max(high))),
        })
    }

    /// The same field with every value multiplied by `factor` and moved by `offset`, for a change of units.
    pub fn scaled(&self, factor: f64, offset: f64) -> Self {
        let convert = |v: &f32| (f64::from(*v) * factor + offset) as f32;
        Self {
            axes: self.axes.clone(),
            values: self.values.iter().map(convert).collect(),
        }
    }

    /// Value at row `i`, column `j`; columns wrap.
    pub(crate) fn node(&self, i: usize, j: usize) -> f32 {
        let n_lon = self.axes.lon.len();
        self.values[i * n_lon + j % n_lon]
    }

    fn bilinear(&self, y: f64, x: f64) -> f32 {
        if !self
            .node(y.round() as usize, x.round() as usize)
            .is_finite()
        {
            return f32::NAN;
        }
        let (i, j) = (y.floor() as usize, x.floor() as usize);
        let i1 = (i + 1).min(self.axes.lat.len() - 1);
        let (wy, wx) = (y - i as f64, x - j as f64);
        let corners = [
            (i, j, (1.0 - wy) * (1.0 - wx)),
            (i, j + 1, (1.0 - wy) * wx),
            (i1, j, wy * (1.0 - wx)),
            (i1, j + 1, wy * wx),
        ];
        let (mut sum, mut weight) = (0.0, 0.0);
        for (i, j, w) in corners {
            let v = f64::from(self.node(i, j));
            if v.is_finite() && w > 0.0 {
                sum += w * v;
                weight += w;
            }
        }
        (sum / weight) as f32
    }
}

/// Yes or no on a regular latitude-longitude grid.
#[derive(Clone, Debug, PartialEq)]
pub struct GridMask {
    pub(crate) axes: Axes,
    pub(crate) inside: Vec<bool>,
}

impl GridMask {
    /// A mask from its axes in degrees and `[n_lat * n_lon]` entries, latitude-major; axes as for [`GridField::new`].
    ///
    /// # Errors
    /// As [`GridField::new`].
    pub fn new(lat: &[f32], lon: &[f32], inside: &[bool]) -> Result<Self> {
        let axes = Axes::new(lat, lon)?;
        check_length("mask", axes.n_nodes(), inside.len())?;
        Ok(Self {
            axes,
            inside: inside.to_vec(),
        })
    }
}

pub(crate) fn check_length(what: &str, expected: usize, found: usize) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    Err(Error::Length {
        what: what.into(),
        expected,
        found,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plane() -> GridField {
        let lat = [-60.0, 0.0, 60.0];
        let lon = [0.0, 90.0, 180.0, 270.0];
        let values: Vec<f32> = (0..12).map(|n| n as f32).collect();
        GridField::new(&lat, &lon, &values).unwrap()
    }

    #[test]
    fn sampling_meets_the_nodes_and_wraps() {
        let field = plane();
        for sampling in [Sampling::Nearest, Sampling::Bilinear] {
            assert_eq!(field.sample(0.0, 90.0, sampling), 5.0);
            assert_eq!(field.sample(0.0, -270.0, sampling), 5.0);
            assert_eq!(field.sample(90.0, 0.0, sampling), 8.0);
        }
        assert_eq!(field.sample(0.0, 315.0, Sampling::Bilinear), 5.5);
        assert_eq!(field.sample(0.0, 350.0, Sampling::Nearest), 4.0);
        assert_eq!(field.sample(30.0, 45.0, Sampling::Bilinear), 6.5);
    }

    #[test]
    fn direction_of_latitude_does_not_matter() {
        let up = plane();
        let flipped: Vec<f32> = up.values.chunks(4).rev().flatten().copied().collect();
        let down =
            GridField::new(&[60.0, 0.0, -60.0], &[0.0, 90.0, 180.0, 270.0], &flipped).unwrap();
        for (lat, lon) in [(12.0, 33.0), (-80.0, 200.0), (89.0, 359.0), (31.0, 0.0)] {
            for sampling in [Sampling::Nearest, Sampling::Bilinear] {
                assert_eq!(
                    up.sample(lat, lon, sampling),
                    down.sample(lat, lon, sampling)
                );
            }
        }
    }

    #[test]
    fn a_regional_grid_ends_half_a_cell_outside() {
        let field = GridField::new(&[10.0, 20.0], &[350.0, 352.0], &[1.0, 2.0, 3.0, 4.0]).unwrap();
        assert_eq!(field.sample(10.0, -10.5, Sampling::Nearest), 1.0);
        assert_eq!(field.sample(10.0, -7.5, Sampling::Bilinear), 2.0);
        assert!(field.sample(10.0, -6.5, Sampling::Nearest).is_nan());
        assert!(field.sample(4.0, -9.0, Sampling::Nearest).is_nan());
    }

    #[test]
    fn missing_values_do_not_spread() {
        let mut field = plane();
        field.values[5] = f32::NAN;
        assert!(field.sample(0.0, 80.0, Sampling::Bilinear).is_nan());
        assert_eq!(field.sample(0.0, 40.0, Sampling::Bilinear), 4.0);
        assert_eq!(field.extent(), Some((0.0, 11.0)));
    }

    #[test]
    fn impossible_grids_are_refused() {
        let ok = [0.0, 10.0];
        assert!(matches!(
            GridField::new(&[1.0], &ok, &[0.0; 2]),
            Err(Error::Axis { axis: "lat", .. })
        ));
        assert!(matches!(
            GridField::new(&[0.0, 91.0], &ok, &[0.0; 4]),
            Err(Error::Axis { axis: "lat", .. })
        ));
        assert!(matches!(
            GridField::new(&ok, &[10.0, 0.0], &[0.0; 4]),
            Err(Error::Axis { axis: "lon", .. })
        ));
        assert!(matches!(
            GridField::new(&ok, &[0.0, f32::NAN], &[0.0; 4]),
            Err(Error::Axis { axis: "lon", .. })
        ));
        let uneven = GridField::new(&ok, &[0.0, 10.0, 30.0], &[0.0; 6]);
        assert!(matches!(uneven, Err(Error::Axis { axis: "lon", .. })));
        let error = GridField::new(&ok, &ok, &[0.0; 3]).unwrap_err();
        assert_eq!(error.to_string(), "`values` has 3 elements, expected 4");
        assert!(GridMask::new(&ok, &ok, &[true; 5]).is_err());
    }
}
