//! What the table and the invariants of the architecture demand of the manifests.

use super::manifest::Manifest;
use super::table::Table;

/// Crates that must build on a machine without libtorch.
pub(super) const NO_LIBTORCH: [&str; 3] = ["mesh", "activations", "fields"];

/// Crates for programs, and the directories whose packages may use them.
const PROGRAM_CRATES: [&str; 2] = ["anyhow", "clap"];
const PROGRAMS: [&str; 2] = ["crates/cli", "xtask"];

/// Whether a package of the registry is libtorch.
pub(super) fn is_libtorch(package: &str) -> bool {
    ["tch", "torch-sys"].contains(&package)
}

/// A crate may use only known crates of lower layers.
pub(super) fn layers(table: &Table) -> Vec<String> {
    let mut found = Vec::new();
    for (name, row) in table {
        let super::table::MayUse::Only(names) = &row.may_use else {
            continue;
        };
        for used in names {
            match table.get(used) {
                None => found.push(format!(
                    "table: `{name}` may use `{used}`, which has no row"
                )),
                Some(other) if other.layer >= row.layer => found.push(format!(
                    "table: `{name}` (layer {}) may use `{used}` (layer {})",
                    row.layer, other.layer
                )),
                Some(_) => {}
            }
        }
    }
    found
}

/// Every crate has a row and depends only on what the row and the invariants allow.
pub(super) fn dependencies(table: &Table, manifests: &[Manifest]) -> Vec<String> {
    let mut found = Vec::new();
    let directory = |name: &str| format!("crates/{name}");
    for name in table
        .keys()
        .filter(|name| manifests.iter().all(|m| m.directory != directory(name)))
    {
        found.push(format!(
            "table: `{name}` has a row, but there is no `crates/{name}`"
        ));
    }
    for manifest in manifests {
        if let Some(name) = manifest.directory.strip_prefix("crates/") {
            found.extend(of_crate(table, manifest, name));
        }
        found.extend(of_any(manifest));
    }
    found
}

fn of_crate(table: &Table, manifest: &Manifest, name: &str) -> Vec<String> {
    let Some(row) = table.get(name) else {
        return vec![format!("`crates/{name}` has no row in the table")];
    };
    let mut found = Vec::new();
    if manifest.package != format!("dropsonde-{name}") {
        found.push(format!(
            "`crates/{name}` is the package `{}`",
            manifest.package
        ));
    }
    for dependency in &manifest.dependencies {
        let ours = dependency.strip_prefix("dropsonde-");
        if ours.is_some_and(|used| !row.may_use.contains(used)) {
            found.push(format!(
                "`crates/{name}` depends on `{dependency}`, which its row does not allow"
            ));
        }
        if is_libtorch(dependency) && NO_LIBTORCH.contains(&name) {
            found.push(format!(
                "`crates/{name}` depends on `{dependency}`, but must not need libtorch"
            ));
        }
    }
    found
}

/// `anyhow` and `clap` are for programs; `xtask` runs before libtorch is there.
fn of_any(manifest: &Manifest) -> Vec<String> {
    let directory = manifest.directory.as_str();
    let is_program = PROGRAMS.contains(&directory);
    let is_wrong = |dependency: &&String| {
        (PROGRAM_CRATES.contains(&dependency.as_str()) && !is_program)
            || (directory == "xtask"
                && (is_libtorch(dependency) || dependency.starts_with("dropsonde-")))
    };
    let wrong = manifest.dependencies.iter().filter(is_wrong);
    wrong
        .map(|dependency| format!("`{directory}` must not depend on `{dependency}`"))
        .collect()
}

/// Whatever links libtorch has the build script that writes the run path, and what the script needs.
pub(super) fn run_path(manifests: &[Manifest]) -> Vec<String> {
    let mut found = Vec::new();
    for manifest in manifests
        .iter()
        .filter(|manifest| manifest.dependencies.iter().any(|d| is_libtorch(d)))
    {
        let directory = &manifest.directory;
        if !manifest.dependencies.contains("torch-sys") {
            found.push(format!(
                "`{directory}` uses tch, so it needs `torch-sys` as a direct dependency"
            ));
        }
        let script = manifest.build_script.as_deref().unwrap_or_default();
        if !script.contains("DEP_TCH_LIBTORCH_LIB") {
            found.push(format!(
                "`{directory}/build.rs` should be a link to `build-support/rpath.rs`"
            ));
        }
    }
    found
}

