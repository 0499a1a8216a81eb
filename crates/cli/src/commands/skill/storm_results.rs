//! Errors of storms, beside those of a storm that stays as it is.

use dropsonde_attribution::score::Resampler;
use dropsonde_intervention::Storm;
use dropsonde_mesh::great_circle_km;
use serde::{Deserialize, Serialize};

use super::estimate::{Blocks, Estimate};
use super::record::{Record, StormLead};
use super::results::BlockNumbers;

/// Storms at one lead.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StormRow {
    pub(crate) lead_hours: i64,
    /// Forecasts of storms that the truth still has.
    pub(crate) n: usize,
    /// Different storms among them; these are resampled.
    pub(crate) n_storms: usize,
    /// Forecasts in which no minimum of pressure was left to follow: they are in no error.
    pub(crate) n_lost: usize,
    /// Forecasts that still have a minimum, but none that the detector would call a tropical low.
    pub(crate) n_weak: usize,
    /// Forecasts of storms that the truth no longer has: they are in no other count.
    pub(crate) n_ended: usize,
    /// Great-circle distance in km.
    pub(crate) track: Option<StormErrors>,
    /// Central pressure in hPa.
    pub(crate) pressure: Option<StormErrors>,
    /// Highest 10 m wind in m/s.
    pub(crate) wind: Option<StormErrors>,
}

/// Mean absolute errors on the same storms.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StormErrors {
    pub(crate) forecast: Estimate,
    /// The storm stays where and as it is at the initial time.
    pub(crate) persistence: Estimate,
    pub(crate) over_persistence: Option<Estimate>,
    /// Mean error of the forecast; none for distances.
    pub(crate) bias: Option<Estimate>,
}

/// A storm in forecast, truth and at the start.
struct Triple<'a> {
    storm: &'a str,
    forecast: Storm,
    truth: Storm,
    initial: Storm,
}

/// One row per lead.
pub(crate) fn storms(
    records: &[(Record, i64)],
    leads: &[i64],
    resampler: &Resampler,
) -> Vec<StormRow> {
    let row = |&lead_hours: &i64| {
        let all = records.iter().flat_map(|(record, _)| &record.storms);
        let at = all.filter_map(|storm| {
            let lead = storm.leads.iter().find(|l| l.lead_hours == lead_hours)?;
            Some((storm.storm.as_str(), storm.initial, lead))
        });
        row(lead_hours, &at.collect::<Vec<_>>(), resampler)
    };
    leads.iter().filter_map(row).collect()
}

fn row(
    lead_hours: i64,
    found: &[(&str, Storm, &StormLead)],
    resampler: &Resampler,
) -> Option<StormRow> {
    if found.is_empty() {
        return None;
    }
    let known: Vec<_> = found
        .iter()
        .filter(|(.., lead)| lead.truth.is_some())
        .collect();
    let triples: Vec<Triple<'_>> = known
        .iter()
        .filter_map(|(storm, initial, lead)| {
            Some(Triple {
                storm,
                forecast: lead.forecast?,
                truth: lead.truth?,
                initial: *initial,
            })
        })
        .collect();
    let storms = BlockNumbers::new(known.iter().map(|(storm, ..)| *storm));
    let compare = Compare {
        numbers: BlockNumbers::new(triples.iter().map(|t| t.storm)),
        triples: &triples,
        resampler,
    };
    let km = |a: &Storm, b: &Storm| great_circle_km(a.position(), b.position());
    let weak = |lead: &StormLead| lead.forecast.is_some() && !lead.is_low;
    Some(StormRow {
        lead_hours,
        n: known.len(),
        n_storms: storms.len(),
        n_lost: known.len() - triples.len(),
        n_weak: known.iter().filter(|(.., lead)| weak(lead)).count(),
        n_ended: found.len() - known.len(),
        track: compare.errors(&km, false),
        pressure: compare.errors(&|a, b| a.pressure_hpa - b.pressure_hpa, true),
        wind: compare.errors(&|a, b| a.max_wind_m_s - b.max_wind_m_s, true),
    })
}

