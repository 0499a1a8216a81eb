//! Measurements in a fresh process, because the peak memory of a process only grows.
//!
//! The program `figures` starts itself as `figures child JOB SIZE`; that process does one [`Job`] and prints its
//! [`Report`] as JSON.

mod autoencoder;
mod capture;
mod forecast;
mod report;
mod train;

use std::fmt;
use std::process::{Command, Stdio};
use std::str::FromStr;

use dropsonde_forecaster::Preset;

use crate::case::{Case, Error};
pub use report::Report;

/// What a child process measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Steps in f32 beside the bare matrix product.
    Forecast,
    /// The same, with steps of the naive formulation in turn.
    Compare,
    /// Steps in f32 and in bf16 in turn.
    Precision,
    /// Training steps, then more of them in turn with those of the naive formulation.
    Train,
    /// Training steps of the naive formulation alone, for their memory.
    TrainNaive,
    /// Steps, and what recording and writing one site adds to them.
    Capture,
    /// Training steps of an autoencoder, for their memory.
    Autoencoder,
}

/// The model of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Runs in milliseconds, for tests.
    Tiny,
    /// 2 degrees, mesh 4, latent 512, 16 steps.
    Mid,
    /// `GraphCast_small`: 1 degree, mesh 5.
    Small,
    /// `GraphCast`: 0.25 degrees, 37 levels, mesh 6.
    Full,
}

const JOBS: [(Job, &str); 7] = [
    (Job::Forecast, "forecast"),
    (Job::Compare, "compare"),
    (Job::Precision, "precision"),
    (Job::Train, "train"),
    (Job::TrainNaive, "train-naive"),
    (Job::Capture, "capture"),
    (Job::Autoencoder, "autoencoder"),
];

const SIZES: [(Size, &str); 4] = [
    (Size::Tiny, "tiny"),
    (Size::Mid, "mid"),
    (Size::Small, "small"),
    (Size::Full, "full"),
];

impl Size {
    /// Shape and task.
    pub fn case(self) -> Case {
        match self {
            Self::Tiny => Case::tiny(),
            Self::Mid => Case::mid(),
            Self::Small => Case::preset(Preset::GraphCastSmall),
            Self::Full => Case::preset(Preset::GraphCast),
        }
    }
}

/// Does a job in this process.
///
/// # Errors
/// When the model cannot be made or run.
pub fn serve(job: Job, size: Size) -> Result<Report, Error> {
    eprintln!("{job} {size}: building the model");
    match job {
        Job::Forecast => forecast::alone(size),
        Job::Compare => forecast::compared(size),
        Job::Precision => forecast::precisions(size),
        Job::Train => train::ours(size),
        Job::TrainNaive => train::naive(size),
        Job::Capture => capture::overhead(size),
        Job::Autoencoder => autoencoder::memory_of(size),
    }
}

/// Does a job in a child process and waits for it.
///
/// # Errors
/// When the child cannot be started, fails, or prints no report.
pub fn run(job: Job, size: Size) -> Result<Report, Error> {
    let program = std::env::current_exe()?;
    let output = Command::new(program)
        .args(["child", &job.to_string(), &size.to_string()])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!(
            "`figures child {job} {size}` failed: {}\nhint: signal 9 means that memory ran out",
            output.status
        )
        .into());
    }
    let report = serde_json::from_slice(&output.stdout);
    report.map_err(|e| format!("`figures child {job} {size}` printed no report: {e}").into())
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(name_of(&JOBS, self))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(name_of(&SIZES, self))
    }
}

impl FromStr for Job {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        value_of(&JOBS, name)
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        value_of(&SIZES, name)
    }
}

fn name_of<T: PartialEq>(table: &[(T, &'static str)], value: &T) -> &'static str {
    let row = table.iter().find(|(other, _)| other == value);
    row.map_or_else(|| unreachable!("the tables are complete"), |(_, name)| name)
}

fn value_of<T: Copy>(table: &[(T, &'static str)], name: &str) -> Result<T, String> {
    let row = table.iter().find(|(_, other)| *other == name);
    row.map(|(value, _)| *value).ok_or_else(|| {
        let known: Vec<&str> = table.iter().map(|(_, name)| *name).collect();
        format!("unknown `{name}`, expected one of {}", known.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_others_are_refused() {
        for (job, name) in JOBS {
            assert_eq!((job.to_string().as_str(), name.parse()), (name, Ok(job)));
        }
        for (size, name) in SIZES {
            assert_eq!((size.to_string().as_str(), name.parse()), (name, Ok(size)));
        }
        assert!(
            "tea"
                .parse::<Job>()
                .is_err_and(|e| e.contains("`tea`") && e.contains("capture"))
        );
    }

    #[test]
    fn every_job_reports_times_of_a_tiny_model() -> Result<(), Error> {
        for (job, _) in JOBS {
            let report = serve(job, Size::Tiny)?;
            assert!(!report.seconds.is_empty(), "{job}");
            for (name, times) in &report.seconds {
                assert!(
                    times.iter().all(|&t| t > 0.0) && times.len() >= 2,
                    "{job} {name}"
                );
            }
        }
        Ok(())
    }
}
