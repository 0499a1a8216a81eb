//! Export, import, and the same autoencoder.

use dropsonde_activations::Rng;
use dropsonde_sae::interchange::{Format, export, import};
use dropsonde_sae::{Activation, Bias, Error, Preprocessing, Sae, SaeConfig};
use tch::Tensor;

use super::{outputs, relative};

const D: usize = 10;
const N: usize = 32;

fn normal(rng: &mut Rng, shape: &[i64], scale: f32) -> Tensor {
    let n: i64 = shape.iter().product();
    let values: Vec<f32> = (0..n).map(|_| scale * rng.normal()).collect();
    Tensor::from_slice(&values).reshape(shape)
}

fn random(config: SaeConfig) -> Sae {
    let mut rng = Rng::new(11);
    let mut sae = Sae::random(config, 7).unwrap();
    sae.b_dec = normal(&mut rng, &sae.b_dec.size(), 0.1);
    sae.b_enc = sae.b_enc.map(|b| normal(&mut rng, &b.size(), 0.2));
    sae.threshold = sae
        .threshold
        .map(|t| normal(&mut rng, &t.size(), 0.2).abs() + 0.05);
    sae.gate = sae
        .gate
        .map(|gate| gate.map(|g| normal(&mut rng, &g.size(), 0.3)));
    sae.meta.site = "processor/08".into();
    sae.meta.extra = serde_json::json!({ "loss": 0.25 });
    sae
}

const ACTIVATIONS: [Activation; 5] = [
    Activation::TopK { k: 4 },
    Activation::BatchTopK { k: 4 },
    Activation::JumpRelu { bandwidth: 0.125 },
    Activation::Gated,
    Activation::Relu,
];
const PREPROCESSINGS: [Preprocessing; 4] = [
    Preprocessing::CentreUnitNorm,
    Preprocessing::LayerNorm,
    Preprocessing::Scale(2.5),
    Preprocessing::None,
];

/// Every activation, preprocessing and place of the biases, plain, nested and as transcoder.
fn all() -> Vec<SaeConfig> {
    let mut all = Vec::new();
    for activation in ACTIVATIONS {
        for preprocessing in PREPROCESSINGS {
            for bias in [Bias::Shared, Bias::SharedAndEncoder, Bias::Encoder] {
                // Gated has no meaning without a bias of its own.
                if activation == Activation::Gated && bias == Bias::Shared {
                    continue;
                }
                let config = SaeConfig {
                    activation,
                    preprocessing,
                    bias,
                    ..SaeConfig::new(D, N, 4)
                };
                all.extend([config.clone(), config.clone().matryoshka()]);
                if bias == Bias::Encoder {
                    all.extend([config.clone().transcoder(D), config.transcoder(7)]);
                }
            }
        }
    }
    all
}

/// What the table in the module's docs promises.
fn holds(format: Format, config: &SaeConfig) -> bool {
    let top_k = matches!(config.activation, Activation::TopK { .. });
    let per_row = matches!(
        config.preprocessing,
        Preprocessing::CentreUnitNorm | Preprocessing::LayerNorm
    );
    match format {
        Format::Paper => {
            top_k
                && !config.transcoder
                && config.bias == Bias::Shared
                && config.preprocessing == Preprocessing::CentreUnitNorm
        }
        Format::SaeLens => !config.transcoder || !(top_k || config.activation == Activation::Gated),
        Format::Sparsify => top_k && !per_row && config.d_out == config.d_in,
        Format::DictionaryLearning => !per_row && !config.transcoder,
        Format::ClimateXai => false,
        _ => true,
    }
}

