//! A small SVG writer: escaped text, short numbers, one standalone element per figure.

use std::fmt;
use std::path::Path;

use crate::color::Color;
use crate::error::Result;
use crate::file::write_atomically;

/// A finished, well-formed SVG figure that can stand alone or inside an HTML page.
///
/// It holds no script, no style sheet and no reference to another file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Svg(String);

impl Svg {
    /// The markup, from `<svg` to `</svg>`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Writes the figure to `path`, first under a temporary name.
    ///
    /// # Errors
    /// [`Error::Write`](crate::Error::Write) when the file cannot be written.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        write_atomically(path.as_ref(), self.0.as_bytes())
    }
}

impl fmt::Display for Svg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Escapes text for XML and HTML content and for quoted attribute values.
///
/// Characters that XML 1.0 forbids become U+FFFD.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' | '\r' => out.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// A coordinate with at most two decimals and no trailing zeros.
pub(crate) fn number(x: f64) -> String {
    let text = format!("{x:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" {
        "0".into()
    } else {
        text.into()
    }
}

/// Path data through `points`, rounded to a tenth of a unit; consecutive equal points are dropped.
///
/// Written tightly (relative steps, no needless separators), since a coastline has thousands of points.
pub(crate) fn path_data(points: &[(f64, f64)], close: bool) -> String {
    let mut rounded: Vec<(i64, i64)> = points
        .iter()
        .map(|(x, y)| ((x * 10.0).round() as i64, (y * 10.0).round() as i64))
        .collect();
    rounded.dedup();
    let Some(first) = rounded.first() else {
        return String::new();
    };
    let mut data = String::from("M");
    push_tenths(&mut data, first.0, false);
    push_tenths(&mut data, first.1, true);
    for (i, pair) in rounded.windows(2).enumerate() {
        if i == 0 {
            data.push('l');
        }
        push_tenths(&mut data, pair[1].0 - pair[0].0, i > 0);
        push_tenths(&mut data, pair[1].1 - pair[0].1, true);
    }
    if close {
        data.push('z');
    }
    data
}

/// Appends a whole number of tenths in decimal notation; a minus sign separates as well as a space.
fn push_tenths(data: &mut String, n: i64, separate: bool) {
    if n < 0 {
        data.push('-');
    } else if separate {
        data.push(' ');
    }
    let n = n.unsigned_abs();
    match (n / 10, n % 10) {
        (whole, 0) => data.push_str(&whole.to_string()),
        (0, tenth) => data.push_str(&format!(".{tenth}")),
        (whole, tenth) => data.push_str(&format!("{whole}.{tenth}")),
    }
}

/// Where a text sits relative to its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// How a text looks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TextStyle {
    pub(crate) size: f64,
    pub(crate) anchor: Anchor,
    pub(crate) bold: bool,
    pub(crate) color: Color,
    pub(crate) halo: bool,
}

impl TextStyle {
    pub(crate) const fn new(size: f64, anchor: Anchor) -> Self {
        Self {
            size,
            anchor,
            bold: false,
            color: Color::INK,
            halo: false,
        }
    }

    pub(crate) const fn bold(self) -> Self {
        Self { bold: true, ..self }
    }

    pub(crate) const fn color(self, color: Color) -> Self {
        Self { color, ..self }
    }

    /// Draws a white rim around the letters, for text over a picture.
    pub(crate) const fn halo(self) -> Self {
        Self { halo: true, ..self }
    }
}

/// Rough width of a sans-serif text in units of the figure; 0.55 em per character on average.
pub(crate) fn text_width(text: &str, size: f64) -> f64 {
    text.chars().count() as f64 * size * 0.55
}

/// An SVG body under construction.
#[derive(Debug, Default)]
pub(crate) struct Canvas {
    body: String,
}

impl Canvas {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A path with presentation attributes that this crate wrote itself.
    pub(crate) fn path(&mut self, data: &str, attributes: &str) {
        if !data.is_empty() {
            self.body
                .push_str(&format!("<path d=\"{data}\" {attributes}/>\n"));
        }
    }

    pub(crate) fn line(&mut self, from: (f64, f64), to: (f64, f64), attributes: &str) {
        let [x1, y1, x2, y2] = [from.0, from.1, to.0, to.1].map(number);
        self.body.push_str(&format!(
            "<line x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\" {attributes}/>\n"
        ));
    }

