//! Reading states ahead of their use.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use super::Source;
use crate::{Error, Result, State, Time, Variable};

/// States in order, read and decoded by a thread of its own; made by [`Source::prefetch`].
pub struct Prefetch {
    receiver: Receiver<Result<State>>,
    source: Arc<Source>,
    n_left: usize,
}

impl Prefetch {
    pub(super) fn start(
        source: Arc<Source>,
        times: Vec<Time>,
        variables: Vec<Variable>,
        depth: usize,
    ) -> Self {
        // The state in the thread's hand is read ahead too.
        let (sender, receiver) = sync_channel(depth.saturating_sub(1));
        let n_left = times.len();
        let reader = Arc::clone(&source);
        let work = move || {
            for time in times {
                let state = reader.state_of(time, &variables);
                let is_last = state.is_err();
                // Sending fails once the receiver is dropped: nobody wants the rest.
                if sender.send(state).is_err() || is_last {
                    return;
                }
            }
        };
        // Without a thread the channel is closed, which the iterator reports.
        let _ = thread::Builder::new()
            .name("dropsonde-prefetch".to_owned())
            .spawn(work);
        Self {
            receiver,
            source,
            n_left,
        }
    }
}

impl std::fmt::Debug for Prefetch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prefetch")
            .field("source", &self.source)
            .field("n_left", &self.n_left)
            .finish_non_exhaustive()
    }
}

impl Iterator for Prefetch {
    type Item = Result<State>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.n_left == 0 {
            return None;
        }
        self.n_left -= 1;
        let state = self.receiver.recv().unwrap_or_else(|_| {
            let message = "the thread that reads ahead has ended unexpectedly";
            Err(Error::malformed(self.source.path(), "states", message))
        });
        if state.is_err() {
            self.n_left = 0;
        }
        Some(state)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.n_left))
    }
}
