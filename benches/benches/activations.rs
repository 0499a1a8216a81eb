//! Writing, reading and shuffling latents.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dropsonde_activations::{ActivationReader, Shuffle, ShuffleConfig};
use dropsonde_benches::figures::capture::{NODES, RECORDS, WIDTH, latents, write};

fn activations(c: &mut Criterion) {
    let latents = latents(NODES * WIDTH);
    let dir = tempfile::tempdir().expect("a temporary directory can be made");
    let mut round = 0;
    let mut fresh = || {
        round += 1;
        dir.path().join(round.to_string())
    };
    let mut group = c.benchmark_group("activations 8x10242x512 f16 cpu");
    group
        .sample_size(10)
        .throughput(Throughput::Bytes((RECORDS * NODES * WIDTH * 4) as u64));
    group.bench_function("write", |b| {
        b.iter(|| {
            let path = fresh();
            write(&path, &latents).expect("the store can be written");
            std::fs::remove_dir_all(&path).expect("the store can be removed");
        });
    });
    let path = fresh();
    write(&path, &latents).expect("the store can be written");
    let reader = ActivationReader::open(&path).expect("the store was just written");
    group.bench_function("read", |b| {
        b.iter(|| {
            for i in 0..RECORDS {
                std::hint::black_box(reader.read(i).expect("the store can be read"));
            }
        });
    });
    let records: Vec<usize> = (0..RECORDS).collect();
    group.bench_function("shuffled epoch", |b| {
        b.iter(|| {
            let mut shuffle =
                Shuffle::new(&reader, &records, ShuffleConfig::default()).expect("valid settings");
            while shuffle
                .next_batch()
                .expect("the store can be read")
                .is_some()
            {}
        });
    });
    group.finish();
}

criterion_group!(benches, activations);
criterion_main!(benches);
