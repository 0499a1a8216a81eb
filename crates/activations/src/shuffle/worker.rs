//! The thread that has the next bucket ready.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

use super::buckets::{load, scatter};
use super::plan::Plan;
use super::scratch::Scratch;
use crate::{Error, Result};

/// A bucket in memory: its rows, packed, in the order of the epoch.
pub(super) struct Bucket {
    pub(super) key: (u64, usize),
    pub(super) rows: Vec<u8>,
}

/// Loads bucket after bucket, epoch after epoch; at most one waits to be taken.
pub(super) struct Worker {
    /// Epoch and number of the bucket that comes next.
    pub(super) next: (u64, usize),
    n_buckets: usize,
    buckets: Option<Receiver<Result<Bucket>>>,
    spares: Sender<Vec<u8>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    pub(super) fn start(
        plan: Arc<Plan>,
        scratch: Arc<Scratch>,
        next: (u64, usize),
    ) -> Result<Self> {
        // No bucket lies in the channel: one is with the caller, one with the thread.
        let (sender, buckets) = sync_channel(0);
        let (spares, empty) = channel();
        let stop = Arc::new(AtomicBool::new(false));
        let job = Job {
            plan: Arc::clone(&plan),
            scratch,
            sender,
            empty,
            stop: Arc::clone(&stop),
        };
        let thread = std::thread::Builder::new()
            .name("shuffle".to_owned())
            .spawn(move || job.run(next))
            .map_err(Error::io(plan.rows.path()))?;
        Ok(Self {
            next,
            n_buckets: plan.n_buckets(),
            buckets: Some(buckets),
            spares,
            stop,
            thread: Some(thread),
        })
    }

    /// Waits for the next bucket; `used` is overwritten by a later one.
    pub(super) fn take(&mut self, used: Option<Bucket>) -> Result<Bucket> {
        if let Some(bucket) = used {
            // A thread that is gone needs no memory.
            let _ = self.spares.send(bucket.rows);
        }
        let bucket = self.buckets.as_ref().and_then(|b| b.recv().ok());
        let bucket = bucket.unwrap_or(Err(Error::Reading))?;
        let (epoch, number) = self.next;
        self.next = match number + 1 == self.n_buckets {
            true => (epoch + 1, 0),
            false => (epoch, number + 1),
        };
        Ok(bucket)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.buckets = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What the thread owns.
struct Job {
    plan: Arc<Plan>,
    scratch: Arc<Scratch>,
    sender: SyncSender<Result<Bucket>>,
    empty: Receiver<Vec<u8>>,
    stop: Arc<AtomicBool>,
}

impl Job {
    fn run(&self, (epoch, first): (u64, usize)) {
        if let Err(error) = self.scratch.keep_only(Some(epoch)) {
            let _ = self.sender.send(Err(error));
            return;
        }
        let first_buckets = std::iter::once((epoch, first));
        let epochs = first_buckets.chain((epoch + 1..).map(|epoch| (epoch, 0)));
        for (epoch, first) in epochs {
            match self.epoch(epoch, first) {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    let _ = self.sender.send(Err(error));
                    return;
                }
            }
        }
    }

    /// Hands out the buckets of one epoch; `false` when nobody wants more.
    fn epoch(&self, epoch: u64, first: usize) -> Result<bool> {
        let (plan, scratch) = (&self.plan, &self.scratch);
        if !scratch.is_complete(plan, epoch, first) {
            // The first pass needs the memory of a bucket itself.
            self.empty.try_iter().for_each(drop);
            if !scatter(plan, scratch, (epoch, first), &self.stop)? {
                return Ok(false);
            }
        }
        for bucket in first..plan.n_buckets() {
            let mut rows = self.empty.try_recv().unwrap_or_default();
            load(plan, &scratch.bucket(epoch, bucket), bucket, &mut rows)?;
            let key = (epoch, bucket);
            if self.sender.send(Ok(Bucket { key, rows })).is_err() {
                return Ok(false);
            }
            // The bucket before stays: the caller's last checkpoint may lie in it.
            match bucket {
                0 => scratch.keep_only(Some(epoch))?,
                1 => {}
                _ => scratch.discard(epoch, bucket - 2)?,
            }
        }
        Ok(true)
    }
}
