//! The active codes of a batch, their gradients, and their order by latent.

/// `k` slots per row.
#[derive(Default)]
pub(crate) struct Slots {
    pub(crate) k: usize,
    /// Latent of each slot, `[rows, k]`.
    pub(crate) indices: Vec<u32>,
    /// Code of each slot, 0 when unused.
    pub(crate) values: Vec<f32>,
    /// Gradient of the loss with respect to each code, 0 when unused.
    pub(crate) grads: Vec<f32>,
    /// Start of each latent's run in `order`, `[n_latents + 1]`.
    offsets: Vec<u32>,
    /// Used slots sorted by latent, by row within a latent.
    order: Vec<u32>,
}

impl Slots {
    pub(crate) fn resize(&mut self, rows: usize, k: usize) {
        self.k = k;
        self.indices.resize(rows * k, 0);
        self.values.resize(rows * k, 0.0);
        self.grads.resize(rows * k, 0.0);
    }

    /// Counting sort of the used slots by latent.
    pub(crate) fn sort(&mut self, n_latents: usize) {
        self.offsets.clear();
        self.offsets.resize(n_latents + 1, 0);
        let used = || {
            self.indices
                .iter()
                .zip(&self.values)
                .enumerate()
                .filter(|(_, (_, value))| **value > 0.0)
        };
        for (_, (&index, _)) in used() {
            self.offsets[index as usize + 1] += 1;
        }
        for i in 0..n_latents {
            self.offsets[i + 1] += self.offsets[i];
        }
        let mut next = self.offsets.clone();
        self.order.clear();
        self.order.resize(self.offsets[n_latents] as usize, 0);
        for (slot, (&index, _)) in used() {
            let at = &mut next[index as usize];
            self.order[*at as usize] = slot as u32;
            *at += 1;
        }
    }

    /// The used slots of one latent, in row order.
    pub(crate) fn of(&self, latent: usize) -> &[u32] {
        &self.order[self.offsets[latent] as usize..self.offsets[latent + 1] as usize]
    }

    /// The number of slots in use.
    pub(crate) fn n_used(&self) -> usize {
        self.order.len()
    }
}
