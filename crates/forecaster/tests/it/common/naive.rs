//! The forward pass once more, as slow and plain as possible: f64, concatenated inputs, one loop per edge.
//!
//! Written from the description of the architecture (Lam et al. 2023, supplement 3, and the module names of the public
//! checkpoints), sharing nothing with the library but graph and weights, so that any configuration can be compared.

use std::collections::BTreeMap;

use dropsonde_forecaster::{Checkpoint, ModelConfig};
use dropsonde_mesh::{EdgeSet, Graph};
use tch::{Kind, Tensor};

type Row = Vec<f64>;
type Rows = Vec<Row>;

/// What one pass goes through, for a single batch member.
pub(crate) struct Pass {
    /// Mesh latents after the encoder and after every processor step.
    pub mesh: Vec<Rows>,
    /// Normalised output.
    pub output: Rows,
}

pub(crate) struct Naive<'a> {
    config: &'a ModelConfig,
    graph: &'a Graph,
    weights: BTreeMap<String, (Vec<i64>, Vec<f64>)>,
}

impl<'a> Naive<'a> {
    pub(crate) fn new(checkpoint: &'a Checkpoint, graph: &'a Graph) -> Self {
        let weights = checkpoint.parameters.iter().map(|(name, tensor)| {
            let values = Vec::<f64>::try_from(tensor.to_kind(Kind::Double).flatten(0, -1));
            (name.to_owned(), (tensor.size(), values.unwrap()))
        });
        Self {
            config: &checkpoint.model,
            graph,
            weights: weights.collect(),
        }
    }

    pub(crate) fn forward(&self, features: &[Row]) -> Pass {
        let graph = self.graph;
        // Grid to mesh.
        let g2m = "grid2mesh_gnn";
        let grid_in = features.iter().zip(&graph.grid_features);
        let grid_in: Rows = grid_in.map(|(f, p)| concat(&[f, &wide(p)])).collect();
        let zeros = vec![0.0; features[0].len()];
        let mesh_in = graph.mesh_features.iter();
        let mesh_in: Rows = mesh_in.map(|p| concat(&[&zeros, &wide(p)])).collect();
        let mut grid = self.each(g2m, "encoder_nodes_grid_nodes", &grid_in);
        let mut mesh = self.each(g2m, "encoder_nodes_mesh_nodes", &mesh_in);
        let edges = self.embed(g2m, "encoder_edges_grid2mesh", &graph.grid2mesh);
        let new = self.messages(
            (g2m, "processor_edges_0_grid2mesh"),
            &graph.grid2mesh,
            &edges,
            (&grid, &mesh),
        );
        let update = self.receive(
            (g2m, "processor_nodes_0_mesh_nodes"),
            &graph.grid2mesh,
            &new,
            &mesh,
        );
        let own = self.each(g2m, "processor_nodes_0_grid_nodes", &grid);
        (mesh, grid) = (sum(&mesh, &update), sum(&grid, &own));
        // Mesh to mesh.
        let mut sites = vec![mesh.clone()];
        let mut edges = self.embed("mesh_gnn", "encoder_edges_mesh", &graph.processor);
        for step in 0..self.config.gnn_msg_steps {
            let names = [
                format!("processor_edges_{step}_mesh"),
                format!("processor_nodes_{step}_mesh_nodes"),
            ];
            let new = self.messages(
                ("mesh_gnn", &names[0]),
                &graph.processor,
                &edges,
                (&mesh, &mesh),
            );
            let update = self.receive(("mesh_gnn", &names[1]), &graph.processor, &new, &mesh);
            (edges, mesh) = (sum(&edges, &new), sum(&mesh, &update));
            sites.push(mesh.clone());
        }
        // Mesh to grid.
        let m2g = "mesh2grid_gnn";
        let edges = self.embed(m2g, "encoder_edges_mesh2grid", &graph.mesh2grid);
        let new = self.messages(
            (m2g, "processor_edges_0_mesh2grid"),
            &graph.mesh2grid,
            &edges,
            (&mesh, &grid),
        );
        let update = self.receive(
            (m2g, "processor_nodes_0_grid_nodes"),
            &graph.mesh2grid,
            &new,
            &grid,
        );
        let grid = sum(&grid, &update);
        Pass {
            mesh: sites,
            output: self.each(m2g, "decoder_nodes_grid_nodes", &grid),
        }
    }

