mod curve;

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use dropsonde_fields::{Source, State, Statistics, Task, Time, derive_forcings};
use dropsonde_forecaster::train::{ChannelSkill, Dataset, StepReport, TrainConfig, Trainer, skill};
use dropsonde_forecaster::{
    Checkpoint, Forecaster, ForecasterOptions, Kernel, ModelConfig, Parameters, Precision,
};
use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::args::TrainArgs;
use crate::{json, log, progress};

/// The file that describes a training run.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TrainFile {
    /// Name of the weights file, without extension.
    name: String,
    description: String,
    license: String,
    /// Numbers of the products in training; the skill is of forecasts in f32.
    #[serde(default)]
    dtype: Precision,
    statistics: PathBuf,
    /// States that training must not see; the skill is measured on them.
    held_out: PathBuf,
    model: ModelConfig,
    task: Task,
    train: TrainConfig,
}

/// Leads at which the skill is measured, in steps of 6 h.
const LEADS: [usize; 3] = [1, 2, 4];

pub(crate) fn run(args: &TrainArgs) -> anyhow::Result<()> {
    let file = read_config(&args.config)?;
    std::fs::create_dir_all(&args.out)
        .with_context(|| format!("cannot create `{}`", args.out.display()))?;
    let held_out = Source::open(&file.held_out)?;
    let source = Source::open(&args.data)?;
    ensure!(
        source.grid() == held_out.grid(),
        "`{}` and `{}` have different grids",
        args.data.display(),
        file.held_out.display()
    );
    let times: Vec<Time> = source
        .times()
        .iter()
        .copied()
        .filter(|t| held_out.times().binary_search(t).is_err())
        .collect();
    let states = read_states(&source, &times, &file.task)?;
    let data = Dataset::new(states, file.train.max_horizon())?;
    let mut trainer = Trainer::new(forecaster(&file, &source, args)?, file.train.clone())?;
    let state = args.out.join(format!("{}.state.safetensors", file.name));
    if (args.resume || args.finish) && state.is_file() {
        trainer.resume(&state)?;
    }
    eprintln!(
        "{} samples of {} states, {} parameters, {} of {} steps done",
        data.len(),
        times.len(),
        trainer.forecaster().parameters().count(),
        trainer.steps_done(),
        file.train.total_steps()
    );
    if !args.finish {
        train(&mut trainer, &data, &file, args, &state)?;
    }
    let (done, total) = (trainer.steps_done(), file.train.total_steps());
    if done < total && !args.finish {
        eprintln!("stopped after step {done} of {total}; `--resume` goes on");
        return Ok(());
    }
    let weights = args.out.join(format!("{}.npz", file.name));
    let checkpoint = trainer.checkpoint(file.description.clone(), file.license.clone());
    checkpoint.write(&weights)?;
    drop(trainer);
    let log = args.out.join(format!("{}.log.jsonl", file.name));
    let picture = args.out.join(format!("{}.loss.svg", file.name));
    curve::draw(&log, &file.name, &file.train.phases)?.write(picture)?;
    let climatology = climatology(&data, &file, &source, args)?;
    let held_out_states = read_states(&held_out, held_out.times(), &file.task)?;
    let held_out_data = Dataset::new(held_out_states, LEADS[LEADS.len() - 1])?;
    let statistics = Statistics::open(&file.statistics)?.normalizer(&file.task)?;
    let forecaster = Forecaster::new(
        &checkpoint,
        held_out.grid().clone(),
        &statistics,
        options(args, Precision::F32),
    )?;
    let bar = progress::bar("skill", 0);
    let table = skill(
        &forecaster,
        &held_out_data,
        &climatology,
        &LEADS,
        1,
        |done, total| {
            bar.set_length(total as u64);
            bar.set_position(done as u64);
        },
    )?;
    bar.finish();
    let rows: Vec<SkillRow> = table.iter().map(SkillRow::new).collect();
    json::write(&args.out.join(format!("{}.skill.json", file.name)), &rows)?;
    if args.json {
        json::print(&rows)
    } else {
        print_skill(&rows)
    }
}

fn read_config(path: &Path) -> anyhow::Result<TrainFile> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read `{}`", path.display()))?;
    let mut file: TrainFile = toml::from_str(&text)
        .with_context(|| format!("`{}` is not a valid training file", path.display()))?;
    let directory = path.parent().unwrap_or(Path::new("."));
    file.statistics = directory.join(&file.statistics);
    file.held_out = directory.join(&file.held_out);
    file.train.check()?;
    file.task.check()?;
    Ok(file)
}

fn options(args: &TrainArgs, precision: Precision) -> ForecasterOptions {
    ForecasterOptions {
        device: args.device,
        kernel: Kernel::best(args.device, precision),
        precision,
    }
}

/// The forecaster with its first weights.
fn forecaster(file: &TrainFile, source: &Source, args: &TrainArgs) -> anyhow::Result<Forecaster> {
    let (c_in, c_out) = (
        file.task.input_channels().len(),
        file.task.output_channels().len(),
    );
    let checkpoint = Checkpoint {
        model: file.model.clone(),
        task: file.task.clone(),
        parameters: Parameters::random(&file.model, c_in, c_out, file.train.seed),
        description: file.description.clone(),
        license: file.license.clone(),
    };
    let normalizer = Statistics::open(&file.statistics)?.normalizer(&file.task)?;
    Ok(Forecaster::new(
        &checkpoint,
        source.grid().clone(),
        &normalizer,
        options(args, file.dtype),
    )?)
}

