//! A climatology by hour and day of the year from a short record.

use std::path::Path;

use dropsonde_mesh::LatLonGrid;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::record::Record;
use super::{checksums, harmonics, provenance};
use crate::writer::{Sharded, ShardedStore};
use crate::{Error, MANTISSA_BITS, Result, Source, State, TimeSelection, Variable, round_mantissa};

/// Days of a leap year.
const DAYS: usize = 366;
/// Days in an inner chunk; divides [`DAYS`].
const INNER_DAYS: usize = 6;
/// Bytes of one shard.
const SHARD_BYTES: usize = 16 << 20;
/// Bytes of sums that are held in one pass over the record.
const PASS_BYTES: usize = 1 << 30;
/// Days per fitted number, at least.
const DAYS_PER_NUMBER: usize = 8;

/// How a climatology is made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClimatologyConfig {
    /// Variables; without it all that change with time.
    pub variables: Option<Vec<Variable>>,
    /// Pressure levels in hPa; without it all.
    pub levels: Option<Vec<u32>>,
    /// Harmonics of the year that are fitted beside the mean.
    pub harmonics: usize,
    /// Mantissa bits that are kept.
    pub keep_bits: u32,
}

impl Default for ClimatologyConfig {
    fn default() -> Self {
        Self {
            variables: None,
            levels: None,
            harmonics: 3,
            keep_bits: 14,
        }
    }
}

/// A climatology that is going to be made: mean weather by hour of the day and day of the year.
///
/// For each hour of the day that the record has, a mean and some harmonics of the year (three: periods of 12, 6 and 4
/// months) are fitted to every node by least squares over all years. That needs one pass over the record, treats years
/// with gaps without bias, and suits a record of one to four years: seven numbers from a year of days smooth about as
/// much as WeatherBench 2's window of 61 days (<https://weatherbench2.readthedocs.io/en/latest/official-evaluation.html>),
/// and do not pull the extremes of the year towards its mean as a window does. With few years the sampling error is still
/// a part of the weather's own variance of about seven over the number of independent weather situations (roughly 60 a
/// year): 12 % after one year, 3 % after four.
///
/// Gaps that have a rule are filled before the fit. A fit to values of which none is negative (precipitation, ice) is
/// not negative either.
pub struct ClimatologyPlan {
    record: Record,
    config: ClimatologyConfig,
    variables: Vec<Variable>,
    levels: Vec<u32>,
    hours: Vec<u32>,
    excluded: usize,
}

/// The sums of one variable: one fit per hour, and the smallest value.
struct Sums {
    fits: Vec<harmonics::Fit>,
    smallest: f32,
}

impl ClimatologyPlan {
    /// Plans a climatology from named sources that follow each other in time.
    ///
    /// # Errors
    /// Those of [`PackPlan::new`](crate::PackPlan::new); [`Error::InvalidParameter`] if the days of the record leave a gap
    /// in the year that is too long for the harmonics, or are too few.
    pub fn new(
        sources: Vec<(String, Source)>,
        config: ClimatologyConfig,
        selection: &TimeSelection,
    ) -> Result<Self> {
        let own = sources.first().map(|(_, source)| source.levels().to_vec());
        let levels = config.levels.clone().or(own).unwrap_or_default();
        let on_levels = |(name, source): (String, Source)| Ok((name, source.with_levels(&levels)?));
        let sources = sources.into_iter().map(on_levels).collect::<Result<_>>()?;
        let record = Record::new(sources, selection)?;
        let changing = |v: &&Variable| !v.is_static() && !v.is_derived_forcing();
        let variables = match &config.variables {
            Some(variables) => variables.clone(),
            None => record
                .first()
                .variables()
                .iter()
                .filter(changing)
                .cloned()
                .collect(),
        };
        record.check_variables(&variables)?;
        let mut hours: Vec<u32> = record.times().iter().map(|(time, _)| hour(*time)).collect();
        hours.sort_unstable();
        hours.dedup();
        let plan = Self {
            excluded: selection.without.len(),
            record,
            config,
            variables,
            levels,
            hours,
        };
        plan.check()?;
        Ok(plan)
    }

