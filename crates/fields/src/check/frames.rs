//! The frames as a whole: against the ground, against one another, against the Earth.

use dropsonde_mesh::LatLonGrid;
use ndarray::{Array2, Axis};

use super::ground::{Certainty, Ground, Judgement, Sky, judge};
use super::orientation::{Turn, change_ratios, misplaced_land};
use super::{Check, Finding, Severity};
use crate::{Field, Frame, Variable};

/// A variable counts as turned between the frames if turning one of them makes their difference this much smaller.
/// Real fields reach 0.14 (geopotential) to 0.42 (wind), unrelated ones stay near 1.
const TURNED: f64 = 0.5;

/// A turn needs this share of the variables that can be compared.
const MAJORITY: f64 = 0.5;

/// Lowest pressure in hPa of a level that feels the ground.
const NEAR_GROUND: u32 = 850;

/// Planes of all variables that tell how the frames lie on the globe.
pub(super) struct Frames<'a> {
    grid: &'a LatLonGrid,
    weights: Vec<f64>,
    ground: Ground,
    previous: Sky,
    current: Sky,
    /// Ratio of differences by variable and turn, the median over levels.
    ratios: Vec<(Variable, Turn, f64)>,
    /// Variables that are in both frames.
    n_compared: usize,
    /// Those that are the same in both.
    identical: Vec<Variable>,
}

impl<'a> Frames<'a> {
    pub(super) fn new(grid: &'a LatLonGrid) -> Self {
        Self {
            grid,
            weights: grid.latitude_weights(),
            ground: Ground::default(),
            previous: Sky::default(),
            current: Sky::default(),
            ratios: Vec::new(),
            n_compared: 0,
            identical: Vec::new(),
        }
    }

    pub(super) fn add_static(&mut self, variable: &Variable, field: Option<Field>) {
        let plane = field.and_then(|field| first_plane(&field));
        if *variable == Variable::GEOPOTENTIAL_AT_SURFACE {
            self.ground.orography = plane;
        } else if *variable == Variable::LAND_SEA_MASK {
            self.ground.land = plane;
        }
    }

    /// The two frames of a variable, as far as they are stored.
    pub(super) fn add(
        &mut self,
        variable: &Variable,
        previous: Option<Field>,
        current: Option<Field>,
    ) {
        if variable.is_forcing() {
            return;
        }
        if let (Some(previous), Some(current)) = (&previous, &current) {
            self.compare(variable, previous, current);
        }
        for (sky, field) in [(&mut self.previous, previous), (&mut self.current, current)] {
            let Some(field) = field else { continue };
            match variable.name() {
                "surface_pressure" => sky.surface_pressure = first_plane(&field),
                "2m_temperature" => sky.temperature_2m = first_plane(&field),
                "specific_humidity" => sky.humidity = lowest_plane(&field),
                _ => {}
            }
        }
    }

    fn compare(&mut self, variable: &Variable, previous: &Field, current: &Field) {
        if previous.data == current.data {
            self.identical.push(variable.clone());
            return;
        }
        let mut by_turn: Vec<(Turn, Vec<f64>)> = Vec::new();
        for (k, level) in levels(previous) {
            let position = current.levels.iter().position(|&l| Some(l) == level);
            let Some(other) = position.or(level.is_none().then_some(0)) else {
                continue;
            };
            let planes = [
                previous.data.index_axis(Axis(0), k),
                current.data.index_axis(Axis(0), other),
            ];
            for (turn, ratio) in change_ratios(self.grid, &self.weights, planes[0], planes[1]) {
                match by_turn.iter_mut().find(|(t, _)| *t == turn) {
                    Some((_, ratios)) => ratios.push(ratio),
                    None => by_turn.push((turn, vec![ratio])),
                }
            }
        }
        self.n_compared += usize::from(!by_turn.is_empty());
        for (turn, ratios) in by_turn {
            self.ratios.push((variable.clone(), turn, median(ratios)));
        }
    }

