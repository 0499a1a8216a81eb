//! Looking at the inputs of a forecast before it runs.
//!
//! A network takes whatever numbers it is given and answers with a smooth forecast. [`check_inputs`] compares
//! every variable of the two input frames and of the first forcings with what the model was trained on, and
//! refuses what would give a wrong forecast without any sign of it:
//!
//! | check | how | refused |
//! |---|---|---|
//! | units | attribute; magnitude against the statistics | another unit by attribute, or one that fits 10 times better |
//! | magnitude | mean z-score over levels | above 20; one level above 5 is a warning |
//! | precipitation | global mean against the statistics | 1 or 24 hours instead of 6; 3 or 12 are a warning |
//! | radiation | regression on the derived field of the date | wrong window, unit, longitude, hemisphere |
//! | progress of year and day | difference from the date | above 0.02 |
//! | levels | level means against the statistics | the reversed order fits 10 times better |
//! | latitude, longitude | each frame against orography and land, the frames against one another, the land mask against the Earth's | upside down or shifted by 180 degrees |
//! | time | spacing of the times | no time 6 hours before the start |
//! | gaps | count of missing values | any, unless a rule fills them |
//!
//! Every threshold lies far from what real states give (GFS, a climate model) and from random fields with random
//! statistics, which are not refused; each is explained where it stands.

mod frames;
mod ground;
mod magnitude;
mod orientation;
mod report;
mod summary;
mod sun;
mod table;
mod units;
mod variable;
mod vertical;
mod window;

use crate::inputs::{Offer, frame_time, unique};
use crate::{Error, Field, Frame, MissingStats, Result, Statistics, TaskInputs, Time, Variable};

use frames::Frames;
pub use report::{Check, Finding, FrameReport, InputReport, Severity, VariableReport};
use summary::Plane;

/// Checks what a forecast from `init` would read in its first step; missing things are findings like others.
///
/// Fields are read one variable at a time; two frames of one variable and a few planes are in memory at once.
///
/// # Errors
/// [`Error::MissingTime`] if the input does not have `init`, [`Error::DateTooEarly`], or [`Error::Io`] if a source
/// cannot be reached.
pub fn check_inputs(
    inputs: &TaskInputs,
    statistics: &Statistics,
    init: Time,
) -> Result<InputReport> {
    inputs.check_init(init)?;
    let mut checker = Checker::new(inputs, statistics, init);
    checker.check_statistics();
    checker.check_times();
    for variable in unique(&inputs.task().input_variables) {
        if variable.is_static() {
            let field = checker.check_variable(&variable, Frame::Static)?;
            checker.frames.add_static(&variable, field);
        } else {
            let previous = checker.check_variable(&variable, Frame::Previous)?;
            let current = checker.check_variable(&variable, Frame::Current)?;
            checker.frames.add(&variable, previous, current);
        }
    }
    for variable in unique(&inputs.task().forcing_variables) {
        checker.check_variable(&variable, Frame::Target)?;
    }
    let found = checker.frames.findings();
    checker.findings.extend(found);
    Ok(checker.report())
}

/// What is gathered while the variables pass by.
struct Checker<'a> {
    inputs: &'a TaskInputs,
    statistics: &'a Statistics,
    init: Time,
    row_weights: Vec<f64>,
    rows: Vec<(Frame, VariableReport)>,
    findings: Vec<Finding>,
    frames: Frames<'a>,
}

impl<'a> Checker<'a> {
    fn new(inputs: &'a TaskInputs, statistics: &'a Statistics, init: Time) -> Self {
        Self {
            row_weights: inputs.grid().latitude_weights(),
            rows: Vec::new(),
            findings: Vec::new(),
            frames: Frames::new(inputs.grid()),
            inputs,
            statistics,
            init,
        }
    }

    /// Every entry of the statistics that the task needs.
    fn check_statistics(&mut self) {
        let finding = |severity, found: String, hint: &str| Finding {
            severity,
            check: Check::Statistics,
            variable: None,
            frame: None,
            expected: "statistics of every variable and level of the task".to_owned(),
            found,
            hint: hint.to_owned(),
        };
        let normalizer = self
            .statistics
            .normalizer_with(self.inputs.task(), MissingStats::Allow);
        let found = match normalizer {
            Ok((_, raw)) if raw.is_empty() => return,
            Ok((_, raw)) => finding(
                Severity::Warn,
                format!("none for {}", raw.join(", ")),
                "these variables would enter the network raw; a forecast needs `--allow-missing-stats` for that",
            ),
            Err(Error::MissingStatistics { names }) => finding(
                Severity::Refuse,
                format!("none for {}", names.join(", ")),
                "complete the statistics",
            ),
            Err(error) => finding(Severity::Refuse, error.to_string(), ""),
        };
        self.findings.push(found);
    }

