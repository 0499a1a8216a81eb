//! The loss over the course of training, as a picture.

use std::path::Path;

use anyhow::Context;
use dropsonde_atlas::{AxisScale, LinePlot, Series, Svg};
use dropsonde_forecaster::train::Phase;

use super::LogLine;

/// Draws the log of a training run: one curve for each phase, since losses over different numbers of steps do not compare.
pub(super) fn draw(log: &Path, name: &str, phases: &[Phase]) -> anyhow::Result<Svg> {
    let text =
        std::fs::read_to_string(log).with_context(|| format!("cannot read `{}`", log.display()))?;
    let lines: Vec<LogLine> = text
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()
        .with_context(|| format!("`{}` is no log of training", log.display()))?;
    let mut plot = LinePlot::new(format!("{name}: loss in training"))
        .subtitle("means of 50 steps")
        .x_label("optimiser step")
        .y_label("loss")
        .y_scale(AxisScale::Log10);
    let mut begin = 0;
    for phase in phases {
        let end = begin + phase.steps;
        let of_phase = || lines.iter().filter(|l| l.step > begin && l.step <= end);
        let steps: Vec<f64> = of_phase().map(|line| line.step as f64).collect();
        let losses: Vec<f64> = of_phase().map(|line| line.loss).collect();
        let label = format!("{} h", 6 * phase.horizon);
        plot = plot.series(Series::new(label, &steps, &losses));
        begin = end;
    }
    Ok(plot.to_svg()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phase(steps: u64, horizon: usize) -> Phase {
        Phase {
            steps,
            horizon,
            batch_size: 1,
            peak_rate: 1e-3,
            final_rate: 1e-5,
            warmup: 1,
        }
    }

    #[test]
    fn every_phase_has_a_curve_and_a_broken_log_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("x.log.jsonl");
        let line = |step: u64| {
            format!(
                "{{\"step\":{step},\"loss\":{},\"gradient_norm\":1.0,\"rate\":0.1,\"seconds\":1.0}}\n",
                1.0 / step as f64
            )
        };
        let text: String = [50, 100, 150, 200].map(line).concat();
        std::fs::write(&log, text).unwrap();
        let svg = draw(&log, "x", &[phase(100, 1), phase(100, 4)]).unwrap();
        let svg = svg.to_string();
        assert!(svg.contains("6 h") && svg.contains("24 h"), "{svg}");
        std::fs::write(&log, "{\"step\":1").unwrap();
        let error = draw(&log, "x", &[phase(100, 1)]).unwrap_err();
        assert!(format!("{error:#}").contains("x.log.jsonl"), "{error:#}");
    }
}
