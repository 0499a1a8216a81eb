//! `cargo xtask reproduce sae-sweep`: which autoencoder, and the table that says why.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::page::Page;
use crate::program::{self, Profile};
use crate::workspace::Workspace;
use crate::{process, setup};

/// Its name on the command line.
pub(crate) const NAME: &str = "sae-sweep";

/// The page with the table.
const PAGE: &str = "docs/sae-results.md";
const SECTION: &str = "sweep";
const EARTH: &str = "xtask/experiments/earth.toml";
const GRID: &str = "xtask/experiments/sae-sweep.toml";
/// The run of `cargo xtask reproduce` whose latents are used; what is there is kept.
const LATENTS: &str = "runs/earth";

/// Captures, trains, compares, and renews the page.
pub(crate) fn run(workspace: &Workspace, smoke: bool, out: Option<&Path>) -> Result<()> {
    if smoke {
        bail!("`{NAME}` has no `--smoke`\nhint: `dropsonde sae sweep --help` shows a smaller one");
    }
    let page = Page::open(workspace, PAGE, SECTION)?;
    let out = match out {
        Some(out) => std::path::absolute(out)?,
        None => workspace.root().join("runs").join(NAME),
    };
    setup::ensure(workspace)?;
    let program = program::build(workspace, Profile::Release)?;
    let started = Instant::now();
    let task = Task {
        program: &program,
        root: workspace.root(),
        out: &out,
    };
    process::headline("1 of 3: run the forecaster and record its latents");
    process::run(
        task.command("capture")
            .args(["--experiment", EARTH, "--run", LATENTS]),
    )?;
    process::headline("2 of 3: train and compare all autoencoders");
    process::run(&mut task.sweep())?;
    let sweep = read(&out.join("sweep.json"))?;
    process::headline("3 of 3: put their reconstructions into forecasts");
    let recovered = task.recovered(&names(&sweep)?)?;
    page.write(&table(&sweep, &recovered)?)?;
    process::headline(&format!(
        "finished in {}",
        process::duration(started.elapsed())
    ));
    eprintln!("renewed the table in `{PAGE}`");
    Ok(())
}

/// The program and where it writes.
struct Task<'a> {
    program: &'a Path,
    root: &'a Path,
    out: &'a Path,
}

impl Task<'_> {
    fn command(&self, words: &str) -> Command {
        let mut command = Command::new(self.program);
        command.current_dir(self.root).args(words.split(' '));
        command
    }

    fn sweep(&self) -> Command {
        let mut command = self.command("sae sweep --resume");
        command
            .args(["--config", GRID, "--latents"])
            .arg(format!("{LATENTS}/latents.zarr"))
            .args(["--train-split", "train", "--score-split", "select", "--out"])
            .arg(self.out);
        command
    }

    /// Forecast loss recovered of every autoencoder, computed once.
    fn recovered(&self, names: &[String]) -> Result<Value> {
        let path = self.out.join("recovered.json");
        if !path.is_file() {
            let mut command = self.command("sae recovered");
            command.args([
                "--experiment",
                EARTH,
                "--split",
                "select",
                "--json",
                "--latents",
            ]);
            command.arg(format!("{LATENTS}/latents.zarr"));
            for name in names {
                command.arg("--sae").arg(self.sae(name));
            }
            eprintln!("{}", process::line(&command));
            let output = command.stderr(std::process::Stdio::inherit()).output()?;
            if !output.status.success() {
                bail!("`{}` failed: {}", process::line(&command), output.status);
            }
            let part = path.with_extension("json.part");
            fs::write(&part, output.stdout)
                .and_then(|()| fs::rename(&part, &path))
                .with_context(|| format!("cannot write `{}`", path.display()))?;
        }
        read(&path)
    }

    fn sae(&self, name: &str) -> PathBuf {
        self.out.join(name).join("sae")
    }
}

fn read(path: &Path) -> Result<Value> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("`{}`", path.display()))
}

fn list<'a>(value: &'a Value, key: &str) -> Result<&'a Vec<Value>> {
    value[key]
        .as_array()
        .with_context(|| format!("no list `{key}` in the results"))
}

fn names(sweep: &Value) -> Result<Vec<String>> {
    let name = |sae: &Value| {
        let name = sae["member"]["name"].as_str();
        Ok(name.context("an autoencoder without a name")?.to_owned())
    };
    list(sweep, "saes")?.iter().map(name).collect()
}

