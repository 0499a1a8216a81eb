//! `Report`: text, figures and tables as one self-contained HTML page.

use std::path::Path;

use crate::error::Result;
use crate::file::write_atomically;
use crate::svg::{Svg, escape};
use crate::table::Table;

/// A picture with its caption.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    svg: Svg,
    caption: String,
}

impl Figure {
    /// A figure; the caption says what is shown, in units, and from which data.
    pub fn new(svg: Svg, caption: impl Into<String>) -> Self {
        Self {
            svg,
            caption: caption.into(),
        }
    }
}

#[derive(Clone, Debug)]
enum Block {
    Paragraph(String),
    Note(String),
    List(Vec<String>),
    Facts(Vec<(String, String)>),
    Figures(Vec<Figure>),
    Table(Table, String),
}

/// A part of a [`Report`] with a heading.
///
/// In every text, words between backticks are set as code; all else is shown as it is.
#[derive(Clone, Debug)]
pub struct Section {
    heading: String,
    blocks: Vec<Block>,
}

impl Section {
    /// An empty section.
    pub fn new(heading: impl Into<String>) -> Self {
        Self {
            heading: heading.into(),
            blocks: Vec::new(),
        }
    }

    /// Adds a paragraph.
    pub fn paragraph(self, text: impl Into<String>) -> Self {
        self.with(Block::Paragraph(text.into()))
    }

    /// Adds a paragraph that stands out: a limit, a caution.
    pub fn note(self, text: impl Into<String>) -> Self {
        self.with(Block::Note(text.into()))
    }

    /// Adds a list of points.
    pub fn list<S: Into<String>>(self, items: impl IntoIterator<Item = S>) -> Self {
        self.with(Block::List(items.into_iter().map(Into::into).collect()))
    }

    /// Adds names with their values, for example settings, seeds and hashes.
    pub fn facts<K: Into<String>, V: Into<String>>(
        self,
        facts: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        self.with(Block::Facts(
            facts
                .into_iter()
                .map(|(k, v)| (k.into(), v.into()))
                .collect(),
        ))
    }

    /// Adds one figure over the whole width.
    pub fn figure(self, svg: Svg, caption: impl Into<String>) -> Self {
        self.with(Block::Figures(vec![Figure::new(svg, caption)]))
    }

    /// Adds figures side by side, as many in a row as fit.
    pub fn figures(self, figures: Vec<Figure>) -> Self {
        self.with(Block::Figures(figures))
    }

    /// Adds a table with a caption.
    pub fn table(self, table: Table, caption: impl Into<String>) -> Self {
        self.with(Block::Table(table, caption.into()))
    }

    fn with(mut self, block: Block) -> Self {
        self.blocks.push(block);
        self
    }
}

/// A page with a title and sections; it loads nothing from elsewhere and holds no script.
///
/// ```
/// use dropsonde_atlas::{Report, Section, Table};
/// let table = Table::new(&["feature", "AUC"]).row(vec!["17".into(), 0.93.into()]);
/// let html = Report::new("Storms").section(Section::new("Scores").table(table, "On held-out weeks.")).to_html()?;
/// assert!(html.contains("<td class=\"number\">0.93</td>"));
/// # Ok::<(), dropsonde_atlas::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Report {
    title: String,
    subtitle: String,
    sections: Vec<Section>,
}

/// Reports with at least this many sections start with a table of contents.
const CONTENTS_FROM: usize = 4;

