//! SAELens (<https://github.com/decoderesearch/SAELens>): `cfg.json` and `sae_weights.safetensors`.
//!
//! `W_enc` `[d_in, n]`, `W_dec` `[n, d_out]`, `b_dec` `[d_out]`, and `b_enc` `[n]`; `threshold` for `jumprelu`; `b_gate`,
//! `r_mag` and `b_mag` in place of `b_enc` for `gated`. With `u` the normalised row:
//!
//! ```text
//! p = (u - b_dec) W_enc + b_enc           b_dec only with `apply_b_dec_to_input`
//! gated: z = relu((u - b_dec) W_enc exp(r_mag) + b_mag) where p > 0
//! ```

mod export;

use std::path::Path;

use serde_json::Value;

use super::hint::{self, Hint};
use super::parts::Parts;
use super::settings::{self, Settings};
use super::weights::Weights;
use super::{Format, Report};
use crate::{Activation, Bias, Error, Preprocessing, Result, Sae, SaeConfig, SaeMeta};

pub(super) use export::write;

const WEIGHTS: &str = "sae_weights.safetensors";
const CONFIG: &str = "cfg.json";
const SCALER: &str = "activation_scaler.json";
/// The version whose layout is written.
const VERSION: &str = "6.54.12";
/// Its default width of the window in which thresholds have gradients; only training needs it.
const BANDWIDTH: f64 = 0.05;

pub(super) fn read(dir: &Path) -> Result<(Sae, Report)> {
    let mut report = Report::new(Format::SaeLens);
    let settings = Settings::read(&dir.join(CONFIG))?;
    let mut weights = Weights::of_safetensors(&dir.join(WEIGHTS))?;
    let mut parts = model(&mut weights, &settings, &mut report)?;
    parts.config.preprocessing = preprocessing(&settings, dir)?;
    parts.meta = metadata(&settings);
    match settings.text("reshape_activations") {
        None | Some("none") => {}
        Some(how) => report.note(format!(
            "`reshape_activations` = `{how}`: rows must be given flattened"
        )),
    }
    report.leave_tensors(&weights);
    if let Some(metadata) = settings.get("metadata") {
        trained_as(metadata, &mut parts);
        if let Some(hint) = Hint::find(metadata, &parts.config) {
            hint.apply(&mut parts, &mut report);
        }
    }
    report.note_norms(&parts);
    Ok((parts.into_sae()?, report))
}

fn refuse(settings: &Settings, key: &str, hint: &str) -> Error {
    let found = settings.values.get(key).unwrap_or(&Value::Null);
    Format::SaeLens.refuses(
        format_args!("`{key}` = `{found}` in `{CONFIG}` cannot be represented"),
        hint,
    )
}

/// The architecture, also of versions before 6, where top-k was an activation function.
fn architecture(settings: &Settings) -> Result<String> {
    let named = settings.text("architecture").unwrap_or("standard");
    let key = match settings.get("activation_fn") {
        Some(_) => "activation_fn",
        None => "activation_fn_str",
    };
    match (named, settings.text(key).unwrap_or("relu")) {
        ("standard", "topk") => Ok("topk".into()),
        ("standard", other) if other != "relu" => {
            Err(refuse(settings, key, "known are `relu` and `topk`"))
        }
        _ => Ok(named.to_owned()),
    }
}

