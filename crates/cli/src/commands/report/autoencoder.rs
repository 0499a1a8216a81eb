use anyhow::Context;
use dropsonde_atlas::{Cell, LinePlot, Section, Series, Table};
use serde_json::Value;

use super::Run;

/// Training curve and reconstruction on `report`.
pub(super) fn section(run: &Run) -> anyhow::Result<Section> {
    let config = &run.sae.config;
    let rows = run.sae_summary["rows"].as_u64().unwrap_or_default();
    let section = Section::new("The sparse autoencoder").paragraph(format!(
        "An autoencoder at `{}`: {} channels in, {} latents, {}, trained on {rows} rows for {} epochs.",
        run.sae.meta.site, config.d_in, config.n_latents, config.activation, run.sae_summary["epochs"]
    ));
    let mut table = Table::new(&["on report", "FVU", "active", "dead share"]);
    let evaluation = run.sae_summary["evaluation"]
        .as_array()
        .context("`sae.summary.json` has no `evaluation`")?;
    for row in evaluation {
        let number = |key: &str| row[key].as_f64().unwrap_or(f64::NAN);
        table = table.row(vec![
            row["what"].as_str().unwrap_or_default().into(),
            Cell::Fixed(number("fvu"), 4),
            Cell::Fixed(number("l0"), 1),
            Cell::Fixed(number("dead_fraction"), 3),
        ]);
    }
    let caption = "Fraction of variance unexplained (FVU), mean number of active latents, and latents never active, in the \
                   autoencoder's input space (each row centred and scaled to unit norm).";
    let section = section.table(table, caption);
    match training_curve(run)? {
        Some(plot) => Ok(section.figure(
            plot.to_svg()?,
            "Reconstruction error of training batches; the learning rate falls over the last fifth.",
        )),
        None => Ok(section),
    }
}

fn training_curve(run: &Run) -> anyhow::Result<Option<LinePlot>> {
    let Ok(text) = std::fs::read_to_string(run.ctx.path("sae.log.jsonl")) else {
        return Ok(None);
    };
    let lines: Vec<Value> = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let column = |key: &str| {
        lines
            .iter()
            .filter_map(|l| l[key].as_f64())
            .collect::<Vec<_>>()
    };
    if lines.len() < 2 {
        return Ok(None);
    }
    Ok(Some(
        LinePlot::new("Training of the autoencoder")
            .x_label("step")
            .y_label("normalised squared error")
            .series(Series::new("batch", &column("step"), &column("main"))),
    ))
}
