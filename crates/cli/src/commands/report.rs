mod autoencoder;
mod features;
mod forecaster;
mod intervention;
mod metrics;
mod provenance;
mod real_day;
mod snapshot;

use anyhow::Context;
use dropsonde_activations::ActivationReader;
use dropsonde_atlas::{GridField, Report, Section};
use dropsonde_attribution::{FeatureCatalog, FeatureMaps, Scores};
use dropsonde_fields::Source;
use dropsonde_forecaster::Checkpoint;
use dropsonde_intervention::{Difference, Outcome};
use dropsonde_mesh::{Graph, MeshToGrid};
use dropsonde_sae::Sae;
use ndarray::ArrayView1;
use serde_json::Value;

use crate::args::StepArgs;
use crate::commands::real_day::RealDay;
use crate::json;
use crate::run_context::RunContext;

/// Everything that a finished run left for the report.
struct Run {
    ctx: RunContext,
    source: Source,
    checkpoint: Checkpoint,
    graph: Graph,
    latents: ActivationReader,
    sae: Sae,
    sae_summary: Value,
    scores: Scores,
    catalog: FeatureCatalog,
    maps: FeatureMaps,
    outcome: Outcome,
    real_day: RealDay,
}

impl Run {
    fn open(args: &StepArgs) -> anyhow::Result<Self> {
        let ctx = RunContext::open(args)?;
        let source = ctx.source()?;
        let checkpoint = Checkpoint::read(&ctx.experiment.model.checkpoint)?;
        let graph = Graph::build(source.grid().clone(), &checkpoint.model.graph_config())?;
        let features = |name: &str| ctx.path("features").join(name);
        let missing = "hint: run `dropsonde features` with the same `--run` first";
        Ok(Self {
            latents: ctx.latents()?,
            sae: ctx.sae()?,
            sae_summary: json::read(&ctx.path("sae.summary.json"), "sae train")?,
            scores: Scores::load(features("scores.json")).context(missing)?,
            catalog: FeatureCatalog::load(features("catalog.json")).context(missing)?,
            maps: FeatureMaps::load(features("maps.npy")).context(missing)?,
            outcome: json::read(&ctx.path("intervention.json"), "intervene")?,
            real_day: json::read(&ctx.path("real_day.json"), "real-day")?,
            ctx,
            source,
            checkpoint,
            graph,
        })
    }

    /// Values on the grid, `[N]`, as something that can be drawn.
    fn field(&self, values: &[f32]) -> anyhow::Result<GridField> {
        let grid = self.source.grid();
        Ok(GridField::new(grid.lat(), grid.lon(), values)?)
    }

    /// Values on the mesh, `[M]`, interpolated to the grid.
    fn mesh_field(&self, values: ArrayView1<'_, f32>) -> anyhow::Result<GridField> {
        let values: Vec<f32> = values.iter().copied().collect();
        self.field(&MeshToGrid::new(&self.graph).apply(&values))
    }
}

pub(crate) fn run(args: &StepArgs) -> anyhow::Result<()> {
    let run = Run::open(args)?;
    let directory = run.ctx.path("report");
    std::fs::create_dir_all(&directory)
        .with_context(|| format!("cannot create `{}`", directory.display()))?;
    let report = Report::new(format!("Dropsonde: experiment {}", run.ctx.experiment.name))
        .subtitle("what a sparse autoencoder finds inside a graph-network weather model")
        .section(introduction(&run))
        .section(forecaster::section(&run)?)
        .section(autoencoder::section(&run)?)
        .section(features::section(&run)?)
        .section(snapshot::section(&run)?)
        .section(intervention::section(&run)?)
        .section(real_day::section(&run)?)
        .section(provenance::section(&run)?);
    let metrics = metrics::collect(&run)?;
    json::write(&directory.join("metrics.json"), &metrics)?;
    json::write(
        &directory.join("versions.json"),
        &provenance::versions(&run)?,
    )?;
    copy_experiment(args, &directory.join("experiment.toml"))?;
    let page = directory.join("index.html");
    report.write(&page)?;
    if args.json {
        return json::print(&serde_json::json!({ "report": page, "metrics": metrics }));
    }
    println!("{}", page.display());
    Ok(())
}

/// File of a difference map in the run's directory `intervention`.
pub(crate) fn difference_file(difference: &Difference) -> String {
    let Difference {
        run,
        quantity,
        lead_hours,
        ..
    } = difference;
    format!("{run}_{quantity}_{lead_hours:03}h.npy").replace('@', "_")
}

fn copy_experiment(args: &StepArgs, to: &std::path::Path) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(&args.experiment)
        .with_context(|| format!("cannot read `{}`", args.experiment.display()))?;
    let part = to.with_extension("toml.part");
    std::fs::write(&part, text).with_context(|| format!("cannot write `{}`", part.display()))?;
    std::fs::rename(&part, to).with_context(|| format!("cannot write `{}`", to.display()))
}

fn introduction(run: &Run) -> Section {
    let section = Section::new("What this page shows")
        .paragraph(
            "A small weather model with GraphCast's architecture was trained on a simulated Earth. Its latents were \
             captured, a sparse autoencoder was trained on them, its features were matched to physical phenomena, and \
             one feature was changed inside a running forecast.",
        )
        .note(
            "The weather here is the output of a climate-model simulation, not observations: no date matches real \
             weather, except on the real day near the end of the page.",
        )
        .list([
            "Splits: the autoencoder is trained on `train`; features, neurons, components and signs are chosen on `select`; \
             every score is taken once, on `report`. The forecaster has seen none of the three.",
            "Intervals are 95 % and come from resampling storms, regions or blocks of two days.",
        ]);
    if run.ctx.is_smoke() {
        section.note("This is a smoke run on a tiny slice of the data: its numbers mean nothing.")
    } else {
        section
    }
}
