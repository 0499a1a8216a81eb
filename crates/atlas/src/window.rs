//! The part of the globe that a map shows, and its place in the figure.

use crate::error::{Error, Result};

/// A rectangle in latitude and longitude, drawn equirectangular (plate carrée).
///
/// A part of the globe is stretched by the cosine of its middle latitude, so that shapes are right there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    west: f64,
    east: f64,
    south: f64,
    north: f64,
}

impl Window {
    /// The whole globe with `centre_lon` (degrees) in the middle: 0 shows the Atlantic, 180 the Pacific; not finite counts as 0.
    pub fn global(centre_lon: f64) -> Self {
        let centre_lon = if centre_lon.is_finite() {
            centre_lon
        } else {
            0.0
        };
        Self {
            west: centre_lon - 180.0,
            east: centre_lon + 180.0,
            south: -90.0,
            north: 90.0,
        }
    }

    /// A region in degrees; `east` below `west` reaches across the dateline or the prime meridian.
    ///
    /// # Errors
    /// [`Error::Window`] when the bounds are not finite, south is not below north, a latitude is beyond a pole, or it is wider than the globe.
    pub fn region(west: f64, east: f64, south: f64, north: f64) -> Result<Self> {
        let wide = if east <= west { east + 360.0 } else { east };
        let finite = [west, east, south, north].iter().all(|v| v.is_finite());
        let ok = finite
            && south < north
            && south >= -90.0
            && north <= 90.0
            && wide > west
            && wide - west <= 360.0;
        if !ok {
            return Err(Error::Window {
                west,
                east,
                south,
                north,
            });
        }
        Ok(Self {
            west,
            east: wide,
            south,
            north,
        })
    }

    /// A region of `width` by `height` degrees around a place, kept inside the poles; for a close-up of a storm.
    ///
    /// # Errors
    /// As [`Window::region`].
    pub fn around(lat: f64, lon: f64, width: f64, height: f64) -> Result<Self> {
        let (south, north) = (
            (lat - height / 2.0).max(-90.0),
            (lat + height / 2.0).min(90.0),
        );
        Self::region(lon - width / 2.0, lon + width / 2.0, south, north)
    }

    /// Degrees of longitude from west to east.
    pub fn width(&self) -> f64 {
        self.east - self.west
    }

    /// Degrees of latitude from south to north.
    pub fn height(&self) -> f64 {
        self.north - self.south
    }

    /// Western, eastern, southern, northern edge in degrees; east is above west.
    pub fn bounds(&self) -> [f64; 4] {
        [self.west, self.east, self.south, self.north]
    }

    /// Height over width of the drawn frame.
    fn aspect(&self) -> f64 {
        let middle = 0.5 * (self.south + self.north);
        let stretch = if self.width() > 180.0 {
            1.0
        } else {
            middle.to_radians().cos().max(0.3)
        };
        self.height() / (self.width() * stretch)
    }
}

/// A window drawn into a frame of a given size, in figure units; the origin is its north-western corner.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    pub(crate) window: Window,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

impl Frame {
    /// The largest frame of the right shape that is at most `max_width` by `max_height`.
    pub(crate) fn fit(window: Window, max_width: f64, max_height: f64) -> Self {
        let aspect = window.aspect();
        let width = max_width.min(max_height / aspect);
        Self {
            window,
            width,
            height: width * aspect,
        }
    }

    /// Figure position of a place; longitudes are taken as they are, without wrapping.
    pub(crate) fn project(&self, [lon, lat]: [f64; 2]) -> (f64, f64) {
        let x = (lon - self.window.west) / self.window.width() * self.width;
        let y = (self.window.north - lat) / self.window.height() * self.height;
        (x, y)
    }

    /// Place at a figure position, as `(lat, lon)` in degrees.
    pub(crate) fn place(&self, x: f64, y: f64) -> (f64, f64) {
        let lon = self.window.west + x / self.width * self.window.width();
        let lat = self.window.north - y / self.height * self.window.height();
        (lat, lon)
    }

    /// Whole turns (in degrees) that bring a stretch of longitudes into the window.
    pub(crate) fn turns(&self, low: f64, high: f64) -> impl Iterator<Item = f64> + use<> {
        let first = ((self.window.west - high) / 360.0).ceil() as i64;
        let last = ((self.window.east - low) / 360.0).floor() as i64;
        (first..=last).map(|k| k as f64 * 360.0)
    }

