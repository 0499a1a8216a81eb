//! bf16: no worse than the reference's own, and f32 wherever somebody looks.

use crate::common::{PRECIPITATION, TINY, case};
use dropsonde_forecaster::{Kernel, NoTap, Precision, Site, SiteSummary, Tap};
use tch::{Kind, Tensor};

/// Error of a prediction `[N, C_out]` in units of the output scales: rms and largest.
fn error(prediction: &Tensor, truth: &Tensor, scales: &Tensor) -> (f64, f64) {
    let error = (prediction.to_kind(Kind::Double) - truth.to_kind(Kind::Double)) / scales;
    let rms = error.square().mean(Kind::Double).sqrt();
    (rms.double_value(&[]), error.abs().max().double_value(&[]))
}

#[test]
fn bf16_is_at_least_as_close_to_f32_as_the_reference_in_bf16() {
    let all = [TINY, PRECIPITATION].into_iter();
    for (model, kernel) in all.flat_map(|m| Kernel::ALL.map(|k| (m, k))) {
        let case = case(model, kernel, Precision::Bf16);
        let found = tch::no_grad(|| case.forecaster.predict(&case.raw(), &mut NoTap)).unwrap();
        let truth = case.expected.tensor("prediction_1step");
        let scales = case.output_scales();
        let ours = error(&found.squeeze_dim(1), &truth, &scales);
        let theirs = case.expected.tensor("prediction_1step_bf16");
        let theirs = error(&theirs, &truth, &scales);
        println!("{model}, {kernel}: rms and largest error {ours:?}, the reference {theirs:?}");
        assert!(
            ours.0 <= theirs.0 && ours.1 <= theirs.1,
            "{model}: {ours:?} {theirs:?}"
        );
        // It is bf16 indeed.
        assert!(ours.0 > 1e-4, "{model}: {ours:?}");
    }
}

/// Notes the element type at every site.
#[derive(Default)]
struct Kinds(Vec<Kind>);

impl Tap for Kinds {
    fn visit(&mut self, _site: Site, latents: Tensor) -> Tensor {
        self.0.push(latents.kind());
        latents
    }
}

#[test]
fn taps_features_and_output_are_f32_in_bf16() {
    let case = case(TINY, Kernel::Plain, Precision::Bf16);
    let raw = case.raw();
    let features = case.forecaster.features(&raw);
    let mut kinds = Kinds::default();
    let output = case.forecaster.forward(&features, &mut kinds).unwrap();
    assert_eq!(kinds.0, [Kind::Float; 4]);
    assert_eq!(
        [raw.kind(), features.kind(), output.kind()],
        [Kind::Float; 3]
    );
}

#[test]
fn gradients_flow_through_bf16() {
    let case = case(TINY, Kernel::Plain, Precision::Bf16);
    let features = case
        .forecaster
        .features(&case.raw())
        .set_requires_grad(true);
    let output = case.forecaster.forward(&features, &mut NoTap).unwrap();
    output.square().sum(Kind::Float).backward();
    let gradient = features.grad();
    assert!(gradient.norm().double_value(&[]) > 0.0);
    assert!(bool::try_from(gradient.isfinite().all()).unwrap());
}

#[test]
fn a_summary_sees_features_sites_and_output() {
    let case = case(TINY, Kernel::Plain, Precision::F32);
    let mut trace = SiteSummary::default();
    let prediction = tch::no_grad(|| {
        let predicted = case.forecaster.predict(&case.raw(), &mut trace).unwrap();
        assert!(predicted.equal(&case.forecaster.predict(&case.raw(), &mut NoTap).unwrap()));
        predicted
    });
    assert_eq!(prediction.size(), [684, 1, 83]);
    let sites: Vec<Site> = trace.sites.iter().map(|(site, _)| *site).collect();
    assert_eq!(sites, case.forecaster.sites());
    assert_eq!(trace.first_non_finite(), None);
    let features = trace.features.unwrap();
    assert_eq!(features.count, 684 * 183);
    // The fixture's statistics fit its weather.
    assert!((features.rms - 1.1).abs() < 0.1, "{features}");
    assert_eq!(trace.output.unwrap().count, 684 * 83);
    // A second pass starts a new trace, and a bad value is traced to where it enters.
    let mut raw = case.raw();
    let _ = raw.get(5).get(0).get(7).fill_(f64::NAN);
    let _ = tch::no_grad(|| case.forecaster.predict(&raw, &mut trace)).unwrap();
    assert_eq!(trace.sites.len(), 4);
    assert_eq!(trace.first_non_finite().as_deref(), Some("features"));
    assert_eq!(trace.features.unwrap().non_finite, 1);
    raw = raw.nan_to_num(Some(0.0), None, None);
    let _ = tch::no_grad(|| case.forecaster.predict(&raw, &mut trace)).unwrap();
    assert_eq!(trace.first_non_finite(), None);
}
