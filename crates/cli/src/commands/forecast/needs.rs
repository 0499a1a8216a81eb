//! `--dry-run`: memory and disk that a forecast needs.

use dropsonde_fields::{Task, forecast_bytes};
use dropsonde_forecaster::{Checkpoint, GraphSize, MemoryEstimate};
use serde_json::json;

use super::members::Members;
use crate::args::ForecastArgs;
use crate::json as json_out;

/// libtorch and the program itself, as measured.
const PROGRAM: u64 = 300 << 20;

pub(super) fn print(
    args: &ForecastArgs,
    checkpoint: &Checkpoint,
    members: &Members,
) -> anyhow::Result<()> {
    let grid = members.grid();
    let n_grid = grid.n_lat() * grid.n_lon();
    let size = GraphSize::estimate(&checkpoint.model, n_grid);
    // Members run one after another, so the network sees one at a time.
    let step = MemoryEstimate::new(&checkpoint.model, &checkpoint.task, &size, 1, args.dtype);
    let state = 4 * n_grid as u64 * checkpoint.task.output_channels().len() as u64;
    let states = 4 * state * members.len() as u64;
    let checkpoint_bytes = 4 * checkpoint.parameters.count() as u64;
    let memory = step.total() + states + checkpoint_bytes + PROGRAM;
    let disk = disk(args, &checkpoint.task, members);
    if args.json {
        return json_out::print(&json!({
            "grid": [grid.n_lat(), grid.n_lon()],
            "initial_times": members.labels(),
            "steps": args.steps,
            "bytes": {
                "memory": memory, "weights": step.weights + checkpoint_bytes, "graph": step.graph + step.structure,
                "inputs": step.inputs, "activations": step.activations, "states": states, "disk": disk,
            },
        }));
    }
    println!("grid            {} x {}", grid.n_lat(), grid.n_lon());
    println!("initial times   {}", members.labels().join(", "));
    println!("steps           {} of 6 h", args.steps);
    println!("memory          {} (estimate)", size_text(memory));
    for (name, bytes) in [
        ("weights", step.weights + checkpoint_bytes),
        ("graph", step.graph + step.structure),
        ("inputs", step.inputs),
        ("activations", step.activations),
        ("states", states),
        ("program", PROGRAM),
    ] {
        println!("  {name:<13} {}", size_text(bytes));
    }
    println!("disk            {} before compression", size_text(disk));
    Ok(())
}

/// Uncompressed size of what would be written.
fn disk(args: &ForecastArgs, task: &Task, members: &Members) -> u64 {
    let (grid, n_levels) = (members.grid(), task.pressure_levels.len());
    forecast_bytes(
        grid,
        &task.target_variables,
        n_levels,
        members.len(),
        args.steps,
    )
}

fn size_text(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{:.0} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.0} MB", bytes as f64 / 1e6),
        _ => format!("{:.2} GB", bytes as f64 / 1e9),
    }
}
