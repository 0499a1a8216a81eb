//! `Table`: rows of text and numbers as HTML.

use crate::error::Result;
use crate::grid::check_length;
use crate::svg::escape;
use crate::ticks::{fixed, significant};

/// One cell of a [`Table`].
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Text, aligned left.
    Text(String),
    /// A number with about three significant digits, aligned right; not finite shows as "n/a".
    Number(f64),
    /// A number with this many decimals, aligned right; not finite shows as "n/a".
    Fixed(f64, usize),
    /// A cell in bold, for example the best of its row.
    Strong(Box<Cell>),
}

impl Cell {
    /// The cell in bold.
    pub fn strong(self) -> Self {
        Self::Strong(Box::new(self))
    }

    fn text(&self) -> String {
        match self {
            Self::Text(text) => escape(text),
            Self::Number(v) => significant(*v),
            Self::Fixed(v, _) if !v.is_finite() => "n/a".into(),
            Self::Fixed(v, decimals) => fixed(*v, (*decimals).min(12)),
            Self::Strong(cell) => format!("<b>{}</b>", cell.text()),
        }
    }

    fn is_number(&self) -> bool {
        match self {
            Self::Text(_) => false,
            Self::Number(_) | Self::Fixed(..) => true,
            Self::Strong(cell) => cell.is_number(),
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<f64> for Cell {
    fn from(value: f64) -> Self {
        Self::Number(value)
    }
}

impl From<usize> for Cell {
    fn from(value: usize) -> Self {
        Self::Fixed(value as f64, 0)
    }
}

/// A table with a header row.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    header: Vec<String>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// An empty table with these column names.
    pub fn new(header: &[&str]) -> Self {
        Self {
            header: header.iter().map(|h| (*h).to_string()).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row with one cell per column.
    pub fn row(mut self, cells: Vec<Cell>) -> Self {
        self.rows.push(cells);
        self
    }

    /// Number of rows below the header.
    pub fn n_rows(&self) -> usize {
        self.rows.len()
    }

    /// The `<table>` element; a column is aligned right when its first cell is a number.
    ///
    /// # Errors
    /// [`Error::Length`](crate::Error::Length) when a row does not have one cell per column.
    pub fn to_html(&self) -> Result<String> {
        let mut html = String::from("<table>\n<thead><tr>");
        for (j, name) in self.header.iter().enumerate() {
            let number = self
                .rows
                .first()
                .and_then(|r| r.get(j))
                .is_some_and(Cell::is_number);
            html.push_str(&format!(
                "<th scope=\"col\"{}>{}</th>",
                class(number),
                escape(name)
            ));
        }
        html.push_str("</tr></thead>\n<tbody>\n");
        for (i, row) in self.rows.iter().enumerate() {
            check_length(
                &format!("row {i} of the table"),
                self.header.len(),
                row.len(),
            )?;
            html.push_str("<tr>");
            for cell in row {
                html.push_str(&format!(
                    "<td{}>{}</td>",
                    class(cell.is_number()),
                    cell.text()
                ));
            }
            html.push_str("</tr>\n");
        }
        html.push_str("</tbody>\n</table>\n");
        Ok(html)
    }
}

fn class(is_number: bool) -> &'static str {
    if is_number { " class=\"number\"" } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_escaped_formatted_and_aligned() {
        let table = Table::new(&["name <i>", "AUC"])
            .row(vec!["a & b".into(), 0.912_34.into()])
            .row(vec!["c".into(), Cell::Fixed(-0.5, 3).strong()])
            .row(vec!["d".into(), f64::NAN.into()]);
        let html = table.to_html().unwrap();
        assert!(html.contains(
            "<th scope=\"col\">name &lt;i&gt;</th><th scope=\"col\" class=\"number\">AUC</th>"
        ));
        assert!(html.contains("<td>a &amp; b</td><td class=\"number\">0.912</td>"));
        assert!(html.contains("<td class=\"number\"><b>\u{2212}0.500</b></td>"));
        assert!(html.contains("<td class=\"number\">n/a</td>"));
        assert_eq!(table.n_rows(), 3);
    }

    #[test]
    fn an_uneven_row_is_refused() {
        let error = Table::new(&["a", "b"])
            .row(vec![1.0.into()])
            .to_html()
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "`row 0 of the table` has 1 elements, expected 2"
        );
    }
}
