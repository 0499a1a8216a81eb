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
    text: String,
    section: &'static str,
}

impl Page {
    /// Reads a page and finds the section.
    pub(crate) fn open(
        workspace: &Workspace,
        name: &'static str,
        section: &'static str,
    ) -> Result<Self> {
        let path = workspace.root().join(name);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read `{name}`"))?;
        let page = Self {
            path,
            name,
            text,
            section,
        };
        page.with("")?;
        Ok(page)
    }

    /// Writes the page with another text in the section.
    pub(crate) fn write(&self, text: &str) -> Result<()> {
        let part = self.path.with_extension("md.part");
        fs::write(&part, self.with(text)?)
            .and_then(|()| fs::rename(&part, &self.path))
            .with_context(|| format!("cannot write `{}`", self.name))
    }

    /// The page with another text in the section.
    fn with(&self, text: &str) -> Result<String> {
        let [begin, end] = ["begin", "end"].map(|side| format!("<!-- {}:{side} -->", self.section));
        let page = &self.text;
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

    fn page(text: &str) -> Page {
        Page {
            path: PathBuf::new(),
            name: "docs/earth.md",
            text: text.to_owned(),
            section: "census",
        }
    }

    #[test]
    fn only_the_section_is_replaced() -> Result<()> {
        let text = "# Earth\n<!-- census:begin -->\nold\n<!-- census:end -->\n## Skill\n<!-- skill:begin -->\n";
        let new = page(text).with("\nnew\n\n")?;
        assert_eq!(new, text.replace("old", "new"));
        assert_eq!(page(&new).with("new")?, new);
        Ok(())
    }

    #[test]
    fn markers_that_are_missing_or_exchanged_are_refused() {
        for text in [
            "",
            "<!-- census:begin --> only",
            "<!-- census:end -->\n<!-- census:begin -->",
        ] {
            let error = page(text).with("x").unwrap_err().to_string();
            assert!(
                error.contains("hint:") && error.contains("census:end"),
                "{error}"
            );
        }
    }
}
