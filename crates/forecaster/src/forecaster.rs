use std::ops::Range;

use dropsonde_fields::{Normalizer, Stacker, State, Task};
use dropsonde_mesh::{Graph, LatLonGrid};
use ndarray::{Array2, ArrayView2};
use tch::Tensor;

use crate::engine::Engine;
use crate::fused::FusedNetwork;
use crate::host;
use crate::normalize::NormTensors;
use crate::parameters::host_values;
use crate::{
    Checkpoint, Error, ForecasterOptions, Kernel, Latents, ModelConfig, NoTap, Parameters, Result,
    Site, Tap,
};

/// A graph-network weather model with its weights, graph and normalisation.
///
/// Shapes: N grid nodes (latitude-major), M mesh nodes, B batch, C_in and C_out channels, D latent width.
#[derive(Debug)]
pub struct Forecaster {
    config: ModelConfig,
    task: Task,
    graph: Graph,
    options: ForecasterOptions,
    parameters: Parameters,
    weights_sha256: String,
    network: Engine,
    norm: NormTensors,
    stacker: Stacker,
}

impl Forecaster {
    /// Builds graph and network; the weights are copied ([`Kernel::Fused`]: packed, and shared with the checkpoint where
    /// they are f32 on the CPU already).
    ///
    /// # Errors
    /// If the weights do not fit the configuration, or the graph cannot be built on this grid.
    pub fn new(
        checkpoint: &Checkpoint,
        grid: LatLonGrid,
        normalizer: &Normalizer,
        options: ForecasterOptions,
    ) -> Result<Self> {
        let graph = Graph::build(grid, &checkpoint.model.graph_config())?;
        Self::with_graph(checkpoint, graph, normalizer, options)
    }

    /// Like [`Self::new`], on a graph that exists already.
    ///
    /// # Errors
    /// If the weights do not fit the configuration.
    pub fn with_graph(
        checkpoint: &Checkpoint,
        graph: Graph,
        normalizer: &Normalizer,
        options: ForecasterOptions,
    ) -> Result<Self> {
        let Checkpoint {
            model,
            task,
            parameters,
            ..
        } = checkpoint;
        model.check()?;
        let (c_in, c_out) = (task.input_channels().len(), task.output_channels().len());
        parameters.check(model, c_in, c_out)?;
        let (device, precision) = (options.device, options.precision);
        let own = match options.kernel {
            Kernel::Plain => parameters.to(device, precision.stream()),
            Kernel::Fused => parameters.on_host(),
        };
        Ok(Self {
            network: Engine::new(&own, model, options, &graph, (c_in, c_out))?,
            norm: NormTensors::new(normalizer, device, precision.stream()),
            stacker: Stacker::new(task, &graph.grid)?,
            weights_sha256: parameters.sha256(),
            config: model.clone(),
            task: task.clone(),
            parameters: own,
            graph,
            options,
        })
    }

    /// The fused network.
    ///
    /// # Errors
    /// [`Error::Config`] if the kernel is another.
    pub(crate) fn fused(&self) -> Result<&FusedNetwork> {
        match &self.network {
            Engine::Fused { network, .. } => Ok(network),
            Engine::Plain { .. } => Err(Error::Config("the kernel is not `fused`".to_owned())),
        }
    }

    /// Gives this forecaster weights of its own, which may change ([`Self::refresh`]).
    pub(crate) fn own_weights(&mut self) {
        let options = self.options;
        if options.kernel == Kernel::Fused {
            self.parameters = self
                .parameters
                .to(options.device, options.precision.stream());
        }
    }

    /// Takes over weights that were changed in place.
    ///
    /// # Errors
    /// None in practice: the weights are those of this network.
    pub(crate) fn refresh(&mut self) -> Result<()> {
        match &mut self.network {
            Engine::Fused { network, .. } => network.refresh(&self.parameters),
            Engine::Plain { .. } => Ok(()),
        }
    }

    /// Shape of the network.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// What goes in and comes out.
    pub fn task(&self) -> &Task {
        &self.task
    }

    /// Grid, mesh and edges.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Device, precision and kernel.
    pub fn options(&self) -> ForecasterOptions {
        self.options
    }

    /// The weights on this forecaster's device, in f32 or f64 (shared with the network, which casts or packs matrices once).
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Identity of the weights this forecaster was made with.
    pub fn weights_sha256(&self) -> &str {
        &self.weights_sha256
    }

    /// Turns states into channels and back.
    pub fn stacker(&self) -> &Stacker {
        &self.stacker
    }

    /// Every site of this network, in the order of the forward pass.
    pub fn sites(&self) -> Vec<Site> {
        Site::all(self.config.gnn_msg_steps)
    }

