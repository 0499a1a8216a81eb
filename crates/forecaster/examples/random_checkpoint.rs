//! Writes random weights in the shape of a published model, to try shapes, memory and speed without the real ones.
//!
//! `cargo run --release -p dropsonde-forecaster --example random_checkpoint -- GraphCast_small random.npz 1`

use std::path::Path;

use dropsonde_forecaster::{Checkpoint, ModelConfig, Preset};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [preset, path, seed] => {
            let preset: Preset = preset.parse()?;
            write(preset.model(), preset, Path::new(path), seed.parse()?)
        }
        [] => demonstrate(),
        _ => Err("usage: random_checkpoint PRESET OUT.npz SEED\nhint: PRESET is GraphCast, GraphCast_small or GraphCast_operational; without arguments a narrow model is written and removed again".into()),
    }
}

/// A model of 8 channels, written to a temporary directory and removed again.
fn demonstrate() -> Result<(), Box<dyn std::error::Error>> {
    let directory = std::env::temp_dir().join(format!("dropsonde-{}", std::process::id()));
    std::fs::create_dir_all(&directory)?;
    let narrow = ModelConfig {
        latent_size: 8,
        ..Preset::GraphCastSmall.model()
    };
    let path = directory.join("random.npz");
    let written = write(narrow, Preset::GraphCastSmall, &path, 1);
    std::fs::remove_dir_all(&directory)?;
    written
}

fn write(
    model: ModelConfig,
    preset: Preset,
    path: &Path,
    seed: u64,
) -> Result<(), Box<dyn std::error::Error>> {
    let checkpoint = Checkpoint::random(model, preset.task(), seed)?;
    checkpoint.write(path)?;
    let again = Checkpoint::read(path)?;
    assert_eq!(again.parameters.sha256(), checkpoint.parameters.sha256());
    println!(
        "{} parameters, sha256 {}, in `{}`",
        again.parameters.count(),
        again.parameters.sha256(),
        path.display()
    );
    Ok(())
}

#[test]
fn runs() {
    demonstrate().unwrap();
}
