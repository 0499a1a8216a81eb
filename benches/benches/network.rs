//! The parts of a forecast step, a whole step and a training step, with the bare matrix product beside them.
//!
//! Ids name the grid resolution in degrees, the mesh size and the latent width. The throughput in elements per second is
//! essential floating-point operations per second (of the forward pass alone in the training step), so that it compares
//! with that of `gemm`, a product with as many rows as the processor has edges.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use dropsonde_benches::case::Case;
use dropsonde_benches::figures::gemm::{self, Product};
use dropsonde_benches::flops::Essential;
use dropsonde_benches::training::{Sample, trainer};
use dropsonde_forecaster::{Forecaster, NoTap, Precision};
use tch::{Kind, no_grad};

/// Degrees, mesh size, latent width; four processor steps.
const SIZES: [(f64, u8, i64); 2] = [(4.0, 3, 128), (2.0, 4, 256)];

/// A case with its name.
fn cases() -> impl Iterator<Item = (Case, String)> {
    SIZES.into_iter().map(|(degrees, mesh, width)| {
        let name = format!("{degrees}deg_mesh{mesh}_{width}");
        (Case::sized(degrees, mesh, width, 4), name)
    })
}

fn forecaster(case: &Case) -> Forecaster {
    case.forecaster(Precision::F32)
        .expect("networks of these sizes exist")
}

fn forward(c: &mut Criterion) {
    for (case, name) in cases() {
        let forecaster = forecaster(&case);
        let essential = Essential::of(&forecaster);
        let raw = case.raw().expect("the inputs are small");
        let features = forecaster.features(&raw);
        let encoded = no_grad(|| forecaster.encode(&features)).expect("the features fit");
        let mut group = c.benchmark_group(format!("forward {name} cpu"));
        group.sample_size(10);
        let mut bench = |part: &str, operations: f64, work: &mut dyn FnMut()| {
            group.throughput(Throughput::Elements(operations as u64));
            group.bench_function(part, |b| b.iter(|| no_grad(&mut *work)));
        };
        bench("encoder", essential.encoder, &mut || {
            drop(forecaster.encode(&features).expect("the features fit"));
        });
        bench("processor_layer", essential.layer, &mut || {
            let mut latents = encoded.shallow_clone();
            let done = forecaster.process(1..2, &mut latents);
            done.expect("the latents are the encoder's");
        });
        bench("decoder", essential.decoder, &mut || {
            drop(forecaster.decode(&encoded));
        });
        bench("step", essential.total(), &mut || {
            drop(forecaster.predict(&raw, &mut NoTap).expect("they fit"));
        });
        let width = case.model.latent_size;
        let shape = [forecaster.graph().processor.len() as i64, width, width];
        let product = Product::new(shape, Kind::Float).expect("the operands are small");
        bench("gemm", gemm::operations(shape), &mut || drop(product.run()));
        group.finish();
    }
}

fn training(c: &mut Criterion) {
    let mut group = c.benchmark_group("training cpu");
    group.sample_size(10);
    for (case, name) in cases() {
        let sample = Sample::new(&case).expect("the states are small");
        let mut trainer = trainer(&case).expect("networks of these sizes exist");
        let operations = Essential::of(trainer.forecaster()).total();
        group.throughput(Throughput::Elements(operations as u64));
        group.bench_function(BenchmarkId::new("step", name), |b| {
            b.iter(|| trainer.step(&sample.data).expect("the loss is finite"));
        });
    }
    group.finish();
}

criterion_group!(benches, forward, training);
criterion_main!(benches);