/// The columns: heading, digits, and where the value is.
type Column = (&'static str, usize, fn(&Value) -> Option<f64>);

const COLUMNS: [Column; 8] = [
    ("FVU", 4, |sae| sae["evaluation"]["fvu"].as_f64()),
    ("L0", 1, |sae| sae["evaluation"]["l0"].as_f64()),
    ("dead", 3, |sae| sae["evaluation"]["dead_fraction"].as_f64()),
    ("rare", 3, |sae| {
        sae["evaluation"]["dictionary"]["rare_fraction"].as_f64()
    }),
    ("redundancy", 3, |sae| {
        sae["evaluation"]["dictionary"]["redundancy"].as_f64()
    }),
    ("stable", 3, |sae| {
        sae["stability"]["stable_fraction"].as_f64()
    }),
    ("recovered, median", 4, |sae| {
        sae["recovered"]["median"].as_f64()
    }),
    ("recovered, least", 4, |sae| {
        sae["recovered"]["least"].as_f64()
    }),
];

/// One row for each recipe, means over the seeds with the largest distance from them; then the baselines.
fn table(sweep: &Value, recovered: &Value) -> Result<String> {
    let recovered = list(recovered, "outcomes")?;
    let of = |name: &str| {
        let found = recovered.iter().find(|one| {
            let what = one["what"].as_str().unwrap_or_default();
            what == name || Path::new(what).parent().is_some_and(|p| p.ends_with(name))
        });
        found.cloned().unwrap_or(Value::Null)
    };
    let mut groups: BTreeMap<(usize, String), Vec<Value>> = BTreeMap::new();
    for (order, sae) in list(sweep, "saes")?.iter().enumerate() {
        let (member, recipe) = (&sae["member"], &sae["member"]["recipe"]);
        let title = format!(
            "{} of {}, k {}",
            recipe["variant"].as_str().unwrap_or_default(),
            recipe["n_latents"],
            recipe["k"]
        );
        let mut sae = sae.clone();
        sae["recovered"] = of(member["name"].as_str().unwrap_or_default());
        let known = groups.keys().find(|(_, name)| *name == title).cloned();
        let key = known.unwrap_or((order, title));
        groups.entry(key).or_default().push(sae);
    }
    let headings: Vec<&str> = COLUMNS.iter().map(|(heading, ..)| *heading).collect();
    let mut lines = vec![
        format!("| | {} |", headings.join(" | ")),
        format!("|---|{}", "---|".repeat(COLUMNS.len())),
    ];
    for ((_, title), saes) in &groups {
        lines.push(row(title, saes));
    }
    for baseline in list(sweep, "baselines")? {
        let title = baseline["what"].as_str().unwrap_or_default();
        let mut one = serde_json::json!({ "evaluation": baseline });
        one["recovered"] = of(title);
        lines.push(row(title, &[one]));
    }
    Ok(lines.join("\n"))
}

fn row(title: &str, saes: &[Value]) -> String {
    let cells = COLUMNS.iter().map(|(_, digits, value)| {
        let values: Vec<f64> = saes.iter().filter_map(value).collect();
        if values.is_empty() {
            return String::new();
        }
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let spread = values.iter().map(|v| (v - mean).abs()).fold(0.0, f64::max);
        match values.len() {
            1 => format!("{mean:.digits$}"),
            _ => format!("{mean:.digits$} ± {spread:.digits$}"),
        }
    });
    format!("| {title} | {} |", cells.collect::<Vec<_>>().join(" | "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sae(variant: &str, k: u64, seed: u64, fvu: f64) -> Value {
        json!({
            "member": { "name": format!("{variant}-k{k}-s{seed}"), "recipe": { "variant": variant, "n_latents": 64, "k": k } },
            "evaluation": { "fvu": fvu, "l0": k, "dead_fraction": 0.0, "dictionary": { "rare_fraction": 0.1, "redundancy": 0.5 } },
            "stability": { "stable_fraction": 0.25 },
        })
    }

    #[test]
    fn seeds_share_a_row_and_baselines_follow() -> Result<()> {
        let sweep = json!({
            "saes": [sae("topk", 8, 0, 0.1), sae("topk", 8, 1, 0.2), sae("relu", 8, 0, 0.3)],
            "baselines": [{ "what": "8 principal components", "fvu": 0.5, "l0": 8.0, "dead_fraction": 0.0, "dictionary": null }],
        });
        let recovered = json!({ "outcomes": [
            { "what": "runs/sweep/topk-k8-s0/sae", "median": 0.9, "least": 0.8 },
            { "what": "runs/sweep/topk-k8-s1/sae", "median": 0.7, "least": 0.8 },
            { "what": "8 principal components", "median": 0.4, "least": 0.1 },
        ] });
        let table = table(&sweep, &recovered)?;
        let rows: Vec<&str> = table.lines().skip(2).collect();
        assert_eq!(
            rows[0],
            "| topk of 64, k 8 | 0.1500 ± 0.0500 | 8.0 ± 0.0 | 0.000 ± 0.000 | 0.100 ± 0.000 | 0.500 ± 0.000 | 0.250 ± 0.000 | \
             0.8000 ± 0.1000 | 0.8000 ± 0.0000 |"
        );
        assert!(
            rows[1].starts_with("| relu of 64, k 8 | 0.3000 | 8.0 |"),
            "{}",
            rows[1]
        );
        assert_eq!(
            rows[2],
            "| 8 principal components | 0.5000 | 8.0 | 0.000 |  |  |  | 0.4000 | 0.1000 |"
        );
        Ok(())
    }

    #[test]
    fn the_page_of_this_checkout_has_the_markers() -> Result<()> {
        Page::open(&Workspace::find()?, PAGE, SECTION)?;
        Ok(())
    }
}
