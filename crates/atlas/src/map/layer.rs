//! A coloured field of a map.

use crate::color::ColorMap;
use crate::grid::{GridField, Sampling};
use crate::raster::Opacity;
use crate::scale::Range;

/// A field, and how it becomes a picture with a colour bar.
#[derive(Clone, Debug)]
pub struct Layer {
    pub(crate) field: GridField,
    pub(crate) label: String,
    pub(crate) colors: ColorMap,
    pub(crate) range: Range,
    pub(crate) sampling: Sampling,
    pub(crate) opacity: Opacity,
}

impl Layer {
    /// A solid, bilinear layer in viridis over its full range; `label` (quantity and units) goes below the colour bar.
    pub fn new(field: GridField, label: impl Into<String>) -> Self {
        Self {
            field,
            label: label.into(),
            colors: ColorMap::default(),
            range: Range::default(),
            sampling: Sampling::default(),
            opacity: Opacity::default(),
        }
    }

    /// The colour map.
    pub fn colors(mut self, colors: ColorMap) -> Self {
        self.colors = colors;
        self
    }

    /// The values that span the colour map.
    pub fn range(mut self, range: Range) -> Self {
        self.range = range;
        self
    }

    /// How the field is drawn between its grid points.
    pub fn sampling(mut self, sampling: Sampling) -> Self {
        self.sampling = sampling;
        self
    }

    /// How much of what lies below shows through.
    pub fn opacity(mut self, opacity: Opacity) -> Self {
        self.opacity = opacity;
        self
    }

    /// Whether anything below the layer can be seen.
    pub(crate) fn is_see_through(&self) -> bool {
        self.opacity != Opacity::Solid
            || !self.field.axes.global
            || self.field.values.iter().any(|v| !v.is_finite())
    }
}
