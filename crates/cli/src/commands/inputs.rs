//! `dropsonde inputs check`.

use anyhow::bail;
use dropsonde_fields::Statistics;
use dropsonde_fields::check::{InputReport, Severity, check_inputs};

use crate::args::{CheckArgs, InputsCommand};
use crate::commands::forecast::Members;
use crate::json;

pub(crate) fn run(command: &InputsCommand) -> anyhow::Result<()> {
    match command {
        InputsCommand::Check(args) => check(args),
    }
}

fn check(args: &CheckArgs) -> anyhow::Result<()> {
    let (model, task) = args.model.model()?;
    let statistics = args.weather.statistics(&task)?;
    let members = Members::open(&args.weather, &model, &task)?;
    let reports = reports(&members, &statistics)?;
    if args.json {
        json::print(&reports)?;
    } else {
        for report in &reports {
            println!("{report}");
        }
    }
    let n_refused = reports
        .iter()
        .map(|r| count(r, Severity::Refuse))
        .sum::<usize>();
    if n_refused > 0 {
        bail!(
            "`{}` would not give a right forecast: {n_refused} findings",
            members.place().display()
        );
    }
    Ok(())
}

/// Says on standard error what speaks against a forecast; with `strict` that is an error.
pub(crate) fn warn(members: &Members, statistics: &Statistics, strict: bool) -> anyhow::Result<()> {
    for report in reports(members, statistics)? {
        eprint!("{}", report.findings_text(Severity::Warn));
        if strict && report.is_refused() {
            bail!(
                "the inputs would not give a right forecast\nhint: `dropsonde inputs check` shows every variable"
            );
        }
    }
    Ok(())
}

fn reports(members: &Members, statistics: &Statistics) -> anyhow::Result<Vec<InputReport>> {
    members
        .iter()
        .map(|(inputs, init)| Ok(check_inputs(inputs, statistics, init)?))
        .collect()
}

fn count(report: &InputReport, severity: Severity) -> usize {
    report
        .findings
        .iter()
        .filter(|f| f.severity == severity)
        .count()
}
