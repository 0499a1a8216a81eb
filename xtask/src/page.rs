//! Pages of the documentation with a section that a task writes.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};

use crate::workspace::Workspace;

/// A page, and the section between `<!-- NAME:begin -->` and `<!-- NAME:end -->` that is renewed.
pub(crate) struct Page {
    path: PathBuf,
    /// Where it is in the checkout, for messages.
    name: &'static str,
    section: &'static str,
}

impl Page {
    /// Finds the section of a page, so that a long task fails before it starts if there is none.
    pub(crate) fn open(
        workspace: &Workspace,
        name: &'static str,
        section: &'static str,
    ) -> Result<Self> {
        let page = Self {
            path: workspace.root().join(name),
            name,
            section,
        };
        page.with(&page.read()?, "")?;
        Ok(page)
    }

    fn read(&self) -> Result<String> {
        fs::read_to_string(&self.path).with_context(|| format!("cannot read `{}`", self.name))
    }

    /// Writes the page, as it is by then, with another text in the section.
    pub(crate) fn write(&self, text: &str) -> Result<()> {
        let part = self.path.with_extension("md.part");
        let page = self.with(&self.read()?, text)?;
        fs::write(&part, page)
            .and_then(|()| fs::rename(&part, &self.path))
            .with_context(|| format!("cannot write `{}`", self.name))
    }

    /// A page with another text in the section.
    fn with(&self, page: &str, text: &str) -> Result<String> {
        let [begin, end] = ["begin", "end"].map(|side| format!("<!-- {}:{side} -->", self.section));
        let (Some(first), Some(last)) = (page.find(&begin), page.find(&end)) else {
            bail!(
                "`{}` lacks the markers `{begin}` and `{end}`\nhint: put them where the section belongs",
                self.name
            );
        };
        let first = first + begin.len();
        ensure!(
            first <= last,
            "`{end}` stands before `{begin}` in `{}`\nhint: exchange them",
            self.name
        );
        Ok(format!(
            "{}\n{}\n{}",
            &page[..first],
            text.trim(),
            &page[last..]
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(directory: &tempfile::TempDir, text: &str) -> Page {
        let path = directory.path().join("earth.md");
        fs::write(&path, text).unwrap();
        Page {
            path,
            name: "docs/earth.md",
            section: "census",
        }
    }

    #[test]
    fn only_the_section_is_replaced_in_the_page_as_it_is_then() {
        let directory = tempfile::tempdir().unwrap();
        let text = "# Earth\n<!-- census:begin -->\nold\n<!-- census:end -->\n## Skill\n<!-- skill:begin -->\n";
        let page = page(&directory, text);
        let text = format!("{text}written in the meantime\n");
        fs::write(&page.path, &text).unwrap();
        for _ in 0..2 {
            page.write("\nnew\n\n").unwrap();
            let new = fs::read_to_string(&page.path).unwrap();
            assert_eq!(new, text.replace("old", "new"));
        }
    }

    #[test]
    fn markers_that_are_missing_or_exchanged_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        for text in [
            "",
            "<!-- census:begin --> only",
            "<!-- census:end -->\n<!-- census:begin -->",
        ] {
            let error = page(&directory, text).write("x").unwrap_err().to_string();
            assert!(
                error.contains("hint:") && error.contains("census:end"),
                "{error}"
            );
        }
    }
}