    fn embed(&self, gnn: &str, name: &str, set: &EdgeSet) -> Rows {
        let features: Rows = set.features.iter().map(|f| wide(f)).collect();
        self.each(gnn, name, &features)
    }

    /// e' = MLP([e, h_sender, h_receiver]).
    fn messages(
        &self,
        (gnn, name): (&str, &str),
        set: &EdgeSet,
        edges: &[Row],
        (senders, receivers): (&[Row], &[Row]),
    ) -> Rows {
        let inputs = (0..set.len()).map(|edge| {
            let sender = &senders[set.senders[edge] as usize];
            let receiver = &receivers[set.receivers[edge] as usize];
            concat(&[&edges[edge], sender, receiver])
        });
        self.each(gnn, name, &inputs.collect::<Rows>())
    }

    /// MLP([h, sum of incoming e']).
    fn receive(
        &self,
        (gnn, name): (&str, &str),
        set: &EdgeSet,
        messages: &[Row],
        nodes: &[Row],
    ) -> Rows {
        let mut sums = vec![vec![0.0; messages[0].len()]; nodes.len()];
        for (message, &receiver) in messages.iter().zip(&set.receivers) {
            for (total, value) in sums[receiver as usize].iter_mut().zip(message) {
                *total += value;
            }
        }
        let inputs = nodes.iter().zip(&sums).map(|(h, s)| concat(&[h, s]));
        self.each(gnn, name, &inputs.collect::<Rows>())
    }

    /// An MLP on every row; layer normalisation wherever the checkpoint has weights for it.
    fn each(&self, gnn: &str, name: &str, rows: &[Row]) -> Rows {
        let path = format!("{gnn}/~_networks_builder/{name}");
        let mut rows = rows.to_vec();
        for layer in 0..=self.config.hidden_layers {
            let (size, w) = &self.weights[&format!("{path}_mlp/~/linear_{layer}:w")];
            let (_, b) = &self.weights[&format!("{path}_mlp/~/linear_{layer}:b")];
            for row in &mut rows {
                assert_eq!(row.len() as i64, size[0], "{path}, layer {layer}");
                let columns = 0..size[1] as usize;
                *row = columns
                    .map(|j| {
                        let products = row.iter().enumerate();
                        b[j] + products.map(|(i, x)| x * w[i * b.len() + j]).sum::<f64>()
                    })
                    .collect();
                if layer < self.config.hidden_layers {
                    row.iter_mut().for_each(|x| *x /= 1.0 + (-*x).exp());
                }
            }
        }
        if let Some((_, scale)) = self.weights.get(&format!("{path}_layer_norm:scale")) {
            let (_, offset) = &self.weights[&format!("{path}_layer_norm:offset")];
            rows.iter_mut()
                .for_each(|row| layer_norm(row, scale, offset));
        }
        rows
    }
}

fn layer_norm(row: &mut [f64], scale: &[f64], offset: &[f64]) {
    let n = row.len() as f64;
    let mean = row.iter().sum::<f64>() / n;
    let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
    for ((x, s), o) in row.iter_mut().zip(scale).zip(offset) {
        *x = (*x - mean) / (variance + 1e-5).sqrt() * s + o;
    }
}

fn concat(parts: &[&[f64]]) -> Row {
    parts.concat()
}

fn wide(values: &[f32]) -> Row {
    values.iter().map(|&x| x.into()).collect()
}

fn sum(a: &[Row], b: &[Row]) -> Rows {
    let add = |(x, y): (&Row, &Row)| x.iter().zip(y).map(|(x, y)| x + y).collect();
    a.iter().zip(b).map(add).collect()
}

/// `[N, C]` to rows.
pub(crate) fn rows(tensor: &Tensor) -> Rows {
    Vec::<Vec<f64>>::try_from(tensor.to_kind(Kind::Double)).unwrap()
}

/// Rows to `[N, C]` in f64.
pub(crate) fn matrix(rows: &[Row]) -> Tensor {
    Tensor::from_slice(&rows.concat()).reshape([rows.len() as i64, rows[0].len() as i64])
}
