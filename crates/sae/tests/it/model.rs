//! The algebra of edits, and autoencoders on disk.

use std::fs;

use dropsonde_activations::Rng;
use dropsonde_sae::{
    CodeEdit, Codes, EditOp, Error, Preprocessing, Rescale, RowContext, Sae, SaeConfig,
};
use proptest::prelude::*;
use tch::Tensor;

fn to_vec(t: &Tensor) -> Vec<f32> {
    Vec::try_from(t.contiguous().view(-1)).unwrap()
}

fn rows(n: i64, d: i64, seed: u64) -> Tensor {
    let mut rng = Rng::new(seed);
    let values: Vec<f32> = (0..n * d).map(|_| 20.0 * rng.normal() + 3.0).collect();
    Tensor::from_slice(&values).reshape([n, d])
}

fn sae() -> Sae {
    Sae::random(SaeConfig::new(12, 48, 5), 2).unwrap()
}

#[test]
fn encode_agrees_with_a_dense_top_k() {
    for preprocessing in [Preprocessing::CentreUnitNorm, Preprocessing::None] {
        let sae = Sae {
            config: SaeConfig {
                preprocessing,
                ..sae().config
            },
            ..sae()
        };
        let x = rows(1500, 12, 4);
        let (codes, context) = sae.encode(&x).unwrap();
        let (u, _) = sae.preprocess(&x).unwrap();
        let (values, _) = (u - &sae.b_dec)
            .matmul(&sae.w_enc.tr())
            .relu()
            .topk(5, 1, true, true);
        let error = (Tensor::from_slice(&codes.values).reshape([1500, 5]) - values)
            .abs()
            .max()
            .double_value(&[]);
        assert!(
            error
                < 1e-5
                    * if preprocessing == Preprocessing::None {
                        100.0
                    } else {
                        1.0
                    },
            "{error}"
        );
        if preprocessing == Preprocessing::None {
            assert_eq!(context, RowContext::identity(1500));
        }
    }
}

#[test]
fn ablation_is_the_reconstruction_without_the_feature() {
    let (sae, x) = (sae(), rows(30, 12, 1));
    let (codes, context) = sae.encode(&x).unwrap();
    let feature = codes.indices[0];
    let mut without = codes.clone();
    for (index, value) in without.indices.iter().zip(&mut without.values) {
        *value = if *index == feature { 0.0 } else { *value };
    }
    let expected = sae.decode(&without, &context).unwrap() - sae.decode(&codes, &context).unwrap();
    let edit = CodeEdit::new(vec![feature], EditOp::Scale { strength: -1.0 });
    let found = edit.latent_delta(&sae, &x, None).unwrap();
    let error = (found - expected).abs().max().double_value(&[]);
    assert!(error < 1e-4, "{error}");
}

#[test]
fn published_convention_lacks_the_norm() {
    let (sae, x) = (sae(), rows(10, 12, 1));
    let (codes, context) = sae.encode(&x).unwrap();
    let mut edit = CodeEdit::new(vec![codes.indices[0]], EditOp::Set { value: 0.7 });
    let rescaled = to_vec(&edit.latent_delta(&sae, &x, None).unwrap());
    edit.rescale = Rescale::Published;
    let published = to_vec(&edit.latent_delta(&sae, &x, None).unwrap());
    for (i, (a, b)) in rescaled.iter().zip(&published).enumerate() {
        let norm = context.norm[i / 12];
        assert!((a - norm * b).abs() <= 1e-5 * norm, "{a} {b} {norm}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn edits_change_only_what_they_say(
        seed in 0u64..100,
        strength in -2.0f32..3.0,
        features in proptest::collection::vec(0u32..48, 1..6),
        mask in proptest::collection::vec(any::<bool>(), 9),
    ) {
        let (sae, x) = (sae(), rows(9, 12, seed));
        let (codes, _) = sae.encode(&x).unwrap();
        let edit = CodeEdit::new(features.clone(), EditOp::Scale { strength });
        let delta = edit.delta(&codes, Some(&mask));
        let latents = to_vec(&edit.latent_delta(&sae, &x, Some(&mask)).unwrap());
        for row in 0..9 {
            for feature in 0..48u32 {
                let expected =
                    if mask[row] && features.contains(&feature) { strength * codes.value(row, feature) } else { 0.0 };
                prop_assert_eq!(delta.value(row, feature), expected);
            }
            if delta.row(row).next().is_none() {
                prop_assert!(latents[row * 12..][..12].iter().all(|v| v.to_bits() == 0));
            }
        }
    }

    #[test]
    fn strength_zero_is_the_identity(seed in 0u64..100) {
        let (sae, x) = (sae(), rows(9, 12, seed));
        let edit = CodeEdit::new((0..48).collect(), EditOp::Scale { strength: 0.0 });
        let delta = edit.latent_delta(&sae, &x, None).unwrap();
        prop_assert!(to_vec(&delta).iter().all(|v| v.to_bits() == 0));
        prop_assert_eq!(to_vec(&(&x + delta)), to_vec(&x));
    }

    #[test]
    fn differences_decode_linearly(seed in 0u64..100, a in -2.0f32..2.0) {
        let (sae, x) = (sae(), rows(6, 12, seed));
        let (codes, context) = sae.encode(&x).unwrap();
        let scaled = Codes { values: codes.values.iter().map(|v| a * v).collect(), ..codes.clone() };
        let one = sae.decode_delta(&codes, &context).unwrap() * f64::from(a);
        let other = sae.decode_delta(&scaled, &context).unwrap();
        prop_assert!((one - other).abs().max().double_value(&[]) < 1e-3);
    }
}

#[test]
fn a_round_trip_keeps_every_bit() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sae");
    let mut sae = sae();
    sae.meta.site = "processor/08".into();
    sae.meta.extra = serde_json::json!({ "loss": 0.25 });
    sae.save(&path).unwrap();
    let back = Sae::load(&path).unwrap();
    assert_eq!((&back.config, &back.meta), (&sae.config, &sae.meta));
    assert_eq!(back.sha256().unwrap(), sae.sha256().unwrap());
    let x = rows(20, 12, 3);
    assert_eq!(back.encode(&x).unwrap(), sae.encode(&x).unwrap());
}

