//! A seeded order of all rows, within a memory budget.

mod buckets;
mod permutation;
mod plan;
mod scratch;
mod worker;

use std::path::PathBuf;
use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::rows::Rows;
use crate::{Error, Result};
use plan::Plan;
use scratch::Scratch;
use worker::{Bucket, Worker};

/// Rows that one task copies into a batch.
const ROWS_PER_TASK: usize = 256;

/// How to shuffle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShuffleConfig {
    /// Decides the order, together with the epoch.
    pub seed: u64,
    /// Most rows per batch; an epoch is cut into equal batches (sizes differ by at most one row).
    pub batch_rows: usize,
    /// Memory for rows, bytes. It decides how the rows are read, not their order.
    pub memory_bytes: usize,
    /// A directory of its own for what does not fit into memory, removed at the end; by default `<data>.shuffle`
    /// beside the data.
    #[serde(default)]
    pub scratch: Option<PathBuf>,
}

impl Default for ShuffleConfig {
    fn default() -> Self {
        Self {
            seed: 0,
            batch_rows: 8192,
            memory_bytes: 4 << 30,
            scratch: None,
        }
    }
}

/// Where a [`Shuffle`] is: the next batch it will give.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShufflePosition {
    /// Epoch, from 0; each has its own order.
    pub epoch: u64,
    /// Batch in the epoch, from 0.
    pub batch: usize,
}

/// Every row of the chosen records once per epoch, in a seeded order, in batches.
///
/// Each epoch has one pseudo-random permutation of all rows; seed, epoch and the list of records decide it, the memory
/// does not. Rows of one record are spread evenly over the epoch.
///
/// **When all rows fit into the budget** (in the precision of the source: 1 kB for a row of 512 in f16) they are read
/// once, and batches are gathered from memory.
///
/// **Otherwise** each epoch takes two passes. The first reads the source once, front to back, and appends every row to
/// the file of its bucket in the scratch directory; the second reads bucket after bucket and puts the rows in order.
/// A bucket is half of the budget, because a thread loads the next one meanwhile; after the last it goes on with the
/// first pass of the next epoch. What this costs:
///
/// - disk: the chosen rows once, 4 bytes more for each, plus two buckets; checked before the first write;
/// - time: every byte is read from the source, written to the scratch directory and read again in each epoch. Only
///   the first pass of the first epoch, and of one that is resumed with its files gone, is waited for;
/// - memory: the budget, and one batch. It must be at least about 4·sqrt(rows) rows.
///
/// Bucket files are derived data. A run that was killed finds its files again, or makes those that are missing;
/// the batches are the same either way. The directory is removed when the `Shuffle` is dropped.
pub struct Shuffle {
    config: ShuffleConfig,
    plan: Arc<Plan>,
    position: ShufflePosition,
    source: Source,
    batch: Vec<f32>,
}

/// Where the rows are taken from.
enum Source {
    /// All rows in the order of the source, once they have been read.
    Memory(Option<Vec<u8>>),
    Disk(Disk),
}

/// The bucket in use and whoever prepares the next one. Dropped in this order: the thread ends before its directory.
#[derive(Default)]
struct Disk {
    bucket: Option<Bucket>,
    worker: Option<Worker>,
    scratch: Option<Arc<Scratch>>,
}

