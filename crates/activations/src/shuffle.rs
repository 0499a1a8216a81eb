//! A seeded order of all rows, within a memory budget.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::zarr::chunk_rows;
use crate::{ActivationReader, Error, Result, Rng};

/// How to shuffle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShuffleConfig {
    /// Decides the order, together with the epoch.
    pub seed: u64,
    /// Most rows per batch; an epoch is cut into equal batches (sizes differ by at most one row).
    pub batch_rows: usize,
    /// Memory for buffered rows, bytes; with enough for every row the order is one uniform permutation.
    pub memory_bytes: usize,
}

impl Default for ShuffleConfig {
    fn default() -> Self {
        Self {
            seed: 0,
            batch_rows: 8192,
            memory_bytes: 4 << 30,
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

/// A run of consecutive rows of one record, the unit of reading.
#[derive(Clone, Copy)]
struct Block {
    record: usize,
    first_row: usize,
}

/// Every row of the chosen records once per epoch, in a seeded order, in batches.
///
/// The rows are read in blocks (one inner chunk of the store each). Each epoch draws an order of the blocks,
/// fills the memory budget with as many as fit, and permutes the rows in memory; then it goes on with the next ones.
pub struct Shuffle<'a> {
    reader: &'a ActivationReader,
    config: ShuffleConfig,
    blocks: Vec<Block>,
    block_rows: usize,
    blocks_per_group: usize,
    position: ShufflePosition,
    order: Vec<Block>,
    loaded: Option<(u64, usize)>,
    group: Vec<f32>,
    permutation: Vec<u32>,
    batch: Vec<f32>,
}

impl<'a> Shuffle<'a> {
    /// Prepares the shuffle of `records` (indices into the store) at the start of epoch 0.
    ///
    /// # Errors
    /// When there is no record, an index is out of range or given twice, or the budget does not hold one block.
    pub fn new(
        reader: &'a ActivationReader,
        records: &[usize],
        config: ShuffleConfig,
    ) -> Result<Self> {
        check_records(reader, records)?;
        let block_rows = chunk_rows(reader.meta().n_nodes);
        let blocks_per_group = blocks_in_memory(reader, &config, block_rows)?;
        let per_record = reader.meta().n_nodes / block_rows;
        let block = |record, i| Block {
            record,
            first_row: i * block_rows,
        };
        let blocks = records
            .iter()
            .flat_map(|&r| (0..per_record).map(move |i| block(r, i)))
            .collect();
        let mut shuffle = Self {
            reader,
            config,
            blocks,
            block_rows,
            blocks_per_group,
            position: ShufflePosition::default(),
            order: Vec::new(),
            loaded: None,
            group: Vec::new(),
            permutation: Vec::new(),
            batch: Vec::new(),
        };
        shuffle.draw_order();
        Ok(shuffle)
    }

    /// Rows per epoch.
    pub fn n_rows(&self) -> usize {
        self.blocks.len() * self.block_rows
    }

    /// Batches per epoch.
    pub fn n_batches(&self) -> usize {
        self.n_rows().div_ceil(self.config.batch_rows)
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
        self.draw_order();
        Ok(())
    }

    /// The next batch `[rows, width]`, or `None` once at the end of each epoch.
    ///
    /// # Errors
    /// When a shard cannot be read.
    pub fn next_batch(&mut self) -> Result<Option<&[f32]>> {
        if self.position.batch == self.n_batches() {
            self.position = ShufflePosition {
                epoch: self.position.epoch + 1,
                batch: 0,
            };
            self.draw_order();
            return Ok(None);
        }
        let bound = |batch: usize| {
            (batch as u128 * self.n_rows() as u128 / self.n_batches() as u128) as usize
        };
        let (start, end) = (bound(self.position.batch), bound(self.position.batch + 1));
        self.fill_batch(start, end)?;
        self.position.batch += 1;
        Ok(Some(&self.batch))
    }

    fn draw_order(&mut self) {
        self.order.clone_from(&self.blocks);
        Rng::from_stream(self.config.seed, &[self.position.epoch, 0]).shuffle(&mut self.order);
    }

    /// Copies the rows `start..end` of the epoch's order into the batch, across groups where needed.
    fn fill_batch(&mut self, start: usize, end: usize) -> Result<()> {
        let width = self.reader.meta().width;
        let group_rows = self.blocks_per_group * self.block_rows;
        self.batch.clear();
        let mut at = start;
        while at < end {
            let group = at / group_rows;
            self.load(group)?;
            let stop = end.min((group + 1) * group_rows);
            let rows = &self.permutation[at - group * group_rows..stop - group * group_rows];
            for &row in rows {
                let row = row as usize * width;
                self.batch.extend_from_slice(&self.group[row..row + width]);
            }
            at = stop;
        }
        Ok(())
    }

    /// Reads the blocks of one group (in parallel, each into its place) and draws its permutation.
    fn load(&mut self, group: usize) -> Result<()> {
        let key = (self.position.epoch, group);
        if self.loaded == Some(key) {
            return Ok(());
        }
        self.loaded = None;
        let first = group * self.blocks_per_group;
        let blocks = &self.order[first..self.order.len().min(first + self.blocks_per_group)];
        let block_len = self.block_rows * self.reader.meta().width;
        self.group.resize(blocks.len() * block_len, 0.0);
        let reader = self.reader;
        self.group
            .par_chunks_mut(block_len)
            .zip(blocks)
            .try_for_each(|(out, block)| {
                reader.read_rows_into(block.record, block.first_row, out)
            })?;
        self.permutation = (0..(blocks.len() * self.block_rows) as u32).collect();
        Rng::from_stream(self.config.seed, &[self.position.epoch, 1 + group as u64])
            .shuffle(&mut self.permutation);
        self.loaded = Some(key);
        Ok(())
    }
}

fn check_records(reader: &ActivationReader, records: &[usize]) -> Result<()> {
    let len = reader.records().len();
    if let Some(&index) = records.iter().find(|&&r| r >= len) {
        return Err(Error::OutOfRange { index, len });
    }
    let mut sorted = records.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    if records.is_empty() || sorted.len() != records.len() {
        return Err(Error::Config {
            key: "records",
            found: format!(
                "{} indices, {} of them different",
                records.len(),
                sorted.len()
            ),
            expected: "at least one record, none of them twice".into(),
        });
    }
    Ok(())
}

fn blocks_in_memory(
    reader: &ActivationReader,
    config: &ShuffleConfig,
    block_rows: usize,
) -> Result<usize> {
    let invalid = |key, found: usize, expected: String| {
        Err(Error::Config {
            key,
            found: found.to_string(),
            expected,
        })
    };
    if config.batch_rows == 0 {
        return invalid("batch_rows", 0, "at least 1".into());
    }
    let block_bytes = block_rows * reader.meta().width * size_of::<f32>();
    let by_index = u32::MAX as usize / block_rows;
    match (config.memory_bytes / block_bytes).min(by_index) {
        0 => invalid(
            "memory_bytes",
            config.memory_bytes,
            format!("at least one block of {block_bytes} bytes"),
        ),
        n => Ok(n),
    }
}
