//! The rows of an epoch, their order, and how many fit into memory.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::sync::Arc;

use rayon::prelude::*;

use super::ShuffleConfig;
use super::permutation::Permutation;
use crate::rows::{Precision, Rows};
use crate::{Error, Result};

/// The place of a row in its bucket stands before it in the bucket's file.
pub(super) const PLACE: usize = 4;
/// Values read at once where the budget allows more.
const PIECE: usize = 4 << 20;

/// What is shuffled and in how many parts.
pub(super) struct Plan {
    pub(super) rows: Arc<dyn Rows>,
    records: Vec<usize>,
    /// Number of the first row of each record, and of all rows.
    starts: Vec<usize>,
    seed: u64,
    pub(super) width: usize,
    pub(super) precision: Precision,
    /// Rows in every bucket but the last; all rows when they fit into memory.
    pub(super) bucket_rows: usize,
    /// Rows read at once.
    piece_rows: usize,
    /// Bytes of a bucket that wait to be written together.
    pub(super) buffer_bytes: usize,
}

/// Consecutive rows of one record.
pub(super) struct Piece {
    pub(super) record: usize,
    pub(super) first_row: usize,
    pub(super) n_rows: usize,
    /// Number of the first row among all rows of the epoch.
    pub(super) number: usize,
}

impl Plan {
    pub(super) fn new(
        rows: Arc<dyn Rows>,
        records: &[usize],
        config: &ShuffleConfig,
    ) -> Result<Self> {
        check_records(rows.n_records(), records)?;
        let mut starts = vec![0];
        for &record in records {
            starts.push(starts[starts.len() - 1] + rows.n_rows(record));
        }
        let n_rows = starts[records.len()];
        let (width, precision) = (rows.width(), rows.precision());
        let row_bytes = width * precision.size();
        let bucket_rows = bucket_rows(n_rows, row_bytes, config)?;
        let eighth = config.memory_bytes / 8;
        let block = rows.block_rows().max(1);
        let affordable = (eighth / (4 * width)).clamp(1, (PIECE / width).max(1));
        let piece_rows = match affordable / block * block {
            0 => affordable,
            whole_blocks => whole_blocks,
        };
        let entry = row_bytes + PLACE;
        let per_bucket = config.memory_bytes / 4 / n_rows.div_ceil(bucket_rows);
        Ok(Self {
            rows,
            records: records.to_vec(),
            starts,
            seed: config.seed,
            width,
            precision,
            bucket_rows,
            piece_rows,
            buffer_bytes: per_bucket.clamp(entry, entry.max(1 << 20)),
        })
    }

    pub(super) fn n_rows(&self) -> usize {
        self.starts[self.records.len()]
    }

    pub(super) fn row_bytes(&self) -> usize {
        self.width * self.precision.size()
    }

    pub(super) fn n_buckets(&self) -> usize {
        self.n_rows().div_ceil(self.bucket_rows)
    }

    /// Rows in one bucket.
    pub(super) fn rows_in(&self, bucket: usize) -> usize {
        self.bucket_rows
            .min(self.n_rows() - bucket * self.bucket_rows)
    }

    /// Bytes of one bucket's file.
    pub(super) fn file_bytes(&self, bucket: usize) -> u64 {
        (self.rows_in(bucket) * (PLACE + self.row_bytes())) as u64
    }

    pub(super) fn permutation(&self, epoch: u64) -> Permutation {
        Permutation::new(self.n_rows() as u64, self.seed, epoch)
    }

    /// All rows in the order in which they are stored.
    pub(super) fn pieces(&self) -> impl Iterator<Item = Piece> + '_ {
        self.records
            .iter()
            .enumerate()
            .flat_map(move |(i, &record)| {
                let of_record = self.starts[i + 1] - self.starts[i];
                let begin = (0..of_record).step_by(self.piece_rows);
                begin.map(move |first_row| Piece {
                    record,
                    first_row,
                    n_rows: self.piece_rows.min(of_record - first_row),
                    number: self.starts[i] + first_row,
                })
            })
    }

    /// Reads everything, in the order in which it is stored.
    pub(super) fn read_all(&self) -> Result<Vec<u8>> {
        let mut all = vec![0; self.n_rows() * self.row_bytes()];
        let mut parts = Vec::new();
        let mut rest = all.as_mut_slice();
        for piece in self.pieces() {
            let (part, more) = rest.split_at_mut(piece.n_rows * self.row_bytes());
            parts.push((piece, part));
            rest = more;
        }
        parts
            .into_par_iter()
            .try_for_each_init(Vec::new, |values, (piece, bytes)| {
                self.read(&piece, values)?;
                self.precision.pack(values, bytes);
                Ok(())
            })?;
        Ok(all)
    }

    /// Reads one piece into `values`, whose length becomes that of the piece.
    pub(super) fn read(&self, piece: &Piece, values: &mut Vec<f32>) -> Result<()> {
        values.resize(piece.n_rows * self.width, 0.0);
        self.rows
            .read_rows_into(piece.record, piece.first_row, values)
    }

    /// A text that differs whenever bucket files of one plan are of no use to another.
    pub(super) fn stamp(&self) -> String {
        let mut hasher = DefaultHasher::new();
        (&self.records, self.rows.stamp()).hash(&mut hasher);
        format!(
            "{:016x} seed {} rows {} of {} {:?} in buckets of {}",
            hasher.finish(),
            self.seed,
            self.n_rows(),
            self.width,
            self.precision,
            self.bucket_rows
        )
    }
}

fn check_records(len: usize, records: &[usize]) -> Result<()> {
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

/// All rows if they fit; else as many as half of the budget holds, because two buckets are in memory at a time.
fn bucket_rows(n_rows: usize, row_bytes: usize, config: &ShuffleConfig) -> Result<usize> {
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
    if n_rows == 0 || row_bytes == 0 {
        return invalid("rows", 0, "at least one row of one channel".into());
    }
    if n_rows.saturating_mul(row_bytes) <= config.memory_bytes {
        return Ok(n_rows);
    }
    let most = (config.memory_bytes / 2 / row_bytes).min(u32::MAX as usize);
    let n_buckets = if most == 0 {
        n_rows
    } else {
        n_rows.div_ceil(most)
    };
    // A quarter of the budget holds at least one row of every bucket while rows are being distributed.
    if most == 0 || n_buckets > config.memory_bytes / 4 / (row_bytes + PLACE) {
        let least = (row_bytes + PLACE) as f64 * (8.0 * n_rows as f64).sqrt();
        return invalid(
            "memory_bytes",
            config.memory_bytes,
            format!("about {:.0} for {n_rows} rows", 1.5 * least),
        );
    }
    Ok(n_rows.div_ceil(n_buckets))
}
