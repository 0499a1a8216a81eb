//! The tables of `skill.json`.

use std::collections::BTreeMap;

use dropsonde_attribution::score::Resampler;
use dropsonde_fields::{PairScore, ScoreSums, ScoreTarget};
use serde::{Deserialize, Serialize};

use super::cases::Start;
use super::estimate::{Blocks, Estimate};
use super::record::{Extreme, LeadRecord, Record, TargetScores};
use super::storm_results::StormRow;

/// The skill of one forecaster.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Skill {
    pub(crate) model: String,
    pub(crate) weights_sha256: String,
    /// Random weights instead of trained ones.
    pub(crate) untrained: bool,
    pub(crate) source: String,
    pub(crate) truth: String,
    pub(crate) climatology: String,
    /// One number per variable and level instead of one for each place and day.
    pub(crate) climatology_is_constant: bool,
    pub(crate) first_init: String,
    pub(crate) last_init: String,
    pub(crate) n_cases: usize,
    /// What is resampled.
    pub(crate) blocks: String,
    pub(crate) resamples: usize,
    pub(crate) confidence: f64,
    /// Whatever a reader of the numbers must know.
    pub(crate) notes: Vec<String>,
    pub(crate) scores: Vec<ScoreRow>,
    pub(crate) changes: Vec<ChangeRow>,
    pub(crate) spectra: Vec<SpectrumRow>,
    pub(crate) storms: Vec<StormRow>,
    pub(crate) stability: Vec<StabilityRow>,
}

/// One target at one lead against the truth.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ScoreRow {
    pub(crate) target: ScoreTarget,
    pub(crate) units: String,
    pub(crate) lead_hours: i64,
    /// Forecasts with truth that reached this lead.
    pub(crate) n: usize,
    pub(crate) n_blocks: usize,
    /// Forecasts with truth that were no longer finite: they are in no error.
    pub(crate) n_not_finite: usize,
    pub(crate) forecast: Side,
    pub(crate) persistence: Side,
    pub(crate) climatology: Option<Side>,
    /// RMSE over that of persistence.
    pub(crate) over_persistence: Option<Estimate>,
    /// RMSE over that of climatology.
    pub(crate) over_climatology: Option<Estimate>,
}

/// The scores of a forecast or a baseline.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Side {
    pub(crate) rmse: Estimate,
    pub(crate) bias: Option<f64>,
    pub(crate) acc: Option<f64>,
}

/// The forecast against the state it started from.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ChangeRow {
    pub(crate) target: ScoreTarget,
    pub(crate) units: String,
    pub(crate) lead_hours: i64,
    pub(crate) start: Start,
    pub(crate) n: usize,
    /// Mean change of the area mean; none for a vector.
    pub(crate) mean: Option<f64>,
    /// Root mean square of the change.
    pub(crate) rms: f64,
}

/// Power by zonal wavenumber, means over forecasts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SpectrumRow {
    pub(crate) target: ScoreTarget,
    pub(crate) units: String,
    /// Distance from the equator in degrees, both hemispheres.
    pub(crate) band: [f64; 2],
    pub(crate) lead_hours: i64,
    pub(crate) n: usize,
    /// By wavenumber from 0, in the square of the units.
    pub(crate) forecast: Vec<f64>,
    pub(crate) truth: Vec<f64>,
    /// Forecast over truth; below 1 is blurred.
    pub(crate) ratio: Vec<Option<f64>>,
}

/// All forecasts at one lead, with truth or without.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StabilityRow {
    pub(crate) lead_hours: i64,
    pub(crate) n: usize,
    /// Forecasts that were finite up to this lead.
    pub(crate) n_finite: usize,
    /// The value farthest from its mean in any of them, in standard deviations of the statistics.
    pub(crate) farthest: Option<Extreme>,
    /// The same of the truth, where there is one.
    pub(crate) farthest_in_truth: Option<Extreme>,
}

/// The blocks of all records, numbered.
pub(crate) struct BlockNumbers<'a>(BTreeMap<&'a str, usize>);

