//! What every tap promises about the bits of a forecast.

use crate::common::{STEPS, WIDTH, forecaster, start};
use dropsonde_capture::{EditTap, Leaf, PushTap, Recorder, Splice, SpliceTap};
use dropsonde_fields::State;
use dropsonde_forecaster::{Forecaster, NoTap, Site, Tap};
use dropsonde_sae::{CodeEdit, EditOp, Sae, SaeConfig};
use tch::{Kind, Tensor};

const SITE: Site = Site::Processor(1);

fn sae() -> Sae {
    Sae::random(SaeConfig::new(WIDTH, 64, 4), 5).unwrap()
}

fn features(forecaster: &Forecaster) -> Tensor {
    let (previous, current) = start();
    let forcings = State::new(current.time.plus_hours(6));
    forecaster.features(
        &forecaster
            .raw_inputs(&previous, &current, &forcings)
            .unwrap(),
    )
}

fn output(forecaster: &Forecaster, tap: &mut dyn Tap) -> Tensor {
    tch::no_grad(|| forecaster.forward(&features(forecaster), tap)).unwrap()
}

fn same_bits(a: &Tensor, b: &Tensor) -> bool {
    a.size() == b.size() && bool::try_from(a.eq_tensor(b).all()).unwrap()
}

/// A feature that is active somewhere at the site.
fn active_feature(forecaster: &Forecaster, sae: &Sae) -> u32 {
    let codes = sae
        .encode(&latents(forecaster, &mut NoTap).squeeze_dim(1))
        .unwrap()
        .0;
    let best = (0..codes.values.len())
        .max_by(|&a, &b| codes.values[a].total_cmp(&codes.values[b]))
        .unwrap();
    codes.indices[best]
}

/// Latents at the site after `tap`.
fn latents(forecaster: &Forecaster, tap: &mut dyn Tap) -> Tensor {
    let mut both = (tap, Recorder::new([SITE]));
    let _output = output(forecaster, &mut both);
    both.1.take(SITE).unwrap()
}

#[test]
fn looking_changes_nothing() {
    let forecaster = forecaster();
    let sae = sae();
    let base = output(&forecaster, &mut NoTap);
    assert!(same_bits(
        &base,
        &output(&forecaster, &mut Recorder::new(Site::all(STEPS)))
    ));
    let mut identity = SpliceTap::new(SITE, Splice::Identity, WIDTH).unwrap();
    assert!(same_bits(&base, &output(&forecaster, &mut identity)));
    let feature = active_feature(&forecaster, &sae);
    let edit = CodeEdit::new(vec![feature], EditOp::Scale { strength: 0.0 });
    let mut tap = EditTap::new(&sae, edit, SITE, WIDTH).unwrap();
    assert!(same_bits(&base, &output(&forecaster, &mut tap)));
    assert_eq!(tap.record().rows_changed, 0);
}

#[test]
fn a_recorders_handle_keeps_its_bits() {
    let forecaster = forecaster();
    let mut recorder = Recorder::new([Site::Encoder]);
    let _output = output(&forecaster, &mut recorder);
    let handle = recorder.take(Site::Encoder).unwrap();
    let copy = handle.copy();
    let _again = output(&forecaster, &mut Recorder::new([]));
    assert!(same_bits(&handle, &copy));
    assert!(recorder.take(Site::Encoder).is_none());
}