struct Compare<'a> {
    triples: &'a [Triple<'a>],
    numbers: BlockNumbers<'a>,
    resampler: &'a Resampler,
}

impl Compare<'_> {
    /// Errors in one measure; `signed` if a bias makes sense.
    fn errors(&self, measure: &dyn Fn(&Storm, &Storm) -> f64, signed: bool) -> Option<StormErrors> {
        let blocks = Blocks::new(self.numbers.len(), self.resampler.clone());
        let values = |of: &dyn Fn(&Triple<'_>) -> f64| -> Vec<(usize, f64)> {
            let triples = self.triples.iter();
            triples.map(|t| (self.numbers.of(t.storm), of(t))).collect()
        };
        let forecast = values(&|t| measure(&t.forecast, &t.truth).abs());
        let persistence = values(&|t| measure(&t.initial, &t.truth).abs());
        let error = values(&|t| measure(&t.forecast, &t.truth));
        Some(StormErrors {
            forecast: blocks.mean(&forecast)?,
            persistence: blocks.mean(&persistence)?,
            over_persistence: blocks.ratio_of_means(&forecast, &persistence),
            bias: signed.then(|| blocks.mean(&error)).flatten(),
        })
    }
}

#[cfg(test)]
mod tests {
    use dropsonde_fields::Time;

    use super::super::cases::Start;
    use super::super::record::StormRecord;
    use super::*;

    fn storm(lat: f64, pressure_hpa: f64, max_wind_m_s: f64) -> Storm {
        Storm {
            lat,
            lon: 100.0,
            pressure_hpa,
            depth_hpa: 10.0,
            max_wind_m_s,
            warm_core_k: None,
            precipitation_mm: None,
        }
    }

    fn record(name: &str, forecast: Option<Storm>, truth: Option<Storm>) -> (Record, i64) {
        let lead = StormLead {
            lead_hours: 24,
            is_low: forecast.is_some_and(|s| s.max_wind_m_s > 12.0),
            forecast,
            truth,
        };
        let record = Record {
            init: Time(0),
            start: Start::Pair,
            block: "a".to_owned(),
            leads: Vec::new(),
            storms: vec![StormRecord {
                storm: name.to_owned(),
                initial: storm(10.0, 1000.0, 15.0),
                leads: vec![lead],
            }],
            diverged_hours: None,
        };
        (record, 120)
    }

    #[test]
    fn errors_are_those_of_the_storms_that_both_have() {
        let degree = great_circle_km((0.0, 0.0), (1.0, 0.0));
        let truth = Some(storm(14.0, 990.0, 20.0));
        let records = [
            record("a#1", Some(storm(13.0, 994.0, 17.0)), truth),
            record("b#1", Some(storm(11.0, 998.0, 10.0)), truth),
            record("b#1", None, truth),
            record("c#1", Some(storm(11.0, 998.0, 10.0)), None),
        ];
        let rows = storms(&records, &[24, 48], &Resampler::new(0, 200, 0.95));
        assert_eq!(rows.len(), 1);
        let row = &rows[0];
        assert_eq!(
            (row.n, row.n_storms, row.n_lost, row.n_weak, row.n_ended),
            (3, 2, 1, 1, 1)
        );
        let track = row.track.as_ref().unwrap();
        assert!((track.forecast.value - 2.0 * degree).abs() < 1e-6);
        assert!((track.persistence.value - 4.0 * degree).abs() < 1e-6);
        assert!((track.over_persistence.unwrap().value - 0.5).abs() < 1e-9);
        assert!(track.bias.is_none());
        let interval = track.forecast.interval.unwrap();
        assert!(
            (interval.low - degree).abs() < 1e-6 && (interval.high - 3.0 * degree).abs() < 1e-6
        );
        let pressure = row.pressure.as_ref().unwrap();
        assert_eq!(pressure.forecast.value, 6.0);
        assert_eq!(pressure.bias.unwrap().value, 6.0);
        assert_eq!(row.wind.as_ref().unwrap().bias.unwrap().value, -6.5);
    }
}
