//! Writing `ae.pt` and `config.json`.

use serde_json::json;

use crate::interchange::hint::{self, Hint};
use crate::interchange::parts::Parts;
use crate::interchange::pt::{Data, Object, archive};
use crate::interchange::weights::transpose;
use crate::interchange::{Files, Format, Report};
use crate::{Activation, Bias, Error, Result, Sae, io};

const WEIGHTS: &str = "ae.pt";

pub(in crate::interchange) fn write(
    sae: &Sae,
    mut parts: Parts,
    report: &mut Report,
) -> Result<Files> {
    check(&mut parts)?;
    let nested = !parts.config.prefixes.is_empty();
    let jump = matches!(parts.config.activation, Activation::JumpRelu { .. });
    // The loader of `AutoEncoder` puts the norms of the decoder into the codes; that of `AutoEncoderNew` leaves all as it is.
    let new = parts.config.activation == Activation::Relu && parts.not_unit().is_some();
    parts.move_bias(match jump || new {
        true => Bias::Encoder,
        false => Bias::SharedAndEncoder,
    });
    let (class, trainer) = match parts.config.activation {
        Activation::TopK { .. } => ("AutoEncoderTopK", "TopKTrainer"),
        Activation::BatchTopK { .. } if nested => {
            ("MatryoshkaBatchTopKSAE", "MatryoshkaBatchTopKTrainer")
        }
        Activation::BatchTopK { .. } => ("BatchTopKSAE", "BatchTopKTrainer"),
        Activation::JumpRelu { .. } => ("JumpReluAutoEncoder", "JumpReluTrainer"),
        Activation::Gated => ("GatedAutoEncoder", "GatedSAETrainer"),
        Activation::Relu if new => ("AutoEncoderNew", "StandardTrainerAprilUpdate"),
        Activation::Relu => ("AutoEncoder", "StandardTrainer"),
    };
    if nested && class != "MatryoshkaBatchTopKSAE" {
        report.leave("nested dictionaries (for dictionary_learning; in `config.json` for us)");
    }
    let mut settings = json!({
        "trainer": {
            "trainer_class": trainer,
            "dict_class": class,
            "activation_dim": parts.config.d_in,
            "dict_size": parts.config.n_latents,
            "submodule_name": sae.meta.site,
        },
        "buffer": {},
    });
    if let Some(k) = parts.config.activation.k() {
        settings["trainer"]["k"] = k.into();
    }
    if let Activation::JumpRelu { bandwidth } = parts.config.activation {
        settings["trainer"]["bandwidth"] = bandwidth.into();
    }
    settings[hint::KEY] = Hint::of(sae);
    let file = weights(
        &parts,
        jump || (nested && class == "MatryoshkaBatchTopKSAE"),
    )
    .map_err(|e| Error::checkpoint(WEIGHTS, e))?;
    Ok(vec![(WEIGHTS, file), ("config.json", io::json(&settings)?)])
}

fn check(parts: &mut Parts) -> Result<()> {
    if parts.config.transcoder {
        return Err(
            Format::DictionaryLearning.refuses("a transcoder", "export to `saelens` or `sparsify`")
        );
    }
    if let Err(other) = parts.without_frame() {
        let what = format!("preprocessing of each row ({other:?})");
        return Err(Format::DictionaryLearning.refuses(what, "export to `saelens`"));
    }
    Ok(())
}

/// The state dict; `bare` classes name their matrices `W_enc` and `W_dec`.
fn weights(parts: &Parts, bare: bool) -> Result<Vec<u8>, String> {
    let (n, d) = (parts.config.n_latents, parts.config.d_in);
    let vector = |values| Object::Tensor(vec![n], Data::F32(values));
    let enc = transpose(&parts.w_enc, d);
    let dec = transpose(&parts.w_dec, d);
    let mut dict = match bare {
        true => vec![
            ("W_enc", Object::Tensor(vec![d, n], Data::F32(&enc))),
            ("W_dec", Object::Tensor(vec![n, d], Data::F32(&parts.w_dec))),
            ("b_enc", vector(&parts.b_enc)),
        ],
        false => vec![
            (
                "encoder.weight",
                Object::Tensor(vec![n, d], Data::F32(&parts.w_enc)),
            ),
            (
                "decoder.weight",
                Object::Tensor(vec![d, n], Data::F32(&dec)),
            ),
        ],
    };
    let b_dec = Object::Tensor(vec![d], Data::F32(&parts.b_dec));
    let [r, m] = &parts.gate;
    match parts.config.activation {
        Activation::Gated => dict.extend([
            ("decoder_bias", b_dec),
            ("r_mag", vector(r)),
            ("gate_bias", vector(&parts.b_enc)),
            ("mag_bias", vector(m)),
        ]),
        Activation::Relu => {
            let name = match parts.config.bias {
                Bias::Encoder => "decoder.bias",
                _ => "bias",
            };
            dict.extend([(name, b_dec), ("encoder.bias", vector(&parts.b_enc))]);
        }
        Activation::JumpRelu { .. } => {
            dict.extend([("b_dec", b_dec), ("threshold", vector(&parts.threshold))]);
        }
        Activation::TopK { k } | Activation::BatchTopK { k } => {
            let k = i32::try_from(k).map_err(|e| e.to_string())?;
            // A TopK has no threshold; its class wants one, and -1 is what it begins with.
            let threshold: &[f32] = match parts.threshold.is_empty() {
                true => &[-1.0],
                false => &parts.threshold,
            };
            dict.extend([
                ("b_dec", b_dec),
                ("k", Object::Tensor(Vec::new(), Data::I32(vec![k]))),
                (
                    "threshold",
                    Object::Tensor(Vec::new(), Data::F32(threshold)),
                ),
            ]);
            match bare {
                true => dict.push(("group_sizes", group_sizes(&parts.config.prefixes))),
                false => dict.push(("encoder.bias", vector(&parts.b_enc))),
            }
            return archive(&Object::Dict(dict));
        }
    }
    archive(&Object::Dict(dict))
}

fn group_sizes<'a>(prefixes: &[usize]) -> Object<'a> {
    let starts = std::iter::once(0).chain(prefixes.iter().copied());
    let sizes: Vec<i64> = prefixes
        .iter()
        .zip(starts)
        .map(|(end, start)| (end - start) as i64)
        .collect();
    Object::Tensor(vec![sizes.len()], Data::I64(sizes))
}
