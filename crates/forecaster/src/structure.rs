use dropsonde_mesh::{EdgeSet, Graph};
use tch::{Device, Kind, Tensor};

/// One set of edges on the device, sorted by receiver.
#[derive(Debug)]
pub(crate) struct Edges {
    /// `[E]`, i64.
    pub(crate) senders: Tensor,
    /// `[E]`, i64, ascending, so that sums over incoming edges are contiguous runs of fixed order.
    pub(crate) receivers: Tensor,
    /// `[E, 1, 4]`.
    pub(crate) features: Tensor,
}

/// The fixed graph on the device.
#[derive(Debug)]
pub(crate) struct Structure {
    /// `[N, 1, 3]`.
    pub(crate) grid_features: Tensor,
    /// `[M, 1, 3]`.
    pub(crate) mesh_features: Tensor,
    pub(crate) grid2mesh: Edges,
    pub(crate) processor: Edges,
    pub(crate) mesh2grid: Edges,
}

impl Structure {
    pub(crate) fn new(graph: &Graph, device: Device, kind: Kind) -> Self {
        let edges = |set: &EdgeSet| Edges::new(set, device, kind);
        Self {
            grid_features: features(&graph.grid_features, device, kind),
            mesh_features: features(&graph.mesh_features, device, kind),
            grid2mesh: edges(&graph.grid2mesh),
            processor: edges(&graph.processor),
            mesh2grid: edges(&graph.mesh2grid),
        }
    }

    pub(crate) fn n_grid(&self) -> i64 {
        self.grid_features.size()[0]
    }

    pub(crate) fn n_mesh(&self) -> i64 {
        self.mesh_features.size()[0]
    }
}

impl Edges {
    fn new(set: &EdgeSet, device: Device, kind: Kind) -> Self {
        let mut order: Vec<usize> = (0..set.receivers.len()).collect();
        order.sort_by_key(|&edge| set.receivers[edge]);
        let index = |nodes: &[u32]| {
            let sorted: Vec<i64> = order.iter().map(|&edge| nodes[edge].into()).collect();
            Tensor::from_slice(&sorted).to_device(device)
        };
        let sorted: Vec<[f32; 4]> = order.iter().map(|&edge| set.features[edge]).collect();
        Self {
            senders: index(&set.senders),
            receivers: index(&set.receivers),
            features: features(&sorted, device, kind),
        }
    }
}

/// Rows of fixed features as a tensor with a batch axis of 1.
fn features<const C: usize>(rows: &[[f32; C]], device: Device, kind: Kind) -> Tensor {
    Tensor::from_slice(rows.as_flattened())
        .reshape([rows.len() as i64, 1, C as i64])
        .to_device(device)
        .to_kind(kind)
}
