//! `dropsonde score`: scores of a forecast in the definitions of WeatherBench 2.

use std::collections::BTreeSet;

use anyhow::{Context, bail};
use dropsonde_fields::{
    Climatology, Score, ScoreAccumulator, ScoreTarget, Source, SourceOptions, State, Time,
    Variable, check_same_grid,
};
use serde::Serialize;

use crate::args::ScoreArgs;
use crate::{json, progress};

/// Scores of a forecast and, if asked for, of persistence.
#[derive(Debug, Serialize)]
struct Scores {
    forecast: Vec<Score>,
    #[serde(skip_serializing_if = "Option::is_none")]
    persistence: Option<Vec<Score>>,
}

/// One initial time of a forecast.
struct Run {
    source: Source,
    init: Time,
}

pub(crate) fn run(args: &ScoreArgs) -> anyhow::Result<()> {
    let runs = runs(args)?;
    let truth = Source::open(&args.truth)?;
    check_same_grid(runs[0].source.grid(), truth.grid())?;
    let climatology = args
        .climatology
        .as_ref()
        .map(Climatology::open)
        .transpose()?;
    if let Some(climatology) = &climatology {
        check_same_grid(runs[0].source.grid(), climatology.grid())?;
    }
    let targets = targets(args, &runs[0].source, &truth)?;
    let mut forecast = ScoreAccumulator::new(truth.grid(), targets.clone());
    let mut persistence = args
        .baseline
        .then(|| ScoreAccumulator::new(truth.grid(), targets.clone()));
    let reader = Reader {
        targets: &targets,
        truth: &truth,
        climatology: climatology.as_ref(),
    };
    let n_pairs: usize = runs.iter().map(|run| run.source.times().len()).sum();
    let bar = progress::bar("score", n_pairs as u64);
    let mut n_scored = 0;
    for run in &runs {
        let start = reader.start(run, persistence.is_some())?;
        for &time in run.source.times() {
            bar.inc(1);
            let lead = time.hours_since(run.init);
            if lead <= 0 || truth.times().binary_search(&time).is_err() {
                continue;
            }
            let (state, true_state, normal) = reader.at(&run.source, time)?;
            forecast.add(lead, &state, &true_state, normal.as_ref())?;
            if let (Some(persistence), Some(start)) = (&mut persistence, &start) {
                let kept = State {
                    time,
                    fields: start.fields.clone(),
                };
                persistence.add(lead, &kept, &true_state, normal.as_ref())?;
            }
            n_scored += 1;
        }
    }
    bar.finish_and_clear();
    if n_scored == 0 {
        let (first, last) = (truth.times().first(), truth.times().last());
        let span = first
            .zip(last)
            .map_or("nothing".to_owned(), |(a, b)| format!("{a} to {b}"));
        bail!(
            "`{}` has none of the times of the forecast, which begins at {}; it has {span}",
            args.truth.display(),
            runs[0].init
        );
    }
    let scores = Scores {
        forecast: forecast.finish(),
        persistence: persistence.map(ScoreAccumulator::finish),
    };
    if let Some(path) = &args.out {
        json::write(path, &scores)?;
    }
    if args.json {
        return json::print(&scores);
    }
    print(&scores, climatology.is_some());
    Ok(())
}

/// Reads what the targets need.
struct Reader<'a> {
    targets: &'a [ScoreTarget],
    truth: &'a Source,
    climatology: Option<&'a Climatology>,
}

impl Reader<'_> {
    fn variables(&self, source: &Source) -> Vec<Variable> {
        let has = |variable: &Variable| source.has(variable);
        unique(self.targets.iter().flat_map(|target| target.variables(has)))
    }

    /// The true state at the initial time.
    fn start(&self, run: &Run, wanted: bool) -> anyhow::Result<Option<State>> {
        if !wanted {
            return Ok(None);
        }
        let state = self.truth.state_of(run.init, &self.variables(self.truth));
        Ok(Some(state.context(
            "persistence needs the true state at the initial time",
        )?))
    }

    /// Forecast, truth and climatology at a valid time.
    fn at(&self, forecast: &Source, time: Time) -> anyhow::Result<(State, State, Option<State>)> {
        let state = forecast.state_of(time, &self.variables(forecast))?;
        let truth = self.truth.state_of(time, &self.variables(self.truth))?;
        let normal = self.climatology.map(|climatology| {
            let has = |variable: &Variable| climatology.has(variable);
            let names = unique(
                self.targets
                    .iter()
                    .flat_map(|t| t.climatology_variables(has)),
            );
            climatology.state_of(time, &names)
        });
        Ok((state, truth, normal.transpose()?))
    }
}