#[test]
fn damaged_files_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sae");
    let (weights, config) = (path.join("sae.safetensors"), path.join("config.json"));
    let said = |what: &str| {
        let error = Sae::load(&path).err().unwrap();
        assert!(
            error.to_string().contains(what),
            "`{error}` should mention `{what}`"
        );
    };
    said("config.json");
    sae().save(&path).unwrap();
    let (whole, text) = (
        fs::read(&weights).unwrap(),
        fs::read_to_string(&config).unwrap(),
    );
    fs::write(&weights, &whole[..whole.len() - 100]).unwrap();
    said("sae.safetensors");
    let mut flipped = whole.clone();
    *flipped.last_mut().unwrap() ^= 1;
    fs::write(&weights, &flipped).unwrap();
    said("sha256");
    fs::write(&weights, &whole).unwrap();
    fs::write(
        &config,
        text.replace("\"n_latents\": 48", "\"n_latents\": 50"),
    )
    .unwrap();
    said("`w_dec` must have shape [50, 12], found [48, 12]");
    fs::write(&config, text.replace("\"k\": 5", "\"k\": 5, \"depth\": 2")).unwrap();
    said("unknown field `depth`");
    fs::remove_file(&weights).unwrap();
    fs::write(&config, text).unwrap();
    said("sae.safetensors");
}

/// Found by looking for what the fuzz target could reach: libtorch refuses such shapes by panicking.
#[test]
fn sizes_that_no_autoencoder_has_are_refused_before_they_are_used() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sae");
    sae().save(&path).unwrap();
    let (weights, config) = (path.join("sae.safetensors"), path.join("config.json"));
    let text = fs::read_to_string(&config).unwrap();
    let huge = text
        .replace("\"n_latents\": 48", &format!("\"n_latents\": {}", u64::MAX))
        .replace("\"d_in\": 12", "\"d_in\": 0");
    assert_ne!(huge, text);
    fs::write(&config, huge).unwrap();
    let empty = |name: &str, shape: &str| {
        format!(r#""{name}":{{"dtype":"F32","shape":{shape},"data_offsets":[0,0]}}"#)
    };
    let matrix = format!("[{},0]", u64::MAX);
    let tensors = [
        empty("w_enc", &matrix),
        empty("w_dec", &matrix),
        empty("b_dec", "[0]"),
    ];
    let header = format!("{{{}}}", tensors.join(","));
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.bytes());
    fs::write(weights, bytes).unwrap();
    let error = Sae::load(&path).err().unwrap();
    assert!(
        matches!(
            error,
            Error::Config {
                key: "d_in" | "n_latents",
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn wrong_arguments_are_errors() {
    assert!(matches!(
        Sae::random(SaeConfig::new(4, 8, 9), 0),
        Err(Error::Config { key: "k", .. })
    ));
    let sae = sae();
    let (codes, context) = sae.encode(&rows(3, 12, 0)).unwrap();
    let far = CodeEdit::new(vec![48], EditOp::Add { value: 1.0 }).delta(&codes, None);
    assert!(matches!(
        sae.decode_delta(&far, &context),
        Err(Error::Feature {
            feature: 48,
            n_latents: 48
        })
    ));
    assert!(matches!(
        sae.decode(&codes, &RowContext::identity(2)),
        Err(Error::Length { .. })
    ));
    assert!(
        sae.encode(&Tensor::zeros([3, 4, 12], tch::kind::FLOAT_CPU))
            .is_err()
    );
    let edit = CodeEdit::new(vec![1], EditOp::Add { value: 1.0 });
    assert!(
        edit.latent_delta(&sae, &rows(3, 12, 0), Some(&[true]))
            .is_err()
    );
    let (empty, _) = sae
        .encode(&Tensor::zeros([0, 12], tch::kind::FLOAT_CPU))
        .unwrap();
    assert_eq!(empty.n_rows, 0);
}
