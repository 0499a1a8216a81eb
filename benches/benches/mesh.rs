//! Building the geometry of a model, and moving fields between grid and mesh.
//!
//! Ids name the grid resolution in degrees and the mesh size; the grid is made outside the timed part.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use dropsonde_mesh::{Graph, GraphConfig, GridToMesh, LatLonGrid, MeshToGrid};

const CASES: [(f64, u8); 3] = [(4.0, 3), (1.0, 5), (0.25, 6)];

fn grid(resolution: f64) -> LatLonGrid {
    LatLonGrid::with_poles(resolution).expect("the resolutions above divide 180 degrees")
}

fn graph(resolution: f64, mesh_size: u8) -> Graph {
    Graph::build(grid(resolution), &GraphConfig::new(mesh_size))
        .expect("the mesh sizes above are at most 8")
}

fn id((resolution, mesh_size): (f64, u8)) -> BenchmarkId {
    BenchmarkId::from_parameter(format!("{resolution}deg_mesh{mesh_size}"))
}

fn build(c: &mut Criterion) {
    let mut group = c.benchmark_group("graph_build");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(10));
    for (resolution, mesh_size) in CASES {
        let (grid, config) = (grid(resolution), GraphConfig::new(mesh_size));
        group.throughput(Throughput::Elements(grid.n_nodes() as u64));
        group.bench_function(id((resolution, mesh_size)), |b| {
            b.iter(|| Graph::build(black_box(grid.clone()), &config));
        });
    }
    group.finish();
}

fn interpolate(c: &mut Criterion) {
    let case = (1.0, 5);
    let graph = graph(case.0, case.1);
    let (to_grid, to_mesh) = (MeshToGrid::new(&graph), GridToMesh::new(&graph));
    let on_mesh: Vec<f32> = graph.mesh.finest().vertices.iter().map(|v| v[2]).collect();
    let on_grid = to_grid.apply(&on_mesh);
    let mut group = c.benchmark_group("interpolate");
    group.throughput(Throughput::Elements(graph.grid.n_nodes() as u64));
    let name = |what: &str| BenchmarkId::new(what, format!("{}deg_mesh{}", case.0, case.1));
    group.bench_function(name("mesh_to_grid"), |b| {
        b.iter(|| to_grid.apply(black_box(&on_mesh)));
    });
    group.bench_function(name("grid_to_mesh"), |b| {
        b.iter(|| to_mesh.apply(black_box(&on_grid)));
    });
    group.finish();
}

criterion_group!(benches, build, interpolate);
criterion_main!(benches);