/// Crates whose description in the manifest is not their sentence in the table.
pub(super) fn sentences(table: &Table, manifests: &[Manifest]) -> Vec<String> {
    let differs = |manifest: &&Manifest| {
        let row = manifest
            .directory
            .strip_prefix("crates/")
            .and_then(|name| table.get(name));
        row.is_some_and(|row| row.sentence != manifest.description)
    };
    let differing = manifests.iter().filter(differs);
    differing
        .map(|manifest| {
            format!(
                "the description of `{}` is not its sentence in the table",
                manifest.directory
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::table;
    use super::*;

    fn example() -> Table {
        table::parse(
            "| layer | crate | one sentence | may use |\n|---|---|---|---|\n| 0 | mesh | Geometry. | none |\n\
             | 1 | sae | Codes. | mesh |\n| 2 | cli | Program. | all |\n",
        )
        .unwrap()
    }

    fn manifest(name: &str, dependencies: &[&str]) -> Manifest {
        Manifest {
            directory: format!("crates/{name}"),
            package: format!("dropsonde-{name}"),
            dependencies: dependencies.iter().map(|&name| name.to_owned()).collect(),
            ..Manifest::default()
        }
    }

    fn three(mesh: &[&str], sae: &[&str], cli: &[&str]) -> [Manifest; 3] {
        [
            manifest("mesh", mesh),
            manifest("sae", sae),
            manifest("cli", cli),
        ]
    }

    #[test]
    fn what_the_table_allows_passes() {
        let manifests = three(
            &["rayon"],
            &["dropsonde-mesh"],
            &["dropsonde-sae", "clap", "anyhow"],
        );
        assert_eq!(dependencies(&example(), &manifests), [""; 0]);
        assert_eq!(layers(&example()), [""; 0]);
    }

    #[test]
    fn each_rule_is_enforced() {
        let found = |mesh: &[&str], sae: &[&str]| dependencies(&example(), &three(mesh, sae, &[]));
        assert!(found(&["dropsonde-sae"], &[])[0].contains("its row does not allow"));
        assert!(found(&["tch"], &[])[0].contains("must not need libtorch"));
        assert!(found(&[], &["anyhow"])[0].contains("`crates/sae` must not depend on `anyhow`"));
        assert!(dependencies(&example(), &[])[0].contains("there is no `crates/cli`"));
        let stranger = dependencies(&example(), &[manifest("tea", &[])]);
        assert!(
            stranger
                .iter()
                .any(|violation| violation.contains("`crates/tea` has no row"))
        );
    }

    #[test]
    fn xtask_needs_none_of_our_crates_and_no_libtorch() {
        let dependencies = |name: &str| Manifest {
            directory: "xtask".into(),
            ..manifest("x", &[name])
        };
        assert_eq!(of_any(&dependencies("clap")), [""; 0]);
        assert_eq!(of_any(&dependencies("tch")).len(), 1);
        assert_eq!(of_any(&dependencies("dropsonde-mesh")).len(), 1);
    }

    #[test]
    fn a_table_that_contradicts_its_layers_is_found() {
        let mut table = example();
        table.get_mut("mesh").unwrap().may_use = table::MayUse::Only(["sae".to_owned()].into());
        table.get_mut("sae").unwrap().may_use = table::MayUse::Only(["tea".to_owned()].into());
        let found = layers(&table);
        assert!(found[0].contains("`mesh` (layer 0) may use `sae` (layer 1)"));
        assert!(found[1].contains("`tea`, which has no row"));
    }

    #[test]
    fn a_crate_with_libtorch_needs_the_run_path() {
        let mut crates = [manifest("sae", &["tch"])];
        assert_eq!(run_path(&crates).len(), 2);
        crates[0] = manifest("sae", &["tch", "torch-sys"]);
        crates[0].build_script = Some("DEP_TCH_LIBTORCH_LIB".to_owned());
        assert_eq!(run_path(&crates), [""; 0]);
        assert_eq!(run_path(&[manifest("mesh", &[])]), [""; 0]);
    }
}
