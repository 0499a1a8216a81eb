//! How the storm answers to the strength of an edit.

use serde::{Deserialize, Serialize};

use crate::statistics::median;
use crate::{Point, Run, RunKind, spearman};

/// Changes of a storm against the unedited run, by strength, at one lead.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DoseResponse {
    /// Hours since the initial state.
    pub lead_hours: i64,
    /// One per strength, ascending; 0 is the unedited run, change 0.
    pub responses: Vec<Response>,
    /// Rank correlation of strength and central pressure: negative if the edit deepens the storm.
    pub spearman_pressure: Option<f64>,
    /// Rank correlation of strength and highest wind.
    pub spearman_wind: Option<f64>,
}

/// The change that one strength makes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Response {
    /// The number in the edit's operation.
    pub strength: f32,
    /// Change of central pressure and of wind; none if one of the two runs has lost the storm.
    pub change: Option<Change>,
    /// The same for each control of this strength.
    pub controls: Vec<Option<Change>>,
    /// |Change of pressure| over the median of the controls'; none without controls or where theirs is 0.
    pub effect_over_control: Option<f64>,
}

/// A run minus the unedited run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Central pressure.
    pub pressure_hpa: f64,
    /// Highest 10 m wind.
    pub wind_m_s: f64,
}

/// Pressure in hPa and wind in m/s at a point of a run.
pub(crate) type Measure = fn(&Point) -> Option<(f64, f64)>;

/// The storm of each run itself.
pub(crate) const OWN_STORM: Measure = |point| point.storm.map(|s| (s.pressure_hpa, s.max_wind_m_s));

/// Around the storm of the unedited run.
pub(crate) const AT_BASE: Measure = |point| {
    point
        .at_base
        .map(|a| (a.lowest_pressure_hpa, a.max_wind_m_s))
};

/// The dose response at every lead at which the unedited run has a storm.
pub(crate) fn dose_response(runs: &[Run], measure: Measure) -> Vec<DoseResponse> {
    let Some(base) = runs.iter().find(|r| r.run == RunKind::Base) else {
        return Vec::new();
    };
    let leads = base.points.iter().enumerate().skip(1);
    let at = |(index, point): (usize, &Point)| {
        let base = measure(point)?;
        let changes = |run: &Run| change(base, measure(run.points.get(index)?)?);
        Some(at_lead(point.lead_hours, runs, changes))
    };
    leads.filter_map(at).collect()
}

fn change(base: (f64, f64), run: (f64, f64)) -> Option<Change> {
    Some(Change {
        pressure_hpa: run.0 - base.0,
        wind_m_s: run.1 - base.1,
    })
}

fn at_lead(lead_hours: i64, runs: &[Run], change: impl Fn(&Run) -> Option<Change>) -> DoseResponse {
    let mut responses: Vec<_> = runs
        .iter()
        .filter_map(|run| match run.run {
            RunKind::Edited { strength } => Some(response(strength, change(run), runs, &change)),
            _ => None,
        })
        .collect();
    if responses.iter().all(|r| r.strength != 0.0) {
        responses.push(response(0.0, Some(Change::default()), runs, &change));
    }
    responses.sort_by(|a, b| a.strength.total_cmp(&b.strength));
    let correlation = |value: fn(&Change) -> f64| {
        let pairs = responses
            .iter()
            .filter_map(|r| Some((f64::from(r.strength), value(r.change.as_ref()?))));
        let (strengths, values): (Vec<_>, Vec<_>) = pairs.unzip();
        spearman(&strengths, &values)
    };
    DoseResponse {
        lead_hours,
        spearman_pressure: correlation(|c| c.pressure_hpa),
        spearman_wind: correlation(|c| c.wind_m_s),
        responses,
    }
}

fn response(
    strength: f32,
    own: Option<Change>,
    runs: &[Run],
    change: &impl Fn(&Run) -> Option<Change>,
) -> Response {
    let is_control =
        |run: &&Run| matches!(run.run, RunKind::Control { strength: s, .. } if s == strength);
    let controls: Vec<_> = runs.iter().filter(is_control).map(change).collect();
    let sizes: Vec<_> = controls
        .iter()
        .flatten()
        .map(|c| c.pressure_hpa.abs())
        .collect();
    let over = |own: Change| {
        let control = median(&sizes).filter(|&m| m > 0.0)?;
        Some(own.pressure_hpa.abs() / control)
    };
    Response {
        strength,
        effect_over_control: own.and_then(over),
        change: own,
        controls,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AtBase;

    fn run(kind: RunKind, pressures: [Option<f64>; 2]) -> Run {
        let point = |(i, pressure): (usize, Option<f64>)| Point {
            lead_hours: 6 * i as i64,
            storm: None,
            at_base: pressure.map(|p| AtBase {
                lowest_pressure_hpa: p,
                max_wind_m_s: 1010.0 - p,
            }),
            edit: None,
            departure: None,
        };
        let points = pressures.into_iter().enumerate().map(point).collect();
        Run {
            run: kind,
            name: kind.name(),
            points,
        }
    }

    #[test]
    fn monotonic_deepening_has_correlation_minus_one_and_controls_scale_it() {
        let edited =
            |strength, pressure| run(RunKind::Edited { strength }, [Some(990.0), pressure]);
        let control = |index, pressure| {
            let kind = RunKind::Control {
                strength: 3.0,
                index,
                feature: Some(1),
            };
            run(kind, [Some(990.0), Some(pressure)])
        };
        let runs = [
            run(RunKind::Base, [Some(990.0), Some(988.0)]),
            edited(3.0, Some(970.0)),
            edited(-1.0, Some(995.0)),
            edited(1.0, Some(984.0)),
            edited(9.0, None),
            control(0, 989.0),
            control(1, 985.0),
        ];
        let [response] = &dose_response(&runs, AT_BASE)[..] else {
            panic!("one lead")
        };
        assert_eq!(
            (response.lead_hours, response.spearman_pressure),
            (6, Some(-1.0))
        );
        assert_eq!(response.spearman_wind, Some(1.0));
        let strengths: Vec<f32> = response.responses.iter().map(|r| r.strength).collect();
        assert_eq!(strengths, [-1.0, 0.0, 1.0, 3.0, 9.0]);
        let strongest = &response.responses[3];
        assert_eq!(strongest.change.unwrap().pressure_hpa, -18.0);
        // |-18| over the median of |1| and |-3|.
        assert_eq!(strongest.effect_over_control, Some(9.0));
        assert_eq!(response.responses[4].change, None);
        assert!(dose_response(&runs, OWN_STORM).is_empty());
    }
}
