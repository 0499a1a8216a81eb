//! The two passes: rows into bucket files, a bucket file into memory.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;

use super::plan::{PLACE, Piece, Plan};
use super::scratch::Scratch;
use crate::{Error, Result};

/// Bytes of a bucket file read at once.
const READ: usize = 1 << 20;

/// The buckets of one epoch while rows are being distributed.
struct Writers<'a> {
    scratch: &'a Scratch,
    epoch: u64,
    buffers: Vec<Vec<u8>>,
    capacity: usize,
}

impl Writers<'_> {
    /// Adds one row; `pack` writes its bytes.
    fn push(
        &mut self,
        bucket: usize,
        (place, row_bytes): (u32, usize),
        pack: impl FnOnce(&mut [u8]),
    ) -> Result<()> {
        let buffer = &mut self.buffers[bucket];
        let start = buffer.len() + PLACE;
        buffer.extend_from_slice(&place.to_le_bytes());
        buffer.resize(start + row_bytes, 0);
        pack(&mut buffer[start..]);
        // Written before it would grow, so that buffers stay within their part of the budget.
        if buffer.len() + PLACE + row_bytes > self.capacity {
            self.flush(bucket)?;
        }
        Ok(())
    }

    /// Opening the file each time keeps the number of open files at one.
    fn flush(&mut self, bucket: usize) -> Result<()> {
        let path = self.scratch.bucket(self.epoch, bucket);
        let open = fs::OpenOptions::new().create(true).append(true).open(&path);
        let written = open.and_then(|mut file| file.write_all(&self.buffers[bucket]));
        written.map_err(Error::io(&path))?;
        self.buffers[bucket].clear();
        Ok(())
    }
}

/// First pass: streams all rows once and appends each, with its place, to the file of its bucket.
///
/// Buckets before `first` are left out. Returns `false` when stopped.
pub(super) fn scatter(
    plan: &Plan,
    scratch: &Scratch,
    (epoch, first): (u64, usize),
    stop: &AtomicBool,
) -> Result<bool> {
    scratch.begin(plan, epoch, first)?;
    // The next piece is read while the rows of this one are distributed.
    std::thread::scope(|scope| {
        let (sender, pieces) = sync_channel::<Result<(Piece, Vec<f32>)>>(0);
        let (give_back, spares) = sync_channel::<Vec<f32>>(2);
        scope.spawn(move || {
            for piece in plan.pieces() {
                let mut values = spares.try_recv().unwrap_or_default();
                let read = plan.read(&piece, &mut values);
                // A receiver that is gone wants no more.
                if sender.send(read.map(|()| (piece, values))).is_err() {
                    return;
                }
            }
        });
        let permutation = plan.permutation(epoch);
        let mut writers = Writers {
            scratch,
            epoch,
            buffers: (0..plan.n_buckets())
                .map(|bucket| match bucket >= first {
                    true => Vec::with_capacity(plan.buffer_bytes),
                    false => Vec::new(),
                })
                .collect(),
            capacity: plan.buffer_bytes,
        };
        for piece in &pieces {
            if stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            let (piece, values) = piece?;
            for (i, row) in values.chunks_exact(plan.width).enumerate() {
                let position = permutation.position((piece.number + i) as u64) as usize;
                let bucket = position / plan.bucket_rows;
                if bucket >= first {
                    let place = (position % plan.bucket_rows) as u32;
                    let row_bytes = plan.row_bytes();
                    writers.push(bucket, (place, row_bytes), |bytes| {
                        plan.precision.pack(row, bytes);
                    })?;
                }
            }
            let _ = give_back.try_send(values);
        }
        (first..plan.n_buckets()).try_for_each(|bucket| writers.flush(bucket))?;
        scratch.complete(epoch)?;
        Ok(true)
    })
}

/// Second pass: reads one bucket, every row to its place in the order of the epoch.
pub(super) fn load(plan: &Plan, path: &Path, bucket: usize, rows: &mut Vec<u8>) -> Result<()> {
    let damaged = || Error::DamagedBucket {
        path: path.to_path_buf(),
    };
    let (n_rows, row_bytes) = (plan.rows_in(bucket), plan.row_bytes());
    let entry_bytes = PLACE + row_bytes;
    let mut file = File::open(path).map_err(Error::io(path))?;
    rows.resize(n_rows * row_bytes, 0);
    let mut seen = vec![false; n_rows];
    let at_once = (READ / entry_bytes).max(1);
    let mut buffer = vec![0; at_once.min(n_rows) * entry_bytes];
    let mut left = n_rows;
    while left > 0 {
        let n = left.min(at_once);
        let part = &mut buffer[..n * entry_bytes];
        file.read_exact(part).map_err(Error::io(path))?;
        for entry in part.chunks_exact(entry_bytes) {
            let (place, row) = entry.split_at(PLACE);
            let place = place.iter().rev().fold(0, |n, &b| n << 8 | usize::from(b));
            match seen.get_mut(place) {
                Some(seen) if !*seen => *seen = true,
                _ => return Err(damaged()),
            }
            rows[place * row_bytes..(place + 1) * row_bytes].copy_from_slice(row);
        }
        left -= n;
    }
    Ok(())
}
