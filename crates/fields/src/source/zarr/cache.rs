//! Decoded chunks that a later read may want, because they reach over several times or levels.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use ndarray::ArrayD;

/// The most bytes of decoded chunks that are kept.
const BUDGET: usize = 1 << 30;

type Key = (String, Vec<u64>);

/// The most recently used decoded chunks of a store, up to a number of bytes.
#[derive(Default)]
pub(super) struct ChunkCache {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    chunks: HashMap<Key, (u64, Arc<ArrayD<f32>>)>,
    bytes: usize,
    clock: u64,
}

impl ChunkCache {
    /// A chunk, if it is kept.
    pub(super) fn get(&self, name: &str, chunk: &[u64]) -> Option<Arc<ArrayD<f32>>> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.clock += 1;
        let now = inner.clock;
        let (used, data) = inner.chunks.get_mut(&(name.to_owned(), chunk.to_vec()))?;
        *used = now;
        Some(Arc::clone(data))
    }

    /// Keeps a chunk and forgets those not used for longest.
    pub(super) fn insert(&self, name: &str, chunk: &[u64], data: Arc<ArrayD<f32>>) {
        let size = data.len() * size_of::<f32>();
        if size > BUDGET / 4 {
            return;
        }
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.clock += 1;
        let now = inner.clock;
        let key = (name.to_owned(), chunk.to_vec());
        if inner.chunks.insert(key, (now, data)).is_none() {
            inner.bytes += size;
        }
        while inner.bytes > BUDGET {
            let oldest = inner.chunks.iter().min_by_key(|(_, (used, _))| *used);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else {
                return;
            };
            if let Some((_, data)) = inner.chunks.remove(&oldest) {
                inner.bytes -= data.len() * size_of::<f32>();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::IxDyn;

    use super::*;

    #[test]
    fn the_longest_unused_goes_first() {
        let cache = ChunkCache::default();
        // Zeroed memory of this size is not touched, so the test needs no memory.
        let chunk = || Arc::new(ArrayD::<f32>::zeros(IxDyn(&[BUDGET / 16])));
        for index in 0..4 {
            cache.insert("t", &[index], chunk());
        }
        assert!(cache.get("t", &[0]).is_some());
        cache.insert("t", &[4], chunk());
        assert!(cache.get("t", &[0]).is_some());
        assert!(cache.get("t", &[1]).is_none());
        assert!(cache.get("u", &[0]).is_none());
    }
}
