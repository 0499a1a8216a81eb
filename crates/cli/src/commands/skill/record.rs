//! What one forecast leaves behind, and the file that keeps it for `--resume`.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use dropsonde_fields::{PairScore, Time};
use dropsonde_intervention::Storm;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::cases::{Case, Start};

/// Everything kept of one forecast: means and spectra, no fields.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) init: Time,
    pub(crate) start: Start,
    pub(crate) block: String,
    pub(crate) leads: Vec<LeadRecord>,
    pub(crate) storms: Vec<StormRecord>,
    /// Lead time of the first state that was not finite.
    pub(crate) diverged_hours: Option<i64>,
}

/// A forecast at one lead.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct LeadRecord {
    pub(crate) lead_hours: i64,
    /// One per target, if there is truth.
    pub(crate) scores: Vec<TargetScores>,
    /// Forecast against the initial state, one per target.
    pub(crate) change: Vec<PairScore>,
    /// Power by wavenumber of forecast and truth, one per target and band of the spectra, if there is truth.
    pub(crate) spectra: Vec<[Vec<f32>; 2]>,
    /// Value farthest from its mean.
    pub(crate) extreme: Extreme,
    /// The same of the truth.
    pub(crate) extreme_of_truth: Option<Extreme>,
}

/// The scores of one target against the truth.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TargetScores {
    pub(crate) forecast: PairScore,
    pub(crate) persistence: PairScore,
    pub(crate) climatology: Option<PairScore>,
}

/// A value far from its mean, in standard deviations of the statistics.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Extreme {
    pub(crate) channel: String,
    pub(crate) deviations: f64,
}

/// One storm in one forecast.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StormRecord {
    /// The same for the same storm in other forecasts.
    pub(crate) storm: String,
    pub(crate) initial: Storm,
    pub(crate) leads: Vec<StormLead>,
}

/// A storm at one lead; none: lost in the forecast, or no longer tracked in the truth.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StormLead {
    pub(crate) lead_hours: i64,
    pub(crate) forecast: Option<Storm>,
    pub(crate) truth: Option<Storm>,
    /// Whether the detector of the truth still finds it in the forecast.
    pub(crate) is_low: bool,
}

/// Records of finished forecasts, one JSON object per line after a line that says what they were made with.
pub(crate) struct Log {
    path: PathBuf,
    file: Option<File>,
}

impl Log {
    /// Opens the log of a directory; gives the records that are in it already if `resume` is set.
    pub(crate) fn open(
        directory: &Path,
        settings: &Value,
        resume: bool,
    ) -> anyhow::Result<(Self, Vec<Record>)> {
        std::fs::create_dir_all(directory)
            .with_context(|| format!("cannot create `{}`", directory.display()))?;
        let path = directory.join("cases.jsonl");
        let records = match resume && path.is_file() {
            true => read(&path, settings)?,
            false => Vec::new(),
        };
        let mut log = Self { path, file: None };
        log.rewrite(settings, &records)?;
        Ok((log, records))
    }

    /// No log: nothing is kept.
    pub(crate) fn none() -> Self {
        Self {
            path: PathBuf::new(),
            file: None,
        }
    }

    pub(crate) fn add(&mut self, record: &Record) -> anyhow::Result<()> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        let line = serde_json::to_string(record)? + "\n";
        file.write_all(line.as_bytes())
            .with_context(|| format!("cannot write `{}`", self.path.display()))
    }

    /// A file with the header and the whole records only, so that a line cut off by an interruption is gone.
    fn rewrite(&mut self, settings: &Value, records: &[Record]) -> anyhow::Result<()> {
        let part = self.path.with_extension("jsonl.part");
        let mut text = serde_json::to_string(settings)? + "\n";
        for record in records {
            text += &serde_json::to_string(record)?;
            text.push('\n');
        }
        std::fs::write(&part, text)
            .with_context(|| format!("cannot write `{}`", part.display()))?;
        std::fs::rename(&part, &self.path)
            .with_context(|| format!("cannot write `{}`", self.path.display()))?;
        let file = OpenOptions::new().append(true).open(&self.path);
        self.file = Some(file.with_context(|| format!("cannot open `{}`", self.path.display()))?);
        Ok(())
    }
}

