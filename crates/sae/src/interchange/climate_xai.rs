//! The checkpoints of climate_xai (<https://github.com/mathaim/climate_xai>).
//!
//! `model_state_dict` holds either the paper's tensors (`PlainSAE`), or a Matryoshka with `W_enc` `[d, n]`, `b_enc`,
//! `W_dec` `[n, d]`, `b_dec` and a running mean norm `a` of rows (`normalizer.running_avg`):
//!
//! ```text
//! u  = x sqrt(d) / a
//! z  = top_k(relu(u W_enc + b_enc))       per row, or over the batch
//! x' = (z W_dec + b_dec) a / sqrt(d)
//! ```
//!
//! Its `get_acts` returns `z` times the norm of each decoder row times `a / sqrt(d)`; our codes are `z`.

use serde_json::Value;

use super::parts::Parts;
use super::pt::PtFile;
use super::settings::{self, Settings};
use super::weights::Weights;
use super::{FeatureRange, Format, Options, Report, paper};
use crate::{Activation, Bias, Error, Preprocessing, Result, Sae, SaeConfig};

const MODEL: &str = "model_state_dict";
/// What `PlainSAE` is built with by default.
const K: usize = 32;
const K_AUX: usize = 512;

pub(super) fn read(file: PtFile, options: &Options) -> Result<(Sae, Report)> {
    let mut report = Report::new(Format::ClimateXai);
    let path = file.path().to_path_buf();
    let root = file.root();
    for (key, item) in root.entries() {
        let small = matches!(
            item.json(),
            Value::Number(_) | Value::String(_) | Value::Bool(_)
        );
        if key != MODEL && key != "config" && !small {
            report.leave(format_args!("`{key}`"));
        }
    }
    let mut values = root
        .get("config")
        .map_or_else(|| Value::Object(Default::default()), |c| c.json());
    for key in ["epoch", "step"] {
        if let (Some(item), Value::Object(values)) = (root.get(key), &mut values) {
            values.insert(key.to_owned(), item.json());
        }
    }
    let settings = Settings::of(&path, values);
    let model = root.get(MODEL).is_some().then_some(MODEL);
    let mut weights = Weights::of_pt(file, model);
    let mut parts = match weights.has("W_enc") {
        true => matryoshka(&mut weights, &settings, options, &mut report)?,
        false => plain(&mut weights, &settings, options, &mut report)?,
    };
    parts.meta = settings::metadata(Format::ClimateXai, &settings.values);
    if let Some(layer) = settings.size("layer")? {
        parts.meta.site = format!("processor/{layer:02}");
    }
    settings.agrees("n_latents", parts.config.n_latents)?;
    paper::counters(&mut weights, &mut report)?;
    report.leave_tensors(&weights);
    Ok((parts.into_sae()?, report))
}

fn plain(
    weights: &mut Weights,
    settings: &Settings,
    options: &Options,
    report: &mut Report,
) -> Result<Parts> {
    let k = options
        .k
        .map_or_else(|| settings.size("k_active"), |k| Ok(Some(k)))?;
    if k.is_none() {
        report.note(format!(
            "`k_active` is not in the file; {K}, its default, is assumed"
        ));
    }
    let k_aux = settings.size("k_aux")?.unwrap_or(K_AUX);
    let parts = paper::top_k(weights, [k.unwrap_or(K), k_aux], report)?;
    settings.agrees("d_in", parts.config.d_in)?;
    Ok(parts)
}

