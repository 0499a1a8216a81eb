//! The other tools' own codes and reconstructions.

use dropsonde_sae::interchange::{FeatureRange, Format, Options, Report, import, import_with};
use dropsonde_sae::{Activation, Bias, Error, Preprocessing, Sae};

use super::{fixture, outputs, relative};
use crate::common::{Goldens, max_diff, to_vec};

/// Largest difference over the largest value; what is left is the order of sums in f32.
const TOLERANCE: f32 = 5e-6;
/// As above with rows divided by a standard deviation, to which SAELens adds 1e-5 before encoding but not after.
const WITH_EPSILON: f32 = 2e-5;

fn check(name: &str, expected: &str, tolerance: f32) -> (Sae, Report) {
    let (sae, report) = import(fixture(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
    compare(&sae, expected, tolerance);
    (sae, report)
}

fn compare(sae: &Sae, expected: &str, tolerance: f32) {
    let goldens = Goldens::read("interchange/expected.npz");
    let found = outputs(sae, &goldens.tensor("x"));
    for (what, found) in ["codes", "recon"].into_iter().zip(found) {
        let error = relative(&found, &goldens.f32(&format!("{expected}.{what}")));
        assert!(error < tolerance, "{expected} {what}: {error}");
    }
}

#[test]
fn saelens() {
    for name in [
        "standard",
        "topk-rescaled",
        "jumprelu",
        "gated",
        "transcoder",
        "jumprelu-transcoder",
        "batchtopk-inference",
        "matryoshka-inference",
    ] {
        let name = format!("saelens-{name}");
        let (_, report) = check(&name, &name, TOLERANCE);
        assert_eq!(report.format, Format::SaeLens);
        assert_eq!(report.not_carried, [""; 0], "{name}");
    }
    let (sae, _) = check("saelens-topk", "saelens-topk", WITH_EPSILON);
    assert_eq!(sae.config.preprocessing, Preprocessing::LayerNorm);
}

#[test]
fn saelens_training_checkpoints_are_what_they_are_saved_as() {
    for name in ["saelens-batchtopk", "saelens-matryoshka"] {
        let inference = format!("{name}-inference");
        let (training, _) = check(name, &inference, TOLERANCE);
        let (saved, _) = import(fixture(&inference)).unwrap();
        assert_eq!(training.config.activation, Activation::BatchTopK { k: 4 });
        assert_eq!(training.config, saved.config);
    }
    let (sae, _) = import(fixture("saelens-matryoshka")).unwrap();
    assert_eq!(sae.config.prefixes, [6, 12, 24]);
}

#[test]
fn sparsify() {
    for name in ["sparsify-topk", "sparsify-bf16", "sparsify-transcoder"] {
        let (sae, report) = check(name, name, TOLERANCE);
        assert_eq!(report.format, Format::Sparsify);
        assert_eq!(sae.config.transcoder, name.ends_with("transcoder"));
    }
}

#[test]
fn dictionary_learning() {
    for name in [
        "relu",
        "relu-new",
        "gated",
        "jumprelu",
        "topk",
        "batchtopk",
        "batchtopk-unset",
        "matryoshka",
    ] {
        let name = format!("dictionary-learning-{name}");
        let (sae, report) = check(&name, &name, TOLERANCE);
        assert_eq!(report.format, Format::DictionaryLearning);
        let left: &[&str] = match sae.config.activation {
            Activation::TopK { .. } => &["tensor `threshold`"],
            _ => &[],
        };
        assert_eq!(report.not_carried, left, "{name}");
    }
    let (sae, _) = import(fixture("dictionary-learning-matryoshka")).unwrap();
    assert_eq!(sae.config.prefixes, [6, 12, 24]);
}

#[test]
fn climate_xai() {
    let (sae, report) = import(fixture("climate-xai-plain/final_model.pt")).unwrap();
    assert_eq!(sae.meta.site, "processor/15");
    assert_eq!(sae.config.k_aux, 5);
    assert_eq!(report.not_carried, ["`optimizer_state_dict`"]);
    // Beyond 32 bits, where pickle writes integers in another way.
    assert_eq!(report.miss_counts.unwrap()[23], 23_000_000_000);
    assert_eq!(
        report
            .dead_mask
            .unwrap()
            .iter()
            .filter(|&&dead| dead)
            .count(),
        3
    );
    let goldens = Goldens::read("interchange/expected.npz");
    let (codes, _) = sae.encode(&goldens.tensor("x")).unwrap();
    let [dense, _] = outputs(&sae, &goldens.tensor("x"));
    assert!(relative(&dense, &goldens.f32("climate-xai-plain.codes")) < TOLERANCE);
    // The model returns the reconstruction of unit-norm rows.
    let recon = to_vec(&sae.decode_normalised(&codes).unwrap());
    assert!(relative(&recon, &goldens.f32("climate-xai-plain.recon")) < TOLERANCE);

    let (sae, report) = check(
        "climate-xai-matryoshka",
        "climate-xai-matryoshka",
        TOLERANCE,
    );
    assert_eq!(sae.config.prefixes, [6, 12, 24]);
    assert_eq!(sae.config.bias, Bias::Encoder);
    assert_eq!(
        report.not_carried,
        [
            "`optimizer_state_dict`",
            "`scheduler_state_dict`",
            "`scaler_state_dict`",
            "tensor `sq_act_running_avg`"
        ]
    );
}

#[test]
fn the_scaling_of_climate_xai_can_be_part_of_the_weights() {
    let goldens = Goldens::read("interchange/expected.npz");
    let range = FeatureRange {
        min: goldens.f32("range.min"),
        max: goldens.f32("range.max"),
    };
    let options = Options {
        feature_range: Some(range.clone()),
        ..Options::default()
    };
    let path = fixture("climate-xai-matryoshka");
    let (sae, _) = import_with(&path, &options).unwrap();
    compare(&sae, "climate-xai-range", 2e-5);
    let short = Options {
        feature_range: Some(FeatureRange {
            min: range.min[1..].to_vec(),
            ..range
        }),
        ..Options::default()
    };
    assert!(matches!(
        import_with(&path, &short),
        Err(Error::Length {
            expected: 8,
            found: 7,
            ..
        })
    ));
}

#[test]
fn the_paper_in_all_its_variants() {
    let goldens = Goldens::open();
    let x = goldens.tensor("x0");
    for name in [
        "paper/sae_step0000334_t0M.pt",
        "paper/sae_bare_state_dict.pt",
        "paper-optimizer",
    ] {
        let (sae, report) = import(fixture(name)).unwrap();
        assert_eq!(
            (sae.config.activation, sae.config.k_aux),
            (Activation::TopK { k: 8 }, 16)
        );
        let [codes, _] = outputs(&sae, &x);
        assert!(
            max_diff(&codes, &goldens.f32("fwd_nodead.code")) < 2e-6,
            "{name}"
        );
        let (codes, _) = sae.encode(&x).unwrap();
        let recon = to_vec(&sae.decode_normalised(&codes).unwrap());
        assert!(
            max_diff(&recon, &goldens.f32("fwd_nodead.recon")) < 5e-6,
            "{name}"
        );
        let misses = goldens
            .i64("init.miss_counts")
            .iter()
            .map(|&n| n as u64)
            .collect();
        assert_eq!(report.miss_counts, Some(misses), "{name}");
        assert_eq!(
            report.dead_mask,
            Some(goldens.bool("init.dead_mask")),
            "{name}"
        );
        let left: &[&str] = match name {
            "paper-optimizer" => &["`optimizer_state`"],
            _ => &[],
        };
        assert_eq!(report.not_carried, left, "{name}");
        assert!(report.notes[0].contains("norms"), "{:?}", report.notes);
    }
}

#[test]
fn unit_decoders_keep_the_reconstruction() {
    let x = Goldens::read("interchange/expected.npz").tensor("x");
    for name in ["saelens-standard", "saelens-jumprelu", "saelens-gated"] {
        let (sae, _) = import(fixture(name)).unwrap();
        let unit = sae.with_unit_decoder().unwrap();
        let [codes, recon] = outputs(&unit, &x);
        let [before, expected] = outputs(&sae, &x);
        assert!(relative(&recon, &expected) < TOLERANCE, "{name}");
        assert!(relative(&codes, &before) > 0.1, "{name}");
        let norms = unit.w_dec.square().sum_dim_intlist(1, false, None).sqrt();
        assert!(max_diff(&to_vec(&norms), &[1.0; 24]) < 1e-6);
    }
    let (sae, _) = import(fixture("sparsify-topk")).unwrap();
    assert!(matches!(
        sae.with_unit_decoder(),
        Err(Error::Config {
            key: "activation",
            ..
        })
    ));
}
