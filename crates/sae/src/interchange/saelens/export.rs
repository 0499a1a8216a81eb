//! Writing `cfg.json` and `sae_weights.safetensors`.

use serde_json::{Value, json};

use super::{CONFIG, VERSION, WEIGHTS};
use crate::interchange::hint::{self, Hint, spread};
use crate::interchange::parts::Parts;
use crate::interchange::weights::transpose;
use crate::interchange::{Files, Format, Report};
use crate::{Activation, Bias, Preprocessing, Result, Sae, io};

pub(in crate::interchange) fn write(
    sae: &Sae,
    mut parts: Parts,
    report: &mut Report,
) -> Result<Files> {
    let normalize = frame(&mut parts);
    if parts.config.bias == Bias::Shared {
        parts.move_bias(Bias::SharedAndEncoder);
    }
    let mut settings = settings_of(&parts, report)?;
    settings["normalize_activations"] = normalize.into();
    settings["metadata"] = json!({
        "sae_lens_version": VERSION,
        "sae_lens_training_version": VERSION,
        "hook_name": sae.meta.site,
        "dataset_path": sae.meta.source,
        hint::KEY: Hint::of(sae),
    });
    let (n, d_in, d_out) = (
        parts.config.n_latents,
        parts.config.d_in,
        parts.config.d_out,
    );
    let w_enc = transpose(&parts.w_enc, d_in);
    let mut tensors: Vec<(String, Vec<usize>, &[f32])> = vec![
        ("W_enc".into(), vec![d_in, n], &w_enc),
        ("W_dec".into(), vec![n, d_out], &parts.w_dec),
        ("b_dec".into(), vec![d_out], &parts.b_dec),
    ];
    let [r, m] = &parts.gate;
    match parts.config.activation {
        Activation::Gated => tensors.extend([
            ("b_gate".into(), vec![n], &parts.b_enc[..]),
            ("r_mag".into(), vec![n], r),
            ("b_mag".into(), vec![n], m),
        ]),
        _ => tensors.push(("b_enc".into(), vec![n], &parts.b_enc)),
    }
    let thresholds = match &parts.threshold[..] {
        [one] => vec![*one; n],
        own => own.to_vec(),
    };
    if !thresholds.is_empty() {
        tensors.push(("threshold".into(), vec![n], &thresholds));
    }
    Ok(vec![
        (WEIGHTS, io::serialise(&tensors)?),
        (CONFIG, io::json(&settings)?),
    ])
}

/// Its name for our preprocessing, after the weights were put into its units.
fn frame(parts: &mut Parts) -> &'static str {
    if parts.config.preprocessing == Preprocessing::CentreUnitNorm {
        parts.stretch(spread(parts.config.d_in));
        parts.config.preprocessing = Preprocessing::LayerNorm;
    }
    match parts.without_frame() {
        Ok(()) => "none",
        Err(_) => "layer_norm",
    }
}

fn settings_of(parts: &Parts, report: &mut Report) -> Result<Value> {
    let config = &parts.config;
    let architecture = match (config.activation, config.transcoder) {
        (Activation::TopK { .. }, false) => "topk",
        (Activation::BatchTopK { .. } | Activation::JumpRelu { .. }, false) => "jumprelu",
        (Activation::Gated, false) => "gated",
        (Activation::Relu, false) => "standard",
        (Activation::BatchTopK { .. } | Activation::JumpRelu { .. }, true) => "jumprelu_transcoder",
        (Activation::Relu, true) => "transcoder",
        (Activation::TopK { .. } | Activation::Gated, true) => {
            let what = format!(
                "a transcoder with the activation `{}`",
                config.activation.name()
            );
            return Err(Format::SaeLens.refuses(what, "export TopK transcoders to `sparsify`"));
        }
    };
    let mut settings = json!({
        "architecture": architecture,
        "d_in": config.d_in,
        "d_sae": config.n_latents,
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": config.bias.is_shared(),
        "reshape_activations": "none",
    });
    if config.transcoder {
        settings["d_out"] = config.d_out.into();
    }
    if let Activation::TopK { k } = config.activation {
        settings["k"] = k.into();
        settings["rescale_acts_by_decoder_norm"] = false.into();
    }
    if let Activation::BatchTopK { .. } = config.activation {
        report.note(
            "BatchTopK is written as a JumpReLU with one threshold for all, as SAELens itself does",
        );
    }
    if !config.prefixes.is_empty() {
        report.leave("nested dictionaries (for SAELens; in `metadata` for us)");
    }
    Ok(settings)
}
