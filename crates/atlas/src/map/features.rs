//! Marks on a map: points, tracks, contours, outlines.

use crate::color::Color;
use crate::error::{Error, Result};
use crate::grid::{GridField, GridMask};

/// The shape of a [`Marker`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum MarkShape {
    /// An open circle: a place with an extent, for example a storm.
    #[default]
    Circle,
    /// A diagonal cross: an exact place, for example an observed position.
    Cross,
    /// A filled dot.
    Dot,
}

/// A marked place.
#[derive(Clone, Debug)]
pub struct Marker {
    pub(crate) lat: f64,
    pub(crate) lon: f64,
    pub(crate) shape: MarkShape,
    pub(crate) label: String,
    pub(crate) color: Color,
}

impl Marker {
    /// A mark at a place in degrees; any turn of longitude.
    pub fn new(lat: f64, lon: f64, shape: MarkShape) -> Self {
        Self {
            lat,
            lon,
            shape,
            label: String::new(),
            color: Color::INK,
        }
    }

    /// Text beside the mark.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Colour of mark and text.
    pub fn color(mut self, color: Color) -> Self {
        self.color = color;
        self
    }
}

/// A path over the globe, for example of a storm: a line with a dot at every point.
#[derive(Clone, Debug)]
pub struct Track {
    pub(crate) points: Vec<[f64; 2]>,
    pub(crate) label: String,
    pub(crate) color: Color,
    pub(crate) is_thin: bool,
}

impl Track {
    /// A track through `(lat, lon)` in degrees, in order; it may cross the dateline.
    ///
    /// # Errors
    /// [`Error::Axis`] when a coordinate is not finite.
    pub fn new(points: &[(f64, f64)]) -> Result<Self> {
        if let Some((lat, lon)) = points
            .iter()
            .find(|(lat, lon)| !(lat.is_finite() && lon.is_finite()))
        {
            let problem = format!("of a track point is {lat}, longitude {lon}");
            return Err(Error::Axis {
                axis: "lat",
                problem,
                hint: "every point of a track is finite",
            });
        }
        let raw: Vec<[f64; 2]> = points.iter().map(|(lat, lon)| [*lon, *lat]).collect();
        Ok(Self {
            points: crate::coast::unwind(&raw),
            label: String::new(),
            color: Color::series(1),
            is_thin: false,
        })
    }

    /// Text at the last point.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// A plain line without dots, for maps with many tracks.
    pub fn thin(mut self) -> Self {
        self.is_thin = true;
        self
    }

    /// Colour of line, dots and text.
    pub fn color(mut self, color: Color) -> Self {
        self.color = color;
        self
    }
}

/// Contour lines of a field, labelled with their values.
#[derive(Clone, Debug)]
pub struct Contours {
    pub(crate) field: GridField,
    pub(crate) levels: Vec<f64>,
    pub(crate) label: String,
    pub(crate) color: Color,
}

/// More contour levels than this are taken for a mistake in the step.
const MAX_LEVELS: f64 = 200.0;

impl Contours {
    /// Lines at the given levels, in the units of the field.
    ///
    /// # Errors
    /// [`Error::Range`] when a level is not finite.
    pub fn at(field: GridField, levels: &[f64]) -> Result<Self> {
        if let Some(bad) = levels.iter().find(|v| !v.is_finite()) {
            return Err(contour_error(format!("level {bad}"), "finite levels"));
        }
        let levels = levels.to_vec();
        Ok(Self {
            field,
            levels,
            label: String::new(),
            color: Color::INK,
        })
    }

    /// Lines at every multiple of `step` that the field reaches.
    ///
    /// # Errors
    /// [`Error::Range`] when the step is not positive or gives more than 200 levels.
    pub fn every(field: GridField, step: f64) -> Result<Self> {
        let (low, high) = field.extent().unwrap_or((0.0, 0.0));
        if !(step.is_finite() && step > 0.0 && (high - low) / step <= MAX_LEVELS) {
            let hint = "a positive step with at most 200 levels between smallest and largest value";
            return Err(contour_error(
                format!("{low} to {high} with step {step}"),
                hint,
            ));
        }
        let levels = crate::ticks::Ticks::every(low, high, step).values;
        Self::at(field, &levels)
    }

    /// Text for the key below the map.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Colour of the lines.
    pub fn color(mut self, color: Color) -> Self {
        self.color = color;
        self
    }

    pub(crate) fn stroke(&self) -> String {
        format!(
            "fill=\"none\" stroke=\"{}\" stroke-width=\"1.1\" stroke-linejoin=\"round\"",
            self.color
        )
    }
}

fn contour_error(found: String, hint: &'static str) -> Error {
    Error::Range {
        what: "contours".into(),
        found,
        hint,
    }
}

/// The cells of a mask: their common outline, with hatching if wanted.
#[derive(Clone, Debug)]
pub struct Outline {
    pub(crate) mask: GridMask,
    pub(crate) label: String,
    pub(crate) color: Color,
    pub(crate) hatched: bool,
}

impl Outline {
    /// The outline of the grid cells inside a mask.
    pub fn new(mask: GridMask) -> Self {
        Self {
            mask,
            label: String::new(),
            color: Color::series(3),
            hatched: false,
        }
    }

