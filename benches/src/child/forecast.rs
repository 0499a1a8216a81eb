//! Steps of a forecast.

use dropsonde_forecaster::{Forecaster, NoTap, Precision};
use tch::{Kind, Tensor, no_grad};

use super::{Report, Size};
use crate::case::{Case, Error};
use crate::figures::gemm::{self, Product};
use crate::flops::Essential;
use crate::memory;
use crate::naive::{Naive, weights};
use crate::timing::seconds_of;

/// Rounds whose median counts.
const ROUNDS: usize = 3;

/// A model whose inputs are made for every step: a step overwrites them.
struct Model {
    case: Case,
    forecaster: Forecaster,
}

impl Model {
    fn new(size: Size, precision: Precision) -> Result<Self, Error> {
        let case = size.case();
        let forecaster = case.forecaster(precision)?;
        Ok(Self { case, forecaster })
    }

    /// Seconds of one step.
    fn step(&self) -> Result<f64, Error> {
        let raw = self.case.raw()?;
        let (output, seconds) = seconds_of(|| self.forecaster.predict_owned(raw, &mut NoTap));
        finite(&output?)?;
        Ok(seconds)
    }

    fn operations(&self) -> f64 {
        Essential::of(&self.forecaster).total()
    }
}

/// Steps beside the bare product.
pub(super) fn alone(size: Size) -> Result<Report, Error> {
    rounds(size, false)
}

/// Steps beside the bare product and the naive formulation.
pub(super) fn compared(size: Size) -> Result<Report, Error> {
    rounds(size, true)
}

fn rounds(size: Size, compare: bool) -> Result<Report, Error> {
    let mut report = Report {
        before: memory::resident(),
        ..Report::default()
    };
    let model = Model::new(size, Precision::F32)?;
    report.operations = model.operations();
    report.gemm_operations = gemm::operations(shape(size));
    // A step of the full model takes minutes: its first one is the first round, which the median leaves out if it is slow.
    if size != Size::Full {
        eprintln!("{size}: warm-up {:.2} s", model.step()?);
    }
    let naive = if compare {
        Some(&model.forecaster)
    } else {
        None
    };
    let mut naive = naive.map(Opponent::new);
    for round in 1..=ROUNDS {
        let step = model.step()?;
        if round == 1 {
            report.peak = memory::peak();
            eprintln!("{size}: peak {:.2} GiB", memory::gib(report.peak));
        }
        let gemm = Product::new(shape(size), Kind::Float)?.seconds();
        report.push("step", step);
        report.push("gemm", gemm);
        eprint!("{size}: round {round} of {ROUNDS}: step {step:.2} s, product {gemm:.3} s");
        if let Some(opponent) = &mut naive {
            let seconds = opponent.step(&model)?;
            report.push("naive", seconds);
            eprint!(", naive {seconds:.2} s");
        }
        eprintln!();
    }
    Ok(report)
}

/// The naive formulation, made when it is first needed: until then the memory is ours.
struct Opponent<'a> {
    forecaster: &'a Forecaster,
    naive: Option<Naive>,
}

impl<'a> Opponent<'a> {
    fn new(forecaster: &'a Forecaster) -> Self {
        Self {
            forecaster,
            naive: None,
        }
    }

    fn step(&mut self, model: &Model) -> Result<f64, Error> {
        let naive = match self.naive.take() {
            Some(naive) => naive,
            None => {
                let weights = weights(self.forecaster.parameters());
                let (config, graph) = (self.forecaster.config(), self.forecaster.graph());
                let naive = Naive::new(&weights, config, graph)?;
                let seconds = naive_step(&naive, model)?;
                eprintln!("\nwarm-up of the naive formulation {seconds:.2} s");
                naive
            }
        };
        let seconds = naive_step(&naive, model);
        self.naive = Some(naive);
        seconds
    }
}

/// Seconds of what [`Model::step`] does.
fn naive_step(naive: &Naive, model: &Model) -> Result<f64, Error> {
    let raw = model.case.raw()?;
    let (output, seconds) = seconds_of(|| {
        no_grad(|| {
            let features = model.forecaster.features(&raw);
            let output = naive.forward(&features.squeeze_dim(1)).unsqueeze(1);
            model.forecaster.physical(&output, &raw)
        })
    });
    finite(&output)?;
    Ok(seconds)
}

/// f32 and bf16 in turn.
pub(super) fn precisions(size: Size) -> Result<Report, Error> {
    let single = Model::new(size, Precision::F32)?;
    let half = Model::new(size, Precision::Bf16)?;
    let mut report = Report::default();
    for round in 0..=ROUNDS {
        let (f32, bf16) = (single.step()?, half.step()?);
        eprintln!("{size}: round {round} of {ROUNDS}: f32 {f32:.2} s, bf16 {bf16:.2} s");
        if round > 0 {
            report.push("f32", f32);
            report.push("bf16", bf16);
        }
    }
    Ok(report)
}

/// The bare product beside a model; the tests' tiny one has a tiny product.
fn shape(size: Size) -> [i64; 3] {
    match size {
        Size::Tiny => [64, 64, 64],
        Size::Mid | Size::Small | Size::Full => gemm::SHAPE,
    }
}

/// Numbers that are not finite may take another time than those of a working model.
fn finite(output: &Tensor) -> Result<(), Error> {
    let sum = output.sum(Kind::Double).double_value(&[]);
    match sum.is_finite() {
        true => Ok(()),
        false => Err(format!("the outputs of a step add up to {sum}, expected a number").into()),
    }
}
