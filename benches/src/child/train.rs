//! Training steps: forward, backward and AdamW, batch 1, one forecast step.

use tch::{Device, Kind, Tensor};

use super::{Report, Size};
use crate::case::{Case, Error};
use crate::memory;
use crate::naive::NaiveTrainer;
use crate::timing::seconds_of;
use crate::training::{Sample, trainer};

const ROUNDS: usize = 3;
/// Steps before the memory is read: the second has the moments of the first.
const FIRST_STEPS: usize = 2;

/// Our steps, the memory they take, then ours and naive ones in turn.
pub(super) fn ours(size: Size) -> Result<Report, Error> {
    let case = size.case();
    let sample = Sample::new(&case)?;
    let mut report = start();
    let mut trainer = trainer(&case)?;
    let (features, targets) = sample.tensors(trainer.forecaster())?;
    let mut step = || -> Result<f64, Error> {
        let (done, seconds) = seconds_of(|| trainer.step(&sample.data));
        done?.ok_or("the schedule of the benchmark has ended")?;
        Ok(seconds)
    };
    for _ in 0..FIRST_STEPS {
        eprintln!("train {size}: warm-up {:.2} s", step()?);
    }
    report.peak = memory::peak();
    eprintln!("train {size}: peak {:.2} GiB", memory::gib(report.peak));
    let mut naive = NaiveTrainer::new(&case)?;
    for round in 0..=ROUNDS {
        let ours = step()?;
        let theirs = seconds_of(|| naive.step(&features, &targets)).1;
        eprintln!("train {size}: round {round} of {ROUNDS}: step {ours:.2} s, naive {theirs:.2} s");
        if round > 0 {
            report.push("step", ours);
            report.push("naive", theirs);
        }
    }
    Ok(report)
}

/// Naive steps alone.
pub(super) fn naive(size: Size) -> Result<Report, Error> {
    let case = size.case();
    let (features, targets) = random_sample(&case)?;
    let mut report = start();
    let mut naive = NaiveTrainer::new(&case)?;
    for _ in 0..FIRST_STEPS {
        let (loss, seconds) = seconds_of(|| naive.step(&features, &targets));
        if !loss.is_finite() {
            return Err(format!("the loss of the naive formulation is {loss}").into());
        }
        eprintln!("train-naive {size}: {seconds:.2} s");
        report.push("naive", seconds);
    }
    report.peak = memory::peak();
    Ok(report)
}

/// Loads libtorch's kernels and the libraries behind them, so that they do not count as growth.
fn start() -> Report {
    let square = Tensor::ones([64, 64], (Kind::Float, Device::Cpu));
    let _ = square.matmul(&square);
    Report {
        before: memory::resident(),
        ..Report::default()
    }
}

/// Features `[N, C_in]` and targets `[N, C_out]`, without a forecaster that would count as memory.
fn random_sample(case: &Case) -> Result<(Tensor, Tensor), Error> {
    let features = case.raw()?.squeeze_dim(1);
    let targets = features.narrow(1, 0, case.task.output_channels().len() as i64);
    Ok((features, targets.contiguous()))
}