impl<'a> BlockNumbers<'a> {
    pub(crate) fn new(names: impl Iterator<Item = &'a str>) -> Self {
        let names: std::collections::BTreeSet<&str> = names.collect();
        Self(names.into_iter().zip(0..).collect())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn of(&self, name: &str) -> usize {
        self.0.get(name).copied().unwrap_or(0)
    }
}

fn lead(record: &Record, lead_hours: i64) -> Option<&LeadRecord> {
    record.leads.iter().find(|l| l.lead_hours == lead_hours)
}

pub(crate) fn units(target: &ScoreTarget) -> String {
    target.units().unwrap_or("").to_owned()
}

/// Errors of every target and lead. `truth_hours` says how far each record could be scored.
pub(crate) fn scores(
    records: &[(Record, i64)],
    targets: &[ScoreTarget],
    leads: &[i64],
    resampler: &Resampler,
) -> Vec<ScoreRow> {
    let mut rows = Vec::new();
    for (index, target) in targets.iter().enumerate() {
        for &lead_hours in leads {
            let due = records.iter().filter(|(_, hours)| *hours >= lead_hours);
            let found: Vec<(&str, &TargetScores)> = due
                .clone()
                .filter_map(|(record, _)| {
                    let scores = &lead(record, lead_hours)?.scores;
                    Some((record.block.as_str(), scores.get(index)?))
                })
                .collect();
            let n_not_finite = due.count() - found.len();
            let row = score_row(target, lead_hours, &found, resampler);
            rows.extend(row.map(|row| ScoreRow {
                n_not_finite,
                ..row
            }));
        }
    }
    rows
}

fn score_row(
    target: &ScoreTarget,
    lead_hours: i64,
    found: &[(&str, &TargetScores)],
    resampler: &Resampler,
) -> Option<ScoreRow> {
    let numbers = BlockNumbers::new(found.iter().map(|(block, _)| *block));
    let blocks = Blocks::new(numbers.len(), resampler.clone());
    let sums = |pair: &dyn Fn(&TargetScores) -> Option<PairScore>| {
        let mut sums = vec![ScoreSums::default(); numbers.len()];
        for (block, scores) in found {
            if let Some(pair) = pair(scores) {
                sums[numbers.of(block)].add(&pair);
            }
        }
        sums
    };
    let forecast = sums(&|scores| Some(scores.forecast.clone()));
    let persistence = sums(&|scores| Some(scores.persistence.clone()));
    let climatology = sums(&|scores| scores.climatology.clone());
    let side = |of: &[ScoreSums]| {
        let all = ScoreSums::weighted(of, &vec![1.0; of.len()]);
        Some(Side {
            rmse: blocks.rmse(of)?,
            bias: all.mean_bias(),
            acc: all.mean_acc(),
        })
    };
    Some(ScoreRow {
        target: target.clone(),
        units: units(target),
        lead_hours,
        n: found.len(),
        n_blocks: numbers.len(),
        n_not_finite: 0,
        forecast: side(&forecast)?,
        persistence: side(&persistence)?,
        climatology: side(&climatology),
        over_persistence: blocks.ratio(&forecast, &persistence),
        over_climatology: blocks.ratio(&forecast, &climatology),
    })
}

/// Forecasts against the states they started from.
pub(crate) fn changes(
    records: &[(Record, i64)],
    targets: &[ScoreTarget],
    leads: &[i64],
) -> Vec<ChangeRow> {
    let mut rows = Vec::new();
    for start in [Start::Pair, Start::Cold] {
        for (index, target) in targets.iter().enumerate() {
            for &lead_hours in leads {
                let mut sums = ScoreSums::default();
                let of_start = records.iter().filter(|(record, _)| record.start == start);
                let changes = of_start.filter_map(|(record, _)| lead(record, lead_hours));
                changes
                    .filter_map(|lead| lead.change.get(index))
                    .for_each(|change| sums.add(change));
                let Some(rms) = sums.rmse() else { continue };
                rows.push(ChangeRow {
                    target: target.clone(),
                    units: units(target),
                    lead_hours,
                    start,
                    n: sums.n as usize,
                    mean: sums.mean_bias(),
                    rms,
                });
            }
        }
    }
    rows
}

/// Mean power by wavenumber of every target, band and lead.
pub(crate) fn spectra(
    records: &[(Record, i64)],
    targets: &[ScoreTarget],
    bands: &[[f64; 2]],
    leads: &[i64],
) -> Vec<SpectrumRow> {
    let mut rows = Vec::new();
    for (index, (target, band)) in targets
        .iter()
        .flat_map(|target| bands.iter().map(move |band| (target, band)))
        .enumerate()
    {
        for &lead_hours in leads {
            let found: Vec<&[Vec<f32>; 2]> = records
                .iter()
                .filter_map(|(record, _)| lead(record, lead_hours)?.spectra.get(index))
                .collect();
            if found.is_empty() {
                continue;
            }
            let [forecast, truth] = [0, 1].map(|side| mean(found.iter().map(|f| &f[side])));
            let ratio = forecast.iter().zip(&truth);
            let ratio = ratio.map(|(f, t)| (*t > 0.0).then(|| f / t));
            rows.push(SpectrumRow {
                target: target.clone(),
                units: units(target),
                band: *band,
                lead_hours,
                n: found.len(),
                ratio: ratio.collect(),
                forecast,
                truth,
            });
        }
    }
    rows
}

/// The mean of lists of the same length, of which there is at least one.
fn mean<'a>(lists: impl ExactSizeIterator<Item = &'a Vec<f32>>) -> Vec<f64> {
    let n = lists.len() as f64;
    let mut sum: Vec<f64> = Vec::new();
    for list in lists {
        sum.resize(list.len(), 0.0);
        sum.iter_mut()
            .zip(list)
            .for_each(|(sum, x)| *sum += f64::from(*x) / n);
    }
    sum
}