    /// Pieces of a line of `[lon, lat]` that show in the window, in figure units.
    ///
    /// Longitudes run on without jumps; the line is repeated by whole turns where that shows more of it.
    pub(crate) fn visible(&self, line: &[[f64; 2]]) -> Vec<Vec<(f64, f64)>> {
        let Some((low, high)) = lon_extent(line) else {
            return Vec::new();
        };
        let mut pieces = Vec::new();
        for turn in self.turns(low, high) {
            let shifted: Vec<(f64, f64)> = line
                .iter()
                .map(|p| self.project([p[0] + turn, p[1]]))
                .collect();
            let mut piece: Vec<(f64, f64)> = Vec::new();
            for pair in shifted.windows(2) {
                if !self.touches(pair[0], pair[1]) {
                    if !piece.is_empty() {
                        pieces.push(std::mem::take(&mut piece));
                    }
                    continue;
                }
                if piece.is_empty() {
                    piece.push(pair[0]);
                }
                piece.push(pair[1]);
            }
            if !piece.is_empty() {
                pieces.push(piece);
            }
        }
        pieces
    }

    /// Whether the bounding box of a segment meets the frame.
    fn touches(&self, a: (f64, f64), b: (f64, f64)) -> bool {
        let edge = 2.0;
        a.0.max(b.0) >= -edge
            && a.0.min(b.0) <= self.width + edge
            && a.1.max(b.1) >= -edge
            && a.1.min(b.1) <= self.height + edge
    }

    /// Figure position of one place, if it lies in the window.
    pub(crate) fn locate(&self, lat: f64, lon: f64) -> Option<(f64, f64)> {
        if !lon.is_finite() {
            return None;
        }
        let turn = self.turns(lon, lon).next()?;
        let inside = lat >= self.window.south && lat <= self.window.north;
        inside.then(|| self.project([lon + turn, lat]))
    }
}

fn lon_extent(line: &[[f64; 2]]) -> Option<(f64, f64)> {
    let first = line.first()?[0];
    Some(line.iter().fold((first, first), |(low, high), p| {
        (low.min(p[0]), high.max(p[0]))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn north_is_up_and_the_centre_is_in_the_middle() {
        let frame = Frame::fit(Window::global(180.0), 720.0, 1000.0);
        assert_eq!((frame.width, frame.height), (720.0, 360.0));
        assert_eq!(frame.locate(90.0, 180.0), Some((360.0, 0.0)));
        assert_eq!(frame.locate(0.0, -170.0), Some((380.0, 180.0)));
        let (lat, lon) = frame.place(380.0, 180.0);
        assert!((lat - 0.0).abs() < 1e-12 && (lon - 190.0).abs() < 1e-12);
    }

    #[test]
    fn a_region_reaches_across_the_dateline() {
        let window = Window::region(170.0, -170.0, -10.0, 10.0).unwrap();
        assert_eq!(window.width(), 20.0);
        let frame = Frame::fit(window, 100.0, 100.0);
        assert_eq!(frame.locate(0.0, 180.0), frame.locate(0.0, -180.0));
        assert!(frame.locate(0.0, f64::NAN).is_none() && frame.locate(f64::NAN, 175.0).is_none());
        assert!(frame.locate(0.0, 160.0).is_none() && frame.locate(20.0, 175.0).is_none());
    }

    #[test]
    fn a_line_across_the_seam_shows_on_both_sides() {
        let frame = Frame::fit(Window::global(0.0), 360.0, 400.0);
        let pieces = frame.visible(&[[170.0, 0.0], [190.0, 0.0]]);
        assert_eq!(pieces.len(), 2);
        assert!(pieces.iter().any(|p| p[0].0 == 350.0) && pieces.iter().any(|p| p[1].0 == 10.0));
    }

    #[test]
    fn impossible_windows_are_refused() {
        assert!(Window::region(0.0, 10.0, 5.0, 5.0).is_err());
        assert!(Window::region(0.0, 10.0, -95.0, 5.0).is_err());
        assert!(Window::region(-200.0, 200.0, -5.0, 5.0).is_err());
        assert!(Window::region(0.0, f64::NAN, -5.0, 5.0).is_err());
        assert_eq!(
            Window::around(85.0, 0.0, 20.0, 20.0).unwrap().bounds(),
            [-10.0, 10.0, 75.0, 90.0]
        );
    }
}
