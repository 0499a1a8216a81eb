//! Builds the geometry of GraphCast at several sizes and prints what it consists of.
//!
//! `cargo run --release -p dropsonde-mesh --example graph` also builds the quarter-degree graph.

use std::time::Instant;

use dropsonde_mesh::{Error, Graph, GraphConfig, GridToMesh, LatLonGrid, MeshToGrid};

fn main() -> Result<(), Error> {
    println!(
        "{:>10} {:>5} {:>9} {:>7} {:>9} {:>9} {:>9} {:>8}",
        "resolution", "mesh", "grid", "nodes", "grid2mesh", "processor", "mesh2grid", "seconds"
    );
    let mut cases = vec![(10.0, 2), (4.0, 3), (1.0, 5)];
    if !cfg!(debug_assertions) {
        cases.push((0.25, 6));
    }
    for (resolution, mesh_size) in cases {
        let start = Instant::now();
        let graph = Graph::build(
            LatLonGrid::with_poles(resolution)?,
            &GraphConfig::new(mesh_size),
        )?;
        println!(
            "{resolution:>10} {mesh_size:>5} {:>9} {:>7} {:>9} {:>9} {:>9} {:>8.3}",
            graph.grid.n_nodes(),
            graph.mesh.n_nodes(),
            graph.grid2mesh.len(),
            graph.processor.len(),
            graph.mesh2grid.len(),
            start.elapsed().as_secs_f64()
        );
    }
    println!(
        "\nheight above the equator, to the grid and back: largest change {:.4}",
        round_trip()?
    );
    Ok(())
}

/// Takes the field `z` from the mesh to the grid and back and returns the largest change.
fn round_trip() -> Result<f32, Error> {
    let graph = Graph::build(LatLonGrid::with_poles(2.0)?, &GraphConfig::new(3))?;
    let heights: Vec<f32> = graph.mesh.finest().vertices.iter().map(|v| v[2]).collect();
    let on_grid = MeshToGrid::new(&graph).apply(&heights);
    let back = GridToMesh::new(&graph).apply(&on_grid);
    Ok(heights
        .iter()
        .zip(&back)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max))
}

#[test]
fn the_example_runs_and_the_round_trip_is_close() {
    main().unwrap();
    let change = round_trip().unwrap();
    assert!(change > 0.0 && change < 0.02, "{change}");
}
