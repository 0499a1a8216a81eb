//! Writing a packed store: block by block, so that a run can be interrupted.

use std::path::Path;

use ndarray::{ArrayView2, ArrayView3};
use rayon::prelude::*;
use serde_json::Value;

use super::axis::Axis;
use super::checksums;
use super::plan::PackPlan;
use super::progress::Progress;
use super::record::Member;
use crate::writer::{Sharded, ShardedStore, write_error};
use crate::{Error, Result, Time, Variable, round_mantissa};

/// What a run has made.
#[derive(Clone, Debug, PartialEq)]
pub struct PackSummary {
    /// States in the store.
    pub times: usize,
    /// Blocks that an earlier run had left complete.
    pub blocks_taken_over: usize,
    /// The plan as JSON.
    pub description: Value,
}

impl PackPlan {
    /// Reads, packs and writes the store as a Zarr v3 directory, and its checksums as `<store>.sha256` beside it.
    ///
    /// One shard of every array is held at a time. The data are in `<store>.part` until all is written; with `resume`
    /// a run goes on after the last block that an interrupted one completed (`<store>.part.json`), with the times that
    /// that one had, and the result has the same bytes. `progress` is told how many of the
    /// [`PackPlan::n_reads`] reads are done, and how many there are.
    ///
    /// # Errors
    /// [`Error::Write`] if the store exists or cannot be written, or if the interrupted run had another plan;
    /// [`Error::MissingValues`] if a plane has no value at all; and the errors of reading.
    pub fn write(
        self,
        store: impl AsRef<Path>,
        resume: bool,
        mut progress: impl FnMut(usize, usize),
    ) -> Result<PackSummary> {
        let path = store.as_ref();
        let (plan, taken_over) = self.taking_over(path, resume)?;
        let store = ShardedStore::new(path, plan.attributes(), taken_over > 0)?;
        let mut state = Progress {
            plan: plan.fingerprint(),
            times: plan.times(),
            blocks: taken_over,
        };
        if taken_over == 0 {
            plan.write_frame(&store)?;
        }
        let total = plan.n_reads();
        let (mut block, mut done) = (0, 0);
        for axis in &plan.axes {
            for index in 0..axis.n_blocks() {
                let first = index * axis.block;
                let entries = &axis.entries[first..axis.entries.len().min(first + axis.block)];
                block += 1;
                if block > taken_over {
                    let mut step = || {
                        done += 1;
                        progress(done, total);
                    };
                    plan.write_block(&store, axis, index, entries, &mut step)?;
                    state.blocks = block;
                    state.write(path)?;
                } else {
                    done += entries.len();
                    progress(done, total);
                }
            }
        }
        store.close()?;
        checksums::write(store.directory(), path)?;
        store.commit()?;
        Progress::remove(path)?;
        Ok(PackSummary {
            times: plan.times().len(),
            blocks_taken_over: taken_over,
            description: plan.description(),
        })
    }

    /// The plan of an interrupted run, and how many blocks of it are complete.
    fn taking_over(self, path: &Path, resume: bool) -> Result<(Self, usize)> {
        let left = match resume {
            true => Progress::read(path)?,
            false => None,
        };
        let Some(left) = left else {
            Progress::remove(path)?;
            return Ok((self, 0));
        };
        let plan = self.restricted(&left.times)?;
        // Numbers as a file has them: f32 coordinates read back as f64.
        let ours = serde_json::to_string(&plan.fingerprint()).unwrap_or_default();
        let theirs = serde_json::to_string(&left.plan).unwrap_or_default();
        if ours != theirs {
            let message = "the interrupted run had another configuration\nhint: give the same one, or begin anew without resuming";
            return Err(write_error(path, message));
        }
        Ok((plan, left.blocks))
    }

    /// Coordinates, static fields and the description of every array.
    fn write_frame(&self, store: &ShardedStore) -> Result<()> {
        store.write_space(&self.grid, &self.levels)?;
        for axis in &self.axes {
            let long_name = match axis.name {
                "day" => "time from which the daily plane holds, until the next one",
                _ => "time of the state",
            };
            store.write_times(axis.name, &axis.times(), long_name)?;
            for (_, array) in &axis.arrays {
                store.define(array)?;
            }
        }
        let member = &self.record.members[0];
        for variable in &self.statics {
            let array = self.static_array(variable);
            let numbers = self.packed(member, variable, member.times[0])?;
            store.define(&array)?;
            store.store(&array, &[0, 0], &numbers)?;
        }
        Ok(())
    }

    /// Reads the entries of a block and writes one shard of every array of the axis.
    fn write_block(
        &self,
        store: &ShardedStore,
        axis: &Axis,
        index: usize,
        entries: &[(Time, usize)],
        step: &mut dyn FnMut(),
    ) -> Result<()> {
        let mut shards: Vec<Vec<f32>> = axis
            .arrays
            .iter()
            .map(|(_, array)| Vec::with_capacity(array.shard_len()))
            .collect();
        for &(time, member) in entries {
            let member = &self.record.members[member];
            let read = |((variable, _), shard): (&(Variable, _), &mut Vec<f32>)| {
                shard.extend(self.packed(member, variable, time)?);
                Ok(())
            };
            let pairs = axis.arrays.par_iter().zip(shards.par_iter_mut());
            pairs.try_for_each(read)?;
            step();
        }
        let write = |((_, array), mut shard): (&(Variable, Sharded), Vec<f32>)| {
            // The last shard reaches beyond the axis.
            shard.resize(array.shard_len(), f32::NAN);
            store.store(array, &array.first_index(index), &shard)
        };
        axis.arrays.par_iter().zip(shards).try_for_each(write)
    }

    /// The numbers of a field as they will be in the store, `[level, lat, lon]`.
    fn packed(&self, member: &Member, variable: &Variable, time: Time) -> Result<Vec<f32>> {
        let mut field = member.source.unfilled(variable, time)?;
        let empty = |plane: &ArrayView2<'_, f32>| plane.iter().all(|x| x.is_nan());
        if let Some(plane) = field.data.outer_iter().find(empty) {
            return Err(Error::MissingValues {
                variable: variable.clone(),
                time,
                count: plane.len(),
            });
        }
        if let Some(coarsening) = &self.coarsening {
            field = coarsening.field(&field)?;
        }
        self.check(variable, field.data.view())?;
        let mut numbers: Vec<f32> = field.data.iter().copied().collect();
        round_mantissa(&mut numbers, self.config.bits_of(variable))?;
        Ok(numbers)
    }

    fn check(&self, variable: &Variable, data: ArrayView3<'_, f32>) -> Result<()> {
        let expected = [self.planes(variable), self.grid.n_lat(), self.grid.n_lon()];
        if data.shape() == expected {
            return Ok(());
        }
        Err(Error::Shape {
            what: format!("`{variable}`"),
            expected: expected.to_vec(),
            found: data.shape().to_vec(),
        })
    }
}
