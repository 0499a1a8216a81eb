//! `cargo xtask earth mini`: earth-mini from a packed record.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::Value;

use super::pack::{Program, size};
use crate::setup;
use crate::workspace::Workspace;

/// What may be committed.
const MOST_BYTES: u64 = 64_000_000;
const MOST_FILES: usize = 60;

const NAME: &str = "earth-mini.zarr";
/// What is between these lines of the README is written here.
const BEGIN: &str = "<!-- earth-mini: written by `cargo xtask earth mini` -->";
const END: &str = "<!-- earth-mini: end -->";

/// Where from and where to.
#[derive(Args)]
pub(crate) struct MiniArguments {
    /// Directory that `cargo xtask earth pack` has made
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Directory for `earth-mini.zarr`, `windows.json`, `statistics.json` and the tables of its README
    #[arg(long, value_name = "DIR", default_value = "xtask/earth/data")]
    out: PathBuf,
}

/// Writes the windows of a packed record and what belongs to them; replaces the earth-mini that is there.
pub(crate) fn run(workspace: &Workspace, arguments: &MiniArguments) -> Result<()> {
    let data = std::path::absolute(&arguments.data)?;
    let out = workspace.root().join(&arguments.out);
    let windows = data.join("windows.json");
    let rows = read(&windows)?;
    setup::ensure(workspace)?;
    let program = Program::new(workspace)?;
    // In a directory of its own, since its checksums contain its name.
    let fresh = out.join("earth-mini.new");
    remove(&fresh)?;
    std::fs::create_dir_all(&fresh)
        .with_context(|| format!("cannot create `{}`", fresh.display()))?;
    let store = fresh.join(NAME);
    program.make(&store, "earth-mini", |command| {
        command.args(["coarsen", "--config", "xtask/earth/mini.toml"]);
        command.arg("--source").arg(data.join("earth.zarr"));
        command.arg("--windows").arg(&windows).arg("--out");
    })?;
    let (bytes, files) = size(&store)?;
    ensure!(
        bytes <= MOST_BYTES && files <= MOST_FILES,
        "earth-mini has {bytes} bytes in {files} files, expected at most {MOST_BYTES} in {MOST_FILES}\nhint: remove `{}` and let `dropsonde windows` choose fewer",
        windows.display()
    );
    let attributes = read(&store.join("zarr.json"))?["attributes"].take();
    let members = read(&data.join("earth.zarr/zarr.json"))?["attributes"]["members"].take();
    for name in [NAME, "earth-mini.zarr.sha256"] {
        remove(&out.join(name))?;
        let from = fresh.join(name);
        std::fs::rename(&from, out.join(name))
            .with_context(|| format!("cannot move `{}`", from.display()))?;
    }
    remove(&fresh)?;
    for name in ["windows.json", "statistics.json"] {
        let from = data.join(name);
        std::fs::copy(&from, out.join(name))
            .with_context(|| format!("cannot copy `{}`", from.display()))?;
    }
    let readme = out.join("README.md");
    let text = std::fs::read_to_string(&readme).unwrap_or_else(|_| format!("{BEGIN}\n{END}\n"));
    let text = replaced(
        &text,
        &section(&attributes, &members, &rows, (bytes, files)),
    )
    .with_context(|| {
        format!(
            "`{}` lacks the lines `{BEGIN}` and `{END}`",
            readme.display()
        )
    })?;
    std::fs::write(&readme, text)
        .with_context(|| format!("cannot write `{}`", readme.display()))?;
    println!(
        "{}: {:.1} MB in {files} files",
        out.join(NAME).display(),
        bytes as f64 / 1e6
    );
    Ok(())
}

fn read(path: &Path) -> Result<Value> {
    let text = std::fs::read_to_string(path).with_context(|| {
        format!(
            "cannot read `{}`\nhint: `cargo xtask earth pack` writes it",
            path.display()
        )
    })?;
    serde_json::from_str(&text).with_context(|| format!("`{}` is not JSON", path.display()))
}

/// Removes a file or directory that may be there.
fn remove(path: &Path) -> Result<()> {
    let result = match path.is_dir() {
        true => std::fs::remove_dir_all(path),
        false if path.exists() => std::fs::remove_file(path),
        false => Ok(()),
    };
    result.with_context(|| format!("cannot remove `{}`", path.display()))
}

/// The text with a new section between the two lines.
fn replaced(text: &str, section: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{section}{END}{after}"))
}

