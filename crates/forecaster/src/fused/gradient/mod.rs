//! Gradients of the network on a CPU, block by block.
//!
//! A forward pass keeps what enters each phase ([`Saved`]): node latents, sums of messages, edge latents. The way back
//! computes the inside of every block again, just before it needs it, so that no more than a block's hidden values exist
//! at a time (checkpointing at the level of phases). Weight gradients are summed per part of a fixed partition and
//! combined in order: the same bits for a given number of threads.

mod decoder;
mod encoder;
mod nodes;
mod processor;
mod tape;

use std::collections::BTreeMap;

use dropsonde_mesh::Graph;
use tch::Tensor;

use super::FusedNetwork;
use crate::host::{host, values};
use crate::{Latents, Parameters, Result};
use tape::MlpGradient;

/// What the phases of a forward pass started from.
#[derive(Debug)]
pub(crate) struct Saved {
    /// `[N, B, C_in]`.
    features: Tensor,
    /// Sums of messages at the mesh nodes in the encoder, `[M, B, D]`.
    encoder_sums: Vec<f32>,
    /// What each processor step started from.
    steps: Vec<SavedStep>,
    /// `[N, B, D]`, into the decoder.
    grid: Tensor,
    /// `[M, B, D]`, into the decoder.
    mesh: Tensor,
    /// Sums of messages at the grid nodes in the decoder, `[N, B, D]`.
    decoder_sums: Vec<f32>,
}

#[derive(Debug)]
struct SavedStep {
    /// `[M, B, D]`.
    mesh: Tensor,
    /// `[E, B, D]`.
    edges: Tensor,
    /// Sums of messages, `[M, B, D]`.
    sums: Vec<f32>,
}

/// Gradients with respect to weights, by name, and to the features `[N, B, C_in]`.
#[derive(Debug)]
pub(crate) struct Gradients {
    pub(crate) weights: BTreeMap<String, Tensor>,
    pub(crate) features: Tensor,
}

impl FusedNetwork {
    /// The output `[N, B, C_out]` on features `[N, B, C_in]`, and what [`Self::backward`] needs.
    pub(crate) fn forward_saved(
        &self,
        graph: &Graph,
        features: &Tensor,
    ) -> Result<(Tensor, Saved)> {
        let features = host("features", features)?;
        let batch = features.size()[1];
        let (mut latents, encoder_sums) = self.encode_host(graph, &features);
        latents.edges = latents.edges.expand([-1, batch, -1], false).contiguous();
        let mut steps = Vec::new();
        for step in 0..self.steps.len() {
            let last = step + 1 == self.steps.len();
            let before = match last {
                true => latents.edges.shallow_clone(),
                false => latents.edges.copy(),
            };
            let (mesh, sums) = self.step_host(graph, step, &latents.mesh, &mut latents.edges);
            steps.push(SavedStep {
                mesh: std::mem::replace(&mut latents.mesh, mesh),
                edges: before,
                sums,
            });
        }
        let Latents { grid, mesh, .. } = latents;
        let mut decoder_sums = vec![0.0; grid.numel()];
        let output = self.decode_host(graph, &mesh, &grid, Some(&mut decoder_sums));
        let saved = Saved {
            features,
            encoder_sums,
            steps,
            grid,
            mesh,
            decoder_sums,
        };
        Ok((output, saved))
    }

    /// Gradients, given that of the output `[N, B, C_out]`; `parameters` are those that the network was made from.
    pub(crate) fn backward(
        &self,
        graph: &Graph,
        parameters: &Parameters,
        saved: Saved,
        output: &Tensor,
    ) -> Result<Gradients> {
        let output = host("gradients of the output", output)?;
        let Saved {
            features,
            encoder_sums,
            mut steps,
            grid,
            mesh,
            decoder_sums,
        } = saved;
        let mut weights = BTreeMap::new();
        let mut found = |gradients: Named| weights.extend(gradients);
        let (mut d_mesh, d_grid, here) = self.decoder_gradient(
            graph,
            parameters,
            [&mesh, &grid],
            &decoder_sums,
            values(&output),
        )?;
        found(here);
        drop((mesh, grid, decoder_sums));
        let mut d_edges = None;
        while let Some(saved) = steps.pop() {
            let before = d_edges.unwrap_or_else(|| vec![0.0; saved.edges.numel()]);
            let (mesh, edges, here) =
                self.step_gradient(graph, parameters, steps.len(), &saved, d_mesh, before)?;
            (d_mesh, d_edges) = (mesh, Some(edges));
            found(here);
        }
        let (features, here) = self.encoder_gradient(
            graph,
            parameters,
            &features,
            &encoder_sums,
            [d_mesh, d_edges.unwrap_or_default(), d_grid],
        )?;
        found(here);
        Ok(Gradients { weights, features })
    }
}

/// Gradients under the names of their weights.
type Named = Vec<(String, Tensor)>;

/// A sum of gradients that several parts of the work add to.
trait Total: Sized {
    fn add(&mut self, other: Self);
}

impl Total for MlpGradient {
    fn add(&mut self, other: Self) {
        self.add_other(&other);
    }
}

impl Total for Vec<f32> {
    fn add(&mut self, other: Self) {
        self.iter_mut().zip(other).for_each(|(a, b)| *a += b);
    }
}

/// Adds up in order; there is at least one part.
fn total<T: Total>(parts: impl Iterator<Item = T>) -> T {
    parts
        .reduce(|mut sum, part| {
            sum.add(part);
            sum
        })
        .unwrap_or_else(|| unreachable!("work has at least one part"))
}
