//! What the checks need of every `Cargo.toml`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use toml::Table;

/// The tables of dependencies, at the top and for one target.
const SECTIONS: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

/// One package.
#[derive(Debug, Default)]
pub(super) struct Manifest {
    /// Directory relative to the top, such as `crates/mesh`.
    pub(super) directory: String,
    /// Name of the package, such as `dropsonde-mesh`.
    pub(super) package: String,
    /// Its description.
    pub(super) description: String,
    /// Packages of all sections of dependencies.
    pub(super) dependencies: BTreeSet<String>,
    /// The build script that is there, if any.
    pub(super) build_script: Option<String>,
}

/// The manifests of all crates, of `xtask` and of `benches`, in the order of their directories.
pub(super) fn read_all(root: &Path) -> Result<Vec<Manifest>> {
    let mut directories = vec!["benches".to_owned(), "xtask".to_owned()];
    for entry in fs::read_dir(root.join("crates")).context("cannot list `crates`")? {
        let entry = entry?;
        if entry.path().join("Cargo.toml").is_file() {
            directories.push(format!("crates/{}", entry.file_name().to_string_lossy()));
        }
    }
    directories.sort();
    directories
        .iter()
        .map(|directory| read(root, directory))
        .collect()
}

fn read(root: &Path, directory: &str) -> Result<Manifest> {
    let path = root.join(directory).join("Cargo.toml");
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let manifest =
        parse(directory, &text).with_context(|| format!("cannot use `{}`", path.display()))?;
    let build_script = fs::read_to_string(path.with_file_name("build.rs")).ok();
    Ok(Manifest {
        build_script,
        ..manifest
    })
}

fn parse(directory: &str, text: &str) -> Result<Manifest> {
    let manifest: Table = text.parse()?;
    let package = manifest.get("package").and_then(|value| value.as_table());
    let field = |name: &str| package?.get(name)?.as_str().map(str::to_owned);
    let mut dependencies = BTreeSet::new();
    add(&manifest, &mut dependencies);
    let targets = manifest.get("target").and_then(|value| value.as_table());
    for target in targets
        .into_iter()
        .flatten()
        .filter_map(|(_, value)| value.as_table())
    {
        add(target, &mut dependencies);
    }
    Ok(Manifest {
        directory: directory.to_owned(),
        package: field("name").context("found no `package.name`")?,
        description: field("description").unwrap_or_default(),
        dependencies,
        build_script: None,
    })
}

/// Adds the packages of the three sections, by the name they have in the registry.
fn add(table: &Table, dependencies: &mut BTreeSet<String>) {
    for section in SECTIONS
        .iter()
        .filter_map(|name| table.get(*name)?.as_table())
    {
        for (name, value) in section {
            let package = value
                .as_table()
                .and_then(|table| table.get("package")?.as_str());
            dependencies.insert(package.unwrap_or(name).to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_section_counts_under_the_registry_name() -> Result<()> {
        let manifest = parse(
            "crates/a",
            r#"
            package = { name = "dropsonde-a", description = "First." }
            dependencies = { mesh = { package = "dropsonde-mesh", path = "../mesh" }, half = "2" }
            dev-dependencies.tempfile.workspace = true
            build-dependencies.cc = "1"
            target.'cfg(unix)'.dependencies.libc = "0.2"
        "#,
        )?;
        let names: Vec<&str> = manifest.dependencies.iter().map(String::as_str).collect();
        assert_eq!(names, ["cc", "dropsonde-mesh", "half", "libc", "tempfile"]);
        assert_eq!(
            (manifest.package.as_str(), manifest.description.as_str()),
            ("dropsonde-a", "First.")
        );
        assert!(parse("crates/a", "[dependencies]").is_err());
        Ok(())
    }
}