    /// The spacing of the times before the start.
    fn check_times(&mut self) {
        let times = self.inputs.input().times();
        let before = times.partition_point(|&time| time < self.init);
        let previous = frame_time(Frame::Previous, self.init);
        let last = before.checked_sub(1).and_then(|index| times.get(index));
        let finding = |severity, found: String, hint: &str| Finding {
            severity,
            check: Check::TimeStep,
            variable: None,
            frame: Some(Frame::Previous),
            expected: "a time 6 hours before the start".to_owned(),
            found,
            hint: hint.to_owned(),
        };
        let hours = |&time: &Time| (self.init.0 - time.0) as f64 / 3600.0;
        let found = match (times.binary_search(&previous), last) {
            (Ok(_), Some(&last)) if last == previous => return,
            (Ok(_), Some(last)) => finding(
                Severity::Note,
                format!(
                    "times {} hours apart, of which every 6th hour is used",
                    hours(last)
                ),
                "accumulated variables must hold the amount of 6 hours",
            ),
            (_, Some(last)) => finding(
                Severity::Refuse,
                format!("the last time before it is {} hours earlier", hours(last)),
                "the model steps by 6 hours: use a 6-hourly store",
            ),
            (_, None) => finding(
                Severity::Refuse,
                "no earlier time".to_owned(),
                "start at a later time; a forecast needs two states",
            ),
        };
        self.findings.push(found);
    }

    /// Reads a variable of a frame and adds its row and its findings; returns the field if it is stored.
    fn check_variable(&mut self, variable: &Variable, frame: Frame) -> Result<Option<Field>> {
        let time = frame_time(frame, self.init);
        let offer = self.inputs.offer(variable, frame, time)?;
        let planes = match &offer.field {
            Some(field) => summary::planes(&self.row_weights, field),
            None => Vec::new(),
        };
        let mut found = self.missing(variable, &offer);
        let is_stored = offer.north_to_south.is_some();
        if is_stored {
            found.extend(self.judge(variable, time, &offer, &planes));
        }
        for finding in &mut found {
            finding.frame = Some(frame);
        }
        self.findings.append(&mut found);
        let row = self.row(variable, &offer, &planes);
        self.rows.push((frame, row));
        Ok(offer.field.filter(|_| is_stored))
    }

    fn row(&self, variable: &Variable, offer: &Offer, planes: &[Plane]) -> VariableReport {
        let samples = summary::samples(self.statistics, variable, planes);
        let finite = || planes.iter().filter(|plane| plane.mean.is_finite());
        let worst = samples
            .iter()
            .max_by(|a, b| a.z().abs().total_cmp(&b.z().abs()));
        let levels = match variable.is_atmospheric() {
            true => self.inputs.task().pressure_levels.clone(),
            false => Vec::new(),
        };
        let has_values = |level: &&u32| finite().any(|plane| plane.level == Some(**level));
        let missing_levels = match offer.field {
            Some(_) => levels.iter().filter(|l| !has_values(l)).copied().collect(),
            None => levels.clone(),
        };
        VariableReport {
            variable: variable.clone(),
            provenance: offer.provenance,
            units: offer.units.clone(),
            expected_units: variable.units().map(str::to_owned),
            missing_levels,
            levels,
            min: finite().map(|plane| plane.min).reduce(f64::min),
            mean: summary::mean(finite().map(|plane| plane.mean)),
            max: finite().map(|plane| plane.max).reduce(f64::max),
            mean_z: summary::mean(samples.iter().map(summary::Sample::z)),
            max_abs_z: worst.map(|sample| sample.z().abs()),
            max_abs_z_level: worst.and_then(|sample| sample.level),
            spread: summary::mean(samples.iter().map(summary::Sample::spread)),
            n_missing: planes.iter().map(|plane| plane.n_missing).sum(),
            n_filled: offer.n_filled,
            latitude: offer.north_to_south.map(|flipped| {
                let order = if flipped { "N to S" } else { "S to N" };
                order.to_owned()
            }),
        }
    }

    fn report(self) -> InputReport {
        let dated = self.inputs.is_dated();
        let order = [
            Frame::Static,
            Frame::Previous,
            Frame::Current,
            Frame::Target,
        ];
        let frames = order.into_iter().map(|frame| {
            let time = frame_time(frame, self.init);
            let rows = self.rows.iter().filter(|(of, _)| *of == frame);
            FrameReport {
                frame,
                when: self.inputs.when(frame, time),
                time: (dated && frame != Frame::Static).then_some(time),
                variables: rows.map(|(_, row)| row.clone()).collect(),
            }
        });
        let grid = self.inputs.grid();
        InputReport {
            heading: format!(
                "{}: start {}, {} x {} points",
                self.inputs.input().path().display(),
                self.inputs.when(Frame::Current, self.init),
                grid.n_lat(),
                grid.n_lon()
            ),
            init: dated.then_some(self.init),
            frames: frames.filter(|frame| !frame.variables.is_empty()).collect(),
            findings: self.findings,
        }
    }
}
