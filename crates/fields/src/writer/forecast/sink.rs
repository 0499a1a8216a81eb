//! The two formats of a forecast behind one type.

use std::path::Path;

use ndarray::ArrayView3;
use rayon::prelude::*;

use super::super::arrays::{ZarrArray, ZarrWriter};
use super::super::classic::{ClassicFile, fits_cdf2};
use super::super::part::write_error;
use super::super::plan::{ArrayPlan, Coordinate};
use super::contents::Contents;
use crate::Result;

/// How a forecast is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    NetCdf,
    Zarr,
}

impl Format {
    /// The format that the ending of a name says.
    pub(super) fn of(path: &Path) -> Result<Self> {
        let extension = path.extension().and_then(|e| e.to_str());
        match extension.map(str::to_ascii_lowercase).as_deref() {
            Some("nc") => Ok(Self::NetCdf),
            Some("zarr") => Ok(Self::Zarr),
            _ => {
                let message = "expected a name that ends in `.nc` (NetCDF) or `.zarr` (Zarr v3)";
                Err(write_error(path, message))
            }
        }
    }
}

/// One piece of an array: a whole static field, or a field at one initial time and one step.
pub(super) struct Slab<'a> {
    /// Index among all arrays: coordinates, static fields, fields.
    pub(super) array: usize,
    /// Indices of initial time and step; `None` for a static field.
    pub(super) leading: Option<[usize; 2]>,
    /// `[level (1 if none), lat, lon]`.
    pub(super) data: ArrayView3<'a, f32>,
}

/// Where a forecast goes.
#[derive(Debug)]
pub(super) enum Sink {
    NetCdf {
        file: ClassicFile,
        n_steps: usize,
    },
    Zarr {
        group: ZarrWriter,
        arrays: Vec<(ZarrArray, ArrayPlan)>,
    },
}

impl Sink {
    /// Writes the metadata and the coordinates.
    pub(super) fn create(format: Format, path: &Path, contents: Contents) -> Result<Self> {
        match format {
            Format::NetCdf => Self::create_netcdf(path, contents),
            Format::Zarr => Self::create_zarr(path, contents),
        }
    }

    fn create_netcdf(path: &Path, contents: Contents) -> Result<Self> {
        let Contents {
            mut coordinates,
            statics,
            fields,
            attributes,
        } = contents;
        let n_steps = fields.first().map_or(1, |plan| plan.dims[1].1);
        if fits_cdf2(&fields) {
            coordinates = narrowed(&coordinates).unwrap_or(coordinates);
        }
        let plans: Vec<ArrayPlan> = coordinates
            .iter()
            .map(|coordinate| coordinate.plan.clone())
            .chain(statics)
            .chain(fields)
            .collect();
        let mut file = ClassicFile::create(path, &plans, &attributes)?;
        for (index, coordinate) in coordinates.iter().enumerate() {
            file.write_numbers(index, &coordinate.numbers)?;
        }
        Ok(Self::NetCdf { file, n_steps })
    }

    fn create_zarr(path: &Path, contents: Contents) -> Result<Self> {
        let Contents {
            coordinates,
            statics,
            fields,
            attributes,
        } = contents;
        let group = ZarrWriter::create(path, attributes)?;
        let mut arrays = Vec::new();
        for coordinate in coordinates {
            group.store_coordinate(&coordinate)?;
            arrays.push((group.array(&coordinate.plan, 0)?, coordinate.plan));
        }
        let statics = statics.into_iter().map(|plan| (plan, 0));
        let fields = fields.into_iter().map(|plan| (plan, 2));
        for (plan, n_leading) in statics.chain(fields) {
            let array = group.array(&plan, n_leading)?;
            group.store_metadata(&array, &plan)?;
            arrays.push((array, plan));
        }
        Ok(Self::Zarr { group, arrays })
    }

    /// Writes pieces of different arrays or places.
    pub(super) fn write(&mut self, slabs: &[Slab<'_>]) -> Result<()> {
        match self {
            Self::NetCdf { file, n_steps } => slabs.iter().try_for_each(|slab| {
                let [batch, step] = slab.leading.unwrap_or_default();
                file.write_slab(slab.array, batch * *n_steps + step, slab.data)
            }),
            // Each chunk is a file of its own, and most of the time goes into compression.
            Self::Zarr { group, arrays } => slabs.par_iter().try_for_each(|slab| {
                let (array, plan) = &arrays[slab.array];
                let leading = slab.leading.as_ref().map_or(&[][..], |leading| leading);
                group.store_chunk(array, plan, leading, slab.data)
            }),
        }
    }

    /// Completes the store under the name it has.
    pub(super) fn finish(self) -> Result<()> {
        match self {
            Self::NetCdf { file, .. } => file.finish(),
            Self::Zarr { group, .. } => group.consolidate(),
        }
    }
}

/// All coordinates in 32 bits, if their numbers fit: CDF-2 has no other integers.
fn narrowed(coordinates: &[Coordinate]) -> Option<Vec<Coordinate>> {
    coordinates
        .iter()
        .map(|coordinate| {
            let numbers = coordinate.numbers.narrowed()?;
            let mut plan = coordinate.plan.clone();
            plan.kind = numbers.kind();
            Some(Coordinate { plan, numbers })
        })
        .collect()
}
