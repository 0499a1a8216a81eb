//! dictionary_learning (<https://github.com/saprmarks/dictionary_learning>): the state dict `ae.pt`, and `config.json`.
//!
//! | `dict_class` | tensors | reads as |
//! |---|---|---|
//! | `AutoEncoder` | `encoder.{weight,bias}`, `decoder.weight`, `bias` | ReLU, decoder norms put into the codes as its loader does |
//! | `AutoEncoderNew` | `encoder.{weight,bias}`, `decoder.{weight,bias}` | ReLU, bias not shared |
//! | `AutoEncoderTopK` | `encoder.{weight,bias}`, `decoder.weight`, `b_dec`, `k`, `threshold` | TopK |
//! | `BatchTopKSAE` | the same | BatchTopK |
//! | `MatryoshkaBatchTopKSAE` | `W_enc`, `b_enc`, `W_dec`, `b_dec`, `k`, `threshold`, `group_sizes` | BatchTopK, nested |
//! | `JumpReluAutoEncoder` | `W_enc`, `b_enc`, `W_dec`, `b_dec`, `threshold` | JumpReLU, bias not shared |
//! | `GatedAutoEncoder` | `encoder.weight`, `decoder.weight`, `decoder_bias`, `r_mag`, `gate_bias`, `mag_bias` | gated |
//!
//! `encoder.weight` is `[n, d]`, `decoder.weight` `[d, n]`, `W_enc` `[d, n]`, `W_dec` `[n, d]`.

mod export;

use serde_json::Value;

use super::hint::Hint;
use super::parts::Parts;
use super::pt::PtFile;
use super::settings::{self, Settings};
use super::weights::Weights;
use super::{Format, Report};
use crate::{Activation, Bias, Error, Preprocessing, Result, Sae, SaeConfig};

pub(super) use export::write;

const CONFIG: &str = "config.json";
/// Its default width of the window in which thresholds have gradients.
const BANDWIDTH: f64 = 0.001;

pub(super) fn read(file: PtFile) -> Result<(Sae, Report)> {
    let mut report = Report::new(Format::DictionaryLearning);
    let path = file.path().with_file_name(CONFIG);
    let values = match path.is_file() {
        true => Settings::read(&path)?.values,
        false => Value::Object(Default::default()),
    };
    // What the trainer noted is under `trainer`; without it, the tensors have to do.
    let trainer = values.get("trainer").cloned().unwrap_or_default();
    let trainer = Settings::of(&path, trainer);
    let mut weights = Weights::of_pt(file, None);
    let class = class(&weights, &trainer)?;
    let mut parts = model(&mut weights, &trainer, class, &mut report)?;
    settings_agree(&trainer, &parts.config)?;
    parts.meta = settings::metadata(Format::DictionaryLearning, &values);
    if let Some(site) = trainer.text("submodule_name") {
        parts.meta.site = site.to_owned();
    }
    report.leave_tensors(&weights);
    if let Some(hint) = Hint::find(&values, &parts.config) {
        hint.apply(&mut parts, &mut report);
    }
    report.note_norms(&parts);
    Ok((parts.into_sae()?, report))
}

fn settings_agree(trainer: &Settings, config: &SaeConfig) -> Result<()> {
    trainer.agrees("activation_dim", config.d_in)?;
    trainer.agrees("dict_size", config.n_latents)
}

/// A class of its dictionaries.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    AutoEncoder,
    AutoEncoderNew,
    TopK,
    BatchTopK,
    Matryoshka,
    JumpRelu,
    Gated,
}

impl Class {
    const ALL: [(Self, &str); 7] = [
        (Self::AutoEncoder, "AutoEncoder"),
        (Self::AutoEncoderNew, "AutoEncoderNew"),
        (Self::TopK, "AutoEncoderTopK"),
        (Self::BatchTopK, "BatchTopKSAE"),
        (Self::Matryoshka, "MatryoshkaBatchTopKSAE"),
        (Self::JumpRelu, "JumpReluAutoEncoder"),
        (Self::Gated, "GatedAutoEncoder"),
    ];
}

/// The class that `config.json` names, or the only one with such tensors.
fn class(weights: &Weights, trainer: &Settings) -> Result<Class> {
    if let Some(named) = trainer.text("dict_class") {
        let found = Class::ALL.iter().find(|(_, name)| *name == named);
        return found.map(|(class, _)| *class).ok_or_else(|| {
            let known = Class::ALL.map(|(_, name)| name).join("`, `");
            Format::DictionaryLearning.refuses(
                format_args!("the class `{named}`"),
                format_args!("known are `{known}`"),
            )
        });
    }
    let has = |name: &str| weights.has(name);
    match () {
        () if has("group_sizes") => Ok(Class::Matryoshka),
        () if has("r_mag") => Ok(Class::Gated),
        () if has("W_enc") && has("threshold") => Ok(Class::JumpRelu),
        () if has("encoder.weight") && has("bias") => Ok(Class::AutoEncoder),
        () if has("encoder.weight") && has("decoder.bias") => Ok(Class::AutoEncoderNew),
        () if has("encoder.weight") && has("k") => Err(Format::DictionaryLearning.refuses(
            format_args!("`{}` can be `AutoEncoderTopK` or `BatchTopKSAE`", weights.path().display()),
            "put `config.json` of the training beside it, which names the class under `trainer.dict_class`",
        )),
        () => {
            let names: Vec<&str> = weights.left().take(20).collect();
            let reason = format!("no known class has the tensors `{}`", names.join("`, `"));
            Err(Error::checkpoint(weights.path(), reason))
        }
    }
}