impl Report {
    /// An empty report.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            subtitle: String::new(),
            sections: Vec::new(),
        }
    }

    /// A line below the title.
    pub fn subtitle(mut self, subtitle: impl Into<String>) -> Self {
        self.subtitle = subtitle.into();
        self
    }

    /// Adds a section.
    pub fn section(mut self, section: Section) -> Self {
        self.sections.push(section);
        self
    }

    /// The whole page, also well-formed as XML apart from the `<!DOCTYPE html>` line.
    ///
    /// # Errors
    /// [`Error::Length`](crate::Error::Length) when a row of a table does not match its header.
    pub fn to_html(&self) -> Result<String> {
        let title = escape(&self.title);
        let mut html = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
             <title>{title}</title>\n<style>\n{}</style>\n</head>\n<body>\n<header>\n<h1>{title}</h1>\n",
            include_str!("report.css")
        );
        if !self.subtitle.is_empty() {
            html.push_str(&format!(
                "<p class=\"subtitle\">{}</p>\n",
                inline(&self.subtitle)
            ));
        }
        html.push_str("</header>\n");
        if self.sections.len() >= CONTENTS_FROM {
            self.push_contents(&mut html);
        }
        html.push_str("<main>\n");
        for (i, section) in self.sections.iter().enumerate() {
            let heading = escape(&section.heading);
            html.push_str(&format!(
                "<section id=\"section-{}\">\n<h2>{heading}</h2>\n",
                i + 1
            ));
            section
                .blocks
                .iter()
                .try_for_each(|block| push_block(&mut html, block))?;
            html.push_str("</section>\n");
        }
        html.push_str("</main>\n</body>\n</html>\n");
        Ok(html)
    }

    /// Writes the page to `path`, first under a temporary name.
    ///
    /// # Errors
    /// As [`Report::to_html`], or [`Error::Write`](crate::Error::Write) when the file cannot be written.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        write_atomically(path.as_ref(), self.to_html()?.as_bytes())
    }

    fn push_contents(&self, html: &mut String) {
        html.push_str("<nav aria-label=\"Contents\"><ol>\n");
        for (i, section) in self.sections.iter().enumerate() {
            let heading = escape(&section.heading);
            html.push_str(&format!(
                "<li><a href=\"#section-{}\">{heading}</a></li>\n",
                i + 1
            ));
        }
        html.push_str("</ol></nav>\n");
    }
}

fn push_block(html: &mut String, block: &Block) -> Result<()> {
    match block {
        Block::Paragraph(text) => html.push_str(&format!("<p>{}</p>\n", inline(text))),
        Block::Note(text) => html.push_str(&format!("<p class=\"note\">{}</p>\n", inline(text))),
        Block::List(items) => {
            let items: String = items
                .iter()
                .map(|i| format!("<li>{}</li>\n", inline(i)))
                .collect();
            html.push_str(&format!("<ul>\n{items}</ul>\n"));
        }
        Block::Facts(facts) => {
            let pair = |(k, v): &(String, String)| {
                format!("<dt>{}</dt><dd>{}</dd>\n", inline(k), inline(v))
            };
            let pairs: String = facts.iter().map(pair).collect();
            html.push_str(&format!("<dl>\n{pairs}</dl>\n"));
        }
        Block::Figures(figures) => push_figures(html, figures),
        Block::Table(table, caption) => {
            let table = table.to_html()?;
            let caption = caption_of(caption);
            html.push_str(&format!(
                "<figure>\n<div class=\"scroll\">\n{table}</div>\n{caption}</figure>\n"
            ));
        }
    }
    Ok(())
}

fn push_figures(html: &mut String, figures: &[Figure]) {
    if figures.len() > 1 {
        html.push_str("<div class=\"row\">\n");
    }
    for figure in figures {
        let caption = caption_of(&figure.caption);
        html.push_str(&format!(
            "<figure>\n<div class=\"picture\">{}</div>\n{caption}</figure>\n",
            figure.svg
        ));
    }
    if figures.len() > 1 {
        html.push_str("</div>\n");
    }
}

fn caption_of(caption: &str) -> String {
    if caption.is_empty() {
        String::new()
    } else {
        format!("<figcaption>{}</figcaption>\n", inline(caption))
    }
}

/// Escaped text with the parts between pairs of backticks as code.
fn inline(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    let mut html = String::new();
    for (i, part) in parts.iter().enumerate() {
        let is_code = i % 2 == 1 && i + 1 < parts.len();
        match (is_code, i % 2) {
            (true, _) => html.push_str(&format!("<code>{}</code>", escape(part))),
            // A backtick without a partner stays.
            (false, 1) => html.push_str(&format!("`{}", escape(part))),
            _ => html.push_str(&escape(part)),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_backticks_are_code() {
        assert_eq!(
            inline("use `a<b>` & c"),
            "use <code>a&lt;b&gt;</code> &amp; c"
        );
        assert_eq!(inline("one ` alone <"), "one ` alone &lt;");
        assert_eq!(inline("`x` and `"), "<code>x</code> and `");
    }

    #[test]
    fn contents_appear_in_longer_reports_only() {
        let report = |n: usize| {
            (0..n).fold(Report::new("t"), |r, i| {
                r.section(Section::new(format!("S{i}")))
            })
        };
        assert!(!report(3).to_html().unwrap().contains("<nav"));
        assert!(
            report(4)
                .to_html()
                .unwrap()
                .contains("<a href=\"#section-4\">S3</a>")
        );
    }

    #[test]
    fn an_error_leaves_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("index.html");
        let bad = Table::new(&["a", "b"]).row(vec!["x".into()]);
        let report = Report::new("t").section(Section::new("s").table(bad, ""));
        assert!(report.write(&path).is_err());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