#[test]
fn an_edit_adds_what_the_algebra_says_and_only_where_it_may() {
    let forecaster = forecaster();
    let sae = sae();
    let before = latents(&forecaster, &mut NoTap);
    let feature = active_feature(&forecaster, &sae);
    let edit = CodeEdit::new(vec![feature], EditOp::Scale { strength: 2.0 });
    let n_nodes = before.size()[0] as usize;
    let (codes, context) = sae.encode(&before.squeeze_dim(1)).unwrap();
    let mask: Vec<bool> = (0..n_nodes).map(|node| node % 2 == 0).collect();
    let mut tap = EditTap::new(&sae, edit, SITE, WIDTH).unwrap();
    tap.set_nodes(Some(mask.clone()));
    let after = latents(&forecaster, &mut tap);
    let direction = sae.w_dec.get(feature.into());
    let mut changed = 0;
    for (node, &may) in mask.iter().enumerate() {
        let found = after.get(node as i64) - before.get(node as i64);
        let size = if may {
            2.0 * codes.value(node, feature) * context.norm[node]
        } else {
            0.0
        };
        let expected = (&direction * f64::from(size)).unsqueeze(0);
        let error = (&found - &expected).abs().max().double_value(&[]);
        assert!(
            error <= 1e-4 * (1.0 + f64::from(size)),
            "node {node}: {error}"
        );
        if size == 0.0 {
            assert!(
                same_bits(&after.get(node as i64), &before.get(node as i64)),
                "node {node}"
            );
        } else {
            changed += 1;
        }
    }
    assert_eq!(tap.record().rows_changed, changed);
    assert!(changed > 0);
    assert!(!same_bits(
        &output(&forecaster, &mut tap),
        &output(&forecaster, &mut NoTap)
    ));
}

#[test]
fn a_push_has_the_asked_lengths_and_leaves_other_rows_alone() {
    let latents = Tensor::arange(24, (Kind::Float, tch::Device::Cpu))
        .reshape([6, 1, 4])
        .sin();
    let direction = Tensor::from_slice(&[0.0f32, 0.6, 0.8, 0.0]);
    let mut tap = PushTap::new(SITE, &[1, 4], &[0.5, -2.0], &direction);
    let elsewhere = tap.visit(Site::Encoder, latents.shallow_clone());
    assert!(same_bits(&elsewhere, &latents));
    let pushed = tap.visit(SITE, latents.shallow_clone());
    for (row, length) in [0.0, 0.5, 0.0, 0.0, -2.0, 0.0].into_iter().enumerate() {
        let added = pushed.get(row as i64) - latents.get(row as i64);
        let expected = (&direction * length).unsqueeze(0);
        assert!(
            (added - expected).abs().max().double_value(&[]) < 1e-6,
            "{row}"
        );
    }
    assert!((tap.record().delta_norm - 4.25f64.sqrt()).abs() < 1e-6);
    assert_eq!(tap.record().rows_changed, 2);
    assert!(tap.max_length_error() < 1e-6);
}

#[test]
fn a_leaf_receives_the_gradient_of_a_metric() {
    let forecaster = forecaster();
    let mut leaf = Leaf::new(SITE);
    let output = forecaster
        .forward(&features(&forecaster), &mut leaf)
        .unwrap();
    output.narrow(2, 0, 1).sum(Kind::Float).backward();
    let gradient = leaf.gradient().unwrap();
    assert_eq!(gradient.size(), leaf.latents().unwrap().size());
    // Against a finite difference along one direction.
    let direction = gradient.sign();
    let metric = |step: f64| {
        let mut shift = Shift(&direction * step);
        let output =
            tch::no_grad(|| forecaster.forward(&features(&forecaster), &mut shift)).unwrap();
        output.narrow(2, 0, 1).sum(Kind::Double).double_value(&[])
    };
    let slope = (metric(1e-3) - metric(-1e-3)) / 2e-3;
    let expected = (&gradient * &direction).sum(Kind::Double).double_value(&[]);
    assert!((slope / expected - 1.0).abs() < 0.02, "{slope} {expected}");
}

/// Adds a fixed tensor at the site.
struct Shift(Tensor);

impl Tap for Shift {
    fn visit(&mut self, site: Site, latents: Tensor) -> Tensor {
        if site == SITE {
            latents + &self.0
        } else {
            latents
        }
    }
}

#[test]
fn an_autoencoder_of_another_width_is_refused() {
    let other = Sae::random(SaeConfig::new(8, 16, 2), 1).unwrap();
    let edit = CodeEdit::new(vec![0], EditOp::Scale { strength: 1.0 });
    let error = EditTap::new(&other, edit, SITE, WIDTH)
        .unwrap_err()
        .to_string();
    assert!(error.contains('8') && error.contains("16"), "{error}");
    let edit = CodeEdit::new(vec![64], EditOp::Scale { strength: 1.0 });
    let error = EditTap::new(&sae(), edit, SITE, WIDTH)
        .unwrap_err()
        .to_string();
    assert!(error.contains("below 64"), "{error}");
}
