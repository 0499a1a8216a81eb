//! The `tiny` model of the reference: weights, inputs and expected numbers (see `tests/data/README.md`).
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test binary uses its own part"
)]
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot read its fixtures fails"
)]

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use dropsonde_fields::{Normalizer, Source, SourceOptions, State, Statistics, Time};
use dropsonde_forecaster::{Checkpoint, Forecaster, ForecasterOptions};
use dropsonde_mesh::Graph;
use tch::{Kind, Tensor};

pub(crate) fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/tiny")
        .join(name)
}

/// Arrays of `expected.npz` as f64 with their shapes.
pub(crate) struct Expected(BTreeMap<String, (Vec<i64>, Vec<f64>)>);

impl Expected {
    pub(crate) fn read() -> Self {
        let mut zip = zip::ZipArchive::new(File::open(data("expected.npz")).unwrap()).unwrap();
        let mut arrays = BTreeMap::new();
        for i in 0..zip.len() {
            let member = zip.by_index(i).unwrap();
            let name = member.name().unwrap().replace(".npy", "");
            let npy = npyz::NpyFile::new(member).unwrap();
            let shape = npy.shape().iter().map(|&d| d as i64).collect();
            let values: Vec<f64> = match npy.dtype().descr().as_str() {
                "'<f4'" => npy
                    .into_vec::<f32>()
                    .unwrap()
                    .into_iter()
                    .map(f64::from)
                    .collect(),
                "'<f8'" => npy.into_vec::<f64>().unwrap(),
                "'<i4'" => npy
                    .into_vec::<i32>()
                    .unwrap()
                    .into_iter()
                    .map(f64::from)
                    .collect(),
                other => panic!("dtype {other}"),
            };
            arrays.insert(name, (shape, values));
        }
        Self(arrays)
    }

    pub(crate) fn values(&self, name: &str) -> &[f64] {
        &self.0[name].1
    }

    pub(crate) fn tensor(&self, name: &str) -> Tensor {
        let (shape, values) = &self.0[name];
        Tensor::from_slice(values).reshape(shape.as_slice())
    }
}

pub(crate) struct Tiny {
    pub forecaster: Forecaster,
    pub normalizer: Normalizer,
    pub inputs: Vec<State>,
    pub forcings: Vec<State>,
    pub targets: Vec<State>,
    pub expected: Expected,
}

/// The model on the reference's own mesh-to-grid edges, so that grid points on a mesh edge (where two triangles are
/// equally close) do not differ.
pub(crate) fn tiny(kind: Kind) -> Tiny {
    let expected = Expected::read();
    let checkpoint = Checkpoint::read(data("checkpoint.npz")).unwrap();
    let normalizer = Statistics::open(data("stats"))
        .unwrap()
        .normalizer(&checkpoint.task)
        .unwrap();
    // The files count hours from an unstated date; with forcings at hand the date plays no part.
    let options = SourceOptions {
        origin: Some(Time::from_unix_seconds(0)),
        ..SourceOptions::default()
    };
    let open = |name: &str| Source::open_with(data(name), options.clone()).unwrap();
    let inputs = open("inputs.nc");
    let mut graph = Graph::build(inputs.grid().clone(), &checkpoint.model.graph_config()).unwrap();
    let index = |name: &str| {
        expected
            .values(name)
            .iter()
            .map(|&x| x as u32)
            .collect::<Vec<_>>()
    };
    graph.mesh2grid.senders = index("graph_mesh2grid_senders");
    graph.mesh2grid.receivers = index("graph_mesh2grid_receivers");
    graph.mesh2grid.features = expected
        .values("graph_mesh2grid_edge_features")
        .chunks_exact(4)
        .map(|f| std::array::from_fn(|i| f[i] as f32))
        .collect();
    let precision = ForecasterOptions {
        kind,
        ..ForecasterOptions::default()
    };
    let states = |name: &str| {
        let source = open(name);
        source
            .times()
            .iter()
            .map(|&t| source.state(t).unwrap())
            .collect::<Vec<_>>()
    };
    Tiny {
        forecaster: Forecaster::with_graph(&checkpoint, graph, &normalizer, precision).unwrap(),
        normalizer,
        inputs: states("inputs.nc"),
        forcings: states("forcings.nc"),
        targets: states("targets.nc"),
        expected,
    }
}

/// Largest absolute difference.
pub(crate) fn max_difference(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.size(), b.size());
    (a.to_kind(Kind::Double) - b.to_kind(Kind::Double))
        .abs()
        .max()
        .double_value(&[])
}

impl Expected {
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}
