use std::path::Path;

use anyhow::Context;
use ndarray::ArrayView2;
use npyz::WriterBuilder;

/// Writes a map as `.npy` (f32, C order), by way of a temporary name.
pub(crate) fn write(path: &Path, map: ArrayView2<'_, f32>) -> anyhow::Result<()> {
    let part = path.with_extension("npy.part");
    let attempt = || -> std::io::Result<()> {
        let mut file = std::io::BufWriter::new(std::fs::File::create(&part)?);
        let shape: Vec<u64> = map.shape().iter().map(|&n| n as u64).collect();
        let mut writer = npyz::WriteOptions::new()
            .default_dtype()
            .shape(&shape)
            .writer(&mut file)
            .begin_nd()?;
        writer.extend(map.iter())?;
        writer.finish()?;
        drop(file);
        std::fs::rename(&part, path)
    };
    attempt().with_context(|| format!("cannot write `{}`", path.display()))
}

/// Reads the values of an f32 `.npy` file.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<f32>> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let file =
        npyz::NpyFile::new(bytes.as_slice()).with_context(|| format!("`{}`", path.display()))?;
    file.into_vec()
        .with_context(|| format!("`{}`", path.display()))
}