/// The records of a log that was made with the same settings.
fn read(path: &Path, settings: &Value) -> anyhow::Result<Vec<Record>> {
    let file = File::open(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let mut lines = BufReader::new(file).lines();
    let header = lines.next().transpose()?;
    let header: Option<Value> = header.and_then(|line| serde_json::from_str(&line).ok());
    if header.as_ref() != Some(settings) {
        bail!(
            "`{}` was made with {}\nhint: leave out `--resume` to begin again, or give another `--out`",
            path.display(),
            header.map_or("something unreadable".to_owned(), |found| first_difference(
                &found, settings
            ))
        );
    }
    let mut records = Vec::new();
    for line in lines {
        match serde_json::from_str(&line?) {
            Ok(record) => records.push(record),
            // The last line of an interrupted run.
            Err(_) => break,
        }
    }
    Ok(records)
}

/// Where two objects first differ, in words.
fn first_difference(found: &Value, expected: &Value) -> String {
    let keys = expected.as_object().into_iter().flat_map(|o| o.keys());
    let mut different = keys.filter(|key| found[key.as_str()] != expected[key.as_str()]);
    match different.next() {
        Some(key) => format!(
            "`{key}` {}, not {}",
            found[key.as_str()],
            expected[key.as_str()]
        ),
        None => "other settings".to_owned(),
    }
}

impl Record {
    /// Whether this is the forecast of a case, compared with as much truth as there is now.
    pub(crate) fn is_of(&self, case: &Case) -> bool {
        let compared = |lead: &LeadRecord| {
            let known = lead.lead_hours <= case.truth_hours;
            known != lead.scores.is_empty()
        };
        self.init == case.init && self.start == case.start && self.leads.iter().all(compared)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(hours: i64) -> Record {
        Record {
            init: Time(3600 * hours),
            start: Start::Pair,
            block: "a".to_owned(),
            leads: Vec::new(),
            storms: Vec::new(),
            diverged_hours: Some(6),
        }
    }

    #[test]
    fn a_log_goes_on_after_an_interruption_and_only_with_the_same_settings() {
        let directory = tempfile::tempdir().unwrap();
        let settings = json!({"weights": "abc", "leads": [6]});
        let (mut log, before) = Log::open(directory.path(), &settings, false).unwrap();
        assert!(before.is_empty());
        log.add(&record(0)).unwrap();
        log.add(&record(6)).unwrap();
        drop(log);
        let path = directory.path().join("cases.jsonl");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, &text[..text.len() - 9]).unwrap();
        let (mut log, before) = Log::open(directory.path(), &settings, true).unwrap();
        assert_eq!(before.len(), 1);
        assert_eq!(before[0].init, Time(0));
        log.add(&record(6)).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        let other = json!({"weights": "abd", "leads": [6]});
        let error = Log::open(directory.path(), &other, true)
            .err()
            .unwrap()
            .to_string();
        assert!(error.contains("`weights` \"abc\", not \"abd\""), "{error}");
        let (_, before) = Log::open(directory.path(), &other, false).unwrap();
        assert!(before.is_empty());
    }

    #[test]
    fn a_forecast_is_made_again_when_there_is_more_truth() {
        let mut made = record(0);
        made.leads = [6, 12]
            .map(|lead_hours| LeadRecord {
                lead_hours,
                scores: match lead_hours {
                    6 => vec![TargetScores {
                        forecast: PairScore::default(),
                        persistence: PairScore::default(),
                        climatology: None,
                    }],
                    _ => Vec::new(),
                },
                change: Vec::new(),
                spectra: Vec::new(),
                extreme: Extreme::default(),
                extreme_of_truth: None,
            })
            .to_vec();
        let case = |start, truth_hours| Case {
            init: Time(0),
            start,
            stretch: 0,
            block: "a".to_owned(),
            truth_hours,
        };
        assert!(made.is_of(&case(Start::Pair, 6)));
        assert!(!made.is_of(&case(Start::Pair, 12)));
        assert!(!made.is_of(&case(Start::Pair, 0)));
        assert!(!made.is_of(&case(Start::Cold, 6)));
    }
}
