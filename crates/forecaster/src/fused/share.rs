//! Work in parallel, with results that do not depend on who did what.

use std::ops::Range;
use std::sync::Mutex;

/// Runs every task once, on all threads of the current rayon pool; each thread makes its buffers once.
///
/// Tasks write to places of their own, so the result is the same for any number of threads.
pub(super) fn share<T: Send, W>(
    tasks: Vec<T>,
    buffers: impl Fn() -> W + Sync,
    run: impl Fn(&mut W, T) + Sync,
) {
    let queue = Mutex::new(tasks.into_iter());
    let next = || {
        queue
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .next()
    };
    rayon::broadcast(|_| {
        let Some(mut task) = next() else { return };
        let mut work = buffers();
        loop {
            run(&mut work, task);
            match next() {
                Some(another) => task = another,
                None => return,
            }
        }
    });
}

/// Cuts `values` into consecutive parts of these lengths.
pub(super) fn cut(mut values: &mut [f32], lengths: impl Iterator<Item = usize>) -> Vec<&mut [f32]> {
    lengths
        .map(|length| {
            let (part, rest) = std::mem::take(&mut values).split_at_mut(length);
            values = rest;
            part
        })
        .collect()
}

/// Consecutive ranges of at most `size`.
pub(super) fn ranges(n: usize, size: usize) -> Vec<Range<usize>> {
    (0..n)
        .step_by(size)
        .map(|start| start..n.min(start + size))
        .collect()
}