    fn check(&self) -> Result<()> {
        let invalid = |name, expected: String, found: String| {
            Err(Error::InvalidParameter {
                name,
                expected,
                found,
            })
        };
        let (k, bits) = (self.config.harmonics, self.config.keep_bits);
        if !(1..=12).contains(&k) {
            return invalid("harmonics", "1 to 12".to_owned(), k.to_string());
        }
        if bits > MANTISSA_BITS {
            return invalid(
                "keep_bits",
                format!("0 to {MANTISSA_BITS}"),
                bits.to_string(),
            );
        }
        for &wanted in &self.hours {
            let times = self.record.times();
            let of_hour = times.iter().filter(|(time, _)| hour(*time) == wanted);
            let days: Vec<u32> = of_hour.map(|(time, _)| time.day_of_year()).collect();
            let (gap, allowed) = (harmonics::longest_gap(&days), harmonics::allowed_gap(k));
            let needed = DAYS_PER_NUMBER * (1 + 2 * k);
            if gap > allowed || days.len() < needed {
                return invalid(
                    "harmonics",
                    format!(
                        "for {k} harmonics at least {needed} days at {wanted:02} UTC and no gap in the days of the year above {allowed} days"
                    ),
                    format!(
                        "{} days and a gap of {gap} days\nhint: take a longer record or fewer harmonics",
                        days.len()
                    ),
                );
            }
        }
        Ok(())
    }

    /// States that will be read; every pass over the record counts.
    pub fn n_reads(&self) -> usize {
        self.passes().len() * self.record.times().len()
    }

    /// The plan as JSON.
    pub fn description(&self) -> Value {
        let times = self.record.times();
        let grid = self.grid();
        json!({
            "grid": format!("{}x{}", grid.n_lon(), grid.n_lat()),
            "levels": self.levels,
            "variables": self.variables,
            "hours": self.hours,
            "harmonics": self.config.harmonics,
            "first": times.first().map(|(time, _)| time),
            "last": times.last().map(|(time, _)| time),
            "times": times.len(),
            "windows_left_out": self.excluded,
        })
    }

    /// Reads the record and writes the climatology as a Zarr v3 directory in WeatherBench 2's layout
    /// (`hour`, `dayofyear`), and its checksums as `<store>.sha256` beside it.
    ///
    /// The store has its name only when it is complete. `progress` is told how many of the
    /// [`ClimatologyPlan::n_reads`] reads are done, and how many there are.
    ///
    /// # Errors
    /// [`Error::Write`] if the store exists or cannot be written; the errors of reading; [`Error::InvalidParameter`] if
    /// the days cannot tell the harmonics apart.
    pub fn write(
        &self,
        store: impl AsRef<Path>,
        mut progress: impl FnMut(usize, usize),
    ) -> Result<()> {
        let path = store.as_ref();
        let store = ShardedStore::new(path, self.attributes(), false)?;
        store.write_space(self.grid(), &self.levels)?;
        let named = |text: &str| Map::from_iter([("long_name".to_owned(), Value::from(text))]);
        let hours = self.hours.iter().map(|&hour| i64::from(hour)).collect();
        store.write_numbers("hour", hours, named("hour of the day, UTC"))?;
        let days = (1..=DAYS as i64).collect();
        store.write_numbers(
            "dayofyear",
            days,
            named("day of the year, 1 on the first of January"),
        )?;
        let (mut done, total) = (0, self.n_reads());
        for variables in self.passes() {
            let mut step = || {
                done += 1;
                progress(done, total);
            };
            let sums = self.sums(&variables, &mut step)?;
            for (variable, sums) in variables.iter().zip(sums) {
                self.write_variable(&store, variable, sums)?;
            }
        }
        store.close()?;
        checksums::write(store.directory(), path)?;
        store.commit()
    }

    fn grid(&self) -> &LatLonGrid {
        self.record.first().grid()
    }

    fn planes(&self, variable: &Variable) -> usize {
        match variable.is_atmospheric() && !self.levels.is_empty() {
            true => self.levels.len(),
            false => 1,
        }
    }

    /// Groups of variables whose sums fit into memory together.
    fn passes(&self) -> Vec<Vec<Variable>> {
        let numbers = self.hours.len() * (1 + 2 * self.config.harmonics) * self.grid().n_nodes();
        let mut passes: Vec<(usize, Vec<Variable>)> = Vec::new();
        for variable in &self.variables {
            let bytes = 8 * numbers * self.planes(variable);
            match passes.last_mut() {
                Some((held, group)) if *held + bytes <= PASS_BYTES => {
                    *held += bytes;
                    group.push(variable.clone());
                }
                _ => passes.push((bytes, vec![variable.clone()])),
            }
        }
        passes.into_iter().map(|(_, group)| group).collect()
    }

