use anyhow::Context;
use dropsonde_atlas::{
    ColorMap, Contours, Figure, Layer, Map, MarkShape, Marker, Opacity, Range, Section,
};
use dropsonde_attribution::Phenomenon;
use dropsonde_fields::events::{TropicalLowConfig, TropicalLows};
use dropsonde_fields::{State, Time, Variable, derived};
use dropsonde_mesh::MeshToGrid;
use tch::Tensor;

use super::Run;
use crate::run_context::chosen_feature;

/// Two features over the weather of one moment of `report`.
pub(super) fn section(run: &Run) -> anyhow::Result<Section> {
    let time = run.outcome.init_time;
    let state = run.source.state(time)?;
    let lows =
        TropicalLows::new(run.source.grid(), TropicalLowConfig::default())?.detect(&state)?;
    let codes = codes_at(run, time)?;
    let figures = [Phenomenon::TropicalLow, Phenomenon::MoisturePlume]
        .into_iter()
        .filter_map(|p| chosen_feature(&run.scores, p).map(|f| (p, f)))
        .map(|(phenomenon, feature)| {
            let activation = MeshToGrid::new(&run.graph).apply(&codes.feature(feature));
            let mut map = overlay(run, &state, phenomenon, feature, &activation)?;
            if phenomenon == Phenomenon::TropicalLow {
                for low in &lows {
                    map = map.marker(Marker::new(low.lat, low.lon, MarkShape::Circle));
                }
            }
            Ok(Figure::new(map.to_svg()?, caption(phenomenon)))
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    let section = Section::new("One moment").paragraph(format!(
        "The simulated state of {time}, in a window of `report`, and two features at that moment."
    ));
    // One below the other, over the whole width.
    Ok(figures
        .into_iter()
        .fold(section, |section, figure| section.figures(vec![figure])))
}

/// Codes of the captured record of a time.
fn codes_at(run: &Run, time: Time) -> anyhow::Result<dropsonde_sae::Codes> {
    let records = run.latents.records();
    let index = records
        .iter()
        .position(|r| r.valid_time() == time.unix_seconds())
        .with_context(|| format!("no record of {time} among the captured latents"))?;
    let rows = Tensor::from_slice(&run.latents.read(index)?)
        .reshape([-1, run.latents.meta().width as i64]);
    Ok(run.sae.encode(&rows)?.0)
}

/// A feature over the field that suits the phenomenon.
fn overlay(
    run: &Run,
    state: &State,
    phenomenon: Phenomenon,
    feature: u32,
    activation: &[f32],
) -> anyhow::Result<Map> {
    let pressure: Vec<f32> = state
        .plane(&Variable::MEAN_SEA_LEVEL_PRESSURE, None)?
        .iter()
        .copied()
        .collect();
    overlay_fields(run, phenomenon, feature, activation, &pressure, || {
        let transport = derived::integrated_vapour_transport(state, run.source.grid())?;
        Ok(transport.magnitude.iter().copied().collect())
    })
}

/// Pressure contours for a low, vapour transport for a plume, and the activation on top.
pub(super) fn overlay_fields(
    run: &Run,
    phenomenon: Phenomenon,
    feature: u32,
    activation: &[f32],
    pressure: &[f32],
    transport: impl FnOnce() -> anyhow::Result<Vec<f32>>,
) -> anyhow::Result<Map> {
    let map = Map::new(format!("feature {feature}: {phenomenon}"));
    let activation = Layer::new(run.field(activation)?, "activation");
    if phenomenon == Phenomenon::MoisturePlume {
        let background = Layer::new(run.field(&transport()?)?, "vapour transport (kg/m/s)")
            .colors(ColorMap::Dense)
            .range(Range::Between(0.0, 800.0));
        let activation = activation
            .colors(ColorMap::YlOrRd)
            .opacity(Opacity::Rising(0.6));
        return Ok(map.layer(background).layer(activation));
    }
    let contours = Contours::every(run.field(pressure)?.scaled(0.01, 0.0), 4.0)?
        .label("pressure, every 4 hPa");
    Ok(map
        .layer(activation.colors(ColorMap::YlOrRd))
        .contours(contours))
}

fn caption(phenomenon: Phenomenon) -> &'static str {
    match phenomenon {
        Phenomenon::TropicalLow => {
            "Activation of the tropical-low feature, sea-level pressure every 4 hPa, and (circles) the tropical lows that the detector finds at this moment."
        }
        _ => {
            "Activation of the moisture-plume feature over the magnitude of the vertically integrated vapour transport."
        }
    }
}
