use std::ops::Range;

use dropsonde_mesh::Graph;
use tch::Tensor;

use crate::fused::FusedNetwork;
use crate::network::Network;
use crate::structure::Structure;
use crate::{ForecasterOptions, Kernel, Latents, ModelConfig, Parameters, Result};

/// The network in one of its implementations.
#[derive(Debug)]
pub(crate) enum Engine {
    Plain {
        network: Box<Network>,
        structure: Structure,
        steps: usize,
    },
    Fused {
        network: Box<FusedNetwork>,
        steps: usize,
    },
}

impl Engine {
    pub(crate) fn new(
        parameters: &Parameters,
        config: &ModelConfig,
        options: ForecasterOptions,
        graph: &Graph,
        channels: (usize, usize),
    ) -> Result<Self> {
        let steps = config.gnn_msg_steps as usize;
        let ForecasterOptions {
            device,
            precision,
            kernel,
        } = options;
        Ok(match kernel {
            Kernel::Plain => {
                let (c_in, c_out) = (channels.0 as i64, channels.1 as i64);
                Self::Plain {
                    network: Box::new(Network::new(parameters, config, precision, c_in, c_out)?),
                    structure: Structure::new(graph, device, precision.stream()),
                    steps,
                }
            }
            Kernel::Fused => Self::Fused {
                network: Box::new(FusedNetwork::new(
                    parameters, config, options, graph, channels,
                )?),
                steps,
            },
        })
    }

    pub(crate) fn steps(&self) -> Range<usize> {
        match self {
            Self::Plain { steps, .. } | Self::Fused { steps, .. } => 0..*steps,
        }
    }

    /// Normalised features `[N, B, C_in]` to the latents that enter the processor.
    pub(crate) fn encode(&self, graph: &Graph, features: &Tensor) -> Result<Latents> {
        match self {
            Self::Plain {
                network, structure, ..
            } => Ok(network.encode(structure, features)),
            Self::Fused { network, .. } => network.encode(graph, features),
        }
    }

    /// One processor step; always a fresh mesh tensor, while the edges may be changed in place: they must be the
    /// caller's own ([`Self::own`]).
    pub(crate) fn process_step(
        &self,
        graph: &Graph,
        step: usize,
        latents: &mut Latents,
    ) -> Result<()> {
        match self {
            Self::Plain {
                network, structure, ..
            } => {
                network.process_step(structure, step, latents);
                Ok(())
            }
            Self::Fused { network, .. } => network.process_step(graph, step, latents),
        }
    }

    /// Makes the edges of `latents` safe to change: somebody else may hold a handle on them.
    pub(crate) fn own(&self, latents: &mut Latents) {
        if let Self::Fused { .. } = self {
            latents.edges = latents.edges.copy();
        }
    }

    /// Latents to the normalised output `[N, B, C_out]`.
    pub(crate) fn decode(&self, graph: &Graph, latents: &Latents) -> Result<Tensor> {
        match self {
            Self::Plain {
                network, structure, ..
            } => Ok(network.decode(structure, latents)),
            Self::Fused { network, .. } => network.decode(graph, latents),
        }
    }
}
