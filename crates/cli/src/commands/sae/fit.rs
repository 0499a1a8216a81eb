//! The training loop: one or many autoencoders in one pass over the rows.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::latents::Batches;
use crate::tensorboard::Events;
use crate::{log, progress};
use anyhow::Context;
use dropsonde_activations::ShufflePosition;
use dropsonde_sae::{DeviceTrainer, Losses, Sae, Trainer};
use indicatif::ProgressBar;
use tch::{Device, Tensor};

/// Steps between two lines of the log.
const LOG_EVERY: u64 = 20;
/// Seconds between two savings of the resumable state, where nothing else is asked for.
pub(super) const SAVE_EVERY: f64 = 30.0;

/// Where a training keeps its files.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// Resumable states: `<name>-<step>`, of which the newest counts.
    pub(super) state: PathBuf,
    /// One log of JSON lines for each autoencoder.
    pub(super) logs: Vec<PathBuf>,
    /// One directory of TensorBoard events for each.
    pub(super) events: Vec<PathBuf>,
    /// Seconds between two savings of the resumable state.
    pub(super) save_every: f64,
    /// Where the trainings compute.
    pub(super) device: Device,
}

/// A training on the CPU or on another device.
enum Worker {
    Here(Trainer),
    There(DeviceTrainer),
}

impl Worker {
    fn new(trainer: Trainer, device: Device) -> anyhow::Result<Self> {
        Ok(match device {
            Device::Cpu => Self::Here(trainer),
            _ => Self::There(DeviceTrainer::new(trainer, device)?),
        })
    }

    fn steps(&self) -> u64 {
        match self {
            Self::Here(trainer) => trainer.step_count(),
            Self::There(trainer) => trainer.step_count(),
        }
    }

    fn step(&mut self, batch: &Tensor) -> dropsonde_sae::Result<Losses> {
        match self {
            Self::Here(trainer) => trainer.step(batch),
            Self::There(trainer) => trainer.step(batch),
        }
    }

    fn trainer(&mut self) -> dropsonde_sae::Result<&Trainer> {
        match self {
            Self::Here(trainer) => Ok(trainer),
            Self::There(trainer) => trainer.trainer(),
        }
    }

    fn finish(self) -> dropsonde_sae::Result<Sae> {
        match self {
            Self::Here(trainer) => trainer.into_sae(),
            Self::There(trainer) => trainer.into_trainer()?.into_sae(),
        }
    }
}

/// Autoencoders in training, with their logs.
pub(super) struct Fit {
    names: Vec<String>,
    workers: Vec<Worker>,
    place: Place,
}

impl Fit {
    /// Trainings from the beginning, or from the newest state if `resume` is true and there is one.
    ///
    /// `new` makes the trainers in the order of the names.
    pub(super) fn start(
        names: Vec<String>,
        place: Place,
        resume: bool,
        batches: &mut Batches<'_>,
        new: impl FnOnce() -> anyhow::Result<Vec<Trainer>>,
    ) -> anyhow::Result<Self> {
        let newest = states(&place.state)?.pop().filter(|_| resume);
        let mut trainers = Vec::new();
        if let Some((step, state)) = newest {
            for (name, log) in names.iter().zip(&place.logs) {
                let (trainer, position) = Trainer::load(state.join(name))?;
                batches.seek(position)?;
                log::keep_up_to(log, step)?;
                trainers.push(trainer);
            }
        } else {
            clear(&place)?;
            for log in &place.logs {
                let _ = std::fs::remove_file(log);
            }
            for directory in &place.events {
                let _ = std::fs::remove_dir_all(directory);
            }
            trainers = new()?;
        }
        let workers = trainers.into_iter();
        let workers = workers.map(|trainer| Worker::new(trainer, place.device));
        Ok(Self {
            workers: workers.collect::<anyhow::Result<Vec<_>>>()?,
            names,
            place,
        })
    }

    /// Steps done.
    pub(super) fn steps(&self) -> u64 {
        self.workers.iter().map(Worker::steps).min().unwrap_or(0)
    }

    /// Trains to the end of the schedule and gives the autoencoders; the resumable states stay until [`clear`].
    pub(super) fn run(
        mut self,
        what: &'static str,
        total: u64,
        batches: &mut Batches<'_>,
    ) -> anyhow::Result<Vec<Sae>> {
        let mut logs = self.open_logs()?;
        let mut events = Vec::new();
        for directory in &self.place.events {
            events.push(Events::create(directory, self.steps())?);
        }
        let bar = progress::bar(what, total);
        bar.set_position(self.steps());
        bar.reset_eta();
        let mut saved = Instant::now();
        let mut rate = Rate::new();
        while self.steps() < total {
            let Some(batch) = batches.next_batch()? else {
                continue;
            };
            let losses = self
                .workers
                .iter_mut()
                .map(|worker| worker.step(&batch))
                .collect::<Result<Vec<_>, _>>()?;
            let step = self.steps();
            bar.set_position(step);
            rate.add(batch.size()[0]);
            if step.is_multiple_of(LOG_EVERY) || step == total {
                show(&bar, &losses, rate.per_second());
                for ((log, events), losses) in logs.iter_mut().zip(&mut events).zip(&losses) {
                    write(log, events, step, losses)?;
                }
            }
            if saved.elapsed().as_secs_f64() > self.place.save_every {
                self.save(batches.position())?;
                saved = Instant::now();
            }
        }
        bar.finish();
        let finished = self.workers.into_iter().map(Worker::finish);
        Ok(finished.collect::<Result<Vec<_>, _>>()?)
    }