/// What the README says of the windows.
fn section(
    attributes: &Value,
    members: &Value,
    rows: &Value,
    (bytes, files): (u64, usize),
) -> String {
    let windows = rows.as_array().map_or(&[][..], Vec::as_slice);
    let states: u64 = windows
        .iter()
        .filter_map(|window| window["steps"].as_u64())
        .sum();
    let outside = attributes["training_blocks"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let training: u64 = outside
        .iter()
        .filter_map(|block| block["steps"].as_u64())
        .sum();
    let mut text = format!(
        "{} windows, {states} states; {:.1} MB in {files} files.\nRecord: {}.\n{training} states in {} blocks are in no window: the forecaster is trained on them.\n\n",
        windows.len(),
        bytes as f64 / 1e6,
        pieces(members),
        outside.len(),
    );
    text += "| split | first state | last state | plumes | storms | the strongest two, inside the window |\n|---|---|---|---|---|---|\n";
    for split in ["train", "select", "report"] {
        for window in windows.iter().filter(|window| window["split"] == split) {
            text += &line(split, window);
        }
    }
    text
}

/// `m1982 from 1982-07-01T06 (1460 states), ...`.
fn pieces(members: &Value) -> String {
    let members = members.as_array().map_or(&[][..], Vec::as_slice);
    let piece = |member: &Value| {
        let word = |name: &str| member[name].as_str().unwrap_or("?");
        format!(
            "{} from {} ({} states)",
            word("name"),
            word("first"),
            member["steps"]
        )
    };
    members.iter().map(piece).collect::<Vec<_>>().join(", ")
}

fn line(split: &str, window: &Value) -> String {
    let word = |name: &str| window[name].as_str().unwrap_or_default();
    let storms = window["storms"].as_array().map_or(&[][..], Vec::as_slice);
    let strongest: Vec<String> = storms.iter().take(2).map(storm).collect();
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "| {split} | {} | {} | {:.0} % | {} | {} |",
        word("first"),
        word("last"),
        100.0 * window["plume_share"].as_f64().unwrap_or_default(),
        storms.len(),
        strongest.join("; ")
    );
    text
}

/// `971 hPa, 30 m/s, 15 states, 17S 192E to 43S 226E`.
fn storm(storm: &Value) -> String {
    let number = |value: &Value| value.as_f64().unwrap_or_default();
    let place = |index: usize| {
        let (lat, lon) = (number(&storm["lat"][index]), number(&storm["lon"][index]));
        let hemisphere = if lat < 0.0 { 'S' } else { 'N' };
        format!("{:.0}{hemisphere} {lon:.0}E", lat.abs())
    };
    format!(
        "{:.0} hPa, {:.0} m/s, {} states, {} to {}",
        number(&storm["min_pressure_hpa"]),
        number(&storm["max_wind"]),
        storm["points"],
        place(0),
        place(1)
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_readme_gets_a_table_between_its_lines() {
        let rows = json!([
            {"split": "report", "first": "1996-03-18T06", "last": "1996-03-25T06", "steps": 29, "plume_share": 0.171,
             "storms": [{"min_pressure_hpa": 984.4, "max_wind": 32.6, "points": 8, "lat": [-27.6, 43.1], "lon": [146.9, 162.0]}]},
            {"split": "train", "first": "1996-01-18T06", "last": "1996-01-25T06", "steps": 29, "plume_share": 0.2, "storms": []},
        ]);
        let attributes = json!({"training_blocks": [{"steps": 40}, {"steps": 7}]});
        let members = json!([{"name": "m1996", "first": "1996-01-01T06", "steps": 300}]);
        let section = section(&attributes, &members, &rows, (12_340_000, 41));
        let text = replaced(&format!("a\n{BEGIN}\nold\n{END}\nb\n"), &section).expect("both lines");
        assert!(text.starts_with("a\n<!--") && text.ends_with("-->\nb\n") && !text.contains("old"));
        assert!(
            text.contains("2 windows, 58 states; 12.3 MB in 41 files.\nRecord: m1996 from 1996-01-01T06 (300 states).\n47 states in 2 blocks"),
            "{text}"
        );
        let row = "| report | 1996-03-18T06 | 1996-03-25T06 | 17 % | 1 | 984 hPa, 33 m/s, 8 states, 28S 147E to 43N 162E |";
        assert!(text.contains(row), "{text}");
        let (train, report) = (text.find("| train"), text.find("| report"));
        assert!(train < report);
        assert!(replaced("no lines", "").is_none());
    }
}
