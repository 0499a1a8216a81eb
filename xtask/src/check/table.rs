//! The table of crates in `docs/architecture.md`.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};

/// One row: a crate and what it may know.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// A crate may use only crates of lower layers.
    pub(super) layer: u32,
    /// What the crate is.
    pub(super) sentence: String,
    /// Which of our crates it may use.
    pub(super) may_use: MayUse,
}

/// The last column.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum MayUse {
    /// Any crate of the table.
    All,
    /// These only; none if empty.
    Only(BTreeSet<String>),
}

impl MayUse {
    pub(super) fn contains(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.contains(name),
        }
    }

    fn parse(cell: &str) -> Self {
        match cell {
            "all" => Self::All,
            "none" => Self::Only(BTreeSet::new()),
            names => Self::Only(names.split(',').map(plain).collect()),
        }
    }
}

/// The table by crate name, without `dropsonde-`.
pub(super) type Table = BTreeMap<String, Row>;

/// Reads the table whose header has the columns `layer`, `crate`, `one sentence`, and `may use`.
pub(super) fn parse(markdown: &str) -> Result<Table> {
    let mut lines = markdown.lines().map(cells);
    let columns = lines
        .find_map(|cells| Columns::find(&cells))
        .context("found no table with the columns `layer`, `crate`, `one sentence`, `may use`")?;
    let mut table = Table::new();
    for cells in lines.skip(1).take_while(|cells| !cells.is_empty()) {
        let (name, row) = columns.row(&cells)?;
        if table.insert(name.clone(), row).is_some() {
            bail!("the crate `{name}` has two rows");
        }
    }
    ensure!(!table.is_empty(), "the table of crates has no rows");
    Ok(table)
}

/// The cells of a table line; none for any other line.
fn cells(line: &str) -> Vec<&str> {
    let inner = line
        .trim()
        .strip_prefix('|')
        .and_then(|line| line.strip_suffix('|'));
    inner
        .map(|inner| inner.split('|').map(str::trim).collect())
        .unwrap_or_default()
}

/// A name without its backticks.
fn plain(name: &str) -> String {
    name.trim().trim_matches('`').to_owned()
}

/// Where each column is.
struct Columns {
    layer: usize,
    name: usize,
    sentence: usize,
    may_use: usize,
}

impl Columns {
    fn find(header: &[&str]) -> Option<Self> {
        let at = |title: &str| header.iter().position(|cell| cell.starts_with(title));
        Some(Self {
            layer: at("layer")?,
            name: at("crate")?,
            sentence: at("one sentence")?,
            may_use: at("may use")?,
        })
    }

    fn row(&self, cells: &[&str]) -> Result<(String, Row)> {
        let cell = |column: usize| {
            cells
                .get(column)
                .copied()
                .with_context(|| format!("short row: {}", cells.join(" | ")))
        };
        let layer = cell(self.layer)?;
        let row = Row {
            layer: layer
                .parse()
                .with_context(|| format!("`{layer}` is not the number of a layer"))?,
            sentence: cell(self.sentence)?.to_owned(),
            may_use: MayUse::parse(cell(self.may_use)?),
        };
        Ok((plain(cell(self.name)?), row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "\
# Page

| other | table |
|---|---|
| a | b |

| layer | crate (package `dropsonde-<name>`) | one sentence | may use (ours) |
|---|---|---|---|
| 0 | `mesh` | Geometry. | none |
| 1 | `fields` | Weather. | mesh |
| 2 | `model` | Network. | `mesh`, fields |
| 3 | `cli` | Program. | all |

| 9 | `late` | After the table. | none |
";

    #[test]
    fn the_table_is_found_and_read() -> Result<()> {
        let table = parse(PAGE)?;
        assert_eq!(
            table.keys().collect::<Vec<_>>(),
            ["cli", "fields", "mesh", "model"]
        );
        assert_eq!(table["mesh"].may_use, MayUse::Only(BTreeSet::new()));
        assert_eq!(
            (table["model"].layer, table["model"].sentence.as_str()),
            (2, "Network.")
        );
        assert!(
            table["model"].may_use.contains("mesh") && table["model"].may_use.contains("fields")
        );
        assert!(!table["fields"].may_use.contains("model"));
        assert!(table["cli"].may_use.contains("model"));
        Ok(())
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        let error = |page: &str| format!("{:#}", parse(page).unwrap_err());
        assert!(error("no table").contains("no table"));
        assert!(error(&PAGE.replace("| 0 |", "| zero |")).contains("`zero`"));
        assert!(error(&PAGE.replace("| mesh |", "|")).contains("short row"));
        assert!(error(&PAGE.replace("`fields` |", "`mesh` |")).contains("two rows"));
    }
}
