//! Dense gradients, which a step never makes, and their check in f64.

use super::step::{Dense, project_rows};

/// Dense gradients of one batch, for checks.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradients {
    /// With respect to the encoder, `[n_latents, d_in]`.
    pub w_enc: Vec<f32>,
    /// With respect to the decoder, `[n_latents, d_out]`, before the projection.
    pub w_dec: Vec<f32>,
    /// The same after the projection, `[n_latents, d_out]`.
    pub w_dec_projected: Vec<f32>,
    /// With respect to the decoder's bias, `[d_out]`.
    pub b_dec: Vec<f32>,
    /// With respect to the encoder's bias, `[n_latents]`; of no use where there is none.
    pub b_enc: Vec<f32>,
}

impl Gradients {
    pub(crate) fn new(dense: Dense<f32>, w_dec: &[f32], d: usize) -> Self {
        let mut projected = dense.w_dec.clone();
        project_rows(&mut projected, w_dec, d);
        Self {
            w_enc: dense.w_enc,
            w_dec: dense.w_dec,
            w_dec_projected: projected,
            b_dec: dense.b_dec,
            b_enc: dense.single.iter().map(|latent| latent.b_enc).collect(),
        }
    }
}

#[cfg(test)]
mod tests;
