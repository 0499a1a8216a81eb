//! One forecast step of the published models, with random weights on synthetic inputs.
//!
//! A step is `Forecaster::predict_owned`, see [`crate::case`]. Times, products and peak memory come from one child process.

use crate::child::{Job, Size, run};
use crate::memory::gib;
use crate::{Figure, Outcome};

/// `GraphCast_small` in f32: `forecast.small.f32.seconds`, `.gemm_share` (essential operations over what the bare
/// product does in the same time), `.naive_over_ours` and `.peak_gib`.
pub fn small() -> Outcome {
    let report = run(Job::Compare, Size::Small)?;
    let name = |figure: &str| format!("forecast.small.f32.{figure}");
    let share = 1.0 / report.gemm_ratio("step")?;
    let naive = report.ratio("naive", "step")?;
    Ok(vec![
        Figure::lower(&name("seconds"), report.median("step")?, "s"),
        Figure::higher(&name("gemm_share"), share, "1").stable(),
        Figure::higher(&name("naive_over_ours"), naive, "1").stable(),
        Figure::lower(&name("peak_gib"), gib(report.peak), "GiB").stable(),
    ])
}

/// `GraphCast_small` with bf16 products: `forecast.small.bf16.seconds` and `.speedup_over_f32`.
pub fn small_bf16() -> Outcome {
    let report = run(Job::Precision, Size::Small)?;
    let name = |figure: &str| format!("forecast.small.bf16.{figure}");
    let speedup = report.ratio("f32", "bf16")?;
    Ok(vec![
        Figure::lower(&name("seconds"), report.median("bf16")?, "s"),
        Figure::higher(&name("speedup_over_f32"), speedup, "1").stable(),
    ])
}

/// `GraphCast`, 0.25 degrees and 37 levels, in f32: `forecast.full.f32.seconds`, `.gemm_ratio` (its time over that of
/// its essential operations at the speed of the bare product) and `.peak_gib`.
pub fn full() -> Outcome {
    let report = run(Job::Forecast, Size::Full)?;
    let name = |figure: &str| format!("forecast.full.f32.{figure}");
    let ratio = report.gemm_ratio("step")?;
    Ok(vec![
        Figure::lower(&name("seconds"), report.median("step")?, "s"),
        Figure::lower(&name("gemm_ratio"), ratio, "1").stable(),
        Figure::lower(&name("peak_gib"), gib(report.peak), "GiB").stable(),
    ])
}
