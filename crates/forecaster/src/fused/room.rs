use std::sync::{Mutex, PoisonError};

/// Buffers that go from one processor step to the next: fresh memory costs a page fault every 4 kB.
#[derive(Debug, Default)]
pub(super) struct Room(Mutex<Vec<Vec<f32>>>);

impl Room {
    /// A buffer of `len` values, which are whatever was there before.
    pub(super) fn take(&self, len: usize) -> Vec<f32> {
        let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = free.iter().position(|buffer| buffer.len() == len);
        match found {
            Some(place) => free.swap_remove(place),
            None => {
                // Another batch size: what is left of the last one is of no use.
                free.clear();
                vec![0.0; len]
            }
        }
    }

    /// Keeps a buffer for later.
    pub(super) fn put(&self, buffer: Vec<f32>) {
        let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        free.push(buffer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_come_back_and_those_of_another_size_are_dropped() {
        let room = Room::default();
        let mut first = room.take(3);
        assert_eq!(first, [0.0; 3]);
        first[0] = 7.0;
        room.put(first);
        assert_eq!(room.take(3)[0], 7.0);
        room.put(vec![1.0; 3]);
        assert_eq!(room.take(2), [0.0; 2]);
        assert_eq!(room.take(3), [0.0; 3]);
    }
}
