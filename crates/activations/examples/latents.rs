//! Write latents, reopen them, and go through all rows in a seeded order.
//!
//! `cargo run --example latents -p dropsonde-activations`

use dropsonde_activations::{
    ActivationReader, ActivationWriter, LatentsMeta, Record, Rng, Shuffle, ShuffleConfig,
};

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn main() -> Outcome {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("latents.zarr");

    // Three forecast steps of a mesh with 642 nodes and 32 channels.
    let mut rng = Rng::new(1);
    let mut writer = ActivationWriter::create(&path, LatentsMeta::new("processor/08", 642, 32), 3)?;
    for lead_hours in [6, 12, 18] {
        let latents: Vec<f32> = (0..642 * 32).map(|_| rng.normal()).collect();
        writer.append(&Record::new(1_667_865_600, lead_hours), &latents)?;
    }
    writer.finish()?;

    let reader = ActivationReader::open(&path)?;
    println!(
        "{} at {}, {} records",
        reader.meta().n_nodes,
        reader.meta().site,
        reader.records().len()
    );

    let config = ShuffleConfig {
        seed: 7,
        batch_rows: 512,
        memory_bytes: 1 << 20,
        scratch: None,
    };
    let mut shuffle = Shuffle::new(&reader, &[0, 1, 2], config)?;
    let (mut rows, mut power) = (0, 0.0);
    while let Some(batch) = shuffle.next_batch()? {
        rows += batch.len() / 32;
        power += batch.iter().map(|x| f64::from(x * x)).sum::<f64>();
    }
    println!(
        "{rows} rows, each once, in {} batches; mean square {:.3}",
        shuffle.n_batches(),
        power / (rows * 32) as f64
    );
    assert_eq!(rows, 3 * 642);
    assert!((power / (rows * 32) as f64 - 1.0).abs() < 0.05);
    Ok(())
}

#[test]
fn the_example_runs() -> Outcome {
    main()
}
