//! One order of rows, from memory and through buckets on disk, and how fast each is.
//!
//! `cargo run --release --example shuffle -p dropsonde-activations -- [RECORDS] [NODES] [WIDTH]`

use std::time::Instant;

use dropsonde_activations::{
    ActivationReader, ActivationWriter, LatentsMeta, Record, Rng, Shuffle, ShuffleConfig,
};

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn main() -> Outcome {
    let mut sizes = std::env::args().skip(1).map(|arg| arg.parse::<usize>());
    let mut size = |default| sizes.next().unwrap_or(Ok(default));
    run(size(6)?, size(2562)?, size(64)?)
}

fn run(n_records: usize, n_nodes: usize, width: usize) -> Outcome {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("latents.zarr");
    let mut rng = Rng::new(1);
    let mut latents: Vec<f32> = (0..n_nodes * width).map(|_| rng.normal()).collect();
    let meta = LatentsMeta::new("processor/08", n_nodes, width);
    let mut writer = ActivationWriter::create(&path, meta, n_records)?;
    for lead in 0..n_records {
        writer.append(&Record::new(0, lead as i32), &latents)?;
        latents.rotate_right(width + 1);
    }
    let reader = ActivationReader::open(writer.finish()?)?;
    let records: Vec<usize> = (0..n_records).collect();

    // f16 on disk and in memory: everything fits into the first budget, a third into the second.
    let n_bytes = 2 * n_records * n_nodes * width;
    let mut first_batches = Vec::new();
    for (name, memory_bytes) in [("memory", n_bytes), ("buckets", n_bytes / 3)] {
        let config = ShuffleConfig {
            memory_bytes,
            batch_rows: 1024,
            ..ShuffleConfig::default()
        };
        let mut shuffle = Shuffle::new(&reader, &records, config)?;
        for epoch in 0..2 {
            let start = Instant::now();
            let batch = shuffle.next_batch()?.unwrap_or_default().to_vec();
            let before = start.elapsed().as_secs_f64();
            while shuffle.next_batch()?.is_some() {}
            let seconds = start.elapsed().as_secs_f64();
            println!(
                "{name}, epoch {epoch}: {:.0} MB/s (f16), {before:.3} s until the first batch",
                n_bytes as f64 / seconds / 1e6
            );
            first_batches.push(batch);
        }
    }
    assert_eq!(first_batches[..2], first_batches[2..]);
    println!("the batches are the same");
    Ok(())
}

#[test]
fn the_example_runs() -> Outcome {
    run(3, 642, 8)
}
