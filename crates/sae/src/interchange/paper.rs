//! The checkpoints of MacMillan & Ouellette 2025 (arXiv 2512.24440).
//!
//! `model_state` (or the file itself) holds `enc.weight` `[n, d]`, `dec.weight` `[d, n]`, `b_pre` `[d]`, and the counters
//! `miss_counts` and `dead_mask`; the sizes and `k` are in `config.json` beside it, or under `cfg` in the file.
//! The authors' forward divides the decoder's columns by their norms, and so does the import.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::hint::{self, Hint};
use super::parts::Parts;
use super::pt::{Data, Object, PtFile, archive};
use super::settings::{self, Settings};
use super::weights::Weights;
use super::{Files, Format, Options, Report};
use crate::{Activation, Bias, Error, Preprocessing, Result, Sae, SaeConfig, io};

/// The file name of an export.
const WEIGHTS: &str = "sae.pt";
/// The auxiliary latents of the published model, for files that do not say how many.
const K_AUX: usize = 512;

pub(super) fn read(file: PtFile, options: &Options) -> Result<(Sae, Report)> {
    let mut report = Report::new(Format::Paper);
    let path = file.path().to_path_buf();
    let model = file
        .root()
        .get("model_state")
        .is_some()
        .then_some("model_state");
    let settings = settings(&file, &path, model, &mut report)?;
    let mut weights = Weights::of_pt(file, model);
    let k = match options.k {
        Some(k) => k,
        None => settings.size("k")?.ok_or_else(|| {
            Format::Paper.refuses(
                format_args!(
                    "`{}` does not say how many latents are active",
                    path.display()
                ),
                "put `config.json` beside it, or give `k`",
            )
        })?,
    };
    let k_aux = settings.size("k_aux")?;
    let mut parts = top_k(&mut weights, [k, k_aux.unwrap_or(K_AUX)], &mut report)?;
    if k_aux.is_none() {
        report.note(format!(
            "`k_aux` is not in the files; {} is assumed",
            parts.config.k_aux
        ));
    }
    settings.agrees("d_in", parts.config.d_in)?;
    settings.agrees("latent", parts.config.n_latents)?;
    parts.meta = settings::metadata(Format::Paper, &settings.values);
    counters(&mut weights, &mut report)?;
    report.leave_tensors(&weights);
    if let Some(hint) = Hint::find(&settings.values, &parts.config) {
        hint.apply(&mut parts, &mut report);
    }
    Ok((parts.into_sae()?, report))
}

/// `config.json` beside the file, the `cfg` in it, and its numbers, with what comes first winning.
fn settings(
    file: &PtFile,
    path: &Path,
    model: Option<&str>,
    report: &mut Report,
) -> Result<Settings> {
    let mut all = Map::new();
    for (key, item) in file.root().entries() {
        match item.json() {
            _ if Some(key) == model || item.tensor().is_some() => {}
            Value::Object(inner) if key == "cfg" || key == "config" => all.extend(inner),
            value @ (Value::Number(_) | Value::String(_) | Value::Bool(_)) => {
                all.insert(key.to_owned(), value);
            }
            _ => report.leave(format_args!("`{key}`")),
        }
    }
    let beside = path.with_file_name("config.json");
    if beside.is_file() {
        let Value::Object(outer) = Settings::read(&beside)?.values else {
            return Ok(Settings::of(&beside, Value::Object(all)));
        };
        all.extend(outer);
        return Ok(Settings::of(&beside, Value::Object(all)));
    }
    Ok(Settings::of(path, Value::Object(all)))
}

/// The TopK model that the paper and climate_xai share, with the decoder divided by its norms.
pub(super) fn top_k(
    weights: &mut Weights,
    [k, k_aux]: [usize; 2],
    report: &mut Report,
) -> Result<Parts> {
    let enc = weights.matrix("enc.weight")?;
    let (n, d) = (enc.rows, enc.cols);
    let dec = weights.matrix("dec.weight")?.transposed();
    if (dec.rows, dec.cols) != (n, d) {
        let reason = format!(
            "`dec.weight` must be [{d}, {n}] as `enc.weight` is [{n}, {d}], found [{}, {}]",
            dec.cols, dec.rows
        );
        return Err(Error::checkpoint(weights.path(), reason));
    }
    let b_pre = weights.vector("b_pre", d)?;
    let config = SaeConfig {
        k_aux,
        ..SaeConfig::new(d, n, k)
    };
    let mut parts = Parts::new(config, enc.values, dec.values, b_pre);
    if let Some((least, most)) = parts.not_unit() {
        parts.divide_decoder();
        report.note(format!(
            "decoder columns had norms from {least} to {most} and are divided by them, as the authors' forward does"
        ));
    }
    Ok(parts)
}

/// The counters of dead latents, where there are.
pub(super) fn counters(weights: &mut Weights, report: &mut Report) -> Result<()> {
    if weights.has("miss_counts") {
        report.miss_counts = Some(weights.counts("miss_counts")?);
    }
    if weights.has("dead_mask") {
        report.dead_mask = Some(weights.flags("dead_mask")?);
    }
    Ok(())
}

pub(super) fn write(sae: &Sae, parts: Parts, report: &mut Report) -> Result<Files> {
    let config = &sae.config;
    check(&parts)?;
    let Some(k) = config.activation.k() else {
        return Err(refuse_activation(config));
    };
    if !config.prefixes.is_empty() {
        report.leave("nested dictionaries (for other tools; in `config.json` for us)");
    }
    let (n, d) = (config.n_latents, config.d_in);
    let dec = super::weights::transpose(&parts.w_dec, d);
    let model = Object::Dict(vec![
        ("b_pre", Object::Tensor(vec![d], Data::F32(&parts.b_dec))),
        (
            "miss_counts",
            Object::Tensor(vec![n], Data::I64(vec![0; n])),
        ),
        (
            "dead_mask",
            Object::Tensor(vec![n], Data::Bool(vec![false; n])),
        ),
        (
            "enc.weight",
            Object::Tensor(vec![n, d], Data::F32(&parts.w_enc)),
        ),
        ("dec.weight", Object::Tensor(vec![d, n], Data::F32(&dec))),
    ]);
    let file = archive(&Object::Dict(vec![("model_state", model)]))
        .map_err(|e| Error::checkpoint(WEIGHTS, e))?;
    report.note("the counters of dead latents start at zero");
    let mut settings = json!({ "d_in": d, "latent": n, "k": k, "k_aux": config.k_aux });
    settings[hint::KEY] = Hint::of(sae);
    Ok(vec![(WEIGHTS, file), ("config.json", io::json(&settings)?)])
}

fn refuse_activation(config: &SaeConfig) -> Error {
    Format::Paper.refuses(
        format_args!(
            "the activation `{}`, it has only `topk`",
            config.activation.name()
        ),
        "export to `saelens` or `dictionary-learning`",
    )
}

/// Refuses what the authors' forward does not compute.
fn check(parts: &Parts) -> Result<()> {
    let config = &parts.config;
    if !matches!(config.activation, Activation::TopK { .. }) {
        return Err(refuse_activation(config));
    }
    let what = match () {
        () if config.transcoder => "a transcoder",
        () if config.preprocessing != Preprocessing::CentreUnitNorm => {
            "preprocessing other than centred rows of unit norm"
        }
        () if config.bias != Bias::Shared => {
            "an encoder bias, or a decoder bias that is not shared"
        }
        () if parts.not_unit().is_some() => "decoder rows that are not of unit norm",
        () => return Ok(()),
    };
    Err(Format::Paper.refuses(what, "export to `saelens`"))
}
