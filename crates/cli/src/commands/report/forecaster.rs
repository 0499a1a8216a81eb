use dropsonde_atlas::{Cell, Section, Table};
use serde_json::Value;

use super::Run;

/// Channels that the table shows, at these leads in hours.
const CHANNELS: [&str; 8] = [
    "geopotential@500",
    "temperature@850",
    "u_component_of_wind@850",
    "specific_humidity@700",
    "2m_temperature",
    "mean_sea_level_pressure",
    "10m_u_component_of_wind",
    "total_precipitation_6hr",
];

/// What the model is and how well it forecasts.
pub(super) fn section(run: &Run) -> anyhow::Result<Section> {
    let model = &run.checkpoint.model;
    let section = Section::new("The forecaster").paragraph(format!(
        "{} {} parameters; mesh level {} ({} nodes), width {}, {} processor steps.",
        run.checkpoint.description,
        run.checkpoint.parameters.count(),
        model.mesh_size,
        run.graph.mesh.n_nodes(),
        model.latent_size,
        model.gnn_msg_steps
    ));
    let path = run
        .ctx
        .experiment
        .model
        .checkpoint
        .with_extension("skill.json");
    let Some(rows) = std::fs::read_to_string(path)
        .ok()
        .and_then(|t| serde_json::from_str::<Vec<Value>>(&t).ok())
    else {
        return Ok(section);
    };
    let mut table = Table::new(&[
        "channel",
        "lead (h)",
        "RMSE / persistence",
        "RMSE / climatology",
    ]);
    for name in CHANNELS {
        for row in rows
            .iter()
            .filter(|r| r["channel"] == name && r["lead_hours"] != 12)
        {
            let number = |key: &str| row[key].as_f64().unwrap_or(f64::NAN);
            table = table.row(vec![
                name.into(),
                Cell::Fixed(number("lead_hours"), 0),
                Cell::Fixed(number("over_persistence"), 3),
                Cell::Fixed(number("rmse") / number("climatology_rmse"), 3),
            ]);
        }
    }
    Ok(section.table(
        table,
        "Area-weighted root-mean-square error on earth-mini, which the forecaster has not seen, over that of persistence \
         and of the mean of the training days. Below 1 is better than the reference.",
    ))
}
