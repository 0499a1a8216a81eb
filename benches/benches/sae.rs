//! Parts of the published autoencoder: encode, decode, a training step.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dropsonde_benches::figures::sae::{ROWS, batch, trainer};
use dropsonde_sae::{Precision, Sae, SaeConfig};

fn sae(c: &mut Criterion) {
    let config = SaeConfig::paper();
    let x = batch(ROWS, config.d_in as i64);
    let model = Sae::random(config.clone(), 1).expect("the published configuration is valid");
    let (codes, context) = model.encode(&x).expect("the batch has the model's width");
    let mut group = c.benchmark_group("sae 512x4096 k32 batch 8192 cpu");
    group
        .sample_size(10)
        .throughput(Throughput::Elements(ROWS as u64));
    group.bench_function("encode", |b| b.iter(|| model.encode(&x)));
    group.bench_function("decode", |b| b.iter(|| model.decode(&codes, &context)));
    let mut trainer =
        trainer(config, Precision::F32).expect("the published configuration is valid");
    group.bench_function("step", |b| b.iter(|| trainer.step(&x)));
    group.finish();
}

criterion_group!(benches, sae);
criterion_main!(benches);
