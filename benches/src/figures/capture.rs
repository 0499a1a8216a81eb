//! Writing, reading and shuffling latents of the 1-degree model: 10,242 nodes, 512 channels.

use std::path::Path;

use dropsonde_activations::{
    ActivationReader, ActivationWriter, Dtype, LatentsMeta, Record, Result, Rng, Shuffle,
    ShuffleConfig,
};

use crate::timing::seconds_of;
use crate::{Figure, Outcome};

/// Records per store.
pub const RECORDS: usize = 8;
/// Nodes of mesh 5.
pub const NODES: usize = 10_242;
/// Channels of the published model.
pub const WIDTH: usize = 512;
const ROUNDS: usize = 5;

/// `capture.mb_per_s` for writing captured latents, `capture.{read,shuffle}.mb_per_s` for getting them back: f16 on disk,
/// counted in bytes of the f32 values in memory.
///
/// The disk's cache is part of what is measured.
pub fn measure() -> Outcome {
    let latents = latents(NODES * WIDTH);
    let megabytes = (RECORDS * NODES * WIDTH * size_of::<f32>()) as f64 / 1e6;
    let dir = tempfile::tempdir()?;
    let mut times: [Vec<f64>; 3] = Default::default();
    for round in 0..=ROUNDS {
        let path = dir.path().join(round.to_string());
        let seconds = [write(&path, &latents)?, read(&path)?, shuffle(&path)?];
        std::fs::remove_dir_all(&path)?;
        if round > 0 {
            times
                .iter_mut()
                .zip(seconds)
                .for_each(|(all, one)| all.push(one));
        }
    }
    let names = [
        "capture.mb_per_s",
        "capture.read.mb_per_s",
        "capture.shuffle.mb_per_s",
    ];
    let figures = names.into_iter().zip(&mut times).map(|(name, all)| {
        all.sort_by(f64::total_cmp);
        Figure::higher(name, megabytes / all[ROUNDS / 2], "MB/s")
    });
    Ok(figures.collect())
}

/// Seeded normal values.
pub fn latents(n: usize) -> Vec<f32> {
    let mut rng = Rng::new(3);
    (0..n).map(|_| rng.normal()).collect()
}

/// Seconds to write a store of [`RECORDS`] records.
///
/// # Errors
/// When the directory cannot be written.
pub fn write(path: &Path, latents: &[f32]) -> Result<f64> {
    let meta = LatentsMeta {
        dtype: Dtype::F16,
        ..LatentsMeta::new("processor/08", latents.len() / WIDTH, WIDTH)
    };
    let (result, seconds) = seconds_of(|| {
        let mut writer = ActivationWriter::create(path, meta, RECORDS)?;
        for i in 0..RECORDS {
            writer.append(&Record::new(0, i as i32), latents)?;
        }
        writer.finish()
    });
    result.map(|_| seconds)
}

/// Seconds to read every record.
///
/// # Errors
/// When the store cannot be read.
pub fn read(path: &Path) -> Result<f64> {
    let reader = ActivationReader::open(path)?;
    let mut out = vec![0.0; reader.meta().n_nodes * WIDTH];
    let (result, seconds) =
        seconds_of(|| (0..RECORDS).try_for_each(|i| reader.read_into(i, &mut out)));
    result.map(|()| seconds)
}

/// Seconds for one epoch of shuffled batches of 8192 rows, everything in memory.
///
/// # Errors
/// When the store cannot be read.
pub fn shuffle(path: &Path) -> Result<f64> {
    let reader = ActivationReader::open(path)?;
    let records: Vec<usize> = (0..RECORDS).collect();
    let mut shuffle = Shuffle::new(&reader, &records, ShuffleConfig::default())?;
    let (result, seconds) = seconds_of(|| {
        while shuffle.next_batch()?.is_some() {}
        Ok(())
    });
    result.map(|()| seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_store_is_timed() -> Result<()> {
        let dir = tempfile::tempdir().map_err(|source| dropsonde_activations::Error::Io {
            path: "tmp".into(),
            source,
        })?;
        let path = dir.path().join("l.zarr");
        let latents = latents(42 * WIDTH);
        assert!(write(&path, &latents)? > 0.0 && read(&path)? > 0.0 && shuffle(&path)? > 0.0);
        Ok(())
    }
}
