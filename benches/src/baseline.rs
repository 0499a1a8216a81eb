//! Comparison of figures with those of an earlier run.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::case::Error;
use crate::{Better, Figure};

/// A stable figure may be worse by this share of its old value.
pub const TOLERANCE: f64 = 0.05;

/// The values of an earlier run, by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Baseline(BTreeMap<String, f64>);

/// A figure and what it was.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The figure now.
    pub figure: Figure,
    /// Its value in the earlier run, if it was measured there.
    pub old: Option<f64>,
}

impl Baseline {
    /// Reads what [`to_json`](crate::to_json) made.
    ///
    /// # Errors
    /// When the file cannot be read or is not an object of figures; the message names the file and the figure.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let name = path.display();
        let text =
            std::fs::read_to_string(path).map_err(|e| format!("cannot read `{name}`: {e}"))?;
        Self::parse(&text).map_err(|e| format!("`{name}` is no file of `bench --json`: {e}").into())
    }

    /// The same from text.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let object: BTreeMap<String, Value> =
            serde_json::from_str(text).map_err(|e| e.to_string())?;
        let value = |(name, entry): (String, Value)| match entry["value"].as_f64() {
            Some(value) => Ok((name, value)),
            None => Err(format!("`{name}` has no number `value`")),
        };
        Ok(Self(
            object.into_iter().map(value).collect::<Result<_, _>>()?,
        ))
    }

    /// Puts every figure beside what it was.
    pub fn compare(&self, figures: &[Figure]) -> Vec<Change> {
        let change = |figure: &Figure| Change {
            figure: figure.clone(),
            old: self.0.get(&figure.name).copied(),
        };
        figures.iter().map(change).collect()
    }
}

impl Change {
    /// The change in shares of the old value: 0.1 for a tenth more. `None` without an old value other than 0.
    pub fn relative(&self) -> Option<f64> {
        let old = self.old.filter(|old| *old != 0.0)?;
        Some((self.figure.value - old) / old.abs())
    }

    /// Whether a stable figure got worse by more than [`TOLERANCE`].
    pub fn is_regression(&self) -> bool {
        let Some(old) = self.old.filter(|_| self.figure.stable) else {
            return false;
        };
        let worse = match self.figure.better {
            Better::Lower => self.figure.value - old,
            Better::Higher => old - self.figure.value,
        };
        worse > TOLERANCE * old.abs()
    }
}

/// A table of old and new values with a line per figure.
pub fn table(changes: &[Change]) -> String {
    let width = changes.iter().map(|c| c.figure.name.len()).max();
    let width = width.unwrap_or(0).max("figure".len());
    let mut text = format!(
        "{:width$}  {:>12} {:>12} {:8} {:>8}\n",
        "figure", "old", "new", "unit", "change"
    );
    for change in changes {
        let Figure {
            name, value, unit, ..
        } = &change.figure;
        let old = change
            .old
            .map_or_else(|| "-".to_owned(), |old| format!("{old:.4}"));
        let relative = change
            .relative()
            .map_or_else(|| "-".to_owned(), |x| format!("{:+.1} %", 100.0 * x));
        let verdict = match (change.is_regression(), change.figure.stable) {
            (true, _) => "  worse",
            (false, true) => "",
            (false, false) => "  not judged",
        };
        text +=
            &format!("{name:width$}  {old:>12} {value:>12.4} {unit:8} {relative:>8}{verdict}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(figure: Figure, old: f64) -> Change {
        Change {
            figure,
            old: Some(old),
        }
    }

    #[test]
    fn only_stable_figures_that_are_much_worse_count() {
        let lower = |value| Figure::lower("a.peak_gib", value, "GiB");
        let higher = |value| Figure::higher("a.share", value, "1");
        for (figure, old, expected) in [
            (lower(1.06).stable(), 1.0, true),
            (lower(1.04).stable(), 1.0, false),
            (lower(0.5).stable(), 1.0, false),
            (lower(1.06), 1.0, false),
            (higher(0.94).stable(), 1.0, true),
            (higher(0.96).stable(), 1.0, false),
            (higher(2.0).stable(), 1.0, false),
            (lower(1.0).stable(), 0.0, true),
            (lower(0.0).stable(), 0.0, false),
        ] {
            let change = change(figure, old);
            assert_eq!(change.is_regression(), expected, "{change:?}");
        }
    }

    #[test]
    fn a_figure_that_is_new_is_no_regression() -> Result<(), String> {
        let old = Baseline::parse(r#"{"a.s": {"value": 2.0, "unit": "s", "better": "lower"}}"#)?;
        let figures = [
            Figure::lower("a.s", 1.0, "s").stable(),
            Figure::lower("b.s", 9.0, "s").stable(),
        ];
        let changes = old.compare(&figures);
        assert_eq!(changes[0].relative(), Some(-0.5));
        assert_eq!((changes[1].old, changes[1].relative()), (None, None));
        assert!(changes.iter().all(|change| !change.is_regression()));
        Ok(())
    }

    #[test]
    fn the_table_has_old_new_and_change() {
        let changes = [
            change(Figure::lower("a.peak_gib", 1.5, "GiB").stable(), 1.0),
            change(Figure::lower("a.seconds", 1.5, "s"), 1.0),
            Change {
                figure: Figure::higher("b", 3.0, "1").stable(),
                old: None,
            },
        ];
        let table = table(&changes);
        let lines: Vec<Vec<&str>> = table
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert_eq!(
            lines[1],
            [
                "a.peak_gib",
                "1.0000",
                "1.5000",
                "GiB",
                "+50.0",
                "%",
                "worse"
            ]
        );
        assert_eq!(lines[2][4..], ["+50.0", "%", "not", "judged"]);
        assert_eq!(lines[3], ["b", "-", "3.0000", "1", "-"]);
    }

    #[test]
    fn what_a_run_writes_is_read_back_and_other_files_are_refused() -> Result<(), Error> {
        let figures = [Figure::higher("a", 2.5, "1").stable()];
        let text = crate::to_json(&figures)?.to_string();
        let changes = Baseline::parse(&text)?.compare(&figures);
        assert_eq!(changes[0].relative(), Some(0.0));
        assert!(Baseline::parse("[1]").is_err());
        assert!(Baseline::parse(r#"{"a": {"value": "fast"}}"#).is_err_and(|e| e.contains("`a`")));
        let missing = Baseline::read(Path::new("no-such.json")).map_err(|e| e.to_string());
        assert!(missing.is_err_and(|e| e.contains("`no-such.json`")));
        Ok(())
    }
}
