//! `dropsonde climatology`: mean weather by hour and day of the year.

use dropsonde_fields::{ClimatologyConfig, ClimatologyPlan};
use serde_json::json;

use crate::args::{ClimatologyArgs, open_record};
use crate::{json as json_out, progress};

pub(crate) fn run(args: &ClimatologyArgs) -> anyhow::Result<()> {
    let config = ClimatologyConfig {
        variables: (!args.variables.is_empty()).then(|| args.variables.clone()),
        levels: (!args.levels.is_empty()).then(|| args.levels.clone()),
        harmonics: args.harmonics,
        keep_bits: args.keep_bits,
    };
    let selection = args.times.selection()?;
    let plan = ClimatologyPlan::new(open_record(&args.sources)?, config, &selection)?;
    let bar = progress::bar("climatology", plan.n_reads() as u64);
    plan.write(&args.out, |done, _| bar.set_position(done as u64))?;
    bar.finish_and_clear();
    let description = plan.description();
    if args.json {
        return json_out::print(&json!({ "out": args.out, "plan": description }));
    }
    println!(
        "{}: mean and {} harmonics at {} hours of the day from {} states",
        args.out.display(),
        args.harmonics,
        description["hours"].as_array().map_or(0, Vec::len),
        description["times"]
    );
    Ok(())
}
