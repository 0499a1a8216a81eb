//! Forward and backward halves of a step, for any kind of number.

use dropsonde_kernels::Operands;
use rayon::prelude::*;

use super::backward::{self, Backward, LatentGradients};
use super::config::AuxDecoder;
use super::dense::DenseSecond as _;
use super::errors::{Errors, RowLosses, Rows, Second};
use super::network::{Derived, Network};
use super::select::{Auxiliary, Selection};
use super::slots::Slots;
use crate::encoder::Encode;
use crate::preprocess::{self, Frame};
use crate::real::Real;
use crate::{Activation, Result, kernels};

/// Buffers of a step, and what its forward half leaves for the backward half.
#[derive(Default)]
pub(crate) struct Step<T: Real> {
    pub(crate) rows: Rows<T>,
    pub(crate) main: Slots<T>,
    pub(crate) aux: Slots<T>,
    selection: Selection<T>,
    frames: Vec<Frame<T>>,
    dense: T::Dense,
    /// For comparisons: gathers also where products are faster.
    pub(crate) only_gathers: bool,
}

/// What a step does, besides the weights.
pub(crate) struct Settings<'a> {
    pub(crate) aux_weight: f64,
    pub(crate) aux_decoder: AuxDecoder,
    pub(crate) penalty: f64,
    pub(crate) operands: Operands,
    /// The dead latents, ascending.
    pub(crate) dead: &'a [u32],
}

impl Settings<'_> {
    fn second(&self, activation: Activation) -> Second {
        match (activation, self.dead.is_empty()) {
            (Activation::Gated, _) => Second::Gate,
            (_, true) => Second::No,
            (_, false) => Second::Dead {
                raw: self.aux_decoder == AuxDecoder::Raw,
                weight: self.aux_weight,
            },
        }
    }
}

/// Dense gradients of everything, for checks and tests.
pub(crate) struct Dense<T> {
    pub(crate) w_enc: Vec<T>,
    pub(crate) w_dec: Vec<T>,
    pub(crate) b_dec: Vec<T>,
    pub(crate) single: Vec<LatentGradients<T>>,
}

impl<T: Real> Step<T> {
    /// Runs the forward half over `x`, `[rows, d_in]`; `target`, `[rows, d_out]`, only for a transcoder.
    pub(crate) fn forward(
        &mut self,
        network: &Network<'_, T>,
        settings: &Settings<'_>,
        x: &[T],
        target: Option<&[T]>,
    ) -> Result<Derived<T>> {
        let config = network.config;
        let n = x.len() / config.d_in;
        self.prepare(network, x, target)?;
        let derived = network.derive();
        let second = settings.second(config.activation);
        let k_aux = match second {
            Second::Dead { .. } => config.k_aux.min(settings.dead.len()),
            Second::No | Second::Gate => 0,
        };
        let dense = k_aux > 0 && !self.only_gathers && T::Dense::is_for(settings.dead.len(), k_aux);
        let aux = Auxiliary {
            k: k_aux,
            dead: settings.dead,
            positions: dense,
        };
        let encoder = T::Encoder::new(network.w_enc, config.d_in, settings.operands);
        self.selection.run(
            network,
            (&encoder, &self.rows.input),
            &aux,
            (&mut self.main, &mut self.aux),
        );
        drop(encoder);
        if second == Second::Gate {
            self.selection.again(&mut self.aux);
        }
        self.set_codes(network);
        let errors = Errors {
            network: *network,
            derived: &derived,
            second,
            penalty: settings.penalty,
            rows: n,
        };
        self.dense.clear();
        if dense {
            let aux = std::mem::take(&mut self.aux);
            self.rows.errors(&errors, &mut self.main, &mut self.aux);
            self.dense.run(&errors, settings.dead, &aux, &mut self.rows);
            self.aux = aux;
            self.aux.clear();
        } else {
            self.rows.errors(&errors, &mut self.main, &mut self.aux);
        }
        self.main.sort(config.n_latents);
        self.aux.sort(config.n_latents);
        Ok(derived)
    }

