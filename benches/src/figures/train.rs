//! One training step at 2 degrees against the naive formulation under autograd.

use crate::child::{Job, Report, Size, run};
use crate::{Figure, Outcome};

/// `train.mid.naive_over_ours` (times of forward, backward and AdamW, in turns) and `train.mid.memory_over_naive`: our
/// growth of the resident set from before the model was made to its peak within two steps, over that of the naive
/// formulation, each in its own process. Weights, gradients and moments are part of it.
pub fn measure() -> Outcome {
    let ours = run(Job::Train, Size::Mid)?;
    let naive = run(Job::TrainNaive, Size::Mid)?;
    let memory = growth(&ours) / growth(&naive);
    Ok(vec![
        Figure::higher(
            "train.mid.naive_over_ours",
            ours.ratio("naive", "step")?,
            "1",
        )
        .stable(),
        Figure::lower("train.mid.memory_over_naive", memory, "1").stable(),
        Figure::lower("train.mid.seconds", ours.median("step")?, "s"),
        Figure::lower("train.mid.growth_gib", growth(&ours), "GiB").stable(),
    ])
}

fn growth(report: &Report) -> f64 {
    crate::memory::gib(report.peak.saturating_sub(report.before))
}
