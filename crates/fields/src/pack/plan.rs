//! What a packed store will be, before anything is read.

use dropsonde_mesh::LatLonGrid;
use serde_json::{Map, Value, json};

use super::PackConfig;
use super::axis::{Axis, days, lengths};
use super::provenance;
use super::record::Record;
use crate::writer::Sharded;
use crate::{Coarsening, Error, MANTISSA_BITS, Result, Source, Time, TimeSelection, Variable};

/// Bytes of numbers in the shards of one block, at most, unless the configuration says otherwise.
const BLOCK_BYTES: usize = 512 << 20;

/// The most states in one shard that a configuration may ask for: a shard of an array is in memory at once.
const MOST_STATES: usize = 100_000;

/// A packed store as it is going to be.
pub struct PackPlan {
    pub(super) record: Record,
    pub(super) config: PackConfig,
    pub(super) coarsening: Option<Coarsening>,
    pub(super) grid: LatLonGrid,
    pub(super) levels: Vec<u32>,
    pub(super) statics: Vec<Variable>,
    pub(super) axes: Vec<Axis>,
    selection: TimeSelection,
}

impl std::fmt::Debug for PackPlan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("PackPlan")
            .field(&self.description())
            .finish()
    }
}

impl PackPlan {
    /// Plans the packing of named sources, members of one record that follow each other in time.
    ///
    /// Of a source with the attribute `days_done`, which is still being written, only so many days after its first time
    /// count. Sources without any time of the selection are left out.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] if there are no times, members overlap in time or are on different grids, if the grid
    /// is finer than the sources', or a number of bits or states makes no sense; [`Error::MissingVariable`];
    /// [`Error::Malformed`] if a source lacks a level.
    pub fn new(
        sources: Vec<(String, Source)>,
        config: PackConfig,
        selection: TimeSelection,
    ) -> Result<Self> {
        check(&config)?;
        let levels = match (&config.levels, sources.first()) {
            (Some(levels), _) => levels.clone(),
            (None, Some((_, source))) => source.levels().to_vec(),
            (None, None) => Vec::new(),
        };
        let on_levels = |(name, source): (String, Source)| Ok((name, source.with_levels(&levels)?));
        let sources = sources.into_iter().map(on_levels).collect::<Result<_>>()?;
        let record = Record::new(sources, &selection)?;
        let variables = match &config.variables {
            Some(variables) => variables.clone(),
            None => record.first().variables().to_vec(),
        };
        record.check_variables(&variables)?;
        let source_grid = record.first().grid();
        let coarsening = config
            .grid
            .map(|grid| Coarsening::new(source_grid, &grid))
            .transpose()?;
        let grid = coarsening
            .as_ref()
            .map_or(source_grid, Coarsening::grid)
            .clone();
        let mut plan = Self {
            statics: variables
                .iter()
                .filter(|v| v.is_static())
                .cloned()
                .collect(),
            axes: Vec::new(),
            coarsening,
            grid,
            levels,
            config,
            selection,
            record,
        };
        let (daily, fast) = plan.changing(&variables);
        plan.axes = plan.axes(&fast, &daily);
        Ok(plan)
    }

    /// The variables that change, on the axis `day` and on the axis `time`.
    fn changing(&self, variables: &[Variable]) -> (Vec<Variable>, Vec<Variable>) {
        let changing = variables
            .iter()
            .filter(|variable| !variable.is_static())
            .cloned();
        changing.partition(|variable| self.config.daily.contains(variable))
    }

    /// Plans the same store for some of its times only, as an interrupted run had them.
    pub(super) fn restricted(mut self, times: &[Time]) -> Result<Self> {
        self.record.restrict(times)?;
        let of = |axis: &Axis| {
            axis.arrays
                .iter()
                .map(|(v, _)| v.clone())
                .collect::<Vec<_>>()
        };
        let variables: Vec<Variable> = self.axes.iter().flat_map(of).collect();
        let (daily, fast) = self.changing(&variables);
        self.axes = self.axes(&fast, &daily);
        Ok(self)
    }

    fn axes(&self, fast: &[Variable], daily: &[Variable]) -> Vec<Axis> {
        let times = self.record.times();
        let days = days(&times);
        let all = [("time", times, fast), ("day", days, daily)];
        let used = all
            .into_iter()
            .filter(|(name, _, variables)| *name == "time" || !variables.is_empty());
        used.map(|(name, entries, variables)| self.axis(name, entries, variables))
            .collect()
    }

    fn axis(
        &self,
        name: &'static str,
        entries: Vec<(Time, usize)>,
        variables: &[Variable],
    ) -> Axis {
        let planes: usize = variables.iter().map(|variable| self.planes(variable)).sum();
        let fitting = BLOCK_BYTES / (4 * planes.max(1) * self.grid.n_nodes());
        let wanted = self.config.shard_states.unwrap_or(fitting);
        let (inner, shard) = lengths(name, entries.len(), wanted);
        let array = |variable: &Variable| {
            let array = self.array(variable, name, entries.len(), (inner, shard));
            (variable.clone(), array)
        };
        Axis {
            arrays: variables.iter().map(array).collect(),
            name,
            entries,
            block: shard,
        }
    }