fn unique(variables: impl Iterator<Item = Variable>) -> Vec<Variable> {
    variables.collect::<BTreeSet<_>>().into_iter().collect()
}

/// Every initial time and batch element of the forecast.
fn runs(args: &ScoreArgs) -> anyhow::Result<Vec<Run>> {
    let first = Source::open(&args.forecast)?;
    let inits = first.inits().to_vec();
    if !inits.is_empty() {
        return inits
            .into_iter()
            .map(|init| {
                let options = SourceOptions {
                    init: Some(init),
                    ..SourceOptions::default()
                };
                Ok(Run {
                    source: Source::open_with(&args.forecast, options)?,
                    init,
                })
            })
            .collect();
    }
    (0..first.n_batch())
        .map(|batch| {
            let options = SourceOptions {
                batch,
                origin: args.init,
                ..SourceOptions::default()
            };
            let source = Source::open_with(&args.forecast, options)?;
            let init = stated_init(args, &source, batch)?;
            Ok(Run { source, init })
        })
        .collect()
}

/// `--init`, or what the file says of itself.
fn stated_init(args: &ScoreArgs, source: &Source, batch: usize) -> anyhow::Result<Time> {
    if let Some(init) = args.init {
        return Ok(init);
    }
    let stated = source
        .attributes()
        .get("initial_time")
        .and_then(|text| text.as_str());
    let stated = stated.and_then(|text| text.split_whitespace().nth(batch));
    let text = stated.with_context(|| {
        format!(
            "`{}` does not say when the forecast starts\nhint: give it with `--init`",
            args.forecast.display()
        )
    })?;
    Ok(text.parse()?)
}

/// The targets asked for, or the headline ones that both stores have.
fn targets(
    args: &ScoreArgs,
    forecast: &Source,
    truth: &Source,
) -> anyhow::Result<Vec<ScoreTarget>> {
    if !args.targets.is_empty() {
        let parse = |text: &String| Ok(text.parse::<ScoreTarget>()?);
        return args.targets.iter().map(parse).collect();
    }
    let is_there = |target: &ScoreTarget| {
        [forecast, truth].into_iter().all(|source| {
            let level = match target {
                ScoreTarget::Field { level, .. } => *level,
                ScoreTarget::WindVector { level } => Some(*level),
                ScoreTarget::WindSpeed10m | ScoreTarget::Precipitation24h => None,
            };
            level.is_none_or(|level| source.levels().contains(&level))
                && target
                    .variables(|v| source.has(v))
                    .iter()
                    .all(|v| source.has(v))
        })
    };
    let targets: Vec<_> = ScoreTarget::headline()
        .into_iter()
        .filter(is_there)
        .collect();
    if targets.is_empty() {
        bail!(
            "`{}` and `{}` have none of the headline variables in common\nhint: name targets with `--targets`, such as temperature@700",
            args.forecast.display(),
            args.truth.display()
        );
    }
    Ok(targets)
}

fn print(scores: &Scores, with_acc: bool) {
    let acc = if with_acc { "      ACC" } else { "" };
    let baseline = if scores.persistence.is_some() {
        "   persistence RMSE"
    } else {
        ""
    };
    println!("target     lead      RMSE          bias        units     n{acc}{baseline}");
    for score in &scores.forecast {
        let units = score.target.units().unwrap_or("");
        let bias = score
            .bias
            .map_or("-".to_owned(), |bias| format!("{bias:.4e}"));
        let acc = match (with_acc, score.acc) {
            (true, Some(acc)) => format!("   {acc:.4}"),
            (true, None) => "        -".to_owned(),
            (false, _) => String::new(),
        };
        let same =
            |other: &&Score| (&other.target, other.lead_hours) == (&score.target, score.lead_hours);
        let persistence = scores.persistence.as_ref().map_or(String::new(), |all| {
            let rmse = all.iter().find(same).map_or(f64::NAN, |s| s.rmse);
            format!("   {rmse:.4e} ({:.3})", score.rmse / rmse)
        });
        println!(
            "{:<8} {:>4} h   {:.4e}  {bias:>12}   {units:<9} {:>4}{acc}{persistence}",
            score.target.to_string(),
            score.lead_hours,
            score.rmse,
            score.n
        );
    }
}
