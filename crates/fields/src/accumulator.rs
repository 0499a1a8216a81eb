//! Statistics from data, one state at a time.

mod task;

use std::collections::BTreeMap;

use dropsonde_mesh::LatLonGrid;
use ndarray::ArrayView2;

use crate::{Error, Field, LevelTable, Result, State, Statistics, Variable, VariableStatistics};

pub use task::compute_statistics;

/// Area-weighted mean and variance of a stream of planes.
#[derive(Clone, Copy, Debug, Default)]
struct Moments {
    planes: f64,
    mean: f64,
    /// Sum over planes of the mean squared deviation from the running mean.
    deviations: f64,
}

impl Moments {
    /// Adds one plane of mean `mean` and variance `variance` (Chan's update with equal weights per plane).
    fn add(&mut self, mean: f64, variance: f64) {
        let delta = mean - self.mean;
        let planes = self.planes + 1.0;
        self.mean += delta / planes;
        self.deviations += variance + delta * delta * self.planes / planes;
        self.planes = planes;
    }

    fn stddev(&self) -> f64 {
        (self.deviations / self.planes).sqrt()
    }
}

/// Moments of one variable, per level.
#[derive(Clone, Debug)]
struct Entry {
    levels: Vec<u32>,
    values: Vec<Moments>,
    changes: Vec<Moments>,
}

/// Computes [`Statistics`] from states, area-weighted, in f64, without keeping the data.
///
/// ```
/// # use dropsonde_fields::{Field, State, StatisticsAccumulator, Time, Variable};
/// # let grid = dropsonde_mesh::LatLonGrid::with_poles(45.0)?;
/// # let state = |hour: i64| {
/// #     let data = ndarray::Array2::from_elem((5, 8), 280.0 + hour as f32);
/// #     let mut state = State::new(Time(0).plus_hours(hour));
/// #     state.insert(Variable::TEMPERATURE_2M, Field::surface(data));
/// #     state
/// # };
/// let mut accumulator = StatisticsAccumulator::new(&grid);
/// accumulator.add(&state(0), None)?;
/// accumulator.add(&state(6), Some(&state(0)))?;
/// let statistics = accumulator.finish("an example");
/// let mean = statistics.variables[&Variable::TEMPERATURE_2M].mean.as_ref().unwrap();
/// assert_eq!(mean.get(None), Some(283.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct StatisticsAccumulator {
    /// Per latitude, sum 1 over the grid.
    weights: Vec<f64>,
    n_lon: usize,
    entries: BTreeMap<Variable, Entry>,
}

impl StatisticsAccumulator {
    /// Starts without data on a grid.
    pub fn new(grid: &LatLonGrid) -> Self {
        let n_nodes = grid.n_nodes() as f64;
        let weights = grid
            .latitude_weights()
            .into_iter()
            .map(|weight| weight / n_nodes)
            .collect();
        Self {
            weights,
            n_lon: grid.n_lon(),
            entries: BTreeMap::new(),
        }
    }

    /// Adds every field of a state and, if the state 6 hours before is given, its change.
    ///
    /// # Errors
    /// [`Error::Shape`] if a field is on another grid, [`Error::LevelMismatch`] if its levels differ from
    /// those of earlier states, [`Error::MissingVariable`] if `previous` lacks a field,
    /// [`Error::TimeMismatch`] if it is not 6 hours earlier.
    pub fn add(&mut self, state: &State, previous: Option<&State>) -> Result<()> {
        if let Some(previous) = previous {
            let expected = state.time.plus_hours(-crate::STEP_HOURS);
            previous.check_time("previous state", expected)?;
        }
        for (variable, field) in &state.fields {
            let before = previous.map(|state| state.get(variable)).transpose()?;
            self.add_field(variable, field, before)?;
        }
        Ok(())
    }

    fn add_field(
        &mut self,
        variable: &Variable,
        field: &Field,
        before: Option<&Field>,
    ) -> Result<()> {
        self.check(variable, field)?;
        if let Some(before) = before {
            self.check(variable, before)?;
        }
        let n_planes = field.data.shape()[0];
        let (weights, entries) = (&self.weights, &mut self.entries);
        let entry = entries.entry(variable.clone()).or_insert_with(|| Entry {
            levels: field.levels.clone(),
            values: vec![Moments::default(); n_planes],
            changes: vec![Moments::default(); n_planes],
        });
        for (k, plane) in field.data.outer_iter().enumerate() {
            let (mean, variance) = plane_moments(weights, plane, None);
            entry.values[k].add(mean, variance);
            if let Some(before) = before {
                let other = before.data.index_axis(ndarray::Axis(0), k);
                let (mean, variance) = plane_moments(weights, plane, Some(other));
                entry.changes[k].add(mean, variance);
            }
        }
        Ok(())
    }

    fn check(&self, variable: &Variable, field: &Field) -> Result<()> {
        if field.grid_shape() != [self.weights.len(), self.n_lon] {
            return Err(Error::Shape {
                what: format!("`{variable}`"),
                expected: vec![self.weights.len(), self.n_lon],
                found: field.grid_shape().to_vec(),
            });
        }
        match self.entries.get(variable) {
            Some(entry) if entry.levels != field.levels => Err(Error::LevelMismatch {
                variable: variable.clone(),
                expected: format!("levels {:?} hPa", entry.levels),
                found: format!("{:?}", field.levels),
            }),
            _ => Ok(()),
        }
    }

    /// The statistics so far; `source` says in words where the data came from.
    ///
    /// Variables of which no change was seen have no `diffs_stddev`.
    pub fn finish(&self, source: &str) -> Statistics {
        let variables = self.entries.iter().map(|(variable, entry)| {
            let table = |moments: &[Moments], number: fn(&Moments) -> f64| LevelTable {
                levels: entry.levels.clone(),
                values: moments.iter().map(number).collect(),
            };
            let has_changes = entry.changes.iter().all(|moments| moments.planes > 0.0);
            let statistics = VariableStatistics {
                mean: Some(table(&entry.values, |moments| moments.mean)),
                stddev: Some(table(&entry.values, Moments::stddev)),
                diffs_stddev: has_changes.then(|| table(&entry.changes, Moments::stddev)),
            };
            (variable.clone(), statistics)
        });
        Statistics {
            source: source.to_owned(),
            variables: variables.collect(),
        }
    }
}

/// Area-weighted mean and variance of a plane, or of its difference from another, in two passes.
fn plane_moments(
    weights: &[f64],
    plane: ArrayView2<'_, f32>,
    other: Option<ArrayView2<'_, f32>>,
) -> (f64, f64) {
    let mut values: Vec<f64> = plane.iter().map(|&x| f64::from(x)).collect();
    if let Some(other) = other {
        for (value, &before) in values.iter_mut().zip(&other) {
            *value -= f64::from(before);
        }
    }
    let rows = || values.chunks(plane.ncols()).zip(weights);
    let mean = rows()
        .map(|(row, weight)| weight * row.iter().sum::<f64>())
        .sum();
    let squares = |row: &[f64]| row.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>();
    (
        mean,
        rows().map(|(row, weight)| weight * squares(row)).sum(),
    )
}