    /// Mesh nodes, latent width.
    pub fn latent_shape(&self) -> (usize, usize) {
        (self.graph.mesh.n_nodes(), self.config.latent_size as usize)
    }

    /// Normalised features `[N, B, C_in]` to the latents that enter the processor ([`Site::Encoder`]).
    ///
    /// # Errors
    /// [`Error::Shape`] if the features do not fit grid and task.
    pub fn encode(&self, features: &Tensor) -> Result<Latents> {
        self.check_features(features)?;
        self.network.encode(&self.graph, features)
    }

    /// Runs these processor steps (0-based); steps outside the network are an error.
    ///
    /// # Errors
    /// [`Error::Shape`] if the mesh latents do not fit, [`Error::Config`] for a step that does not exist.
    pub fn process(&self, steps: Range<usize>, latents: &mut Latents) -> Result<()> {
        if steps.end > self.network.steps().end {
            let n_steps = self.network.steps().end;
            return Err(Error::Config(format!(
                "processor steps {steps:?} asked for, the model has {n_steps}"
            )));
        }
        let expected = [
            self.graph.mesh.n_nodes() as i64,
            latents.mesh.size()[1],
            self.config.latent_size,
        ];
        if latents.mesh.size() != expected {
            return Err(shape_error(
                "mesh latents",
                format!("{expected:?}"),
                &latents.mesh,
            ));
        }
        self.network.own(latents);
        for step in steps {
            self.network.process_step(&self.graph, step, latents)?;
        }
        Ok(())
    }

    /// Processed latents to the normalised output `[N, B, C_out]`.
    ///
    /// # Errors
    /// [`Error::Config`] if the kernel is [`Kernel::Fused`] and the latents require a gradient or are not f32 on the CPU.
    pub fn decode(&self, latents: &Latents) -> Result<Tensor> {
        self.network.decode(&self.graph, latents)
    }

    /// One forward pass on normalised features `[N, B, C_in]`, offering every site to `tap`; `[N, B, C_out]`.
    ///
    /// # Errors
    /// [`Error::Shape`] if the features do not fit grid and task.
    pub fn forward(&self, features: &Tensor, tap: &mut (impl Tap + ?Sized)) -> Result<Tensor> {
        self.run(features.shallow_clone(), tap)
    }

    /// [`Self::forward`]; the features are dropped as soon as nothing needs them.
    fn run(&self, features: Tensor, tap: &mut (impl Tap + ?Sized)) -> Result<Tensor> {
        tap.features(&features);
        let mut latents = self.encode(&features)?; // grid [N, B, D], mesh [M, B, D]
        drop(features);
        latents.mesh = tap.visit(Site::Encoder, latents.mesh);
        for step in self.network.steps() {
            self.network.process_step(&self.graph, step, &mut latents)?; // always a fresh mesh tensor
            latents.mesh = tap.visit(Site::Processor(step as u8), latents.mesh);
        }
        let output = self.decode(&latents)?; // [N, B, C_out]
        tap.output(&output);
        Ok(output)
    }

    /// Stacks two states and the forcings at +6 h into inputs in SI units, `[N, 1, C_in]`.
    ///
    /// # Errors
    /// If a variable or level is missing or the grid differs.
    pub fn raw_inputs(
        &self,
        previous: &State,
        current: &State,
        target_forcings: &State,
    ) -> Result<Tensor> {
        let [n, c] = [self.graph.grid.n_nodes(), self.task.input_channels().len()];
        let mut rows = host::empty([n, 1, c]);
        let values = host::values_mut(&mut rows);
        self.stacker
            .write_inputs(previous, current, target_forcings, values)?;
        Ok(self.on_device(rows))
    }

    /// Output channels of a state in SI units, `[N, 1, C_out]`.
    ///
    /// # Errors
    /// If a variable or level is missing or the grid differs.
    pub fn raw_targets(&self, target: &State) -> Result<Tensor> {
        Ok(self.tensor(&self.stacker.targets(target)?))
    }

    /// Inputs in SI units to what the network sees.
    pub fn features(&self, raw: &Tensor) -> Tensor {
        self.norm.features(raw)
    }

    /// The normalised output that would give `target` (SI units `[N, B, C_out]`) from inputs `raw`.
    pub fn normalized_targets(&self, target: &Tensor, raw: &Tensor) -> Tensor {
        self.norm.targets(target, raw)
    }

    /// The network's output `[N, B, C_out]` in SI units, given the inputs `raw` it was made from.
    pub fn physical(&self, output: &Tensor, raw: &Tensor) -> Tensor {
        self.norm.physical(output, raw)
    }

