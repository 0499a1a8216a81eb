//! Hand-written gradients against central differences, in f64, for every kind of autoencoder.

use dropsonde_activations::Rng;
use dropsonde_kernels::Operands;

use super::super::config::AuxDecoder;
use super::super::network::Network;
use super::super::step::{Settings, Step};
use crate::{Activation, SaeConfig};

const D: usize = 7;
const N: usize = 24;
const ROWS: usize = 9;

/// Weights in f64 by name.
struct Weights {
    config: SaeConfig,
    tensors: Vec<(&'static str, Vec<f64>)>,
}

fn normal(rng: &mut Rng, n: usize, scale: f64) -> Vec<f64> {
    (0..n).map(|_| scale * f64::from(rng.normal())).collect()
}

impl Weights {
    fn random(config: SaeConfig, rng: &mut Rng) -> Self {
        let (n, d_in, d_out) = (config.n_latents, config.d_in, config.d_out);
        let mut tensors = vec![
            ("w_enc", normal(rng, n * d_in, 0.5)),
            // Not of unit norm: the gradient goes through the norm too.
            ("w_dec", normal(rng, n * d_out, 0.5)),
            ("b_dec", normal(rng, d_out, 0.1)),
        ];
        if config.bias.has_encoder() {
            tensors.push(("b_enc", normal(rng, n, 0.1)));
        }
        match config.activation {
            Activation::JumpRelu { .. } => {
                let positive = normal(rng, n, 0.1).iter().map(|x| 0.05 + x.abs()).collect();
                tensors.push(("threshold", positive));
            }
            Activation::Gated => {
                tensors.push(("gate_r", normal(rng, n, 0.2)));
                tensors.push(("gate_m", normal(rng, n, 0.1)));
            }
            _ => {}
        }
        Self { config, tensors }
    }

    fn get(&self, name: &str) -> &[f64] {
        let found = self.tensors.iter().find(|(key, _)| *key == name);
        found.map_or(&[], |(_, values)| values)
    }

    fn network(&self) -> Network<'_, f64> {
        Network {
            config: &self.config,
            w_enc: self.get("w_enc"),
            w_dec: self.get("w_dec"),
            b_dec: self.get("b_dec"),
            b_enc: self.get("b_enc"),
            threshold: self.get("threshold"),
            gate: [self.get("gate_r"), self.get("gate_m")],
        }
    }
}

/// Everything but the weights that the loss depends on.
struct Case {
    x: Vec<f64>,
    target: Option<Vec<f64>>,
    dead: Vec<u32>,
    aux_decoder: AuxDecoder,
}

const AUX_WEIGHT: f64 = 0.4;
const PENALTY: f64 = 0.03;

impl Case {
    fn settings(&self) -> Settings<'_> {
        Settings {
            aux_weight: AUX_WEIGHT,
            aux_decoder: self.aux_decoder,
            penalty: PENALTY,
            operands: Operands::F32,
            dead: &self.dead,
        }
    }

    fn run(&self, weights: &Weights) -> Step<f64> {
        let mut step = Step::default();
        step.forward(
            &weights.network(),
            &self.settings(),
            &self.x,
            self.target.as_deref(),
        )
        .expect("rows are finite");
        step
    }

    /// What the gradient is of; `frozen` holds what must count as constant.
    fn loss(&self, weights: &Weights, frozen: Option<&Frozen>) -> f64 {
        let step = self.run(weights);
        let losses = step.losses();
        let weight = match weights.config.activation {
            Activation::Gated => 1.0,
            _ => AUX_WEIGHT,
        };
        let second = match frozen {
            Some(frozen) => frozen.second(weights, &step),
            None => losses.second,
        };
        losses.main + weight * second + PENALTY * losses.penalty
    }
}

/// Constants of the second reconstruction: the residual, or the gated decoder.
struct Frozen {
    /// `[rows, d_out]`
    target: Option<Vec<f64>>,
    w_dec: Option<Vec<f64>>,
    b_dec: Vec<f64>,
    raw: bool,
}