fn model(weights: &mut Weights, settings: &Settings, report: &mut Report) -> Result<Parts> {
    if settings.flag("finetuning_scaling_factor")? == Some(true) {
        return Err(refuse(
            settings,
            "finetuning_scaling_factor",
            "fold it into the decoder first",
        ));
    }
    let name = architecture(settings)?;
    let transcoder = name.ends_with("transcoder");
    let mut parts = matrices(weights, settings, transcoder)?;
    let n = parts.config.n_latents;
    if name != "gated" {
        parts.b_enc = weights.vector("b_enc", n)?;
    }
    match name.as_str() {
        "standard" | "transcoder" => parts.config.activation = Activation::Relu,
        "topk" => {
            parts.config.activation = Activation::TopK {
                k: top_k(settings)?,
            };
            if settings.flag("rescale_acts_by_decoder_norm")? == Some(true) {
                parts.fold_norms();
                report.note(
                    "decoder norms are part of the encoder, as `rescale_acts_by_decoder_norm` says",
                );
            }
        }
        "batchtopk" | "matryoshka_batchtopk" => batch_top_k(weights, settings, &mut parts, report)?,
        "jumprelu" | "jumprelu_transcoder" => {
            let bandwidth = settings.number("jumprelu_bandwidth")?.unwrap_or(BANDWIDTH);
            parts.config.activation = Activation::JumpRelu { bandwidth };
            parts.threshold = weights.vector("threshold", n)?;
        }
        "gated" => {
            parts.config.activation = Activation::Gated;
            parts.b_enc = weights.vector("b_gate", n)?;
            parts.gate = [weights.vector("r_mag", n)?, weights.vector("b_mag", n)?];
        }
        _ => {
            let known = "known are `standard`, `topk`, `batchtopk`, `matryoshka_batchtopk`, `jumprelu`, `gated`, `transcoder` \
                         and `jumprelu_transcoder`";
            return Err(refuse(settings, "architecture", known));
        }
    }
    Ok(parts)
}

fn matrices(weights: &mut Weights, settings: &Settings, transcoder: bool) -> Result<Parts> {
    let enc = weights.matrix("W_enc")?.transposed();
    let dec = weights.matrix("W_dec")?;
    let (n, d_in, d_out) = (enc.rows, enc.cols, dec.cols);
    if dec.rows != n || (d_out != d_in && !transcoder) {
        let reason = format!(
            "`W_dec` must be [{n}, {d_in}] as `W_enc` is [{d_in}, {n}], found [{}, {d_out}]",
            dec.rows
        );
        return Err(Error::checkpoint(weights.path(), reason));
    }
    for (key, size) in [("d_in", d_in), ("d_sae", n), ("d_out", d_out)] {
        settings.agrees(key, size)?;
    }
    let b_dec = weights.vector("b_dec", d_out)?;
    let shared = !transcoder && settings.flag("apply_b_dec_to_input")?.unwrap_or(true);
    let config = SaeConfig {
        d_out,
        transcoder,
        bias: if shared {
            Bias::SharedAndEncoder
        } else {
            Bias::Encoder
        },
        ..SaeConfig::new(d_in, n, 1)
    };
    Ok(Parts::new(config, enc.values, dec.values, b_dec))
}

/// `k`, which before version 6 was an argument of the activation function.
fn top_k(settings: &Settings) -> Result<usize> {
    let old = settings
        .get("activation_fn_kwargs")
        .and_then(|kwargs| kwargs.get("k"));
    match (settings.size("k")?, old.and_then(Value::as_u64)) {
        (Some(k), _) => Ok(k),
        (None, Some(k)) => usize::try_from(k).map_err(|_| settings.wrong("k", "a whole number")),
        (None, None) => Err(settings.wrong("k", "the number of active latents")),
    }
}

/// A checkpoint of the training; what is saved for use is a `jumprelu`.
fn batch_top_k(
    weights: &mut Weights,
    settings: &Settings,
    parts: &mut Parts,
    report: &mut Report,
) -> Result<()> {
    let k = settings.number("k")?.filter(|k| *k >= 0.5);
    let k = k.ok_or_else(|| settings.wrong("k", "the mean number of active latents"))?;
    if k.fract() != 0.0 {
        report.note(format!("`k` = {k} is rounded; only training uses it"));
    }
    parts.config.activation = Activation::BatchTopK {
        k: k.round() as usize,
    };
    parts.config.prefixes = settings.sizes("matryoshka_widths")?.unwrap_or_default();
    // Its threshold is in units of the codes after this multiplication.
    if settings
        .flag("rescale_acts_by_decoder_norm")?
        .unwrap_or(true)
    {
        parts.fold_norms();
        report
            .note("decoder norms are part of the encoder, as `rescale_acts_by_decoder_norm` says");
    }
    parts.threshold = vec![weights.number("topk_threshold")?.max(0.0) as f32];
    Ok(())
}