    /// Preprocesses the rows and takes biases off.
    fn prepare(&mut self, network: &Network<'_, T>, x: &[T], target: Option<&[T]>) -> Result<()> {
        let (config, rows) = (network.config, &mut self.rows);
        let n = x.len() / config.d_in;
        rows.input.resize(x.len(), T::ZERO);
        rows.power.resize(n, T::ZERO);
        self.frames.resize(n * config.n_sites, (T::ZERO, T::ONE));
        preprocess::rows(config, (x, 0), &mut rows.input, &mut self.frames)?;
        rows.target.clear();
        if let Some(target) = target {
            rows.target.resize(n * config.d_out, T::ZERO);
            preprocess::in_frames(config.d_out, (target, 0), &mut rows.target, &self.frames)?;
        } else if !config.bias.is_shared() {
            rows.target.clone_from(&rows.input);
        }
        let centred = match rows.target.is_empty() {
            true => &mut rows.input,
            false => &mut rows.target,
        };
        centred
            .par_chunks_mut(config.d_out)
            .zip(&mut rows.power)
            .for_each(|(row, power)| {
                *power = kernels::square(row);
                kernels::subtract(row, network.b_dec);
            });
        Ok(())
    }

    /// Turns pre-activations into codes where they differ.
    fn set_codes(&mut self, network: &Network<'_, T>) {
        let plain = matches!(
            network.config.activation,
            Activation::TopK { .. } | Activation::BatchTopK { .. } | Activation::Relu
        );
        if !plain {
            let slots = self.main.latents.iter().zip(&self.main.pre);
            for ((&latent, &pre), code) in slots.zip(&mut self.main.codes) {
                *code = network.code(latent as usize, pre);
            }
        }
    }

    /// Means over the rows.
    pub(crate) fn losses(&self) -> RowLosses<f64> {
        self.rows.mean_losses()
    }

    /// The backward half.
    pub(crate) fn backward<'a>(
        &'a self,
        network: Network<'a, T>,
        settings: &Settings<'_>,
        derived: &'a Derived<T>,
    ) -> Backward<'a, T> {
        Backward {
            network,
            derived,
            second: settings.second(network.config.activation),
            penalty: settings.penalty,
            rows: &self.rows,
            main: &self.main,
            aux: &self.aux,
            dense: &self.dense,
        }
    }
}

impl<T: Real> Backward<'_, T> {
    /// Gradients of the single numbers of all latents, and of the decoder's bias.
    pub(crate) fn singles(&self) -> (Vec<LatentGradients<T>>, Vec<T>) {
        let latents = (0..self.network.config.n_latents).into_par_iter();
        let single: Vec<_> = latents
            .map_init(Vec::new, |weights, latent| self.single(latent, weights))
            .collect();
        let drives: Vec<T> = single.iter().map(|latent| latent.drive).collect();
        let bias = self.bias(&drives);
        (single, bias)
    }

    /// Norm of all gradients together, the decoder's projected.
    pub(crate) fn norm(&self, single: &[LatentGradients<T>], bias: &[T]) -> f64 {
        let config = self.network.config;
        let rows = self.network.w_dec.par_chunks(config.d_out).enumerate();
        let squares: Vec<f64> = rows
            .map_init(
                || self.room(),
                |room, (latent, dec)| {
                    self.rows_of(latent, dec, room);
                    backward::project(&mut room.dec, dec);
                    kernels::square(&room.enc).wide() + kernels::square(&room.dec).wide()
                },
            )
            .collect();
        let has_bias = config.bias.has_encoder();
        let own = single.iter().flat_map(|latent| {
            let b_enc = if has_bias { latent.b_enc } else { T::ZERO };
            [b_enc, latent.threshold, latent.gate[0], latent.gate[1]]
        });
        let rest = own.chain(bias.iter().copied()).map(|g| g.wide() * g.wide());
        (squares.iter().sum::<f64>() + rest.sum::<f64>()).sqrt()
    }

    /// All gradients; the decoder's before the projection.
    pub(crate) fn dense(&self) -> Dense<T> {
        let (single, b_dec) = self.singles();
        let mut room = self.room();
        let (mut w_enc, mut w_dec) = (Vec::new(), Vec::new());
        let rows = self.network.w_dec.chunks(self.network.config.d_out);
        for (latent, dec) in rows.enumerate() {
            self.rows_of(latent, dec, &mut room);
            w_enc.extend_from_slice(&room.enc);
            w_dec.extend_from_slice(&room.dec);
        }
        Dense {
            w_enc,
            w_dec,
            b_dec,
            single,
        }
    }
}

/// Takes the part along each decoder row out of its gradient.
pub(crate) fn project_rows<T: Real>(gradient: &mut [T], w_dec: &[T], d: usize) {
    for (g, w) in gradient.chunks_mut(d).zip(w_dec.chunks(d)) {
        backward::project(g, w);
    }
}