impl Frozen {
    fn new(case: &Case, weights: &Weights) -> Self {
        let gated = weights.config.activation == Activation::Gated;
        Self {
            target: (!gated).then(|| residuals(weights, &case.run(weights))),
            w_dec: gated.then(|| weights.get("w_dec").to_vec()),
            b_dec: weights.get("b_dec").to_vec(),
            raw: case.aux_decoder == AuxDecoder::Raw,
        }
    }

    /// The second loss with what is constant kept constant.
    fn second(&self, weights: &Weights, step: &Step<f64>) -> f64 {
        let d = weights.config.d_out;
        let w_dec = self.w_dec.as_deref().unwrap_or(weights.get("w_dec"));
        let mut sum = 0.0;
        for row in 0..ROWS {
            let mut recon = vec![0.0; d];
            let slots = step.aux.starts.get(row).zip(step.aux.starts.get(row + 1));
            for slot in slots.map_or(0..0, |(&a, &b)| a..b) {
                let w = &w_dec[step.aux.latents[slot] as usize * d..][..d];
                let norm = if self.raw { 1.0 } else { norm(w) };
                for (r, w) in recon.iter_mut().zip(w) {
                    *r += step.aux.codes[slot] * w / norm;
                }
            }
            let target: Vec<f64> = match &self.target {
                Some(target) => target[row * d..][..d].to_vec(),
                // The row itself, less a bias that does not learn from this.
                None => full_target(weights, step, row)
                    .iter()
                    .zip(&self.b_dec)
                    .map(|(u, b)| u - b)
                    .collect(),
            };
            let power = match &self.target {
                Some(_) => target.iter().map(|x| x * x).sum(),
                None => step.rows.power[row],
            };
            let error: f64 = recon
                .iter()
                .zip(&target)
                .map(|(r, t)| (r - t) * (r - t))
                .sum();
            sum += error / power;
        }
        match step.aux.rows() {
            0 => 0.0,
            _ => sum / ROWS as f64,
        }
    }
}