    /// Everything that is wrong with the frames as a whole.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        found.extend(self.land());
        let judgements = [
            (
                Frame::Previous,
                judge(self.grid, &self.previous, &self.ground),
            ),
            (
                Frame::Current,
                judge(self.grid, &self.current, &self.ground),
            ),
        ];
        let between = self.turn_between();
        for (frame, judgement) in &judgements {
            if let Some(judgement) = judgement {
                found.push(self.turned(*frame, judgement, between.as_ref()));
            }
        }
        if let Some((turn, evidence)) = &between
            && !judgements.iter().any(|(_, j)| j.is_some())
        {
            let evidence = format!("one of the two frames is {}: {evidence}", turn.describe());
            found.push(finding(*turn, None, Severity::Refuse, evidence));
        }
        found.extend(self.identical());
        found
    }

    /// A frame that does not fit the ground; certain if the other frame disagrees too.
    fn turned(
        &self,
        frame: Frame,
        judgement: &Judgement,
        between: Option<&(Turn, String)>,
    ) -> Finding {
        let agreed = between.filter(|(turn, _)| *turn == judgement.turn);
        let severity = match (judgement.certainty, agreed) {
            (Certainty::Hint, None) => Severity::Warn,
            _ => Severity::Refuse,
        };
        let other = agreed.map_or(String::new(), |(_, evidence)| format!("; {evidence}"));
        let evidence = format!(
            "data {}: {}{other}",
            judgement.turn.describe(),
            judgement.evidence
        );
        finding(judgement.turn, Some(frame), severity, evidence)
    }

    /// The turn that most variables make between the frames, and the numbers in words.
    fn turn_between(&self) -> Option<(Turn, String)> {
        let turned = |turn: Turn| -> Vec<&(Variable, Turn, f64)> {
            let small = |r: &&(Variable, Turn, f64)| r.1 == turn && r.2 < TURNED;
            self.ratios.iter().filter(small).collect()
        };
        let candidates = Turn::ALL.into_iter().map(|turn| (turn, turned(turn)));
        let (turn, variables) = candidates.max_by_key(|(_, variables)| variables.len())?;
        let share = variables.len() as f64 / self.n_compared.max(1) as f64;
        if variables.len() < 2 || share < MAJORITY {
            return None;
        }
        let numbers: Vec<String> = variables
            .iter()
            .map(|(variable, _, ratio)| format!("`{variable}` {ratio:.2}"))
            .collect();
        let evidence = format!(
            "turning one frame makes the difference of the two smaller by the factor {}",
            numbers.join(", ")
        );
        Some((turn, evidence))
    }

    /// A land mask that is the Earth's, but turned.
    fn land(&self) -> Option<Finding> {
        let land = self.ground.land.as_ref()?;
        let turn = misplaced_land(self.grid, land.view())?;
        let evidence = format!("the Earth's land mask {}", turn.describe());
        let finding = finding(turn, Some(Frame::Static), Severity::Refuse, evidence);
        Some(Finding {
            variable: Some(Variable::LAND_SEA_MASK),
            ..finding
        })
    }

    fn identical(&self) -> Vec<Finding> {
        let finding = |variable: &Variable| Finding {
            severity: Severity::Warn,
            check: Check::Constant,
            variable: Some(variable.clone()),
            frame: Some(Frame::Previous),
            expected: "two states 6 hours apart".to_owned(),
            found: "the same values in both frames".to_owned(),
            hint:
                "the model reads the change between the frames; this one says that nothing changes"
                    .to_owned(),
        };
        self.identical.iter().map(finding).collect()
    }
}

fn finding(turn: Turn, frame: Option<Frame>, severity: Severity, found: String) -> Finding {
    let (check, expected) = match turn {
        Turn::Flip | Turn::Both => (Check::Latitude, "data in the order of the latitudes"),
        Turn::Roll => (Check::Longitude, "data in the order of the longitudes"),
    };
    Finding {
        severity,
        check,
        variable: None,
        frame,
        expected: expected.to_owned(),
        found,
        hint: "correct the coordinates or the data of this time; some stores have single dates that are turned".to_owned(),
    }
}

fn levels(field: &Field) -> impl Iterator<Item = (usize, Option<u32>)> + '_ {
    (0..field.data.shape()[0]).map(|k| (k, field.levels.get(k).copied()))
}

fn first_plane(field: &Field) -> Option<Array2<f32>> {
    (field.data.shape()[0] > 0).then(|| field.data.index_axis(Axis(0), 0).to_owned())
}

/// The plane of the highest pressure, if that is near the ground.
fn lowest_plane(field: &Field) -> Option<Array2<f32>> {
    let (k, _) = field
        .levels
        .iter()
        .enumerate()
        .filter(|&(_, &level)| level >= NEAR_GROUND)
        .max_by_key(|&(_, level)| level)?;
    Some(field.data.index_axis(Axis(0), k).to_owned())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
