use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use tch::{Device, Kind, Tensor};

use crate::{Error, ModelConfig, Result};

/// The weights of a network under the names of the public checkpoints, without the leading `params:`.
#[derive(Debug, Default)]
pub struct Parameters(pub(crate) BTreeMap<String, Tensor>);

/// One MLP of the network: where its weights live and how wide it is.
pub(crate) struct Block {
    pub(crate) path: String,
    pub(crate) d_in: i64,
    pub(crate) d_out: i64,
    pub(crate) norm: bool,
}

/// Every MLP of the network that `config` describes.
pub(crate) fn blocks(config: &ModelConfig, c_in: i64, c_out: i64) -> Vec<Block> {
    let d = config.latent_size;
    let block = |gnn: &str, name: &str, d_in, d_out, norm| Block {
        path: format!("{gnn}/~_networks_builder/{name}"),
        d_in,
        d_out,
        norm,
    };
    let mut blocks = vec![
        block("grid2mesh_gnn", "encoder_edges_grid2mesh", 4, d, true),
        block(
            "grid2mesh_gnn",
            "encoder_nodes_grid_nodes",
            c_in + 3,
            d,
            true,
        ),
        block(
            "grid2mesh_gnn",
            "encoder_nodes_mesh_nodes",
            c_in + 3,
            d,
            true,
        ),
        block(
            "grid2mesh_gnn",
            "processor_edges_0_grid2mesh",
            3 * d,
            d,
            true,
        ),
        block("grid2mesh_gnn", "processor_nodes_0_grid_nodes", d, d, true),
        block(
            "grid2mesh_gnn",
            "processor_nodes_0_mesh_nodes",
            2 * d,
            d,
            true,
        ),
        block("mesh_gnn", "encoder_edges_mesh", 4, d, true),
        block("mesh2grid_gnn", "encoder_edges_mesh2grid", 4, d, true),
        block(
            "mesh2grid_gnn",
            "processor_edges_0_mesh2grid",
            3 * d,
            d,
            true,
        ),
        block(
            "mesh2grid_gnn",
            "processor_nodes_0_grid_nodes",
            2 * d,
            d,
            true,
        ),
        block("mesh2grid_gnn", "processor_nodes_0_mesh_nodes", d, d, true),
        block("mesh2grid_gnn", "decoder_nodes_grid_nodes", d, c_out, false),
    ];
    for step in 0..config.gnn_msg_steps {
        blocks.push(block(
            "mesh_gnn",
            &format!("processor_edges_{step}_mesh"),
            3 * d,
            d,
            true,
        ));
        blocks.push(block(
            "mesh_gnn",
            &format!("processor_nodes_{step}_mesh_nodes"),
            2 * d,
            d,
            true,
        ));
    }
    blocks
}

impl Block {
    /// The block of this name; names are given without the part that all have in common.
    pub(crate) fn find<'a>(blocks: &'a [Self], name: &str) -> &'a Self {
        blocks
            .iter()
            .find(|b| b.path.replace("/~_networks_builder", "") == name)
            .unwrap_or_else(|| unreachable!("`blocks` lists {name}"))
    }

    /// Name and shape of each weight of this MLP.
    fn shapes(&self, config: &ModelConfig) -> Vec<(String, Vec<i64>)> {
        let mut shapes = Vec::new();
        let hidden = i64::from(config.hidden_layers);
        for layer in 0..=hidden {
            let rows = if layer == 0 {
                self.d_in
            } else {
                config.latent_size
            };
            let columns = if layer == hidden {
                self.d_out
            } else {
                config.latent_size
            };
            let linear = format!("{}_mlp/~/linear_{layer}", self.path);
            shapes.push((format!("{linear}:w"), vec![rows, columns]));
            shapes.push((format!("{linear}:b"), vec![columns]));
        }
        if self.norm {
            shapes.push((format!("{}_layer_norm:scale", self.path), vec![self.d_out]));
            shapes.push((format!("{}_layer_norm:offset", self.path), vec![self.d_out]));
        }
        shapes
    }
}

