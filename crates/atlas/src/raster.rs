//! A field as a picture: sampled on the pixels of a map frame and packed as an indexed PNG.

use base64::Engine as _;

use crate::color::{Color, ColorMap};
use crate::error::Result;
use crate::grid::{GridField, Sampling};
use crate::scale::Scale;
use crate::window::Frame;

/// How much of what lies below shows through a layer.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub enum Opacity {
    /// Nothing shows through.
    #[default]
    Solid,
    /// The same everywhere, 0 (invisible) to 1 (solid).
    Even(f64),
    /// Invisible at the low end of the range, rising in proportion, and solid from this position (0 to 1] on;
    /// for the activation of a feature over a physical field.
    Rising(f64),
}

impl Opacity {
    fn at(self, position: f64) -> f64 {
        match self {
            Self::Solid => 1.0,
            Self::Even(alpha) => alpha.clamp(0.0, 1.0),
            Self::Rising(full) => (position / full.max(1e-3)).clamp(0.0, 1.0),
        }
    }
}

/// 255 colours with their opacity; entry 0 of the PNG palette is kept for missing values.
pub(crate) struct Palette {
    colors: Vec<Color>,
    alphas: Vec<u8>,
}

const N_COLORS: usize = 255;

impl Palette {
    pub(crate) fn new(map: ColorMap, opacity: Opacity) -> Self {
        let positions = (0..N_COLORS).map(|i| i as f64 / (N_COLORS - 1) as f64);
        let (colors, alphas) = positions
            .map(|t| (map.at(t), (opacity.at(t) * 255.0).round() as u8))
            .unzip();
        Self { colors, alphas }
    }

    /// Palette entry of a value.
    fn entry(scale: &Scale, value: f32) -> u8 {
        if !value.is_finite() {
            return 0;
        }
        let position = scale.position(f64::from(value));
        1 + (position * (N_COLORS - 1) as f64).round() as u8
    }

    /// Colour and opacity (0 to 1) at a position on the scale.
    pub(crate) fn at(&self, position: f64) -> (Color, f64) {
        let i = (position.clamp(0.0, 1.0) * (N_COLORS - 1) as f64).round() as usize;
        (self.colors[i], f64::from(self.alphas[i]) / 255.0)
    }

    /// A PNG data URI of `[height, width]` palette entries, northern row first.
    pub(crate) fn data_uri(&self, entries: &[u8], width: u32) -> Result<String> {
        let mut best = self.encode(entries, width, png::Filter::NoFilter)?;
        let filtered = self.encode(entries, width, png::Filter::Sub)?;
        if filtered.len() < best.len() {
            best = filtered;
        }
        let text = base64::engine::general_purpose::STANDARD.encode(best);
        Ok(format!("data:image/png;base64,{text}"))
    }

    /// All colours side by side from the low to the high end, as a PNG data URI.
    pub(crate) fn strip_uri(&self) -> Result<String> {
        let entries: Vec<u8> = (1..=u8::MAX).collect();
        self.data_uri(&entries, N_COLORS as u32)
    }

    fn encode(&self, entries: &[u8], width: u32, filter: png::Filter) -> Result<Vec<u8>> {
        let height = (entries.len() / width as usize) as u32;
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, width, height);
        encoder.set_color(png::ColorType::Indexed);
        encoder.set_depth(png::BitDepth::Eight);
        let mut rgb = vec![0u8; 3];
        rgb.extend(self.colors.iter().flat_map(|c| [c.r, c.g, c.b]));
        encoder.set_palette(rgb);
        encoder.set_trns(
            std::iter::once(0)
                .chain(self.alphas.iter().copied())
                .collect::<Vec<u8>>(),
        );
        encoder.set_compression(png::Compression::High);
        encoder.set_filter(filter);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(entries)?;
        writer.finish()?;
        Ok(bytes)
    }
}

/// Palette entries of a field on `width` by `height` pixels of a frame, northern row first.
pub(crate) fn paint(
    field: &GridField,
    scale: &Scale,
    sampling: Sampling,
    frame: &Frame,
    (width, height): (u32, u32),
) -> Vec<u8> {
    let mut entries = Vec::with_capacity((width * height) as usize);
    for row in 0..height {
        let y = (f64::from(row) + 0.5) / f64::from(height) * frame.height;
        for column in 0..width {
            let x = (f64::from(column) + 0.5) / f64::from(width) * frame.width;
            let (lat, lon) = frame.place(x, y);
            entries.push(Palette::entry(scale, field.sample(lat, lon, sampling)));
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::Window;

    /// Latitude plus a bump at 90E, on a 10-degree global grid.
    fn field(descending: bool) -> GridField {
        let mut lat: Vec<f32> = (-9..=9).map(|i| i as f32 * 10.0).collect();
        if descending {
            lat.reverse();
        }
        let lon: Vec<f32> = (0..36).map(|j| j as f32 * 10.0).collect();
        let values: Vec<f32> = lat
            .iter()
            .flat_map(|y| lon.iter().map(move |x| if *x == 90.0 { 100.0 } else { *y }))
            .collect();
        GridField::new(&lat, &lon, &values).unwrap()
    }

    /// 72 by 36 pixels of five degrees, none of them halfway between two grid points.
    fn painted(centre: f64, descending: bool) -> Vec<u8> {
        let frame = Frame::fit(Window::global(centre), 360.0, 400.0);
        let scale = Scale::Linear(-100.0, 100.0);
        paint(
            &field(descending),
            &scale,
            Sampling::Nearest,
            &frame,
            (72, 36),
        )
    }

    #[test]
    fn the_north_pole_is_at_the_top() {
        let entries = painted(0.0, false);
        assert_eq!((entries[0], entries[35 * 72]), (242, 14));
        assert_eq!(entries, painted(0.0, true));
    }

    #[test]
    fn the_centre_longitude_is_in_the_middle() {
        for (centre, columns) in [(0.0, [53, 54]), (180.0, [17, 18])] {
            let entries = painted(centre, false);
            let row = &entries[18 * 72..19 * 72];
            let bump: Vec<usize> = (0..72).filter(|j| row[*j] == 255).collect();
            assert_eq!(bump, columns, "90E with {centre} in the middle");
        }
    }

    #[test]
    fn a_png_decodes_to_the_palette_colours() {
        let palette = Palette::new(ColorMap::Viridis, Opacity::Rising(0.5));
        let uri = palette.data_uri(&[0, 1, 128, 255], 2).unwrap();
        let text = uri.strip_prefix("data:image/png;base64,").unwrap();
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(text)
            .unwrap();
        let mut decoder = png::Decoder::new(std::io::Cursor::new(bytes));
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info().unwrap();
        let mut rgba = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut rgba).unwrap();
        assert_eq!((info.width, info.height, rgba.len()), (2, 2, 16));
        assert_eq!(rgba[3], 0, "missing is transparent");
        assert_eq!(rgba[7], 0, "the low end of a rising layer is invisible");
        assert_eq!(&rgba[12..], [0xfd, 0xe7, 0x25, 255]);
    }

    #[test]
    fn missing_values_take_the_reserved_entry() {
        let scale = Scale::Linear(0.0, 1.0);
        let entries = [f32::NAN, f32::INFINITY, -5.0, 0.5, 5.0].map(|v| Palette::entry(&scale, v));
        assert_eq!(entries, [0, 0, 1, 128, 255]);
    }
}
