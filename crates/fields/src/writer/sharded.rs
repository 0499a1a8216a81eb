//! A Zarr v3 directory of sharded arrays whose dimensions are known before the first number.

use std::path::Path;

use dropsonde_mesh::LatLonGrid;
use serde_json::{Map, Value};

use super::arrays::{ZarrArray, ZarrWriter};
use super::attributes;
use super::part::Part;
use super::plan::{ArrayPlan, Coordinate, Dim, Numbers};
use super::{EPOCH, grid_coordinates};
use crate::{Result, Time};

/// An array in shards, each of which is written at once.
#[derive(Clone, Debug)]
pub(crate) struct Sharded {
    plan: ArrayPlan,
    shard: Vec<u64>,
    inner: Vec<u64>,
    blosc_level: u8,
}

/// The highest: packed data are written once and read often.
const HIGHEST: u8 = 9;
/// Many times faster, and hardly larger where most bits are noise.
const FAST: u8 = 3;

impl Sharded {
    /// An array of f32; `dims` from slow to fast, the lengths of a shard and of the inner chunks that divide it.
    pub(crate) fn new(
        name: &str,
        dims: Vec<Dim>,
        shard: &[usize],
        inner: &[usize],
        attributes: Map<String, Value>,
    ) -> Self {
        let wide = |lengths: &[usize]| lengths.iter().map(|&length| length as u64).collect();
        Self {
            plan: ArrayPlan::field(name, dims, attributes),
            shard: wide(shard),
            inner: wide(inner),
            blosc_level: HIGHEST,
        }
    }

    /// The same, compressed faster.
    pub(crate) fn fast(self) -> Self {
        Self {
            blosc_level: FAST,
            ..self
        }
    }

    /// The index on every dimension of the shard that is `index`-th along the first one.
    pub(crate) fn first_index(&self, index: usize) -> Vec<u64> {
        let rest = self.shard.iter().skip(1).map(|_| 0);
        std::iter::once(index as u64).chain(rest).collect()
    }

    /// Numbers in one shard.
    pub(crate) fn shard_len(&self) -> usize {
        self.shard.iter().product::<u64>() as usize
    }
}

/// A store that is being written under `<path>.part`.
#[derive(Debug)]
pub(crate) struct ShardedStore {
    part: Part,
    zarr: ZarrWriter,
}

impl ShardedStore {
    /// Starts a store, or goes on with what an interrupted run has left.
    pub(crate) fn new(path: &Path, attributes: Map<String, Value>, go_on: bool) -> Result<Self> {
        let part = Part::new(path, false)?;
        if let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
            std::fs::create_dir_all(parent).map_err(|e| part.failed(e.to_string()))?;
        }
        let attributes = attributes::of_store(attributes);
        let zarr = match go_on {
            true => ZarrWriter::open(part.part(), attributes)?,
            false => ZarrWriter::create(part.part(), attributes)?,
        };
        Ok(Self { part, zarr })
    }

    /// The directory until the store is complete.
    pub(crate) fn directory(&self) -> &Path {
        self.part.part()
    }

    /// Latitudes, longitudes and, if there are any, levels.
    pub(crate) fn write_space(&self, grid: &LatLonGrid, levels: &[u32]) -> Result<()> {
        for coordinate in grid_coordinates(grid, ["latitude", "longitude"]) {
            self.zarr.store_coordinate(&coordinate)?;
        }
        if levels.is_empty() {
            return Ok(());
        }
        let numbers = levels.iter().map(|&level| i64::from(level)).collect();
        self.write_numbers("level", numbers, attributes::level())
    }

    /// A time axis in hours since 1900.
    pub(crate) fn write_times(
        &self,
        name: &'static str,
        times: &[Time],
        long_name: &str,
    ) -> Result<()> {
        let mut attributes = attributes::moments("time");
        attributes.insert("long_name".to_owned(), long_name.into());
        let hours = times.iter().map(|time| time.hours_since(EPOCH)).collect();
        self.write_numbers(name, hours, attributes)
    }

    /// A coordinate of whole numbers.
    pub(crate) fn write_numbers(
        &self,
        name: &'static str,
        numbers: Vec<i64>,
        attributes: Map<String, Value>,
    ) -> Result<()> {
        let dims = vec![(name, numbers.len())];
        let coordinate = Coordinate::new(name, dims, Numbers::I64(numbers), attributes);
        self.zarr.store_coordinate(&coordinate)
    }

    fn array(&self, array: &Sharded) -> Result<ZarrArray> {
        let (shard, inner) = (&array.shard, &array.inner);
        self.zarr
            .sharded(&array.plan, shard, inner, array.blosc_level)
    }

    /// Writes the description of an array.
    pub(crate) fn define(&self, array: &Sharded) -> Result<()> {
        let zarr = self.array(array)?;
        self.zarr.store_metadata(&zarr, &array.plan)
    }

    /// Writes one shard, given by its index on every dimension; `data` has [`Sharded::shard_len`] numbers.
    pub(crate) fn store(&self, array: &Sharded, index: &[u64], data: &[f32]) -> Result<()> {
        let zarr = self.array(array)?;
        self.zarr.store_numbers(&zarr, &array.plan, index, data)
    }

    /// Repeats the metadata of all arrays in that of the group; after that nothing is written into the store.
    pub(crate) fn close(&self) -> Result<()> {
        self.zarr.consolidate()
    }

    /// Gives the store its name.
    pub(crate) fn commit(self) -> Result<()> {
        self.part.commit()
    }
}