    pub(crate) fn rect(&mut self, corner: (f64, f64), size: (f64, f64), attributes: &str) {
        let [x, y, w, h] = [corner.0, corner.1, size.0, size.1].map(number);
        self.body.push_str(&format!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" {attributes}/>\n"
        ));
    }

    pub(crate) fn circle(&mut self, centre: (f64, f64), radius: f64, attributes: &str) {
        let [x, y, r] = [centre.0, centre.1, radius].map(number);
        self.body.push_str(&format!(
            "<circle cx=\"{x}\" cy=\"{y}\" r=\"{r}\" {attributes}/>\n"
        ));
    }

    pub(crate) fn text(&mut self, at: (f64, f64), text: &str, style: &TextStyle) {
        self.turned_text(at, 0.0, text, style);
    }

    /// Text turned by `degrees` (clockwise) around its anchor point.
    pub(crate) fn turned_text(
        &mut self,
        at: (f64, f64),
        degrees: f64,
        text: &str,
        style: &TextStyle,
    ) {
        let [x, y, size] = [at.0, at.1, style.size].map(number);
        let anchor = match style.anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let weight = if style.bold {
            " font-weight=\"600\""
        } else {
            ""
        };
        let halo = if style.halo {
            " stroke=\"#ffffff\" stroke-width=\"3\" stroke-linejoin=\"round\" paint-order=\"stroke\""
        } else {
            ""
        };
        let turn = if degrees == 0.0 {
            String::new()
        } else {
            format!(" transform=\"rotate({} {x} {y})\"", number(degrees))
        };
        self.body.push_str(&format!(
            "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\" fill=\"{}\"{anchor}{weight}{halo}{turn}>{}</text>\n",
            style.color,
            escape(text)
        ));
    }

    /// A raster stretched over a rectangle; `uri` is a data URI made by this crate.
    pub(crate) fn image(&mut self, corner: (f64, f64), size: (f64, f64), uri: &str) {
        let [x, y, w, h] = [corner.0, corner.1, size.0, size.1].map(number);
        self.body.push_str(&format!(
            "<image x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" preserveAspectRatio=\"none\" href=\"{uri}\"/>\n"
        ));
    }

    /// Opens a viewport: its own origin, and nothing shows outside it.
    pub(crate) fn open_viewport(&mut self, corner: (f64, f64), size: (f64, f64)) {
        let [x, y, w, h] = [corner.0, corner.1, size.0, size.1].map(number);
        self.body.push_str(&format!(
            "<svg x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" overflow=\"hidden\">\n"
        ));
    }

    /// Opens a viewport that keeps the coordinates of the figure.
    pub(crate) fn open_clip(&mut self, corner: (f64, f64), size: (f64, f64)) {
        let [x, y, w, h] = [corner.0, corner.1, size.0, size.1].map(number);
        self.body.push_str(&format!(
            "<svg x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" viewBox=\"{x} {y} {w} {h}\" overflow=\"hidden\">\n"
        ));
    }

    /// Closes the innermost viewport.
    pub(crate) fn close_viewport(&mut self) {
        self.body.push_str("</svg>\n");
    }

    /// The finished figure with its size in units (CSS pixels) and its accessible name.
    pub(crate) fn finish(self, size: (f64, f64), name: &str) -> Svg {
        let (w, h, name) = (number(size.0), number(size.1), escape(name));
        Svg(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" \
             role=\"img\" aria-label=\"{name}\" font-family=\"Helvetica, Arial, sans-serif\">\n\
             <title>{name}</title>\n{}</svg>",
            self.body
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_characters_are_escaped() {
        assert_eq!(
            escape("a<b & \"c\" 'd'>"),
            "a&lt;b &amp; &quot;c&quot; &#39;d&#39;&gt;"
        );
        assert_eq!(escape("x\u{0}y\u{8}"), "x\u{fffd}y\u{fffd}");
        assert_eq!(escape("°C, naïve"), "°C, naïve");
    }

    #[test]
    fn path_data_is_relative_and_exact_to_a_tenth() {
        assert_eq!(
            path_data(&[(0.0, 0.0), (0.04, 0.0), (1.26, -0.5)], false),
            "M0 0l1.3-.5"
        );
        assert_eq!(
            path_data(&[(1.0, 2.0), (3.0, 2.0), (3.0, 4.5)], true),
            "M1 2l2 0 0 2.5z"
        );
        assert_eq!(path_data(&[], true), "");
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(number(-0.001), "0");
        assert_eq!(number(10.0), "10");
        assert_eq!(number(1.256), "1.26");
    }
}