fn matryoshka(
    weights: &mut Weights,
    settings: &Settings,
    options: &Options,
    report: &mut Report,
) -> Result<Parts> {
    check_mode(settings, options, report)?;
    let enc = weights.matrix("W_enc")?.transposed();
    let (n, d) = (enc.rows, enc.cols);
    let dec = weights.matrix("W_dec")?;
    if (dec.rows, dec.cols) != (n, d) {
        let reason = format!(
            "`W_dec` must be [{n}, {d}], found [{}, {}]",
            dec.rows, dec.cols
        );
        return Err(Error::checkpoint(weights.path(), reason));
    }
    settings.agrees("d_model", d)?;
    let average = weights.number("normalizer.running_avg")?;
    let scale = (average / (d as f64).sqrt()) as f32;
    let config = SaeConfig {
        activation: Activation::TopK {
            k: active(settings, options)?,
        },
        k_aux: settings.size("k_aux")?.unwrap_or(K_AUX),
        preprocessing: Preprocessing::Scale(scale),
        bias: Bias::Encoder,
        prefixes: settings.sizes("group_sizes")?.unwrap_or_default(),
        ..SaeConfig::new(d, n, 1)
    };
    // A scale of zero, as of a model that was never trained, is refused before anything is divided by it.
    config.check()?;
    if config.prefixes.is_empty() {
        report.note("`group_sizes` is not in the file; the dictionary is not nested");
    }
    let b_dec = weights.vector("b_dec", d)?;
    let mut parts = Parts::new(config, enc.values, dec.values, b_dec);
    parts.b_enc = weights.vector("b_enc", n)?;
    match &options.feature_range {
        Some(range) => apply_range(&mut parts, range)?,
        None => report.note(
            "if the activations had `feature_min.npy` and `feature_max.npy`, rows were scaled with them before this model; \
             that is not in the checkpoint, give them as `feature_range`",
        ),
    }
    report.note("codes are those before the norm of the decoder row and the mean norm of rows are multiplied in");
    report.note_norms(&parts);
    Ok(parts)
}

/// `target_l0`, rounded as the model does.
fn active(settings: &Settings, options: &Options) -> Result<usize> {
    if let Some(k) = options.k {
        return Ok(k);
    }
    match settings.number("target_l0")? {
        Some(k) if k >= 0.5 => Ok(k.round_ties_even() as usize),
        _ => Err(settings.wrong("target_l0", "a positive number")),
    }
}

/// Top-k over a batch is no function of a row.
fn check_mode(settings: &Settings, options: &Options, report: &mut Report) -> Result<()> {
    match settings.text("topk_mode").unwrap_or("batch") {
        "per_sample" => Ok(()),
        "batch" if options.batch_top_k_per_row => {
            report.note("it was trained with top-k over the batch, and is read with top-k per row");
            Ok(())
        }
        "batch" => Err(Format::ClimateXai.refuses(
            "`topk_mode` = `batch`: codes of a row depend on the other rows, and the file has no threshold",
            "read it with top-k per row, as its authors' analysis does (`batch_top_k_per_row`)",
        )),
        _ => Err(settings.wrong("topk_mode", "`per_sample` or `batch`")),
    }
}

/// Makes the scaling `x -> 2 (x - min) / (max - min) - 1` of each channel part of the weights.
///
/// With `a x + c` in place of `x`, the encoder becomes `W_enc a / s`, its bias gains `c W_enc / s`, and the decoder's
/// output is `(s (z W_dec + b_dec) - c) / a`; what is left is no preprocessing.
fn apply_range(parts: &mut Parts, range: &FeatureRange) -> Result<()> {
    let d = parts.config.d_in;
    for (what, found) in [
        ("feature_range.min", range.min.len()),
        ("feature_range.max", range.max.len()),
    ] {
        if found != d {
            return Err(Error::Length {
                what,
                expected: d,
                found,
            });
        }
    }
    if range.min.iter().chain(&range.max).any(|x| !x.is_finite()) {
        return Err(Error::Config {
            key: "feature_range",
            found: "a NaN or an infinity".into(),
            expected: "finite numbers".into(),
        });
    }
    if parts.without_frame().is_err() {
        return Ok(()); // The model above always has one number.
    }
    let channels = range.min.iter().zip(&range.max).map(|(min, max)| {
        // The authors' guard for constant channels.
        let width = if max - min < 1e-8 {
            1.0
        } else {
            f64::from(max - min)
        };
        (2.0 / width, -2.0 * f64::from(*min) / width - 1.0)
    });
    let channels: Vec<(f64, f64)> = channels.collect();
    for (row, b) in parts.w_enc.chunks_mut(d).zip(&mut parts.b_enc) {
        for (w, (a, c)) in row.iter_mut().zip(&channels) {
            *b = (f64::from(*b) + f64::from(*w) * c) as f32;
            *w = (f64::from(*w) * a) as f32;
        }
    }
    for row in parts.w_dec.chunks_mut(d) {
        for (w, (a, _)) in row.iter_mut().zip(&channels) {
            *w = (f64::from(*w) / a) as f32;
        }
    }
    for (b, (a, c)) in parts.b_dec.iter_mut().zip(&channels) {
        *b = ((f64::from(*b) - c) / a) as f32;
    }
    Ok(())
}
