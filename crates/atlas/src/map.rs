//! `Map`: a field over coastlines, with marks, as one SVG figure.

mod colorbar;
mod draw;
mod features;
mod graticule;
mod layer;
mod marks;

pub use features::{Contours, MarkShape, Marker, Outline, Track};
pub use layer::Layer;

use crate::color::Color;
use crate::error::Result;
use crate::svg::{Anchor, Canvas, Svg, TextStyle, text_width};
use crate::window::{Frame, Window};

/// A map in equirectangular projection.
///
/// Drawn from the bottom up: plain land and sea, coloured layers in the order given, hatched areas,
/// coastlines, the graticule, contours, tracks, markers.
///
/// ```
/// use dropsonde_atlas::{GridField, Layer, Map, Window};
/// let lat = [-60.0, 0.0, 60.0];
/// let lon = [0.0, 90.0, 180.0, 270.0];
/// let field = GridField::new(&lat, &lon, &[0.0; 12])?;
/// let svg = Map::new("Nothing to see").window(Window::global(180.0)).layer(Layer::new(field, "K")).to_svg()?;
/// assert!(svg.as_str().starts_with("<svg"));
/// # Ok::<(), dropsonde_atlas::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Map {
    title: String,
    subtitle: String,
    window: Window,
    width: f64,
    layers: Vec<Layer>,
    contours: Vec<Contours>,
    outlines: Vec<Outline>,
    tracks: Vec<Track>,
    markers: Vec<Marker>,
    keys: Vec<(String, Color)>,
}

/// Room left of the frame, for latitude labels.
const LEFT: f64 = 38.0;
/// Room right of the frame, for the overhang of the last longitude label.
const RIGHT: f64 = 20.0;
/// The frame is at most this much higher than the figure is wide.
const MAX_ASPECT: f64 = 0.8;

impl Map {
    /// A map of the whole globe with the prime meridian in the middle, 760 units (CSS pixels) wide.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            subtitle: String::new(),
            window: Window::global(0.0),
            width: 760.0,
            layers: Vec::new(),
            contours: Vec::new(),
            outlines: Vec::new(),
            tracks: Vec::new(),
            markers: Vec::new(),
            keys: Vec::new(),
        }
    }

    /// A second line below the title: time, source, model.
    pub fn subtitle(mut self, subtitle: impl Into<String>) -> Self {
        self.subtitle = subtitle.into();
        self
    }

    /// The part of the globe to show.
    pub fn window(mut self, window: Window) -> Self {
        self.window = window;
        self
    }

    /// Width of the figure in units (CSS pixels), at least 240; text keeps its size, so use less for small multiples.
    pub fn width(mut self, width: f64) -> Self {
        self.width = if width.is_finite() {
            width.clamp(240.0, 4000.0)
        } else {
            760.0
        };
        self
    }

    /// Adds a coloured field over the layers so far.
    pub fn layer(mut self, layer: Layer) -> Self {
        self.layers.push(layer);
        self
    }

    /// Adds contour lines.
    pub fn contours(mut self, contours: Contours) -> Self {
        self.contours.push(contours);
        self
    }

    /// Adds the outline of a mask.
    pub fn outline(mut self, outline: Outline) -> Self {
        self.outlines.push(outline);
        self
    }

    /// Adds a track.
    pub fn track(mut self, track: Track) -> Self {
        self.tracks.push(track);
        self
    }

    /// Adds a marker; one outside the window is not drawn.
    pub fn marker(mut self, marker: Marker) -> Self {
        self.markers.push(marker);
        self
    }

    /// Adds an entry to the key below the map, for what tracks or markers of a colour mean.
    pub fn key(mut self, label: impl Into<String>, color: Color) -> Self {
        self.keys.push((label.into(), color));
        self
    }

    /// Draws the map.
    ///
    /// # Errors
    /// [`Error::Range`](crate::Error::Range) when a layer's range or a contour step is impossible.
    pub fn to_svg(&self) -> Result<Svg> {
        let frame = Frame::fit(
            self.window,
            self.width - LEFT - RIGHT,
            self.width * MAX_ASPECT,
        );
        let left = LEFT + (self.width - LEFT - RIGHT - frame.width) / 2.0;
        let mut canvas = Canvas::new();
        let top = self.draw_titles(&mut canvas, left);
        canvas.open_viewport((left, top), (frame.width, frame.height));
        let pens = draw::frame_content(self, &mut canvas, &frame)?;
        canvas.close_viewport();
        graticule::border_and_labels(&mut canvas, &frame, (left, top));
        let mut y = top + frame.height + 30.0;
        y = colorbar::draw_all(&mut canvas, &pens, (left, y), frame.width)?;
        y = self.draw_keys(&mut canvas, (left, y), frame.width);
        Ok(canvas.finish((self.width, y), &self.title))
    }

    /// Title and subtitle; returns the y of the frame.
    fn draw_titles(&self, canvas: &mut Canvas, left: f64) -> f64 {
        canvas.text(
            (left, 18.0),
            &self.title,
            &TextStyle::new(15.0, Anchor::Start).bold(),
        );
        if self.subtitle.is_empty() {
            return 30.0;
        }
        let style = TextStyle::new(12.0, Anchor::Start).color(Color::SOFT_INK);
        canvas.text((left, 35.0), &self.subtitle, &style);
        45.0
    }

    /// The key of labelled contours, outlines and other colours, in rows; returns the y below it.
    fn draw_keys(&self, canvas: &mut Canvas, (left, top): (f64, f64), width: f64) -> f64 {
        let contours = self.contours.iter().map(|c| (c.label.as_str(), c.stroke()));
        let outlines = self.outlines.iter().map(|o| (o.label.as_str(), o.stroke()));
        let others = self.keys.iter().map(|(label, color)| {
            let stroke = format!("stroke=\"{color}\" stroke-width=\"3\"");
            (label.as_str(), stroke)
        });
        let (mut x, mut y) = (left, top);
        let mut any = false;
        for (label, stroke) in contours
            .chain(outlines)
            .chain(others)
            .filter(|(label, _)| !label.is_empty())
        {
            let needed = 26.0 + text_width(label, 11.5);
            if x > left && x + needed > left + width {
                (x, y) = (left, y + 17.0);
            }
            canvas.line((x, y + 4.0), (x + 20.0, y + 4.0), &stroke);
            canvas.text(
                (x + 26.0, y + 8.0),
                label,
                &TextStyle::new(11.5, Anchor::Start),
            );
            x += needed + 18.0;
            any = true;
        }
        if any { y + 18.0 } else { y }
    }
}
