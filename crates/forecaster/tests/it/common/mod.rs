//! The models of the reference: weights, inputs and expected numbers (see `tests/data/README.md`).

pub(crate) mod naive;
pub(crate) mod npz;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use dropsonde_fields::{Normalizer, Source, SourceOptions, State, Statistics, Time};
use dropsonde_forecaster::{
    Checkpoint, Forecaster, ForecasterOptions, Kernel, ModelConfig, Precision,
};
use dropsonde_mesh::{Graph, LatLonGrid};
use tch::{Kind, Tensor};

/// The models: directories of `tests/data`.
pub(crate) const TINY: &str = "tiny";
pub(crate) const FACTOR: &str = "tiny_m2gfactor";
pub(crate) const PRECIPITATION: &str = "tiny_precip_out";

/// A file of the model `tiny`, whose weather and statistics serve all.
pub(crate) fn data(name: &str) -> PathBuf {
    file(TINY, name)
}

pub(crate) fn file(model: &str, name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(model)
        .join(name)
}

/// Arrays of an npz file as f64 with their shapes.
pub(crate) struct Expected(BTreeMap<String, (Vec<i64>, Vec<f64>)>);

impl Expected {
    pub(crate) fn read(model: &str, name: &str) -> Self {
        let file = File::open(file(model, name)).unwrap();
        let mut zip = zip::ZipArchive::new(file).unwrap();
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

    fn index(&self, name: &str) -> Vec<u32> {
        self.values(name).iter().map(|&x| x as u32).collect()
    }
}

/// Gradients by parameter name, of `horizon` forecast steps.
pub(crate) fn gradient(grads: &Expected, horizon: usize, parameter: &str) -> Tensor {
    grads.tensor(&format!("grad{horizon}|{}", parameter.replace('/', "!")))
}

pub(crate) struct Case {
    pub forecaster: Forecaster,
    pub normalizer: Normalizer,
    pub inputs: Vec<State>,
    pub forcings: Vec<State>,
    pub targets: Vec<State>,
    pub expected: Expected,
}

pub(crate) fn tiny(precision: Precision) -> Case {
    case(TINY, Kernel::Plain, precision)
}

/// A model on the reference's own mesh-to-grid edges, so that grid points on a mesh edge (where two triangles are
/// equally close) do not differ.
pub(crate) fn case(model: &str, kernel: Kernel, precision: Precision) -> Case {
    let checkpoint = Checkpoint::read(file(model, "checkpoint.npz")).unwrap();
    let graph = reference_graph(&checkpoint.model, open("inputs.nc").grid().clone());
    case_on(model, &checkpoint, graph, kernel, precision)
}

pub(crate) fn case_on(
    model: &str,
    checkpoint: &Checkpoint,
    graph: Graph,
    kernel: Kernel,
    precision: Precision,
) -> Case {
    let normalizer = Statistics::open(data("stats"))
        .unwrap()
        .normalizer(&checkpoint.task)
        .unwrap();
    let options = ForecasterOptions {
        kernel,
        precision,
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
    Case {
        forecaster: Forecaster::with_graph(checkpoint, graph, &normalizer, options).unwrap(),
        normalizer,
        inputs: states("inputs.nc"),
        forcings: states("forcings.nc"),
        targets: states("targets.nc"),
        expected: Expected::read(model, "expected.npz"),
    }
}

pub(crate) fn open(name: &str) -> Source {
    // The files count hours from an unstated date; with forcings at hand the date plays no part.
    let options = SourceOptions {
        origin: Some(Time::from_unix_seconds(0)),
        ..SourceOptions::default()
    };
    Source::open_with(data(name), options).unwrap()
}

/// The graph of a configuration with the mesh-to-grid edges of the reference (stored with their own normalisation).
pub(crate) fn reference_graph(config: &ModelConfig, grid: LatLonGrid) -> Graph {
    let own_length = ModelConfig {
        mesh2grid_edge_normalization_factor: None,
        ..config.clone()
    };
    let longest = Graph::build(grid.clone(), &own_length.graph_config())
        .unwrap()
        .mesh2grid
        .normalization;
    let factor = config.mesh2grid_edge_normalization_factor;
    let scale = factor.map_or(1.0, |factor| longest / factor);
    let mut graph = Graph::build(grid, &config.graph_config()).unwrap();
    let stored = Expected::read(TINY, "expected.npz");
    graph.mesh2grid.senders = stored.index("graph_mesh2grid_senders");
    graph.mesh2grid.receivers = stored.index("graph_mesh2grid_receivers");
    graph.mesh2grid.features = stored
        .values("graph_mesh2grid_edge_features")
        .chunks_exact(4)
        .map(|f| std::array::from_fn(|i| (f[i] * scale) as f32))
        .collect();
    graph
}

impl Case {
    /// Inputs of the first step in physical units, `[N, 1, C_in]`.
    pub(crate) fn raw(&self) -> Tensor {
        self.forecaster
            .raw_inputs(&self.inputs[0], &self.inputs[1], &self.forcings[0])
            .unwrap()
    }

    /// The states at -6 h, 0 h, .., 24 h with all that a training sample needs.
    pub(crate) fn sequence(&self) -> Vec<State> {
        let mut states = self.inputs.clone();
        for (target, forcings) in self.targets.iter().zip(&self.forcings) {
            let mut state = target.clone();
            state.fields.extend(forcings.fields.clone());
            let statics = self.inputs[0].fields.iter().filter(|(v, _)| v.is_static());
            state
                .fields
                .extend(statics.map(|(v, f)| (v.clone(), f.clone())));
            states.push(state);
        }
        states
    }

    /// `diffs_stddev` of residual outputs, `stddev` of direct ones, `[C_out]`.
    pub(crate) fn output_scales(&self) -> Tensor {
        let scales: Vec<f64> = self
            .normalizer
            .outputs
            .iter()
            .map(|o| o.scale.into())
            .collect();
        Tensor::from_slice(&scales)
    }

    /// The standard deviation of each output variable itself, `[C_out]`.
    pub(crate) fn deviations(&self) -> Tensor {
        let scales: Vec<f64> = self
            .normalizer
            .outputs
            .iter()
            .map(|o| {
                o.residual
                    .map_or(o.scale, |input| self.normalizer.inputs[input].scale)
            })
            .map(f64::from)
            .collect();
        Tensor::from_slice(&scales)
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

/// Largest absolute difference of `[N, C]` in units of `scale` `[C]`.
pub(crate) fn scaled_difference(a: &Tensor, b: &Tensor, scale: &Tensor) -> f64 {
    max_difference(
        &(a.to_kind(Kind::Double) / scale),
        &(b.to_kind(Kind::Double) / scale),
    )
}
