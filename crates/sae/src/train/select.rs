//! From rows to slots: pre-activations block by block, and the latents that are chosen.

use rayon::prelude::*;

use super::network::Network;
use super::slots::{Chosen, Slots};
use crate::Activation;
use crate::encoder::{BLOCK_ROWS, Encode};
use crate::real::Real;
use crate::topk::{self, Scratch};

/// Which latents the auxiliary reconstruction may use.
pub(crate) struct Auxiliary<'a> {
    /// Latents per row.
    pub(crate) k: usize,
    /// The dead latents, ascending.
    pub(crate) dead: &'a [u32],
    /// Whether slots hold positions among the dead latents instead of latents.
    pub(crate) positions: bool,
}

/// What one block of rows leaves behind.
#[derive(Default)]
struct Found<T> {
    main: Chosen<T>,
    aux: Chosen<T>,
}

/// Buffers of one thread.
struct Room<T: Real> {
    product: <T::Encoder as Encode<T>>::Room,
    scratch: Scratch<T>,
    keys: Vec<T::Key>,
    dead: Vec<T>,
}

/// Results of the blocks, reused from step to step.
#[derive(Default)]
pub(crate) struct Selection<T> {
    blocks: Vec<Found<T>>,
    /// Batch top-k: no pre-activation below this was kept in the last step.
    bound: T,
    keys: Vec<(T, u32)>,
}

impl<T: Real> Selection<T> {
    /// Fills the slots of `input`, `[rows, d_in]`; codes are not set where they differ from pre-activations.
    pub(crate) fn run(
        &mut self,
        network: &Network<'_, T>,
        (encoder, input): (&T::Encoder, &[T]),
        aux: &Auxiliary<'_>,
        (main, aux_slots): (&mut Slots<T>, &mut Slots<T>),
    ) {
        let rows = input.len() / network.config.d_in;
        self.search(network, (encoder, input), aux);
        if let Activation::BatchTopK { k } = network.config.activation
            && !self.keep_largest(k * rows)
        {
            // Too few pre-activations reached the bound of the last batch.
            self.bound = T::ZERO;
            self.search(network, (encoder, input), aux);
            self.keep_largest(k * rows);
        }
        main.collect(self.blocks.iter().map(|block| &block.main));
        match aux.k {
            0 => aux_slots.clear(),
            _ => aux_slots.collect(self.blocks.iter().map(|block| &block.aux)),
        }
    }

    /// The main slots of the last run once more.
    pub(crate) fn again(&self, slots: &mut Slots<T>) {
        slots.collect(self.blocks.iter().map(|block| &block.main));
    }

    fn search(
        &mut self,
        network: &Network<'_, T>,
        (encoder, input): (&T::Encoder, &[T]),
        aux: &Auxiliary<'_>,
    ) {
        let d = network.config.d_in;
        let block = BLOCK_ROWS * d;
        self.blocks
            .resize_with(input.len().div_ceil(block), Found::default);
        let bound = self.bound;
        let work = input.par_chunks(block).zip(&mut self.blocks);
        work.for_each_init(
            || Room {
                product: encoder.room(),
                scratch: Scratch::default(),
                keys: Vec::new(),
                dead: Vec::new(),
            },
            |room, (input, found)| {
                encoder.run(input, network.b_enc, &mut room.product);
                found.main.clear();
                found.aux.clear();
                for row in 0..input.len() / d {
                    choose(network, (encoder, row), bound, room, &mut found.main);
                    if aux.k > 0 {
                        choose_dead((encoder, row), aux, room, &mut found.aux);
                    }
                }
            },
        );
    }

