use dropsonde_attribution::{Scores, StudyConfig, StudyInputs, run_study};
use dropsonde_fields::Source;
use dropsonde_forecaster::Checkpoint;
use dropsonde_mesh::Graph;

use crate::args::StepArgs;
use crate::run_context::RunContext;
use crate::stamp::Stamp;
use crate::{json, progress};

pub(crate) fn run(args: &StepArgs) -> anyhow::Result<()> {
    let ctx = RunContext::open(args)?;
    let latents = ctx.latents()?;
    let sae = ctx.sae()?;
    let config = StudyConfig {
        seed: ctx.experiment.seed,
        ..ctx.experiment.features.clone()
    };
    let inputs = serde_json::json!({
        "features": config,
        "latents": latents.meta(),
        "records": latents.records(),
        "sae": sae.sha256()?,
        "inputs": ctx.input_hashes()?,
    });
    let stamp = Stamp::new(ctx.run(), "features", &inputs)?;
    let directory = ctx.path("features");
    if !stamp.is_current() || !directory.join("scores.json").is_file() {
        stamp.clear();
        let source = ctx.source()?;
        let checkpoint = Checkpoint::read(&ctx.experiment.model.checkpoint)?;
        let graph = Graph::build(source.grid().clone(), &checkpoint.model.graph_config())?;
        study(&ctx, &source, &checkpoint, &graph, &config)?;
        stamp.finish()?;
    }
    let scores = Scores::load(directory.join("scores.json"))?;
    if args.json {
        return json::print(&scores);
    }
    print(&scores);
    Ok(())
}

fn study(
    ctx: &RunContext,
    source: &Source,
    checkpoint: &Checkpoint,
    graph: &Graph,
    config: &StudyConfig,
) -> anyhow::Result<()> {
    let (latents, sae) = (ctx.latents()?, ctx.sae()?);
    let inputs = StudyInputs {
        latents: &latents,
        sae: &sae,
        source,
        task: &checkpoint.task,
        graph,
    };
    let bar = progress::bar("features", 1);
    let mut stage = "";
    let study = run_study(&inputs, config, &mut |name, done, total| {
        if name != stage {
            stage = name;
            bar.reset_eta();
            bar.set_message(name);
        }
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    })?;
    bar.finish();
    Ok(study.save(ctx.path("features"))?)
}

fn print(scores: &Scores) {
    println!(
        "{:<20} {:<22} {:<34} {:>7} {:>7} {:>17}",
        "phenomenon", "family", "chosen on select", "select", "report", "95 %"
    );
    for phenomenon in &scores.phenomena {
        if let Some(reason) = &phenomenon.skipped {
            println!("{:<20} {reason}", phenomenon.name);
        }
        for family in &phenomenon.families {
            let interval = family
                .report
                .interval
                .map(|i| format!("{:.3} to {:.3}", i.low, i.high));
            println!(
                "{:<20} {:<22} {:<34} {:>7.3} {:>7.3} {:>17}",
                phenomenon.name,
                family.family_name,
                family.candidate.name,
                family.select,
                family.report.value.unwrap_or(f64::NAN),
                interval.unwrap_or_default()
            );
        }
    }
}
