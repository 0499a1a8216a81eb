//! `dropsonde stats`: means and deviations of a store.

use anyhow::ensure;
use dropsonde_fields::{Source, Statistics, Time, compute_statistics};
use serde_json::json;

use crate::args::StatsArgs;
use crate::{json as json_out, progress};

pub(crate) fn run(args: &StatsArgs) -> anyhow::Result<()> {
    ensure!(args.every > 0, "`--every` is 0, expected at least 1");
    let (_, task) = args.model.model()?;
    let source = Source::open(&args.input)?;
    let times = times(args, &source)?;
    ensure!(
        !times.is_empty(),
        "`{}` has no time in that range\nhint: `dropsonde inspect` shows its times",
        args.input.display()
    );
    let bar = progress::bar("statistics", times.len() as u64);
    let computed = compute_statistics(&source, &task, &times, |_| bar.inc(1))?;
    bar.finish_and_clear();
    let (statistics, filled) = match &args.base {
        None => (computed, None),
        Some(base) => {
            let mut statistics = Statistics::open(base)?;
            let filled = statistics.complete_from(&computed);
            (statistics, Some(filled))
        }
    };
    statistics.to_json(&args.out)?;
    if args.json {
        return json_out::print(
            &json!({ "out": args.out, "times": times.len(), "filled": filled }),
        );
    }
    println!(
        "{}: {} variables from {} times",
        args.out.display(),
        statistics.variables.len(),
        times.len()
    );
    for name in filled.unwrap_or_default() {
        println!("  computed: {name}");
    }
    Ok(())
}

fn times(args: &StatsArgs, source: &Source) -> anyhow::Result<Vec<Time>> {
    let wanted = args.times.selection()?.of(source.times());
    Ok(wanted.into_iter().step_by(args.every).collect())
}
