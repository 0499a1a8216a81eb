//! The authors' model, number by number.

use crate::common::{Goldens, max_diff, to_vec, transpose};
use dropsonde_sae::{Codes, RowContext, Sae, SaeMeta, TrainConfig, Trainer};

fn dense(codes: &Codes, n_latents: usize) -> Vec<f32> {
    let mut out = vec![0.0; codes.n_rows * n_latents];
    for row in 0..codes.n_rows {
        for (index, value) in codes.row(row) {
            out[row * n_latents + index as usize] = value;
        }
    }
    out
}

fn unit_sae(goldens: &Goldens) -> Sae {
    let raw = goldens.raw_sae();
    let tensors = raw.named().into_iter();
    Sae::from_tensors(
        raw.config.clone(),
        tensors.map(|(name, tensor)| (name.to_owned(), tensor.copy())),
        SaeMeta::default(),
    )
    .unwrap()
}

fn paper_trainer(goldens: &Goldens, dead: &[bool]) -> Trainer {
    let dead_window = goldens.i64("dead_window")[0] as u64;
    let mut trainer = Trainer::new(
        goldens.raw_sae(),
        TrainConfig {
            dead_window,
            ..TrainConfig::paper()
        },
    )
    .unwrap();
    let misses = goldens
        .i64("init.miss_counts")
        .iter()
        .map(|&n| n as u64)
        .collect();
    trainer.set_dead_state(misses, dead.to_vec()).unwrap();
    trainer
}

#[test]
fn preprocessing_codes_and_reconstruction() {
    let goldens = Goldens::open();
    let sae = unit_sae(&goldens);
    let x = goldens.tensor("x0");
    let (normalised, context) = sae.preprocess(&x).unwrap();
    assert!(max_diff(&to_vec(&normalised), &goldens.f32("x0_normalized")) < 1e-6);
    let (codes, encode_context) = sae.encode(&x).unwrap();
    assert_eq!(context, encode_context);
    assert!(max_diff(&dense(&codes, 128), &goldens.f32("fwd_nodead.code")) < 2e-6);
    let recon = sae.decode_normalised(&codes).unwrap();
    assert!(max_diff(&to_vec(&recon), &goldens.f32("fwd_nodead.recon")) < 5e-6);
    let mut raw = goldens.raw_sae();
    raw.b_dec = sae.b_dec.copy();
    let recon = raw.decode_normalised(&codes).unwrap();
    assert!(max_diff(&to_vec(&recon), &goldens.f32("fwd_not_unit.recon")) < 5e-6);
}

#[test]
fn reconstruction_in_latents_undoes_the_preprocessing() {
    let goldens = Goldens::open();
    let sae = unit_sae(&goldens);
    let (codes, context) = sae.encode(&goldens.tensor("x1")).unwrap();
    let (raw, unit) = (
        sae.decode(&codes, &context).unwrap(),
        sae.decode_normalised(&codes).unwrap(),
    );
    let RowContext { mean, norm } = context;
    let expected: Vec<f32> = to_vec(&unit)
        .chunks(32)
        .zip(mean.iter().zip(&norm))
        .flat_map(|(r, (m, n))| r.iter().map(move |v| v * n + m))
        .collect();
    assert!(max_diff(&to_vec(&raw), &expected) < 1e-6);
}

#[test]
fn losses_and_gradients() {
    let goldens = Goldens::open();
    let x = goldens.tensor("x0");
    for case in ["fwd_dead", "fwd_fewdead", "fwd_nodead"] {
        let get = |name: &str| goldens.f32(&format!("{case}.{name}"));
        let mut trainer = paper_trainer(&goldens, &goldens.bool(&format!("{case}.dead_mask")));
        let (losses, gradients) = trainer.gradients(&x).unwrap();
        for (name, found) in [
            ("loss", losses.total),
            ("loss_main", losses.main),
            ("loss_aux", losses.aux),
        ] {
            let expected = goldens.f64(&format!("{case}.{name}"));
            assert!(
                (found - expected).abs() <= 1e-6 * expected.abs(),
                "{case} {name}: {found} instead of {expected}"
            );
        }
        let pairs = [
            ("enc", gradients.w_enc, get("grad.enc.weight")),
            (
                "dec",
                gradients.w_dec,
                transpose(&get("grad.dec.weight"), 32),
            ),
            (
                "projected",
                gradients.w_dec_projected,
                transpose(&get("grad_projected.dec.weight"), 32),
            ),
            ("bias", gradients.b_dec, get("grad.b_pre")),
        ];
        for (name, found, expected) in pairs {
            let largest = expected.iter().fold(0.0f32, |m, g| m.max(g.abs()));
            let error = max_diff(&found, &expected) / largest;
            assert!(
                error < 1e-5,
                "{case} {name}: relative to the largest {error}"
            );
        }
    }
}

#[test]
fn four_optimiser_steps() {
    let goldens = Goldens::open();
    let mut trainer = paper_trainer(&goldens, &goldens.bool("step0.dead_mask_used"));
    for step in 0..4 {
        assert_eq!(
            trainer.dead(),
            goldens.bool(&format!("step{step}.dead_mask_used")),
            "step {step}"
        );
        let losses = trainer.step(&goldens.tensor(&format!("x{step}"))).unwrap();
        for (name, found) in [
            ("loss", losses.total),
            ("loss_main", losses.main),
            ("loss_aux", losses.aux),
        ] {
            let expected = goldens.f64(&format!("step{step}.{name}"));
            assert!(
                (found - expected).abs() <= 1e-5 * expected,
                "step {step} {name}: {found} instead of {expected}"
            );
        }
        let after = |name: &str| format!("after_step{step}.{name}");
        let sae = trainer.sae();
        let pairs = [
            ("enc", to_vec(&sae.w_enc), goldens.f32(&after("enc.weight"))),
            (
                "dec",
                to_vec(&sae.w_dec),
                transpose(&goldens.f32(&after("dec.weight")), 32),
            ),
            ("bias", to_vec(&sae.b_dec), goldens.f32(&after("b_pre"))),
        ];
        for (name, found, expected) in pairs {
            let error = max_diff(&found, &expected);
            assert!(error < 2e-5, "step {step} {name}: {error}");
        }
        let misses: Vec<u64> = goldens
            .i64(&after("miss_counts"))
            .iter()
            .map(|&n| n as u64)
            .collect();
        assert_eq!(trainer.miss_counts(), misses, "step {step}");
        assert_eq!(
            trainer.dead(),
            goldens.bool(&after("dead_mask")),
            "step {step}"
        );
    }
}
