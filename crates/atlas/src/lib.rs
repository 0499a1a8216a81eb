#![doc = include_str!("../README.md")]

mod coast;
mod color;
mod color_tables;
mod contour;
mod error;
mod file;
mod grid;
mod map;
mod plot;
mod raster;
mod report;
mod scale;
mod svg;
mod table;
mod ticks;
mod window;

pub use coast::{Coastlines, Ring};
pub use color::{Color, ColorMap};
pub use contour::{ContourLine, contour_lines};
pub use error::{Error, Result};
pub use grid::{GridField, GridMask, Sampling};
pub use map::{Contours, Layer, Map, MarkShape, Marker, Outline, Track};
pub use plot::{AxisScale, LinePlot, Score, ScorePlot, Series};
pub use raster::Opacity;
pub use report::{Figure, Report, Section};
pub use scale::Range;
pub use svg::{Svg, escape};
pub use table::{Cell, Table};
pub use ticks::Ticks;
pub use window::Window;
