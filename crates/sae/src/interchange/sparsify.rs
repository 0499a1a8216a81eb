//! EleutherAI's sparsify (<https://github.com/EleutherAI/sparsify>): `cfg.json` and `sae.safetensors`.
//!
//! `encoder.weight` `[n, d]`, `encoder.bias` `[n]`, `W_dec` `[n, d]`, `b_dec` `[d]`:
//! `z = top_k(relu(W_enc (x - b_dec) + b_enc))`, and without the subtraction for a transcoder (`transcode`).

use std::path::Path;

use serde_json::json;

use super::hint::{self, Hint};
use super::parts::Parts;
use super::settings::{self, Settings};
use super::weights::Weights;
use super::{Files, Format, Report};
use crate::{Activation, Bias, Error, Preprocessing, Result, Sae, SaeConfig, io};

const WEIGHTS: &str = "sae.safetensors";
const CONFIG: &str = "cfg.json";

pub(super) fn read(dir: &Path) -> Result<(Sae, Report)> {
    let mut report = Report::new(Format::Sparsify);
    let settings = Settings::read(&dir.join(CONFIG))?;
    check(&settings)?;
    let mut weights = Weights::of_safetensors(&dir.join(WEIGHTS))?;
    let enc = weights.matrix("encoder.weight")?;
    let dec = weights.matrix("W_dec")?;
    let (n, d) = (enc.rows, enc.cols);
    if (dec.rows, dec.cols) != (n, d) {
        let reason = format!(
            "`W_dec` must be [{n}, {d}], found [{}, {}]",
            dec.rows, dec.cols
        );
        return Err(Error::checkpoint(weights.path(), reason));
    }
    settings.agrees("d_in", d)?;
    // Zero means `d_in * expansion_factor`.
    if settings.size("num_latents")?.is_some_and(|n| n > 0) {
        settings.agrees("num_latents", n)?;
    }
    let transcoder = settings.flag("transcode")? == Some(true);
    let config = SaeConfig {
        preprocessing: Preprocessing::None,
        bias: if transcoder {
            Bias::Encoder
        } else {
            Bias::SharedAndEncoder
        },
        transcoder,
        ..SaeConfig::new(d, n, settings.needs("k")?)
    };
    let b_dec = weights.vector("b_dec", d)?;
    let mut parts = Parts::new(config, enc.values, dec.values, b_dec);
    parts.b_enc = weights.vector("encoder.bias", n)?;
    parts.meta = settings::metadata(Format::Sparsify, &settings.values);
    report.leave_tensors(&weights);
    if let Some(hint) = Hint::find(&settings.values, &parts.config) {
        hint.apply(&mut parts, &mut report);
    }
    report.note_norms(&parts);
    Ok((parts.into_sae()?, report))
}

fn check(settings: &Settings) -> Result<()> {
    let refuse = |what: String| {
        Err(Format::Sparsify.refuses(what, "only `topk` without a skip connection is known"))
    };
    match settings.text("activation").unwrap_or("topk") {
        "topk" => {}
        other => return refuse(format!("`activation` = `{other}`")),
    }
    for key in ["skip_connection", "signed"] {
        if settings.flag(key)? == Some(true) {
            return refuse(format!("`{key}` = `true`"));
        }
    }
    Ok(())
}

pub(super) fn write(sae: &Sae, mut parts: Parts, report: &mut Report) -> Result<Files> {
    let Activation::TopK { k } = parts.config.activation else {
        let what = format!(
            "the activation `{}`, it has only `topk`",
            parts.config.activation.name()
        );
        return Err(Format::Sparsify.refuses(what, "export to `saelens` or `dictionary-learning`"));
    };
    if let Err(other) = parts.without_frame() {
        let what = format!("preprocessing of each row ({other:?})");
        return Err(Format::Sparsify.refuses(what, "export to `saelens`"));
    }
    let (n, d) = (parts.config.n_latents, parts.config.d_in);
    if parts.config.d_out != d {
        let what = format!("a transcoder from {d} to {} channels", parts.config.d_out);
        return Err(Format::Sparsify.refuses(what, "it needs as many channels on both sides"));
    }
    if !parts.config.transcoder {
        parts.move_bias(Bias::SharedAndEncoder);
    }
    if !parts.config.prefixes.is_empty() {
        report.leave("nested dictionaries (for sparsify; in `cfg.json` for us)");
    }
    let mut settings = json!({
        "activation": "topk",
        "expansion_factor": n.div_ceil(d),
        "normalize_decoder": parts.not_unit().is_none(),
        "num_latents": n,
        "k": k,
        "multi_topk": false,
        "skip_connection": false,
        "transcode": parts.config.transcoder,
        "d_in": d,
    });
    settings[hint::KEY] = Hint::of(sae);
    let tensors: [(String, Vec<usize>, &[f32]); 4] = [
        ("encoder.weight".into(), vec![n, d], &parts.w_enc),
        ("encoder.bias".into(), vec![n], &parts.b_enc),
        ("W_dec".into(), vec![n, d], &parts.w_dec),
        ("b_dec".into(), vec![d], &parts.b_dec),
    ];
    Ok(vec![
        (WEIGHTS, io::serialise(&tensors)?),
        (CONFIG, io::json(&settings)?),
    ])
}
