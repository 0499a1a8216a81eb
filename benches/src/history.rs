//! The course of the figures over many runs, drawn as a page.

use std::collections::{BTreeMap, BTreeSet};

use dropsonde_atlas::{Cell, Figure as Picture, LinePlot, Report, Section, Series, Table};
use serde::Deserialize;

use crate::case::Error;

/// One line of a history: one run of `cargo xtask bench --json` with where it came from.
#[derive(Clone, Debug, Deserialize)]
pub struct Run {
    /// The commit that was measured.
    pub commit: String,
    /// When it was measured.
    pub date: String,
    /// Name of the processor: times compare only where it is the same.
    pub cpu: String,
    /// The figures by name.
    pub figures: BTreeMap<String, Value>,
}

/// A figure of a run.
#[derive(Clone, Debug, Deserialize)]
pub struct Value {
    /// The number.
    pub value: f64,
    /// Its unit.
    pub unit: String,
    /// `lower` or `higher`.
    pub better: String,
}

/// Reads a history, one JSON object per line, oldest first.
///
/// # Errors
/// The number of the line that is not one.
pub fn parse(text: &str) -> Result<Vec<Run>, Error> {
    let lines = text.lines().enumerate();
    let lines = lines.filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(index, line)| {
            let run = serde_json::from_str(line);
            run.map_err(|e| format!("line {}: {e}", index + 1).into())
        })
        .collect()
}

/// The newest values as a table, then a plot of every figure over the runs, one curve per processor.
pub fn page(runs: &[Run]) -> Result<Report, Error> {
    let newest = runs.last().ok_or("the history is empty")?;
    let names: BTreeSet<&str> = runs
        .iter()
        .flat_map(|run| run.figures.keys().map(String::as_str))
        .collect();
    let mut areas: BTreeMap<&str, Vec<Picture>> = BTreeMap::new();
    for name in names {
        let area = name.split('.').next().unwrap_or(name);
        areas.entry(area).or_default().push(picture(runs, name)?);
    }
    let (commit, date, cpu) = (&newest.commit, &newest.date, &newest.cpu);
    let page = Report::new("Figures of Dropsonde over time")
        .subtitle(format!(
            "{} runs; the newest is `{commit}` of {date} on {cpu}",
            runs.len()
        ))
        .section(Section::new("Newest").table(
            table(runs, newest),
            "Changes are against the last run before it on the same processor.",
        ));
    Ok(areas.into_iter().fold(page, |page, (area, pictures)| {
        page.section(Section::new(area).figures(pictures))
    }))
}

fn table(runs: &[Run], newest: &Run) -> Table {
    let header = ["figure", "value", "unit", "better", "change in %"];
    let mut before = runs[..runs.len() - 1].iter().rev();
    let before = before.find(|run| run.cpu == newest.cpu);
    let row = |table: Table, (name, now): (&String, &Value)| {
        let old = before.and_then(|run| run.figures.get(name));
        let change = old.map_or(f64::NAN, |old| 100.0 * (now.value / old.value - 1.0));
        table.row(vec![
            name.as_str().into(),
            now.value.into(),
            now.unit.as_str().into(),
            now.better.as_str().into(),
            Cell::Fixed(change, 1),
        ])
    };
    newest.figures.iter().fold(Table::new(&header), row)
}

fn picture(runs: &[Run], name: &str) -> Result<Picture, Error> {
    let last = runs.iter().rev().find_map(|run| run.figures.get(name));
    let last = last.ok_or_else(|| format!("no run has `{name}`"))?;
    let cpus: BTreeSet<&str> = runs
        .iter()
        .filter(|run| run.figures.contains_key(name))
        .map(|run| run.cpu.as_str())
        .collect();
    let mut plot = LinePlot::new(name)
        .y_label(&last.unit)
        .x_label("run")
        .size(460.0, 240.0);
    for &cpu in &cpus {
        let on_cpu = runs.iter().enumerate().filter(|(_, run)| run.cpu == cpu);
        let points =
            on_cpu.filter_map(|(i, run)| Some((i as f64 + 1.0, run.figures.get(name)?.value)));
        let (x, y): (Vec<f64>, Vec<f64>) = points.unzip();
        let label = if cpus.len() > 1 { cpu } else { "" };
        plot = plot.series(Series::new(label, &x, &y).dots());
    }
    let caption = format!("`{name}` in {}, {} is better.", last.unit, last.better);
    Ok(Picture::new(plot.to_svg()?, caption))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(commit: &str, cpu: &str, seconds: f64) -> String {
        format!(
            r#"{{"commit":"{commit}","date":"2026-01-01","cpu":"{cpu}","figures":{{"mesh.full.seconds":{{"value":{seconds},"unit":"s","better":"lower"}},"sae.x":{{"value":1,"unit":"1","better":"higher","stable":true}}}}}}"#
        )
    }

    #[test]
    fn a_page_has_a_curve_per_processor_and_changes_on_the_same_one() -> Result<(), Error> {
        let lines = [
            line("aaa", "Abacus", 4.0),
            line("bbb", "Slide rule", 9.0),
            line("ccc", "Abacus", 3.0),
        ];
        let runs = parse(&(lines.join("\n") + "\n\n"))?;
        assert_eq!(runs.len(), 3);
        let html = page(&runs)?.to_html()?;
        assert_eq!(html.matches("class=\"picture\"").count(), 2);
        for expected in [
            "Abacus",
            "Slide rule",
            "mesh.full.seconds",
            "\u{2212}25.0",
            "ccc",
        ] {
            assert!(html.contains(expected), "{expected}");
        }
        Ok(())
    }

    #[test]
    fn one_run_is_enough_none_is_not() -> Result<(), Error> {
        let runs = parse(&line("aaa", "Abacus", 4.0))?;
        assert!(page(&runs)?.to_html()?.contains("n/a"));
        assert!(page(&[]).is_err_and(|e| e.to_string().contains("empty")));
        let broken = format!("{}\nnonsense", line("aaa", "Abacus", 4.0));
        assert!(parse(&broken).is_err_and(|e| e.to_string().contains("line 2")));
        Ok(())
    }
}
