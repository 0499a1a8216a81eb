//! The active latents of a batch, their gradients, and their order by latent.

use rayon::prelude::*;

use crate::real::Real;

/// Any number of slots per row, one behind the other.
#[derive(Default)]
pub(crate) struct Slots<T> {
    /// Where the slots of each row start, `[rows + 1]`.
    pub(crate) starts: Vec<usize>,
    /// Latent of each slot.
    pub(crate) latents: Vec<u32>,
    /// Pre-activation of each slot.
    pub(crate) pre: Vec<T>,
    /// Code of each slot; 0 in a slot that only has a gradient.
    pub(crate) codes: Vec<T>,
    /// Gradient of the loss with respect to the code, then to the pre-activation.
    pub(crate) grads: Vec<T>,
    /// Start of each latent's run in `order`, `[n_latents + 1]`.
    offsets: Vec<u32>,
    /// (slot, row) sorted by latent, by row within a latent.
    order: Vec<(u32, u32)>,
}

/// The slots of some rows, in the order of the rows.
#[derive(Default)]
pub(crate) struct Chosen<T> {
    pub(crate) counts: Vec<u32>,
    pub(crate) latents: Vec<u32>,
    pub(crate) pre: Vec<T>,
}

impl<T> Chosen<T> {
    pub(crate) fn clear(&mut self) {
        self.counts.clear();
        self.latents.clear();
        self.pre.clear();
    }
}

/// The slots of one row.
pub(crate) struct RowSlots<'a, T> {
    pub(crate) latents: &'a [u32],
    pub(crate) codes: &'a [T],
    pub(crate) grads: &'a mut [T],
}

impl<T: Real> Slots<T> {
    /// Takes the slots of consecutive blocks of rows, with codes equal to pre-activations and no gradients.
    pub(crate) fn collect<'a>(&mut self, blocks: impl Iterator<Item = &'a Chosen<T>>) {
        self.starts.clear();
        self.starts.push(0);
        self.latents.clear();
        self.pre.clear();
        let mut end = 0;
        for block in blocks {
            for &count in &block.counts {
                end += count as usize;
                self.starts.push(end);
            }
            self.latents.extend_from_slice(&block.latents);
            self.pre.extend_from_slice(&block.pre);
        }
        self.codes.clone_from(&self.pre);
        self.grads.clear();
        self.grads.resize(end, T::ZERO);
    }

    /// No rows at all.
    pub(crate) fn clear(&mut self) {
        self.collect(std::iter::empty());
    }

    /// Number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// The slots of each row, to be worked on in parallel.
    pub(crate) fn par_rows(&mut self) -> impl IndexedParallelIterator<Item = RowSlots<'_, T>> {
        let mut rest = &mut self.grads[..];
        let mut grads = Vec::with_capacity(self.starts.len());
        for pair in self.starts.windows(2) {
            let (here, behind) = rest.split_at_mut(pair[1] - pair[0]);
            grads.push(here);
            rest = behind;
        }
        let (starts, latents, codes) = (&self.starts, &self.latents, &self.codes);
        grads.into_par_iter().enumerate().map(move |(row, grads)| {
            let slots = starts[row]..starts[row + 1];
            RowSlots {
                latents: &latents[slots.clone()],
                codes: &codes[slots],
                grads,
            }
        })
    }

    /// Counting sort of the slots by latent.
    pub(crate) fn sort(&mut self, n_latents: usize) {
        self.offsets.clear();
        self.offsets.resize(n_latents + 1, 0);
        for &latent in &self.latents {
            self.offsets[latent as usize + 1] += 1;
        }
        for i in 0..n_latents {
            self.offsets[i + 1] += self.offsets[i];
        }
        let mut next = self.offsets.clone();
        self.order.clear();
        self.order.resize(self.latents.len(), (0, 0));
        for row in 0..self.rows() {
            for slot in self.starts[row]..self.starts[row + 1] {
                let at = &mut next[self.latents[slot] as usize];
                self.order[*at as usize] = (slot as u32, row as u32);
                *at += 1;
            }
        }
    }

    /// The slots of one latent with their rows, in row order.
    pub(crate) fn of(&self, latent: usize) -> &[(u32, u32)] {
        &self.order[self.offsets[latent] as usize..self.offsets[latent + 1] as usize]
    }

    /// Whether a latent has a code anywhere.
    pub(crate) fn is_active(&self, latent: usize) -> bool {
        let mut slots = self.of(latent).iter();
        slots.any(|&(slot, _)| self.codes[slot as usize] != T::ZERO)
    }

    /// Codes that are not 0.
    pub(crate) fn n_active(&self) -> usize {
        self.codes.iter().filter(|code| **code != T::ZERO).count()
    }
}
