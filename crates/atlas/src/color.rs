//! Colours, and the colour maps that turn a number into one.

use std::fmt;

use crate::color_tables as tables;

/// An opaque sRGB colour, 8 bits per component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Color {
    /// Red.
    pub r: u8,
    /// Green.
    pub g: u8,
    /// Blue.
    pub b: u8,
}

impl Color {
    /// Text and frames.
    pub const INK: Self = Self::hex(0x22262b);
    /// Secondary text.
    pub const SOFT_INK: Self = Self::hex(0x5b636e);

    /// A colour from `0xRRGGBB`.
    pub const fn hex(rgb: u32) -> Self {
        Self {
            r: (rgb >> 16) as u8,
            g: (rgb >> 8) as u8,
            b: rgb as u8,
        }
    }

    /// The colour of the `index`-th series of a plot; repeats after seven.
    ///
    /// # Source
    /// Okabe and Ito, "Color Universal Design", 2008, without its yellow and black: safe for readers with colour-vision deficiency.
    pub const fn series(index: usize) -> Self {
        const CYCLE: [u32; 7] = [
            0x0072b2, 0xd55e00, 0x009e73, 0xcc79a7, 0xe69f00, 0x56b4e9, 0x5b636e,
        ];
        Self::hex(CYCLE[index % CYCLE.len()])
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.r, self.g, self.b)
    }
}

/// A named colour map, from its low end (0) to its high end (1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ColorMap {
    /// Dark purple to yellow: any quantity without a natural middle.
    #[default]
    Viridis,
    /// Dark blue to yellow, nearly the same for readers with and without colour-vision deficiency.
    Cividis,
    /// Blue, white, red: differences and anomalies; use it with a symmetric range.
    Balance,
    /// Pale blue to dark purple: moisture and precipitation.
    Dense,
    /// Dark blue, violet, orange, yellow: temperature.
    Thermal,
    /// Pale yellow to dark red: the activation of a feature over another field.
    YlOrRd,
    /// Dark to white: a quiet background below a coloured overlay.
    Grey,
}

impl ColorMap {
    /// Every colour map.
    pub const ALL: [Self; 7] = [
        Self::Viridis,
        Self::Cividis,
        Self::Balance,
        Self::Dense,
        Self::Thermal,
        Self::YlOrRd,
        Self::Grey,
    ];

    /// The colour at `t`, held at the ends outside 0 to 1; NaN gives the low end.
    ///
    /// Linear in sRGB between the control points.
    pub fn at(self, t: f64) -> Color {
        let points = self.points();
        let last = points.len() - 1;
        let x = if t.is_nan() {
            0.0
        } else {
            t.clamp(0.0, 1.0) * last as f64
        };
        let i = (x.floor() as usize).min(last - 1);
        let (low, high, w) = (
            Color::hex(points[i]),
            Color::hex(points[i + 1]),
            x - i as f64,
        );
        let mix = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * w).round() as u8;
        Color {
            r: mix(low.r, high.r),
            g: mix(low.g, high.g),
            b: mix(low.b, high.b),
        }
    }

    fn points(self) -> &'static [u32] {
        match self {
            Self::Viridis => &tables::VIRIDIS,
            Self::Cividis => &tables::CIVIDIS,
            Self::Balance => &tables::BALANCE,
            Self::Dense => &tables::DENSE,
            Self::Thermal => &tables::THERMAL,
            Self::YlOrRd => &tables::YL_OR_RD,
            Self::Grey => &tables::GREY,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn luminance(c: Color) -> f64 {
        let linear = |v: u8| (f64::from(v) / 255.0).powf(2.2);
        0.2126 * linear(c.r) + 0.7152 * linear(c.g) + 0.0722 * linear(c.b)
    }

    #[test]
    fn ends_are_the_published_ones() {
        assert_eq!(ColorMap::Viridis.at(0.0), Color::hex(0x440154));
        assert_eq!(ColorMap::Viridis.at(1.0), Color::hex(0xfde725));
        assert_eq!(ColorMap::YlOrRd.at(-3.0), Color::hex(0xffffcc));
        assert_eq!(ColorMap::YlOrRd.at(7.0), Color::hex(0x800026));
        assert_eq!(ColorMap::Balance.at(f64::NAN), ColorMap::Balance.at(0.0));
    }

    #[test]
    fn sequential_maps_change_lightness_in_one_direction() {
        for map in ColorMap::ALL
            .into_iter()
            .filter(|m| *m != ColorMap::Balance)
        {
            let light: Vec<f64> = (0..=32)
                .map(|i| luminance(map.at(f64::from(i) / 32.0)))
                .collect();
            let rising = light[32] > light[0];
            assert!(
                light
                    .windows(2)
                    .all(|w| (w[1] >= w[0] - 1e-3) == rising || w[0] == w[1]),
                "{map:?}"
            );
        }
    }

    #[test]
    fn balance_is_pale_in_the_middle_and_blue_then_red() {
        let (low, middle, high) = (
            ColorMap::Balance.at(0.25),
            ColorMap::Balance.at(0.5),
            ColorMap::Balance.at(0.75),
        );
        assert!(luminance(middle) > 0.8);
        assert!(low.b > low.r && high.r > high.b);
    }

    #[test]
    fn a_colour_prints_as_css() {
        assert_eq!(Color::hex(0x0a00ff).to_string(), "#0a00ff");
        assert_ne!(Color::series(0), Color::series(1));
        assert_eq!(Color::series(0), Color::series(7));
    }
}