impl Shuffle {
    /// Prepares the shuffle of `records` (indices into `rows`) at the start of epoch 0; nothing is read yet.
    ///
    /// # Errors
    /// When there is no record, an index is out of range or given twice, or the budget is too small for so many rows.
    pub fn new<R: Rows + Clone + 'static>(
        rows: &R,
        records: &[usize],
        config: ShuffleConfig,
    ) -> Result<Self> {
        let plan = Plan::new(Arc::new(rows.clone()), records, &config)?;
        let source = match plan.n_buckets() {
            1 => Source::Memory(None),
            _ => Source::Disk(Disk::default()),
        };
        Ok(Self {
            config,
            plan: Arc::new(plan),
            position: ShufflePosition::default(),
            source,
            batch: Vec::new(),
        })
    }

    /// Rows per epoch.
    pub fn n_rows(&self) -> usize {
        self.plan.n_rows()
    }

    /// Batches per epoch.
    pub fn n_batches(&self) -> usize {
        self.n_rows().div_ceil(self.config.batch_rows)
    }

    /// Channels per row.
    pub fn width(&self) -> usize {
        self.plan.width
    }

    /// Whether all rows fit into the budget, so that nothing is written.
    pub fn is_in_memory(&self) -> bool {
        matches!(self.source, Source::Memory(_))
    }

    /// The next batch's position, to be stored.
    pub fn position(&self) -> ShufflePosition {
        self.position
    }

    /// Goes to a stored position; the batches from there on are those of an uninterrupted run.
    ///
    /// # Errors
    /// When the epoch has no such batch.
    pub fn seek(&mut self, position: ShufflePosition) -> Result<()> {
        if position.batch > self.n_batches() {
            let expected = format!("at most {}", self.n_batches());
            return Err(Error::Config {
                key: "batch",
                found: position.batch.to_string(),
                expected,
            });
        }
        self.position = position;
        Ok(())
    }

    /// The next batch `[rows, width]`, or `None` once at the end of each epoch.
    ///
    /// # Errors
    /// When the source cannot be read, or the scratch directory is in use, full, or not to be written. The position
    /// does not move then.
    pub fn next_batch(&mut self) -> Result<Option<&[f32]>> {
        let ShufflePosition { epoch, batch } = self.position;
        if batch == self.n_batches() {
            self.position = ShufflePosition {
                epoch: epoch + 1,
                batch: 0,
            };
            return Ok(None);
        }
        let (n_rows, n_batches) = (self.n_rows() as u128, self.n_batches() as u128);
        let bound = |batch: usize| (batch as u128 * n_rows / n_batches) as usize;
        let places = bound(batch)..bound(batch + 1);
        self.batch.resize(places.len() * self.plan.width, 0.0);
        match &mut self.source {
            Source::Memory(rows) => {
                let rows = match rows {
                    Some(rows) => rows,
                    None => rows.insert(self.plan.read_all()?),
                };
                gather(&self.plan, rows, epoch, places, &mut self.batch);
            }
            Source::Disk(disk) => disk.fill(
                &self.plan,
                self.config.scratch.as_ref(),
                epoch,
                places,
                &mut self.batch,
            )?,
        }
        self.position.batch += 1;
        Ok(Some(&self.batch))
    }
}

/// Collects the rows at some places of an epoch from all rows.
fn gather(plan: &Plan, rows: &[u8], epoch: u64, places: std::ops::Range<usize>, batch: &mut [f32]) {
    let (width, row_bytes) = (plan.width, plan.row_bytes());
    let permutation = plan.permutation(epoch);
    let tasks = batch.par_chunks_mut(width * ROWS_PER_TASK).enumerate();
    tasks.for_each(|(task, out)| {
        let first = places.start + task * ROWS_PER_TASK;
        for (place, out) in (first..).zip(out.chunks_exact_mut(width)) {
            let at = permutation.row(place as u64) as usize * row_bytes;
            plan.precision.unpack(&rows[at..at + row_bytes], out);
        }
    });
}

impl Disk {
    /// Collects the rows at some places of an epoch, across buckets where needed.
    fn fill(
        &mut self,
        plan: &Arc<Plan>,
        scratch: Option<&PathBuf>,
        epoch: u64,
        places: std::ops::Range<usize>,
        mut batch: &mut [f32],
    ) -> Result<()> {
        let row_bytes = plan.row_bytes();
        let mut at = places.start;
        while at < places.end {
            let number = at / plan.bucket_rows;
            let first = number * plan.bucket_rows;
            let stop = places.end.min(first + plan.bucket_rows);
            let rows = &self.bucket(plan, scratch, (epoch, number))?.rows;
            let rows = &rows[(at - first) * row_bytes..(stop - first) * row_bytes];
            let (out, rest) = batch.split_at_mut((stop - at) * plan.width);
            out.par_chunks_mut(plan.width * ROWS_PER_TASK)
                .zip(rows.par_chunks(row_bytes * ROWS_PER_TASK))
                .for_each(|(out, rows)| plan.precision.unpack(rows, out));
            (at, batch) = (stop, rest);
        }
        Ok(())
    }

    /// The bucket asked for; after a seek the thread starts anew.
    fn bucket(
        &mut self,
        plan: &Arc<Plan>,
        scratch: Option<&PathBuf>,
        key: (u64, usize),
    ) -> Result<&Bucket> {
        let bucket = match self.bucket.take() {
            Some(bucket) if bucket.key == key => bucket,
            used => {
                let mut worker = match self.worker.take() {
                    Some(worker) if worker.next == key => worker,
                    other => {
                        drop(other);
                        Worker::start(Arc::clone(plan), self.directory(plan, scratch)?, key)?
                    }
                };
                let bucket = worker.take(used)?;
                self.worker = Some(worker);
                bucket
            }
        };
        Ok(self.bucket.insert(bucket))
    }

    fn directory(&mut self, plan: &Plan, scratch: Option<&PathBuf>) -> Result<Arc<Scratch>> {
        if let Some(open) = &self.scratch {
            return Ok(Arc::clone(open));
        }
        let path = scratch.cloned().unwrap_or_else(|| {
            let mut name = plan.rows.path().as_os_str().to_os_string();
            name.push(".shuffle");
            name.into()
        });
        let open = Arc::new(Scratch::open(&path, plan)?);
        Ok(Arc::clone(self.scratch.insert(open)))
    }
}