    /// Batch top-k: keeps the `n` largest slots of all rows; false if slots may be missing because of the bound.
    fn keep_largest(&mut self, n: usize) -> bool {
        self.keys.clear();
        for block in &self.blocks {
            let first = self.keys.len() as u32;
            let keys = block.main.pre.iter().zip(first..);
            self.keys.extend(keys.map(|(&pre, slot)| (pre, slot)));
        }
        if self.keys.len() < n && self.bound > T::ZERO {
            return false;
        }
        // The next batch is much like this one: half of its smallest code will do as a bound.
        self.bound = T::ZERO;
        if self.keys.len() > n {
            let descending = |a: &(T, u32), b: &(T, u32)| {
                let by_size = b.0.partial_cmp(&a.0);
                by_size
                    .unwrap_or(std::cmp::Ordering::Equal)
                    .then(a.1.cmp(&b.1))
            };
            let (_, last, _) = self.keys.select_nth_unstable_by(n - 1, descending);
            let last = *last;
            self.bound = last.0 / T::of(2.0);
            let mut slot = 0;
            for block in &mut self.blocks {
                retain(&mut block.main, |pre| {
                    slot += 1;
                    descending(&(pre, slot - 1), &last).is_le()
                });
            }
        }
        true
    }
}

/// Appends the slots of one row.
fn choose<T: Real>(
    network: &Network<'_, T>,
    (encoder, row): (&T::Encoder, usize),
    bound: T,
    room: &mut Room<T>,
    found: &mut Chosen<T>,
) {
    let pieces = encoder.pieces(&room.product, row);
    let keys = match network.config.activation {
        Activation::TopK { k } => topk::top_k(pieces, k, &mut room.scratch),
        Activation::BatchTopK { .. } | Activation::Gated | Activation::Relu => {
            room.keys.clear();
            let mut first = 0;
            for piece in pieces {
                topk::collect(piece, bound, first, &mut room.keys);
                first += piece.len();
            }
            &room.keys
        }
        Activation::JumpRelu { bandwidth } => {
            room.keys.clear();
            let mut first = 0;
            for piece in pieces {
                let thresholds = &network.threshold[first..first + piece.len()];
                let margin = T::of(bandwidth / 2.0);
                topk::collect_over(piece, thresholds, margin, first, &mut room.keys);
                first += piece.len();
            }
            &room.keys
        }
    };
    push(keys, |index| index, found);
}

/// Appends the auxiliary slots of one row: the largest among the dead latents.
fn choose_dead<T: Real>(
    (encoder, row): (&T::Encoder, usize),
    aux: &Auxiliary<'_>,
    room: &mut Room<T>,
    found: &mut Chosen<T>,
) {
    room.dead.clear();
    let (mut first, mut next) = (0, 0);
    for piece in encoder.pieces(&room.product, row) {
        let end = first + piece.len();
        while next < aux.dead.len() && (aux.dead[next] as usize) < end {
            room.dead.push(piece[aux.dead[next] as usize - first]);
            next += 1;
        }
        first = end;
    }
    let keys = topk::largest(std::iter::once(&room.dead[..]), aux.k, &mut room.scratch);
    match aux.positions {
        true => push(keys, |index| index, found),
        false => push(keys, |index| aux.dead[index as usize], found),
    }
}

fn push<T: Real>(keys: &[T::Key], latent: impl Fn(u32) -> u32, found: &mut Chosen<T>) {
    found.counts.push(keys.len() as u32);
    for &key in keys {
        let (pre, index) = T::of_key(key);
        found.latents.push(latent(index));
        found.pre.push(pre);
    }
}

/// Keeps the slots whose pre-activation is wanted, asked for in order.
fn retain<T: Real>(found: &mut Chosen<T>, mut wanted: impl FnMut(T) -> bool) {
    let (mut from, mut to) = (0, 0);
    for count in &mut found.counts {
        let end = from + *count as usize;
        let first = to;
        while from < end {
            if wanted(found.pre[from]) {
                (found.pre[to], found.latents[to]) = (found.pre[from], found.latents[from]);
                to += 1;
            }
            from += 1;
        }
        *count = (to - first) as u32;
    }
    found.pre.truncate(to);
    found.latents.truncate(to);
}