    /// One pass over the record.
    fn sums(&self, variables: &[Variable], step: &mut dyn FnMut()) -> Result<Vec<Sums>> {
        let fit = |variable| {
            harmonics::Fit::new(
                self.config.harmonics,
                self.grid().n_nodes() * self.planes(variable),
            )
        };
        let mut sums: Vec<Sums> = variables
            .iter()
            .map(|variable| Sums {
                fits: vec![fit(variable); self.hours.len()],
                smallest: f32::INFINITY,
            })
            .collect();
        for (time, member) in self.record.times() {
            let source = &self.record.members[member].source;
            let state = source.state_of(time, variables)?;
            let at = self
                .hours
                .iter()
                .position(|&h| h == hour(time))
                .unwrap_or(0);
            let basis =
                harmonics::basis(day(time.day_of_year(), hour(time)), self.config.harmonics);
            add(&state, variables, &mut sums, at, &basis)?;
            step();
        }
        Ok(sums)
    }

    fn write_variable(&self, store: &ShardedStore, variable: &Variable, sums: Sums) -> Result<()> {
        let planes = self.planes(variable);
        let (array, block) = self.array(variable, planes);
        store.define(&array)?;
        for (at, fit) in sums.fits.into_iter().enumerate() {
            let coefficients = fit.solve().ok_or_else(|| Error::InvalidParameter {
                name: "harmonics",
                expected: "days that tell the harmonics apart".to_owned(),
                found: format!(
                    "days of `{variable}` at {:02} UTC that do not",
                    self.hours[at]
                ),
            })?;
            let hour = self.hours[at];
            let shard = |index: usize| {
                let days = index * block + 1..=(index + 1) * block;
                let numbers = days.flat_map(|number| {
                    let basis = harmonics::basis(day(number as u32, hour), self.config.harmonics);
                    harmonics::evaluate(&coefficients, &basis)
                });
                let mut numbers: Vec<f32> = match sums.smallest >= 0.0 {
                    true => numbers.map(|x| x.max(0.0)).collect(),
                    false => numbers.collect(),
                };
                round_mantissa(&mut numbers, self.config.keep_bits)?;
                let mut position = array.first_index(at);
                position[1] = index as u64;
                store.store(&array, &position, &numbers)
            };
            (0..DAYS.div_ceil(block))
                .into_par_iter()
                .try_for_each(shard)?;
        }
        Ok(())
    }

    /// The array of a variable, and the days of one shard.
    fn array(&self, variable: &Variable, planes: usize) -> (Sharded, usize) {
        let (n_lat, n_lon) = (self.grid().n_lat(), self.grid().n_lon());
        let fitting = SHARD_BYTES / (4 * planes * n_lat * n_lon);
        let block = (fitting / INNER_DAYS * INNER_DAYS).clamp(INNER_DAYS, DAYS);
        let mut dims = vec![("hour", self.hours.len()), ("dayofyear", DAYS)];
        let (mut shard, mut inner) = (vec![1, block], vec![1, INNER_DAYS]);
        if variable.is_atmospheric() && !self.levels.is_empty() {
            dims.push(("level", planes));
            shard.push(planes);
            inner.push(1);
        }
        dims.extend([("latitude", n_lat), ("longitude", n_lon)]);
        for lengths in [&mut shard, &mut inner] {
            lengths.extend([n_lat, n_lon]);
        }
        let attributes =
            provenance::of_variable(self.record.first(), variable, self.config.keep_bits);
        (
            Sharded::new(variable.name(), dims, &shard, &inner, attributes).fast(),
            block,
        )
    }

    fn attributes(&self) -> Map<String, Value> {
        let source = self.record.first().attributes();
        let mut attributes = Map::new();
        attributes.insert(
            "title".to_owned(),
            "climatology by hour and day of the year".into(),
        );
        for name in ["source", "is_model_simulation_not_observations"] {
            if let Some(value) = source.get(name) {
                attributes.insert(name.to_owned(), value.clone());
            }
        }
        attributes.insert("climatology".to_owned(), self.description());
        attributes.insert("members".to_owned(), provenance::members(&self.record));
        attributes
    }
}

impl std::fmt::Debug for ClimatologyPlan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ClimatologyPlan")
            .field(&self.description())
            .finish()
    }
}

/// Adds a state to the sums of its hour.
fn add(
    state: &State,
    variables: &[Variable],
    sums: &mut [Sums],
    at: usize,
    basis: &[f64],
) -> Result<()> {
    variables
        .par_iter()
        .zip(sums)
        .try_for_each(|(variable, sums)| {
            let data = &state.get(variable)?.data;
            sums.smallest = data.iter().copied().fold(sums.smallest, f32::min);
            sums.fits[at].add(basis, data.iter());
            Ok(())
        })
}

/// Hour of the day.
fn hour(time: crate::Time) -> u32 {
    (time.second_of_day() / 3600) as u32
}

/// Day of the year with the hour as a fraction.
fn day(day_of_year: u32, hour: u32) -> f64 {
    f64::from(day_of_year) + f64::from(hour) / 24.0
}