fn preprocessing(settings: &Settings, dir: &Path) -> Result<Preprocessing> {
    match settings.get("normalize_activations") {
        None | Some(Value::Bool(false)) => return Ok(Preprocessing::None),
        Some(Value::Bool(true)) => return scaler(settings, dir),
        Some(_) => {}
    }
    match settings.text("normalize_activations") {
        Some("none") => Ok(Preprocessing::None),
        Some("layer_norm") => Ok(Preprocessing::LayerNorm),
        Some("expected_average_only_in") => scaler(settings, dir),
        _ => {
            let hint = "known are `none`, `layer_norm`, and `expected_average_only_in` with its scaling factor";
            Err(refuse(settings, "normalize_activations", hint))
        }
    }
}

/// The factor of the data set, which is in a file of the training only, unless SAELens folded it into the weights.
fn scaler(settings: &Settings, dir: &Path) -> Result<Preprocessing> {
    let path = dir.join(SCALER);
    let hint = "its factor is in `activation_scaler.json` of the training's checkpoints; or let SAELens fold it into the \
                weights (`fold_activation_norm_scaling_factor`)";
    if !path.is_file() {
        return Err(refuse(settings, "normalize_activations", hint));
    }
    let scaler = Settings::read(&path)?;
    if scaler.flag("has_whitening")? == Some(true) {
        return Err(refuse(
            settings,
            "normalize_activations",
            "whitening is not known here",
        ));
    }
    match scaler.number("scaling_factor")? {
        Some(factor) if factor > 0.0 => Ok(Preprocessing::Scale((1.0 / factor) as f32)),
        _ => Err(scaler.wrong("scaling_factor", "a positive number")),
    }
}

fn metadata(settings: &Settings) -> SaeMeta {
    // Before version 6 all was at the top.
    let inner = settings.get("metadata").unwrap_or(&settings.values);
    let text = |key: &str| {
        inner
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    SaeMeta {
        site: text("hook_name"),
        source: text("dataset_path"),
        dtype: settings.text("dtype").map(short_dtype).unwrap_or_default(),
        version: match text("sae_lens_version") {
            version if version.is_empty() => version,
            version => format!("sae_lens {version}"),
        },
        ..settings::metadata(Format::SaeLens, &settings.values)
    }
}

fn short_dtype(name: &str) -> String {
    let short = [("float32", "f32"), ("float16", "f16"), ("bfloat16", "bf16")];
    let name = name.trim_start_matches("torch.");
    let found = short.iter().find(|(long, _)| *long == name);
    found.map_or(name, |(_, short)| short).to_owned()
}

/// BatchTopK is saved for use as a JumpReLU; what it was trained as is in the metadata.
fn trained_as(metadata: &Value, parts: &mut Parts) {
    let trained = metadata
        .get("training_architecture")
        .and_then(Value::as_str);
    if !trained.is_some_and(|name| name.ends_with("batchtopk")) {
        return;
    }
    let details = metadata
        .get("training_architecture_details")
        .unwrap_or(&Value::Null);
    if let Some(k) = details.get("k").and_then(Value::as_f64) {
        let k = k.round().clamp(1.0, parts.config.n_latents as f64) as usize;
        hint::restore_activation(parts, Activation::BatchTopK { k });
    }
    let widths = details.get("matryoshka_widths").and_then(Value::as_array);
    let widths: Option<Vec<usize>> = widths.and_then(|widths| {
        let widths = widths.iter().map(|n| usize::try_from(n.as_u64()?).ok());
        widths.collect()
    });
    if let Some(widths) = widths.filter(|widths| widths.last() == Some(&parts.config.n_latents)) {
        parts.config.prefixes = widths;
    }
}
