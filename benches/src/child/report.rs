use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::timing::median;

/// What a child process measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Seconds of each round, by what was timed; all lists of a report have one entry per round.
    pub seconds: BTreeMap<String, Vec<f64>>,
    /// Resident bytes before the model was made, libtorch included.
    pub before: u64,
    /// Peak resident bytes after the first steps of what the job is about, and of nothing else.
    pub peak: u64,
    /// Floating-point operations of one product of `seconds["gemm"]`.
    pub gemm_operations: f64,
    /// Essential floating-point operations of one step.
    pub operations: f64,
}

impl Report {
    /// Adds the time of one round.
    pub fn push(&mut self, what: &str, seconds: f64) {
        self.seconds
            .entry(what.to_owned())
            .or_default()
            .push(seconds);
    }

    /// Median seconds.
    ///
    /// # Errors
    /// When `what` was not timed.
    pub fn median(&self, what: &str) -> Result<f64, String> {
        Ok(median(self.rounds(what)?))
    }

    /// Median over the rounds of the time of `above` over that of `below` in the same round: what changes the speed of
    /// the machine in the long run changes both.
    ///
    /// # Errors
    /// When one of them was not timed.
    pub fn ratio(&self, above: &str, below: &str) -> Result<f64, String> {
        let pairs = self.rounds(above)?.iter().zip(self.rounds(below)?);
        Ok(median(&pairs.map(|(a, b)| a / b).collect::<Vec<_>>()))
    }

    /// Time of `what` over the time that its essential operations take at the speed of the bare product.
    ///
    /// # Errors
    /// When one of them was not timed.
    pub fn gemm_ratio(&self, what: &str) -> Result<f64, String> {
        Ok(self.ratio(what, "gemm")? * self.gemm_operations / self.operations)
    }

    fn rounds(&self, what: &str) -> Result<&[f64], String> {
        let rounds = self.seconds.get(what).filter(|rounds| !rounds.is_empty());
        rounds
            .map(Vec::as_slice)
            .ok_or_else(|| format!("the report has no times of `{what}`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_taken_round_by_round() -> Result<(), String> {
        let mut report = Report {
            gemm_operations: 10.0,
            operations: 40.0,
            ..Report::default()
        };
        // The machine is half as fast in the second round.
        for (gemm, step) in [(1.0, 5.0), (2.0, 10.0), (1.0, 4.0)] {
            report.push("gemm", gemm);
            report.push("step", step);
        }
        assert_eq!(report.median("step")?, 5.0);
        assert_eq!(report.ratio("step", "gemm")?, 5.0);
        assert_eq!(report.gemm_ratio("step")?, 1.25);
        assert!(
            report
                .ratio("step", "tea")
                .is_err_and(|e| e.contains("`tea`"))
        );
        Ok(())
    }

    #[test]
    fn json_round_trips() -> Result<(), serde_json::Error> {
        let mut report = Report {
            peak: 1 << 40,
            ..Report::default()
        };
        report.push("a", 0.1);
        let text = serde_json::to_string(&report)?;
        assert_eq!(serde_json::from_str::<Report>(&text)?, report);
        Ok(())
    }
}
