//! Writes one small autoencoder of every kind in every format that holds it, with what it computes.
//!
//! `cargo run --example exports -p dropsonde-sae -- DIR`; `tests/python/check_exports.py DIR` opens them with the other
//! tools.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};

use dropsonde_activations::Rng;
use dropsonde_sae::interchange::{Format, export};
use dropsonde_sae::{Activation, Bias, Preprocessing, Sae, SaeConfig};
use safetensors::tensor::{Dtype, TensorView};
use tch::{Kind, Tensor};

const D: usize = 12;
const N: usize = 40;
const ROWS: i64 = 32;

/// Names of the cases with their configurations.
fn cases() -> Vec<(&'static str, SaeConfig)> {
    let base = || SaeConfig::new(D, N, 5);
    let raw = || SaeConfig {
        preprocessing: Preprocessing::None,
        ..base()
    };
    let scaled = |activation| SaeConfig {
        preprocessing: Preprocessing::Scale(2.5),
        ..base().with_activation(activation)
    };
    let jump = Activation::JumpRelu { bandwidth: 0.1 };
    vec![
        ("paper", base()),
        ("topk", raw()),
        ("batch-topk", scaled(Activation::BatchTopK { k: 5 })),
        (
            "matryoshka",
            scaled(Activation::BatchTopK { k: 5 }).matryoshka(),
        ),
        ("jump-relu", scaled(jump)),
        ("jump-relu-unit", base().with_activation(jump)),
        ("gated", scaled(Activation::Gated)),
        (
            "gated-apart",
            SaeConfig {
                bias: Bias::Encoder,
                ..scaled(Activation::Gated)
            },
        ),
        ("relu", scaled(Activation::Relu)),
        (
            "relu-transcoder",
            raw().with_activation(Activation::Relu).transcoder(7),
        ),
        ("topk-transcoder", raw().transcoder(D)),
    ]
}

fn normal(rng: &mut Rng, shape: &[i64], scale: f32) -> Tensor {
    let n: i64 = shape.iter().product();
    let values: Vec<f32> = (0..n).map(|_| scale * rng.normal()).collect();
    Tensor::from_slice(&values).reshape(shape)
}

/// Random weights in every part that the configuration has.
fn sae(config: SaeConfig, rng: &mut Rng) -> dropsonde_sae::Result<Sae> {
    let mut sae = Sae::random(config, 3)?;
    sae.b_dec = normal(rng, &sae.b_dec.size(), 0.1);
    sae.b_enc = sae.b_enc.map(|b| normal(rng, &b.size(), 0.2));
    sae.threshold = sae
        .threshold
        .map(|t| normal(rng, &t.size(), 0.2).abs() + 0.05);
    sae.gate = sae
        .gate
        .map(|gate| gate.map(|g| normal(rng, &g.size(), 0.3)));
    Ok(sae)
}

fn main() -> Result<(), Box<dyn Error>> {
    let dir = PathBuf::from(
        std::env::args()
            .nth(1)
            .ok_or("expected a directory to write to")?,
    );
    std::fs::create_dir_all(&dir)?;
    let mut rng = Rng::new(5);
    let x = normal(&mut rng, &[ROWS, D as i64], 3.0) + 0.5;
    for (case, config) in cases() {
        let sae = sae(config, &mut rng)?;
        for format in Format::ALL {
            if matches!(format, Format::Dropsonde | Format::ClimateXai) {
                continue;
            }
            match export(&sae, format, dir.join(format!("{format}@{case}"))) {
                Ok(_) => println!("{case} as {format}"),
                Err(error) => println!(
                    "{case}: {}",
                    error.to_string().lines().next().unwrap_or_default()
                ),
            }
        }
        expected(&sae, &x, &dir.join(format!("{case}.safetensors")))?;
    }
    Ok(())
}

/// Rows, dense codes and reconstructions.
fn expected(sae: &Sae, x: &Tensor, path: &Path) -> Result<(), Box<dyn Error>> {
    let (codes, context) = sae.encode(x)?;
    let mut dense = vec![0.0f32; ROWS as usize * N];
    for row in 0..codes.n_rows {
        for (latent, value) in codes.row(row) {
            dense[row * N + latent as usize] = value;
        }
    }
    let recon = sae.decode(&codes, &context)?;
    let mut bytes = BTreeMap::new();
    for (name, tensor) in [
        ("x", x.shallow_clone()),
        (
            "codes",
            Tensor::from_slice(&dense).reshape([ROWS, N as i64]),
        ),
        ("recon", recon),
    ] {
        let shape: Vec<usize> = tensor.size().iter().map(|&n| n as usize).collect();
        let values = Vec::<f32>::try_from(tensor.to_kind(Kind::Float).contiguous().view(-1))?;
        let values: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        bytes.insert(name, (shape, values));
    }
    let views = bytes.iter().map(|(name, (shape, values))| {
        Ok((*name, TensorView::new(Dtype::F32, shape.clone(), values)?))
    });
    let views: Vec<_> = views.collect::<Result<_, safetensors::SafeTensorError>>()?;
    std::fs::write(path, safetensors::serialize(views, None)?)?;
    Ok(())
}
