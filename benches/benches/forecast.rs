//! One 6 h step of the forecaster that is shipped for the simulated Earth.

use criterion::{Criterion, criterion_group, criterion_main};
use dropsonde_benches::figures::earth::Earth;

fn forecast(c: &mut Criterion) {
    let earth = Earth::open().expect("weights and data are in the repository");
    let mut group = c.benchmark_group("forecast earth-s 96x48 cpu");
    group.sample_size(10);
    group.bench_function("step", |b| {
        b.iter(|| earth.step().expect("the shipped states are complete"));
    });
    group.finish();
}

criterion_group!(benches, forecast);
criterion_main!(benches);
