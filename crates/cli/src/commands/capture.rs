use dropsonde_activations::{ActivationWriter, LatentsMeta};
use dropsonde_capture::{CapturePlan, capture};
use dropsonde_forecaster::{Forecaster, Site};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::args::StepArgs;
use crate::run_context::RunContext;
use crate::stamp::{Stamp, hex};
use crate::{json, progress};

/// Latents are taken at the nodes of the mesh.
pub(crate) const NODE_SET: &str = "mesh_nodes";

/// What was captured.
#[derive(Debug, Serialize)]
struct Summary {
    store: String,
    site: String,
    records: usize,
    n_nodes: usize,
    width: usize,
    megabytes: f64,
    seconds: f64,
}

pub(crate) fn run(args: &StepArgs) -> anyhow::Result<()> {
    let ctx = RunContext::open(args)?;
    let source = ctx.source()?;
    let forecaster = ctx.forecaster(&source)?;
    let section = &ctx.experiment.capture;
    let site = Site::parse(&section.site, forecaster.config().gnn_msg_steps)?;
    let plan = CapturePlan {
        site,
        init_times: ctx.init_times(&source)?,
    };
    let inputs = serde_json::json!({
        "capture": section,
        "inputs": ctx.input_hashes()?,
        "times": plan.init_times.iter().map(|(t, _)| t.to_string()).collect::<Vec<_>>(),
    });
    let stamp = Stamp::new(ctx.run(), "capture", &inputs)?;
    let store = ctx.path("latents.zarr");
    let started = std::time::Instant::now();
    if !stamp.is_current() || !store.is_dir() {
        stamp.clear();
        let meta = meta(
            &forecaster,
            &ctx,
            site,
            &source.path().display().to_string(),
        );
        let open = if args.resume {
            ActivationWriter::resume
        } else {
            ActivationWriter::create
        };
        let mut writer = open(store.as_path(), meta, plan.init_times.len())?;
        let bar = progress::bar("capture", plan.init_times.len() as u64);
        capture(&forecaster, &source, &plan, &mut writer, |done, _| {
            bar.set_position(done as u64);
        })?;
        bar.finish();
        writer.finish()?;
        stamp.finish()?;
    }
    let (n_nodes, width) = forecaster.latent_shape();
    let bytes_each = if section.dtype == dropsonde_activations::Dtype::F16 {
        2
    } else {
        4
    };
    let summary = Summary {
        store: store.display().to_string(),
        site: site.to_string(),
        records: plan.init_times.len(),
        n_nodes,
        width,
        megabytes: (plan.init_times.len() * n_nodes * width * bytes_each) as f64 / 1e6,
        seconds: started.elapsed().as_secs_f64(),
    };
    if args.json {
        return json::print(&summary);
    }
    println!(
        "{}: {} records of [{n_nodes}, {width}] at {site}, {:.0} MB before compression",
        summary.store, summary.records, summary.megabytes
    );
    Ok(())
}

fn meta(forecaster: &Forecaster, ctx: &RunContext, site: Site, source: &str) -> LatentsMeta {
    let (n_nodes, width) = forecaster.latent_shape();
    LatentsMeta {
        dtype: ctx.experiment.capture.dtype,
        kernel: forecaster.options().kernel.to_string(),
        weights_sha256: forecaster.weights_sha256().to_owned(),
        node_set: NODE_SET.to_owned(),
        grid_sha256: mesh_sha256(forecaster),
        source: source.to_owned(),
        seed: ctx.experiment.seed,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        extra: serde_json::json!({ "experiment": ctx.experiment.name }),
        ..LatentsMeta::new(site.to_string(), n_nodes, width)
    }
}

/// SHA-256 of latitude and longitude of the mesh nodes, in degrees as little-endian f32.
pub(crate) fn mesh_sha256(forecaster: &Forecaster) -> String {
    let mut hash = Sha256::new();
    for [lat, lon] in forecaster.graph().mesh.lat_lon() {
        hash.update(lat.to_le_bytes());
        hash.update(lon.to_le_bytes());
    }
    hex(&hash.finalize())
}