    /// The cells where a field is at least `threshold`.
    pub fn above(field: &GridField, threshold: f64) -> Self {
        let inside = field
            .values
            .iter()
            .map(|v| f64::from(*v) >= threshold)
            .collect();
        Self::new(GridMask {
            axes: field.axes.clone(),
            inside,
        })
    }

    /// Fills the cells with thin diagonal lines.
    pub fn hatched(mut self) -> Self {
        self.hatched = true;
        self
    }

    /// Text for the key below the map.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Colour of the lines.
    pub fn color(mut self, color: Color) -> Self {
        self.color = color;
        self
    }

    pub(crate) fn stroke(&self) -> String {
        format!(
            "fill=\"none\" stroke=\"{}\" stroke-width=\"1.4\"",
            self.color
        )
    }

    /// Edges between inside and outside as `[lon, lat]` pairs.
    pub(crate) fn edges(&self) -> Vec<[[f64; 2]; 2]> {
        let axes = &self.mask.axes;
        let (n_lat, n_lon) = (axes.lat.len(), axes.lon.len());
        let inside = |i: Option<usize>, j: Option<usize>| match (i, j) {
            (Some(i), Some(j)) if i < n_lat && j < n_lon => self.mask.inside[i * n_lon + j],
            _ => false,
        };
        let west_of = |j: usize| {
            if j > 0 {
                Some(j - 1)
            } else {
                axes.global.then(|| n_lon - 1)
            }
        };
        let mut edges = Vec::new();
        for i in 0..=n_lat {
            for j in 0..=n_lon {
                let (x0, x1) = (self.lon_edge(j), self.lon_edge(j + 1));
                let (y0, y1) = (axes.lat_edge(i), axes.lat_edge((i + 1).min(n_lat)));
                let here = inside(Some(i), Some(j));
                // No line along a pole: there is nothing beyond it.
                if here != inside(i.checked_sub(1), Some(j)) && y0.abs() < 90.0 {
                    edges.push([[x0, y0], [x1, y0]]);
                }
                let seam_done = axes.global && j == n_lon;
                if !seam_done && here != inside(Some(i), west_of(j)) {
                    edges.push([[x0, y0], [x0, y1]]);
                }
            }
        }
        edges
    }

    /// Corners of the runs of inside cells of each row, as `[west, east, latitude, latitude]`.
    pub(crate) fn runs(&self) -> Vec<[f64; 4]> {
        let axes = &self.mask.axes;
        let n_lon = axes.lon.len();
        let mut runs = Vec::new();
        for (i, row) in self.mask.inside.chunks(n_lon).enumerate() {
            let mut start = None;
            for (j, inside) in row.iter().copied().chain([false]).enumerate() {
                match (start, inside) {
                    (None, true) => start = Some(j),
                    (Some(s), false) => {
                        let (west, east) = (self.lon_edge(s), self.lon_edge(j));
                        runs.push([west, east, axes.lat_edge(i), axes.lat_edge(i + 1)]);
                        start = None;
                    }
                    _ => {}
                }
            }
        }
        runs
    }

    fn lon_edge(&self, j: usize) -> f64 {
        self.mask.axes.lon[0] + (j as f64 - 0.5) * self.mask.axes.lon_step()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(inside: &[(usize, usize)], lon_step: f32) -> Outline {
        let lat = [-60.0, -20.0, 20.0, 60.0];
        let lon: Vec<f32> = (0..6).map(|j| j as f32 * lon_step).collect();
        let mut flags = vec![false; 24];
        for (i, j) in inside {
            flags[i * 6 + j] = true;
        }
        Outline::new(GridMask::new(&lat, &lon, &flags).unwrap())
    }

    #[test]
    fn one_cell_has_four_edges_and_one_run() {
        let outline = mask(&[(1, 2)], 60.0);
        assert_eq!(outline.edges().len(), 4);
        assert_eq!(outline.runs(), [[90.0, 150.0, -40.0, 0.0]]);
        assert_eq!(mask(&[(1, 0)], 10.0).edges().len(), 4);
        assert_eq!(mask(&[(1, 5)], 10.0).edges().len(), 4);
    }

    #[test]
    fn neighbours_across_the_seam_share_no_edge() {
        assert_eq!(mask(&[(1, 5), (1, 0)], 60.0).edges().len(), 6);
        assert_eq!(mask(&[(1, 5), (1, 0)], 10.0).edges().len(), 8);
    }

    #[test]
    fn no_line_runs_along_the_pole() {
        assert_eq!(mask(&[(3, 2)], 60.0).edges().len(), 3);
    }

    #[test]
    fn contour_steps_and_track_points_are_checked() {
        let field = GridField::new(&[0.0, 1.0], &[0.0, 1.0], &[0.0, 1.0, 2.0, 1000.0]).unwrap();
        assert_eq!(
            Contours::every(field.clone(), 250.0).unwrap().levels.len(),
            5
        );
        assert!(Contours::every(field.clone(), 0.0).is_err());
        assert!(Contours::every(field.clone(), 0.001).is_err());
        assert!(Contours::at(field, &[f64::NAN]).is_err());
        assert!(Track::new(&[(0.0, 0.0), (f64::NAN, 1.0)]).is_err());
    }
}