    /// The array of a variable on an axis of `n` entries.
    fn array(
        &self,
        variable: &Variable,
        axis: &'static str,
        n: usize,
        (inner, shard): (usize, usize),
    ) -> Sharded {
        let (n_lat, n_lon) = (self.grid.n_lat(), self.grid.n_lon());
        let mut dims = vec![(axis, n)];
        let (mut shards, mut chunks) = (vec![shard], vec![inner]);
        if self.is_on_levels(variable) {
            dims.push(("level", self.levels.len()));
            shards.push(self.levels.len());
            chunks.push(1);
        }
        dims.extend([("latitude", n_lat), ("longitude", n_lon)]);
        for lengths in [&mut shards, &mut chunks] {
            lengths.extend([n_lat, n_lon]);
        }
        Sharded::new(
            variable.name(),
            dims,
            &shards,
            &chunks,
            self.attributes_of(variable),
        )
    }

    /// The array of a variable without time.
    pub(super) fn static_array(&self, variable: &Variable) -> Sharded {
        let shape = [self.grid.n_lat(), self.grid.n_lon()];
        let dims = vec![("latitude", shape[0]), ("longitude", shape[1])];
        Sharded::new(
            variable.name(),
            dims,
            &shape,
            &shape,
            self.attributes_of(variable),
        )
    }

    fn attributes_of(&self, variable: &Variable) -> Map<String, Value> {
        let bits = self.config.bits_of(variable);
        provenance::of_variable(self.record.first(), variable, bits)
    }

    fn is_on_levels(&self, variable: &Variable) -> bool {
        variable.is_atmospheric() && !self.levels.is_empty()
    }

    /// Planes of a variable at one time.
    pub(super) fn planes(&self, variable: &Variable) -> usize {
        match self.is_on_levels(variable) {
            true => self.levels.len(),
            false => 1,
        }
    }

    /// The grid of the store.
    pub fn grid(&self) -> &LatLonGrid {
        &self.grid
    }

    /// The times of the store.
    pub fn times(&self) -> Vec<Time> {
        self.record
            .times()
            .into_iter()
            .map(|(time, _)| time)
            .collect()
    }

    /// States and days that will be read.
    pub fn n_reads(&self) -> usize {
        self.axes.iter().map(|axis| axis.entries.len()).sum()
    }

    /// Bytes of all numbers before compression.
    pub fn uncompressed_bytes(&self) -> u64 {
        let of = |axis: &Axis| -> usize {
            let planes: usize = axis.arrays.iter().map(|(v, _)| self.planes(v)).sum();
            planes * axis.entries.len()
        };
        let planes = self.axes.iter().map(of).sum::<usize>() + self.statics.len();
        planes as u64 * self.grid.n_nodes() as u64 * 4
    }

    /// Bytes of numbers that are held at once.
    pub fn block_bytes(&self) -> u64 {
        let of = |axis: &Axis| {
            axis.arrays
                .iter()
                .map(|(_, array)| array.shard_len())
                .sum::<usize>()
        };
        self.axes.iter().map(of).max().unwrap_or(0) as u64 * 4
    }

    /// The plan as JSON: grid, times, variables, bits and shards.
    pub fn description(&self) -> Value {
        let times = self.times();
        let axes: Vec<Value> = self
            .axes
            .iter()
            .map(|axis| describe(axis, &self.config))
            .collect();
        json!({
            "grid": format!("{}x{}", self.grid.n_lon(), self.grid.n_lat()),
            "levels": self.levels,
            "first": times.first(),
            "last": times.last(),
            "times": times.len(),
            "members": provenance::members(&self.record),
            "static": self.statics,
            "axes": axes,
            "uncompressed_bytes": self.uncompressed_bytes(),
            "block_bytes": self.block_bytes(),
        })
    }

    /// What decides, together with the times, about the bytes of the store.
    pub(super) fn fingerprint(&self) -> Value {
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "config": self.config,
            "grid": [self.grid.lat(), self.grid.lon()],
            "levels": self.levels,
            "static": self.statics,
            "axes": self.axes.iter().map(|axis| describe(axis, &self.config)).collect::<Vec<_>>(),
            "windows": self.selection.within,
        })
    }

    /// Attributes of the store.
    pub(super) fn attributes(&self) -> Map<String, Value> {
        provenance::of_store(&self.record, &self.config, &self.grid, &self.selection)
    }
}

fn describe(axis: &Axis, config: &PackConfig) -> Value {
    let bits = axis
        .arrays
        .iter()
        .map(|(v, _)| (v.name().to_owned(), json!(config.bits_of(v))));
    json!({
        "name": axis.name,
        "entries": axis.entries.len(),
        "shard": axis.block,
        "mantissa_bits": bits.collect::<Map<_, _>>(),
    })
}

fn check(config: &PackConfig) -> Result<()> {
    let invalid = |name: &'static str, expected: String, found: String| {
        Err(Error::InvalidParameter {
            name,
            expected,
            found,
        })
    };
    let mut bits = config.keep_bits.values().chain([&config.default_keep_bits]);
    if let Some(bits) = bits.find(|&&bits| bits > MANTISSA_BITS) {
        return invalid(
            "keep_bits",
            format!("0 to {MANTISSA_BITS}"),
            bits.to_string(),
        );
    }
    if let Some(states) = config
        .shard_states
        .filter(|n| !(1..=MOST_STATES).contains(n))
    {
        return invalid(
            "shard_states",
            format!("1 to {MOST_STATES}"),
            states.to_string(),
        );
    }
    if let Some(variable) = config
        .daily
        .iter()
        .find(|v| v.is_static() || v.is_atmospheric())
    {
        let expected = "variables without levels that change with time".to_owned();
        return invalid("daily", expected, variable.to_string());
    }
    Ok(())
}