fn model(
    weights: &mut Weights,
    trainer: &Settings,
    class: Class,
    report: &mut Report,
) -> Result<Parts> {
    let mut parts = matrices(weights, class)?;
    let n = parts.config.n_latents;
    let bias = match class {
        Class::Gated => "gate_bias",
        Class::Matryoshka | Class::JumpRelu => "b_enc",
        _ => "encoder.bias",
    };
    parts.b_enc = weights.vector(bias, n)?;
    match class {
        Class::AutoEncoder | Class::AutoEncoderNew => {
            parts.config.activation = Activation::Relu;
            if class == Class::AutoEncoder && parts.not_unit().is_some() {
                parts.fold_norms();
                report.note(
                    "decoder norms are put into the codes, as `AutoEncoder.from_pretrained` does",
                );
            }
        }
        Class::TopK => {
            parts.config.activation = Activation::TopK {
                k: active(weights)?,
            }
        }
        Class::BatchTopK | Class::Matryoshka => {
            parts.config.activation = Activation::BatchTopK {
                k: active(weights)?,
            };
            parts.threshold = vec![threshold(weights, report)?];
            if class == Class::Matryoshka {
                parts.config.prefixes = prefixes(&weights.counts("group_sizes")?);
            }
        }
        Class::JumpRelu => {
            let bandwidth = trainer.number("bandwidth")?.unwrap_or(BANDWIDTH);
            parts.config.activation = Activation::JumpRelu { bandwidth };
            parts.threshold = weights.vector("threshold", n)?;
        }
        Class::Gated => {
            parts.config.activation = Activation::Gated;
            parts.gate = [weights.vector("r_mag", n)?, weights.vector("mag_bias", n)?];
        }
    }
    Ok(parts)
}

fn matrices(weights: &mut Weights, class: Class) -> Result<Parts> {
    let (enc, dec) = match class {
        Class::Matryoshka | Class::JumpRelu => (
            weights.matrix("W_enc")?.transposed(),
            weights.matrix("W_dec")?,
        ),
        _ => (
            weights.matrix("encoder.weight")?,
            weights.matrix("decoder.weight")?.transposed(),
        ),
    };
    let (n, d) = (enc.rows, enc.cols);
    if (dec.rows, dec.cols) != (n, d) {
        let reason = format!(
            "the decoder has {} latents of {} channels, the encoder {n} of {d}",
            dec.rows, dec.cols
        );
        return Err(Error::checkpoint(weights.path(), reason));
    }
    let (b_dec, bias) = match class {
        Class::AutoEncoder => ("bias", Bias::SharedAndEncoder),
        Class::AutoEncoderNew => ("decoder.bias", Bias::Encoder),
        Class::Gated => ("decoder_bias", Bias::SharedAndEncoder),
        Class::JumpRelu => ("b_dec", Bias::Encoder),
        Class::TopK | Class::BatchTopK | Class::Matryoshka => ("b_dec", Bias::SharedAndEncoder),
    };
    let config = SaeConfig {
        preprocessing: Preprocessing::None,
        bias,
        ..SaeConfig::new(d, n, 1)
    };
    let b_dec = weights.vector(b_dec, d)?;
    Ok(Parts::new(config, enc.values, dec.values, b_dec))
}

fn active(weights: &mut Weights) -> Result<usize> {
    let k = weights.number("k")?;
    match k >= 1.0 && k.fract() == 0.0 && k < f64::from(i32::MAX) {
        true => Ok(k as usize),
        false => Err(Error::checkpoint(
            weights.path(),
            format!("`k` must be a whole number from 1, found {k}"),
        )),
    }
}

/// The threshold of BatchTopK; -1 stands for one that the training never set, and lets every positive code pass.
fn threshold(weights: &mut Weights, report: &mut Report) -> Result<f32> {
    let threshold = weights.number("threshold")? as f32;
    if threshold < 0.0 {
        report.note(format!("`threshold` = {threshold} was never set by the training; every positive code passes, as in the tool"));
    }
    Ok(threshold.max(0.0))
}

/// Ends of the nested dictionaries from their sizes.
fn prefixes(sizes: &[u64]) -> Vec<usize> {
    let ends = sizes.iter().scan(0u64, |end, &size| {
        *end = end.saturating_add(size);
        Some(usize::try_from(*end).unwrap_or(usize::MAX))
    });
    ends.collect()
}