/// Reads states and adds the derived forcings once, so that no epoch derives them again.
fn read_states(source: &Source, times: &[Time], task: &Task) -> anyhow::Result<Vec<State>> {
    let bar = progress::bar("reading", times.len() as u64);
    let read = |time: &Time| -> anyhow::Result<State> {
        let mut state = source.state(*time)?;
        let missing: Vec<_> = task
            .forcing_variables
            .iter()
            .filter(|v| !state.fields.contains_key(*v))
            .cloned()
            .collect();
        state
            .fields
            .extend(derive_forcings(source.grid(), *time, &missing));
        bar.inc(1);
        Ok(state)
    };
    let states = times.iter().map(read).collect::<anyhow::Result<_>>()?;
    bar.finish();
    Ok(states)
}

fn train(
    trainer: &mut Trainer,
    data: &Dataset,
    file: &TrainFile,
    args: &TrainArgs,
    state: &Path,
) -> anyhow::Result<()> {
    let log_path = args.out.join(format!("{}.log.jsonl", file.name));
    log::keep_up_to(&log_path, trainer.steps_done())?;
    let mut lines = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&log_path)?;
    let last = args.until.unwrap_or(u64::MAX).min(file.train.total_steps());
    let bar = progress::bar("training", last);
    bar.set_position(trainer.steps_done());
    bar.reset_eta();
    let (started, mut saved, mut window) = (Instant::now(), Instant::now(), Vec::new());
    while trainer.steps_done() < last
        && let Some(report) = trainer.step(data)?
    {
        bar.set_position(report.step);
        window.push(report);
        if report.step % LOG_EVERY == 0 {
            let line = LogLine::new(&window, started.elapsed());
            bar.set_message(format!("loss {:.4}", line.loss));
            writeln!(lines, "{}", serde_json::to_string(&line)?)?;
            window.clear();
        }
        // Between lines, so that a resumed run writes the same ones.
        if window.is_empty() && saved.elapsed() > Duration::from_secs_f64(60.0 * args.save_every) {
            trainer.save(state)?;
            saved = Instant::now();
        }
    }
    bar.finish();
    Ok(trainer.save(state)?)
}

/// Steps per line of the training log.
const LOG_EVERY: u64 = 50;

/// One line of the training log: means over the steps since the last line.
#[derive(Debug, Serialize, Deserialize)]
struct LogLine {
    step: u64,
    loss: f64,
    gradient_norm: f64,
    rate: f64,
    seconds: f64,
}

impl LogLine {
    fn new(window: &[StepReport], elapsed: Duration) -> Self {
        let mean = |value: fn(&StepReport) -> f64| {
            window.iter().map(value).sum::<f64>() / window.len() as f64
        };
        let last = window[window.len() - 1];
        Self {
            step: last.step,
            loss: mean(|r| r.loss),
            gradient_norm: mean(|r| r.gradient_norm),
            rate: last.rate,
            seconds: (elapsed.as_secs_f64() * 10.0).round() / 10.0,
        }
    }
}

/// Mean of the training states, `[N, 1, C_out]`.
fn climatology(
    data: &Dataset,
    file: &TrainFile,
    source: &Source,
    args: &TrainArgs,
) -> anyhow::Result<Tensor> {
    let forecaster = forecaster(file, source, args)?;
    let mut sum: Option<Tensor> = None;
    for sample in 0..data.len() {
        let targets = forecaster
            .raw_targets(&data.states(sample)[1])?
            .to_kind(tch::Kind::Double);
        sum = Some(sum.map_or_else(|| targets.shallow_clone(), |s| s + &targets));
    }
    let sum = sum.context("no training samples")?;
    Ok((sum / data.len() as f64).to_kind(tch::Kind::Float))
}

/// One line of the skill table, errors in SI units.
#[derive(Debug, Serialize)]
struct SkillRow {
    channel: String,
    lead_hours: i64,
    rmse: f64,
    persistence_rmse: f64,
    climatology_rmse: f64,
    over_persistence: f64,
}

impl SkillRow {
    fn new(skill: &ChannelSkill) -> Self {
        Self {
            channel: skill.channel.name(),
            lead_hours: skill.lead_hours,
            rmse: skill.forecast,
            persistence_rmse: skill.persistence,
            climatology_rmse: skill.climatology,
            over_persistence: skill.forecast / skill.persistence,
        }
    }
}

fn print_skill(rows: &[SkillRow]) -> anyhow::Result<()> {
    println!(
        "{:<36} {:>4} {:>12} {:>12} {:>12} {:>6}",
        "channel", "h", "rmse", "persistence", "climatology", "ratio"
    );
    for row in rows {
        println!(
            "{:<36} {:>4} {:>12.5} {:>12.5} {:>12.5} {:>6.3}",
            row.channel,
            row.lead_hours,
            row.rmse,
            row.persistence_rmse,
            row.climatology_rmse,
            row.over_persistence
        );
    }
    Ok(())
}