    fn open_logs(&self) -> anyhow::Result<Vec<File>> {
        let open = |path: &PathBuf| {
            OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .with_context(|| format!("cannot open `{}`", path.display()))
        };
        self.place.logs.iter().map(open).collect()
    }

    /// Writes the state of all trainings, then removes older ones.
    fn save(&mut self, position: ShufflePosition) -> anyhow::Result<()> {
        let older = states(&self.place.state)?;
        let path = at_step(&self.place.state, self.steps());
        let part = path.with_extension("part");
        if part.exists() {
            remove(&part)?;
        }
        std::fs::create_dir_all(&part)
            .with_context(|| format!("cannot create `{}`", part.display()))?;
        for (name, worker) in self.names.iter().zip(&mut self.workers) {
            worker.trainer()?.save(part.join(name), position)?;
        }
        std::fs::rename(&part, &path)
            .with_context(|| format!("cannot write `{}`", path.display()))?;
        for (_, state) in older.iter().filter(|(_, state)| *state != path) {
            remove(state)?;
        }
        Ok(())
    }
}

/// Removes the resumable states of a training that is done, complete or not.
pub(super) fn clear(place: &Place) -> anyhow::Result<()> {
    for (_, state) in states(&place.state)? {
        remove(&state)?;
    }
    for part in entries(&place.state)? {
        if part.extension().is_some_and(|suffix| suffix == "part") {
            remove(&part)?;
        }
    }
    Ok(())
}

fn at_step(state: &Path, step: u64) -> PathBuf {
    let mut name = state.file_name().unwrap_or_default().to_os_string();
    name.push(format!("-{step}"));
    state.with_file_name(name)
}

/// The complete states there are, by step.
fn states(state: &Path) -> anyhow::Result<Vec<(u64, PathBuf)>> {
    let step = |path: &Path| {
        let (_, step) = path.file_name()?.to_str()?.rsplit_once('-')?;
        step.parse().ok()
    };
    let found = entries(state)?.into_iter();
    let mut found: Vec<(u64, PathBuf)> = found
        .filter_map(|path| Some((step(&path)?, path)))
        .collect();
    found.sort();
    Ok(found)
}

/// Directories beside `state` whose names begin with its name and a dash.
fn entries(state: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let directory = state.parent().unwrap_or(Path::new("."));
    let name = state.file_name().and_then(|name| name.to_str());
    let prefix = format!("{}-", name.unwrap_or_default());
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(directory) else {
        return Ok(found);
    };
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if path.is_dir() && name.is_some_and(|name| name.starts_with(&prefix)) {
            found.push(path);
        }
    }
    Ok(found)
}

fn remove(directory: &Path) -> anyhow::Result<()> {
    std::fs::remove_dir_all(directory)
        .with_context(|| format!("cannot remove `{}`", directory.display()))
}

fn write(log: &mut File, events: &mut Events, step: u64, losses: &Losses) -> anyhow::Result<()> {
    let line = serde_json::json!({
        "step": step, "loss": losses.total, "main": losses.main, "aux": losses.aux,
        "penalty": losses.penalty, "l0": losses.l0, "dead": losses.n_dead,
    });
    writeln!(log, "{line}").context("cannot write the training log")?;
    events.scalars(
        step,
        &[
            ("loss/total", losses.total),
            ("loss/main", losses.main),
            ("loss/aux", losses.aux),
            ("loss/penalty", losses.penalty),
            ("l0", losses.l0),
            ("dead", losses.n_dead as f64),
        ],
    )
}

fn show(bar: &ProgressBar, losses: &[Losses], rate: f64) {
    let n = losses.len() as f64;
    let mean = |value: fn(&Losses) -> f64| losses.iter().map(value).sum::<f64>() / n;
    bar.set_message(format!(
        "{rate:.0} rows/s FVU {:.4} L0 {:.1} dead {:.0}",
        mean(|l| l.main),
        mean(|l| l.l0),
        mean(|l| l.n_dead as f64)
    ));
}

/// Rows per second since the start.
struct Rate {
    rows: i64,
    started: Instant,
}

impl Rate {
    fn new() -> Self {
        Self {
            rows: 0,
            started: Instant::now(),
        }
    }

    fn add(&mut self, rows: i64) {
        self.rows += rows;
    }

    fn per_second(&self) -> f64 {
        self.rows as f64 / self.started.elapsed().as_secs_f64().max(1e-9)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_complete_state_counts() {
        let directory = tempfile::tempdir().unwrap();
        let state = directory.path().join("sae.state");
        for name in [
            "sae.state-20",
            "sae.state-100",
            "sae.state-140.part",
            "other-300",
        ] {
            std::fs::create_dir(directory.path().join(name)).unwrap();
        }
        let steps: Vec<u64> = states(&state)
            .unwrap()
            .into_iter()
            .map(|(step, _)| step)
            .collect();
        assert_eq!(steps, [20, 100]);
        let none = directory.path().join("nowhere/sae.state");
        assert!(states(&none).unwrap().is_empty());
    }
}