fn norm(w: &[f64]) -> f64 {
    w.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// The preprocessed target row, with the bias.
fn full_target(weights: &Weights, step: &Step<f64>, row: usize) -> Vec<f64> {
    let d = weights.config.d_out;
    let centred = match step.rows.target.is_empty() {
        true => &step.rows.input,
        false => &step.rows.target,
    };
    let centred = centred[row * d..][..d].iter();
    centred
        .zip(weights.get("b_dec"))
        .map(|(x, b)| x + b)
        .collect()
}

fn residuals(weights: &Weights, step: &Step<f64>) -> Vec<f64> {
    let d = weights.config.d_out;
    let mut out = Vec::new();
    for row in 0..ROWS {
        let mut rest: Vec<f64> = full_target(weights, step, row);
        for (r, b) in rest.iter_mut().zip(weights.get("b_dec")) {
            *r -= b;
        }
        for slot in step.main.starts[row]..step.main.starts[row + 1] {
            let w = &weights.get("w_dec")[step.main.latents[slot] as usize * d..][..d];
            for (r, x) in rest.iter_mut().zip(w) {
                *r -= step.main.codes[slot] * x / norm(w);
            }
        }
        out.extend(rest);
    }
    out
}

/// The gradient of every tensor by name.
fn gradients(case: &Case, weights: &Weights) -> Vec<(&'static str, Vec<f64>)> {
    let (network, settings) = (weights.network(), case.settings());
    let mut step = Step::default();
    let derived = step
        .forward(&network, &settings, &case.x, case.target.as_deref())
        .expect("rows are finite");
    let dense = step.backward(network, &settings, &derived).dense();
    let single = |value: fn(&super::super::backward::LatentGradients<f64>) -> f64| {
        dense.single.iter().map(value).collect::<Vec<f64>>()
    };
    vec![
        ("b_enc", single(|g| g.b_enc)),
        ("gate_r", single(|g| g.gate[0])),
        ("gate_m", single(|g| g.gate[1])),
        ("w_enc", dense.w_enc),
        ("w_dec", dense.w_dec),
        ("b_dec", dense.b_dec),
    ]
}

/// Compares every tensor but thresholds, whose gradients are straight-through.
fn check(config: SaeConfig, n_dead: u32, aux_decoder: AuxDecoder) {
    let mut rng = Rng::new(5);
    let target = config
        .transcoder
        .then(|| normal(&mut rng, ROWS * config.d_out, 2.0));
    let case = Case {
        x: normal(&mut rng, ROWS * config.d_in, 2.0),
        target,
        dead: (0..n_dead).map(|i| 2 * i + 1).collect(),
        aux_decoder,
    };
    let mut weights = Weights::random(config, &mut rng);
    let frozen = Frozen::new(&case, &weights);
    let plain = case.loss(&weights, None);
    let same = case.loss(&weights, Some(&frozen));
    assert!((plain - same).abs() < 1e-12 * plain, "{plain} and {same}");
    for (name, gradient) in gradients(&case, &weights) {
        let Some(at) = weights.tensors.iter().position(|(key, _)| *key == name) else {
            continue;
        };
        let largest = gradient.iter().fold(0.0f64, |m, g| m.max(g.abs()));
        assert!(largest > 0.0, "`{name}` has a gradient");
        for (i, expected) in gradient.iter().enumerate() {
            let mut differ = |by: f64| {
                weights.tensors[at].1[i] += by;
                let loss = case.loss(&weights, Some(&frozen));
                weights.tensors[at].1[i] -= by;
                loss
            };
            let h = 1e-6;
            let found = (differ(h) - differ(-h)) / (2.0 * h);
            assert!(
                (found - expected).abs() < 1e-6 * largest.max(1e-3),
                "`{name}`[{i}]: {expected}, differences give {found}"
            );
        }
    }
}

fn topk() -> SaeConfig {
    SaeConfig {
        k_aux: 4,
        ..SaeConfig::new(D, N, 5)
    }
}

#[test]
fn top_k() {
    check(topk(), 0, AuxDecoder::Normalised);
}

#[test]
fn top_k_with_dead_latents() {
    check(topk(), 8, AuxDecoder::Normalised);
}

#[test]
fn top_k_with_the_published_auxiliary_decoder() {
    check(topk(), 3, AuxDecoder::Raw);
}

#[test]
fn batch_top_k() {
    let config = topk().with_activation(Activation::BatchTopK { k: 5 });
    check(config, 8, AuxDecoder::Normalised);
}

#[test]
fn jump_relu() {
    let config = topk().with_activation(Activation::JumpRelu { bandwidth: 0.05 });
    check(config, 0, AuxDecoder::Normalised);
}

#[test]
fn gated() {
    check(
        topk().with_activation(Activation::Gated),
        0,
        AuxDecoder::Normalised,
    );
}

#[test]
fn relu() {
    check(
        topk().with_activation(Activation::Relu),
        0,
        AuxDecoder::Normalised,
    );
}

#[test]
fn matryoshka() {
    check(topk().matryoshka(), 8, AuxDecoder::Normalised);
    let batch = topk().with_activation(Activation::BatchTopK { k: 5 });
    check(batch.matryoshka(), 0, AuxDecoder::Normalised);
}

#[test]
fn transcoder() {
    check(topk().transcoder(4), 8, AuxDecoder::Normalised);
}

#[test]
fn crosscoder() {
    check(topk().crosscoder(2), 8, AuxDecoder::Normalised);
}

/// Equation 12 of Rajamanoharan et al. 2024 written out for one row and one latent.
#[test]
fn thresholds_have_the_published_gradient() {
    let config = SaeConfig::new(2, 1, 1).with_activation(Activation::JumpRelu { bandwidth: 0.2 });
    let config = SaeConfig {
        preprocessing: crate::Preprocessing::None,
        ..config
    };
    let theta = 0.95;
    let weights = Weights {
        config,
        tensors: vec![
            ("w_enc", vec![0.6, 0.8]),
            ("w_dec", vec![0.6, 0.8]),
            ("b_dec", vec![0.0, 0.0]),
            ("b_enc", vec![0.0]),
            ("threshold", vec![theta]),
        ],
    };
    let case = Case {
        x: vec![0.5, 0.9],
        target: None,
        dead: Vec::new(),
        aux_decoder: AuxDecoder::Normalised,
    };
    let (network, settings) = (weights.network(), case.settings());
    let mut step = Step::default();
    let derived = step
        .forward(&network, &settings, &case.x, None)
        .expect("rows are finite");
    let found = step.backward(network, &settings, &derived).dense().single[0].threshold;
    // p = 1.02 lies 0.07 above the threshold, inside the window; the derivative of the loss with respect to the code:
    let p = 0.6 * 0.5 + 0.8 * 0.9;
    let power = 0.5 * 0.5 + 0.9 * 0.9;
    let code = -2.0 * (0.6 * (0.5 - 0.6 * p) + 0.8 * (0.9 - 0.8 * p)) / power;
    let expected = -(theta * code + PENALTY) / 0.2 * theta;
    assert!((found - expected).abs() < 1e-12, "{found} {expected}");
}

/// Products and gathers give the same auxiliary gradients.
#[test]
fn the_auxiliary_reconstruction_by_products() {
    for (config, aux_decoder) in [
        (topk(), AuxDecoder::Normalised),
        (topk(), AuxDecoder::Raw),
        (topk().matryoshka(), AuxDecoder::Normalised),
        (topk().transcoder(4), AuxDecoder::Normalised),
    ] {
        let mut rng = Rng::new(8);
        let narrow = |values: Vec<f64>| values.iter().map(|&x| x as f32).collect::<Vec<f32>>();
        // More rows than one part holds.
        let rows = 300;
        let x = narrow(normal(&mut rng, rows * config.d_in, 2.0));
        let target = config
            .transcoder
            .then(|| narrow(normal(&mut rng, rows * config.d_out, 2.0)));
        let weights = Weights::random(config, &mut rng);
        let narrowed: Vec<(&str, Vec<f32>)> = weights
            .tensors
            .iter()
            .map(|(name, values)| (*name, narrow(values.clone())))
            .collect();
        let get = |name: &str| {
            let found = narrowed.iter().find(|(key, _)| *key == name);
            found.map_or(&[][..], |(_, values)| &values[..])
        };
        let network = Network {
            config: &weights.config,
            w_enc: get("w_enc"),
            w_dec: get("w_dec"),
            b_dec: get("b_dec"),
            b_enc: get("b_enc"),
            threshold: &[],
            gate: [&[], &[]],
        };
        let dead: Vec<u32> = (0..11).map(|i| 2 * i + 1).collect();
        let settings = Settings {
            aux_weight: AUX_WEIGHT,
            aux_decoder,
            penalty: 0.0,
            operands: Operands::F32,
            dead: &dead,
        };
        let run = |only_gathers: bool| {
            let mut step = Step::default();
            step.only_gathers = only_gathers;
            let derived = step
                .forward(&network, &settings, &x, target.as_deref())
                .expect("rows are finite");
            assert_eq!(step.aux.rows() > 0, only_gathers);
            let dense = step.backward(network, &settings, &derived).dense();
            (step.losses().second, dense)
        };
        let ((loss, products), (expected, gathers)) = (run(false), run(true));
        assert!(
            (loss - expected).abs() < 1e-6 * expected,
            "{loss} {expected}"
        );
        let drives = |dense: &super::super::step::Dense<f32>| {
            dense
                .single
                .iter()
                .map(|one| one.drive)
                .collect::<Vec<f32>>()
        };
        for (name, a, b) in [
            ("w_enc", &products.w_enc, &gathers.w_enc),
            ("w_dec", &products.w_dec, &gathers.w_dec),
            ("b_dec", &products.b_dec, &gathers.b_dec),
            ("drive", &drives(&products), &drives(&gathers)),
        ] {
            let largest = b.iter().fold(0.0f32, |m, g| m.max(g.abs()));
            for (a, b) in a.iter().zip(b) {
                assert!((a - b).abs() < 1e-5 * largest, "`{name}`: {a} and {b}");
            }
        }
    }
}
