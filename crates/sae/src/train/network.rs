//! What a step reads of the weights.

use rayon::prelude::*;

use crate::kernels;
use crate::real::Real;
use crate::{Activation, SaeConfig};

/// The weights of an autoencoder; those that its activation or its biases do not have are empty.
#[derive(Clone, Copy)]
pub(crate) struct Network<'a, T> {
    pub(crate) config: &'a SaeConfig,
    /// `[n_latents, d_in]`.
    pub(crate) w_enc: &'a [T],
    /// `[n_latents, d_out]`.
    pub(crate) w_dec: &'a [T],
    /// `[d_out]`.
    pub(crate) b_dec: &'a [T],
    /// `[n_latents]`.
    pub(crate) b_enc: &'a [T],
    /// Jump ReLU: `[n_latents]`.
    pub(crate) threshold: &'a [T],
    /// Gated: `r` and `m`, `[n_latents]`.
    pub(crate) gate: [&'a [T]; 2],
}

/// Numbers of a step that follow from the weights.
pub(crate) struct Derived<T> {
    /// 1 / norm of each decoder row.
    pub(crate) inverse_norms: Vec<T>,
    /// What stands in for them where the decoder is taken as it is, `[n_latents]`.
    pub(crate) ones: Vec<T>,
    /// Ends of the nested dictionaries.
    pub(crate) groups: Vec<usize>,
}

impl<T: Real> Network<'_, T> {
    pub(crate) fn derive(&self) -> Derived<T> {
        let rows = self.w_dec.par_chunks(self.config.d_out);
        Derived {
            inverse_norms: rows.map(kernels::inverse_norm).collect(),
            ones: vec![T::ONE; self.config.n_latents],
            groups: self.config.groups(),
        }
    }

    /// The code of a latent from its pre-activation.
    #[inline]
    pub(crate) fn code(&self, latent: usize, pre: T) -> T {
        match self.config.activation {
            Activation::TopK { .. } | Activation::BatchTopK { .. } | Activation::Relu => pre,
            Activation::JumpRelu { .. } => match pre > self.threshold[latent] {
                true => pre,
                false => T::ZERO,
            },
            Activation::Gated => {
                let magnitude = self.magnitude(latent, pre);
                match pre > T::ZERO && magnitude > T::ZERO {
                    true => magnitude,
                    false => T::ZERO,
                }
            }
        }
    }

    /// Gated: how much, before the ReLU.
    #[inline]
    pub(crate) fn magnitude(&self, latent: usize, pre: T) -> T {
        let [r, m] = self.gate;
        r[latent].exp() * (pre - self.b_enc[latent]) + m[latent]
    }
}