/// How far values go.
pub(crate) fn stability(records: &[(Record, i64)], leads: &[i64]) -> Vec<StabilityRow> {
    let row = |&lead_hours: &i64| {
        let reached: Vec<&LeadRecord> = records
            .iter()
            .filter_map(|(record, _)| lead(record, lead_hours))
            .collect();
        let farthest = |of: &dyn Fn(&LeadRecord) -> Option<Extreme>| {
            let all = reached.iter().filter_map(|lead| of(lead));
            all.max_by(|a, b| a.deviations.total_cmp(&b.deviations))
        };
        StabilityRow {
            lead_hours,
            n: records.len(),
            n_finite: reached.len(),
            farthest: farthest(&|lead| Some(lead.extreme.clone())),
            farthest_in_truth: farthest(&|lead| lead.extreme_of_truth.clone()),
        }
    };
    leads.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use dropsonde_fields::Time;

    use super::*;

    fn pair(square: f64) -> PairScore {
        PairScore {
            square: Some(square),
            bias: Some(square),
            ..PairScore::default()
        }
    }

    fn record(hours: i64, block: &str, squares: &[f64]) -> (Record, i64) {
        let lead = |(index, &square): (usize, &f64)| LeadRecord {
            lead_hours: 6 * (index as i64 + 1),
            scores: vec![TargetScores {
                forecast: pair(square),
                persistence: pair(4.0 * square),
                climatology: None,
            }],
            change: vec![pair(square + 1.0)],
            spectra: vec![[vec![square as f32, 1.0], vec![2.0, 0.0]]],
            extreme: Extreme {
                channel: "t2m".to_owned(),
                deviations: square,
            },
            extreme_of_truth: None,
        };
        let record = Record {
            init: Time(3600 * hours),
            start: Start::Pair,
            block: block.to_owned(),
            leads: squares.iter().enumerate().map(lead).collect(),
            storms: Vec::new(),
            diverged_hours: (squares.len() < 2).then_some(12),
        };
        (record, 12)
    }

    #[test]
    fn rows_hold_the_sums_of_all_forecasts() {
        let targets = vec!["t2m".parse::<ScoreTarget>().unwrap()];
        let records = [
            record(0, "a", &[1.0, 9.0]),
            record(6, "a", &[3.0, 16.0]),
            record(12, "b", &[8.0]),
        ];
        let resampler = Resampler::new(0, 100, 0.95);
        let rows = scores(&records, &targets, &[6, 12], &resampler);
        assert_eq!(
            (rows[0].n, rows[0].n_blocks, rows[0].n_not_finite),
            (3, 2, 0)
        );
        assert_eq!(rows[0].forecast.rmse.value, 2.0);
        let interval = rows[0].forecast.rmse.interval.unwrap();
        assert_eq!(
            (interval.low, interval.high),
            (2.0_f64.sqrt(), 8.0_f64.sqrt())
        );
        assert_eq!(rows[0].over_persistence.unwrap().value, 0.5);
        assert!(rows[0].climatology.is_none() && rows[0].over_climatology.is_none());
        assert_eq!(
            (rows[1].n, rows[1].n_blocks, rows[1].n_not_finite),
            (2, 1, 1)
        );
        assert_eq!(rows[1].forecast.rmse.interval, None);

        let change = changes(&records, &targets, &[6, 12]);
        assert_eq!(
            (change[0].n, change[0].mean, change[0].rms),
            (3, Some(5.0), 5.0_f64.sqrt())
        );
        let spectrum = &spectra(&records, &targets, &[[30.0, 60.0]], &[6])[0];
        assert_eq!(spectrum.forecast, [4.0, 1.0]);
        assert_eq!(spectrum.ratio, [Some(2.0), None]);
        let stable = stability(&records, &[6, 12]);
        assert_eq!((stable[1].n, stable[1].n_finite), (3, 2));
        assert_eq!(stable[1].farthest.as_ref().unwrap().deviations, 16.0);
        assert!(stable[1].farthest_in_truth.is_none());
    }
}