#[test]
fn every_format_gives_back_what_it_holds_and_refuses_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let x = normal(&mut Rng::new(2), &[24, D as i64], 3.0) + 0.5;
    let mut held = 0;
    for config in all() {
        let sae = random(config.clone());
        let expected = outputs(&sae, &x);
        for format in Format::ALL {
            let path = dir.path().join(format.name());
            let case = format!("{format}: {config:?}");
            match export(&sae, format, &path) {
                Ok(_) => assert!(holds(format, &config), "{case} was not refused"),
                Err(Error::Interchange { .. }) => {
                    assert!(!holds(format, &config), "{case} was refused");
                    continue;
                }
                Err(error) => panic!("{case}: {error}"),
            }
            held += 1;
            let (back, report) = import(&path).unwrap_or_else(|e| panic!("{case}: {e}"));
            assert_eq!(report.format, format);
            for (found, expected) in outputs(&back, &x).iter().zip(&expected) {
                let error = relative(found, expected);
                assert!(error < 1e-5, "{case}: {error}");
            }
            assert_eq!(back.meta, sae.meta, "{case}");
            // Moving a bias to and fro leaves rounding behind, which stays in an encoder bias.
            let config = SaeConfig {
                bias: back.config.bias,
                ..config.clone()
            };
            assert_eq!(back.config, config, "{case}");
        }
    }
    assert!(held > 150, "only {held} combinations were held");
}

#[test]
fn paper_units_survive_saelens() {
    let dir = tempfile::tempdir().unwrap();
    let sae = random(SaeConfig::new(D, N, 4));
    export(&sae, Format::SaeLens, dir.path().join("saelens")).unwrap();
    let (back, _) = import(dir.path().join("saelens")).unwrap();
    assert_eq!(back.config, sae.config);
    // Without our note it is the same function, in units of standard deviations.
    let path = dir.path().join("saelens/cfg.json");
    let text = std::fs::read_to_string(&path)
        .unwrap()
        .replace("\"dropsonde\"", "\"other\"");
    std::fs::write(&path, text).unwrap();
    let (plain, report) = import(dir.path().join("saelens")).unwrap();
    assert_eq!(plain.config.preprocessing, Preprocessing::LayerNorm);
    assert!(
        report
            .notes
            .iter()
            .any(|note| note.contains("decoder rows have norms")),
        "{:?}",
        report.notes
    );
    let x = normal(&mut Rng::new(2), &[24, D as i64], 3.0);
    let expected = outputs(&sae, &x);
    for (found, expected) in outputs(&plain, &x).iter().zip(&expected) {
        assert!(relative(found, expected) < 2e-5);
    }
}

#[test]
fn an_export_replaces_the_directory_and_is_the_same_every_time() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out");
    let sae = random(SaeConfig::new(D, N, 4));
    export(&sae, Format::Paper, &path).unwrap();
    let first = std::fs::read(path.join("sae.pt")).unwrap();
    export(&sae, Format::Paper, &path).unwrap();
    assert_eq!(std::fs::read(path.join("sae.pt")).unwrap(), first);
    export(&sae, Format::SaeLens, &path).unwrap();
    let mut names: Vec<_> = std::fs::read_dir(&path)
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["cfg.json", "sae_weights.safetensors"]);
    // A refusal leaves it as it was.
    assert!(export(&sae, Format::Sparsify, &path).is_err());
    assert!(import(&path).is_ok());
}

#[test]
fn crosscoders_stay_with_us() {
    let dir = tempfile::tempdir().unwrap();
    let sae = random(SaeConfig::new(5, N, 4).crosscoder(2));
    for format in Format::ALL {
        let result = export(&sae, format, dir.path().join(format.name()));
        assert_eq!(result.is_ok(), format == Format::Dropsonde, "{format}");
    }
}

#[test]
fn a_saved_autoencoder_has_a_card() {
    let dir = tempfile::tempdir().unwrap();
    let mut sae = random(SaeConfig::new(D, N, 4).matryoshka());
    sae.meta.source = "earth | mini\nof 1990".into();
    sae.save(dir.path().join("sae")).unwrap();
    let card = std::fs::read_to_string(dir.path().join("sae/README.md")).unwrap();
    assert!(
        card.starts_with("---\nlibrary_name: dropsonde\ntags:\n"),
        "{card}"
    );
    for text in [
        "# Matryoshka TopK sparse autoencoder, 32 latents",
        "| shape | 10 channels, 32 latents |",
        "| nested dictionaries | 2, 4, 8, 16, 32 |",
        "| site | processor/08 |",
        "| source of the activations | earth \\| mini of 1990 |",
        "Sae::load",
    ] {
        assert!(card.contains(text), "no `{text}` in:\n{card}");
    }
    assert!(Sae::load(dir.path().join("sae")).is_ok());
}