    /// One step on inputs in SI units `[N, B, C_in]`; the prediction in SI units `[N, B, C_out]`.
    ///
    /// # Errors
    /// [`Error::Shape`] if the inputs do not fit grid and task.
    pub fn predict(&self, raw: &Tensor, tap: &mut (impl Tap + ?Sized)) -> Result<Tensor> {
        let output = self.forward(&self.features(raw), tap)?;
        Ok(self.norm.physical(&output, raw))
    }

    /// [`Self::predict`] without a gradient and with the least memory: `raw` is overwritten.
    ///
    /// # Errors
    /// [`Error::Shape`] if the inputs do not fit grid and task.
    pub fn predict_owned(&self, raw: Tensor, tap: &mut (impl Tap + ?Sized)) -> Result<Tensor> {
        self.check_features(&raw)?;
        tch::no_grad(|| {
            let base = self.norm.base(&raw);
            let output = self.run(self.norm.features_in_place(raw), tap)?;
            Ok(self.norm.physical_on(base, &output))
        })
    }

    /// The state 6 h after `current`. Forcing variables of the result are those of `target_forcings`.
    ///
    /// # Errors
    /// If a variable is missing, or the forecast is not finite.
    pub fn step(
        &self,
        previous: &State,
        current: &State,
        target_forcings: &State,
        tap: &mut (impl Tap + ?Sized),
    ) -> Result<State> {
        let raw = self.raw_inputs(previous, current, target_forcings)?;
        let prediction = self.predict_owned(raw, tap)?;
        self.next_state(prediction, current, target_forcings)
    }

    /// The state 6 h after `current` from a prediction in SI units `[N, 1, C_out]`: the second half of [`Self::step`],
    /// for callers that drop what they can between the halves. Of `current` only the time and the fields that are not
    /// predicted are read.
    ///
    /// # Errors
    /// [`Error::NotFinite`], or [`Error::Shape`] if the prediction does not fit grid and task.
    pub fn next_state(
        &self,
        prediction: Tensor,
        current: &State,
        target_forcings: &State,
    ) -> Result<State> {
        let (rows, columns) = (self.graph.grid.n_nodes(), self.task.output_channels().len());
        let expected = [rows as i64, 1, columns as i64];
        if prediction.size() != expected {
            return Err(shape_error(
                "prediction",
                format!("{expected:?}"),
                &prediction,
            ));
        }
        let values = host_values(&prediction);
        drop(prediction);
        let time = current.time.plus_hours(6);
        if let Some(index) = values.iter().position(|x| !x.is_finite()) {
            let channel = &self.task.output_channels()[index % columns];
            return Err(Error::NotFinite {
                what: format!("forecast of `{channel}`"),
                place: format!(" at {time}"),
                hint: "look at the inputs with `dropsonde inspect` and at the size of the edit, if any",
            });
        }
        let outputs = ArrayView2::from_shape((rows, columns), &values)
            .unwrap_or_else(|_| unreachable!("the shape was checked"));
        let mut next = self.stacker.state(time, outputs, current)?;
        next.fields.extend(
            target_forcings
                .fields
                .iter()
                .map(|(v, f)| (v.clone(), f.clone())),
        );
        Ok(next)
    }

    /// [`Self::step`] without a tap.
    ///
    /// # Errors
    /// As [`Self::step`].
    pub fn step_untapped(
        &self,
        previous: &State,
        current: &State,
        target_forcings: &State,
    ) -> Result<State> {
        self.step(previous, current, target_forcings, &mut NoTap)
    }

    fn tensor(&self, rows: &Array2<f32>) -> Tensor {
        let (n, c) = rows.dim();
        let rows = rows.as_standard_layout();
        let values = rows
            .as_slice()
            .unwrap_or_else(|| unreachable!("standard layout is contiguous"));
        self.on_device(Tensor::from_slice(values).reshape([n as i64, 1, c as i64]))
    }

    fn on_device(&self, rows: Tensor) -> Tensor {
        rows.to_device(self.options.device)
            .to_kind(self.options.precision.stream())
    }

    fn check_features(&self, features: &Tensor) -> Result<()> {
        let (n, c) = (
            self.graph.grid.n_nodes() as i64,
            self.task.input_channels().len() as i64,
        );
        match features.size().as_slice() {
            [rows, _, channels] if *rows == n && *channels == c => Ok(()),
            _ => Err(shape_error("features", format!("[{n}, B, {c}]"), features)),
        }
    }
}

fn shape_error(what: &'static str, expected: String, found: &Tensor) -> Error {
    Error::Shape {
        what,
        expected,
        found: found.size(),
    }
}
