//! Measures the memory of one step against [`MemoryEstimate`] (Linux), without weather: random weights and features.
//!
//! `cargo run -p dropsonde-forecaster --example peak_memory -- DEGREES MESH LATENT STEPS PRECISION KERNEL`; every run is a
//! process of its own, because a process gives freed memory back when it likes.

use dropsonde_fields::{Affine, Normalizer, OutputAffine, Task};
use dropsonde_forecaster::{
    Checkpoint, Forecaster, ForecasterOptions, GraphSize, Kernel, MemoryEstimate, ModelConfig,
    NoTap, Precision,
};
use dropsonde_mesh::LatLonGrid;
use tch::{Device, Kind, Tensor};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [degrees, mesh, latent, steps, precision, kernel] = match arguments.as_slice() {
        [] => ["10", "2", "16", "2", "f32", "fused"],
        [a, b, c, d, e, f] => [a, b, c, d, e, f].map(String::as_str),
        _ => return Err("usage: peak_memory DEGREES MESH LATENT STEPS PRECISION KERNEL".into()),
    };
    let model = ModelConfig {
        resolution: degrees.parse()?,
        mesh_size: mesh.parse()?,
        latent_size: latent.parse()?,
        gnn_msg_steps: steps.parse()?,
        ..ModelConfig::graphcast()
    };
    measure(model, precision.parse()?, kernel.parse()?)
}

fn measure(model: ModelConfig, precision: Precision, kernel: Kernel) -> Result<()> {
    let grid = LatLonGrid::with_poles(model.resolution)?;
    let checkpoint = Checkpoint::random(model, Task::graphcast_13(), 1)?;
    let task = &checkpoint.task;
    let options = ForecasterOptions {
        precision,
        kernel,
        ..ForecasterOptions::default()
    };
    let forecaster = Forecaster::new(&checkpoint, grid, &identity(task), options)?;
    let size = GraphSize::of(forecaster.graph());
    let estimate = MemoryEstimate::new(&checkpoint.model, task, &size, 1, options);
    let shape = [size.grid as i64, 1, task.input_channels().len() as i64];
    // Loads libtorch's kernels, and the libraries behind them, before the clock starts.
    let _ = Tensor::ones([64, 64], (precision.stream(), Device::Cpu))
        .matmul(&Tensor::ones([64, 64], (precision.stream(), Device::Cpu)));
    let raw = Tensor::linspace(-1, 1, shape.iter().product(), (Kind::Float, Device::Cpu))
        .reshape(shape)
        .to_kind(precision.stream());
    let before = status("VmRSS")?;
    let start = std::time::Instant::now();
    let output = forecaster.predict_owned(raw, &mut NoTap)?;
    let seconds = start.elapsed().as_secs_f64();
    let peak = status("VmHWM")?;
    // The inputs, which become the features, were there before.
    let features = 4 * shape.iter().product::<i64>() as u64;
    let expected = (estimate.activations + estimate.inputs).saturating_sub(features);
    println!("{size:?}\n{estimate:?}");
    println!(
        "output {:?} in {seconds:.1} s; before {:.0} MB, peak {:.0} MB; grown by {:.0} MB, estimated {:.0} MB",
        output.size(),
        megabytes(before),
        megabytes(peak),
        megabytes(peak - before),
        megabytes(expected)
    );
    Ok(())
}

fn identity(task: &Task) -> Normalizer {
    let (scale, offset) = (1.0, 0.0);
    let input = Affine { scale, offset };
    let output = OutputAffine {
        scale,
        offset,
        residual: None,
    };
    Normalizer {
        inputs: vec![input; task.input_channels().len()],
        outputs: vec![output; task.output_channels().len()],
    }
}

/// A size from `/proc/self/status` in bytes; 0 where there is no such file.
fn status(field: &str) -> Result<u64> {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(field));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(kilobytes.unwrap_or("0").parse::<u64>()? * 1024)
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

#[test]
fn runs() {
    let model = ModelConfig {
        resolution: 10.0,
        mesh_size: 2,
        latent_size: 16,
        gnn_msg_steps: 2,
        ..ModelConfig::graphcast()
    };
    measure(model, Precision::F32, Kernel::Fused).unwrap();
}
