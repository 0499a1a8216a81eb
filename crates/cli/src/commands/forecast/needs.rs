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
    let step = MemoryEstimate::new(
        &checkpoint.model,
        &checkpoint.task,
        &size,
        1,
        args.compute.options(),
    );
    let states = Host::new(&checkpoint.task, n_grid, members.len(), args.steps);
    let kept = step.weights + step.graph + step.structure + PROGRAM;
    let memory = kept + states.peak(step.inputs + step.activations);
    let disk = disk(args, &checkpoint.task, members);
    if args.json {
        return json_out::print(&json!({
            "grid": [grid.n_lat(), grid.n_lon()],
            "initial_times": members.labels(),
            "steps": args.steps,
            "bytes": {
                "memory": memory, "weights": step.weights, "graph": step.graph + step.structure,
                "inputs": step.inputs, "activations": step.activations, "states": states.in_network, "disk": disk,
            },
        }));
    }
    println!("grid            {} x {}", grid.n_lat(), grid.n_lon());
    println!("initial times   {}", members.labels().join(", "));
    println!("steps           {} of 6 h", args.steps);
    println!("memory          {} (estimate)", size_text(memory));
    for (name, bytes) in [
        ("weights", step.weights),
        ("graph", step.graph + step.structure),
        ("inputs", step.inputs),
        ("activations", step.activations),
        ("states", states.in_network),
        ("program", PROGRAM),
    ] {
        println!("  {name:<13} {}", size_text(bytes));
    }
    println!("disk            {} before compression", size_text(disk));
    Ok(())
}

/// Bytes that states and rows of channels take on the host, in the three phases of a step.
struct Host {
    /// Before the network: both states of every member, and the input rows.
    stacking: u64,
    /// While the network runs: the newer state of the member whose turn it is, unless this step is the last, and both
    /// states of the others.
    in_network: u64,
    /// After the network: that, the output rows, and the new state that is made from them.
    unstacking: u64,
}

impl Host {
    fn new(task: &Task, n_grid: usize, n_members: usize, n_steps: usize) -> Self {
        let plane = 4 * n_grid as u64;
        let (c_in, c_out) = (task.input_channels().len(), task.output_channels().len());
        let state = plane * c_out as u64;
        let others = 2 * state * (n_members as u64 - 1);
        let in_network = others + if n_steps > 1 { state } else { 0 };
        Self {
            stacking: others + 2 * state + plane * c_in as u64,
            in_network,
            unstacking: in_network + 2 * state,
        }
    }

    /// The most at any time, where the network needs `network` for its inputs and activations.
    fn peak(&self, network: u64) -> u64 {
        (self.in_network + network)
            .max(self.stacking)
            .max(self.unstacking)
    }
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