/// Name and shape of every weight of the network with `c_in` input and `c_out` output channels.
///
/// Weight matrices are `[in, out]`: y = x W + b.
pub fn parameter_shapes(
    config: &ModelConfig,
    c_in: usize,
    c_out: usize,
) -> BTreeMap<String, Vec<i64>> {
    blocks(config, c_in as i64, c_out as i64)
        .iter()
        .flat_map(|block| block.shapes(config))
        .collect()
}

impl Parameters {
    /// Looks for weights that no forecast could use.
    ///
    /// # Errors
    /// [`Error::Parameters`] that lists the names of weights with infinite or missing (NaN) values.
    pub fn check_finite(&self) -> Result<()> {
        let bad: Vec<String> = self
            .iter()
            .filter_map(|(name, tensor)| {
                let finite = tensor.isfinite().sum(Kind::Int64).int64_value(&[]);
                let bad = tensor.numel() as i64 - finite;
                (bad > 0).then(|| format!("{name} ({bad} of {})", tensor.numel()))
            })
            .collect();
        match bad.is_empty() {
            true => Ok(()),
            false => Err(Error::Parameters(format!(
                "not finite in f32: {}",
                bad.join(", ")
            ))),
        }
    }

    /// Compares names and shapes with what the configuration needs.
    ///
    /// # Errors
    /// [`Error::Parameters`] that lists missing, unused and misshapen weights by name.
    pub fn check(&self, config: &ModelConfig, c_in: usize, c_out: usize) -> Result<()> {
        let expected = parameter_shapes(config, c_in, c_out);
        let missing: Vec<_> = expected
            .keys()
            .filter(|name| !self.0.contains_key(*name))
            .cloned()
            .collect();
        let unused: Vec<_> = self
            .0
            .keys()
            .filter(|name| !expected.contains_key(*name))
            .cloned()
            .collect();
        let misshapen: Vec<_> = expected
            .iter()
            .filter_map(|(name, shape)| {
                let found = self.0.get(name)?.size();
                (found != *shape).then(|| format!("{name} {found:?} (expected {shape:?})"))
            })
            .collect();
        let complaint: Vec<String> = [
            ("missing", missing),
            ("unused", unused),
            ("wrong shape", misshapen),
        ]
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(what, names)| format!("{what}: {}", names.join(", ")))
        .collect();
        if complaint.is_empty() {
            Ok(())
        } else {
            Err(Error::Parameters(complaint.join("; ")))
        }
    }

    /// Name and tensor of every weight, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.0.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// How many numbers there are.
    pub fn count(&self) -> usize {
        self.0.values().map(Tensor::numel).sum()
    }

    /// The same weights as row-major f32 on the CPU: second handles where they are that already.
    pub(crate) fn on_host(&self) -> Self {
        let host = |t: &Tensor| {
            let t = t.detach().to_device(Device::Cpu);
            t.to_kind(Kind::Float).contiguous()
        };
        Self(
            self.iter()
                .map(|(name, t)| (name.to_owned(), host(t)))
                .collect(),
        )
    }

    /// A deep copy on a device and in a precision.
    pub fn to(&self, device: Device, kind: Kind) -> Self {
        let copy = |tensor: &Tensor| tensor.detach().to_device(device).to_kind(kind).copy();
        Self(
            self.0
                .iter()
                .map(|(name, tensor)| (name.clone(), copy(tensor)))
                .collect(),
        )
    }

    /// SHA-256 over names, shapes and little-endian f32 values: the identity of the weights in every artefact.
    pub fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        for (name, tensor) in self.iter() {
            hash.update(name.as_bytes());
            tensor
                .size()
                .iter()
                .for_each(|d| hash.update(d.to_le_bytes()));
            host_values(tensor)
                .iter()
                .for_each(|x| hash.update(x.to_le_bytes()));
        }
        hash.finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    pub(crate) fn get(&self, name: &str) -> Result<&Tensor> {
        self.0
            .get(name)
            .ok_or_else(|| Error::Parameters(format!("missing: {name}")))
    }
}

/// The values of a tensor as f32 in row-major order.
pub(crate) fn host_values(tensor: &Tensor) -> Vec<f32> {
    let flat = tensor
        .detach()
        .to_device(Device::Cpu)
        .to_kind(Kind::Float)
        .contiguous()
        .view(-1);
    let mut values = vec![0.0; flat.numel()];
    flat.copy_data(&mut values, flat.numel());
    values
}
