//! Fields from the mesh to the grid and back.

use dropsonde_mesh::{Graph, GraphConfig, GridToMesh, LatLonGrid, MeshToGrid};

fn graph(resolution: f64, mesh_size: u8) -> Graph {
    Graph::build(
        LatLonGrid::with_poles(resolution).unwrap(),
        &GraphConfig::new(mesh_size),
    )
    .unwrap()
}

#[test]
fn mesh_to_grid_keeps_constants_and_linear_fields() {
    let graph = graph(5.0, 3);
    let mesh = graph.mesh.finest();
    let to_grid = MeshToGrid::new(&graph);
    for slope in [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.3, -2.0, 0.7]] {
        let linear = |p: [f32; 3]| 4.0 + slope[0] * p[0] + slope[1] * p[1] + slope[2] * p[2];
        let field: Vec<f32> = mesh.vertices.iter().map(|&v| linear(v)).collect();
        for (node, value) in to_grid.apply(&field).into_iter().enumerate() {
            let corners =
                mesh.faces[graph.triangles[node] as usize].map(|v| mesh.vertices[v as usize]);
            let weights = graph.barycentric[node];
            let foot = [0, 1, 2].map(|k| (0..3).map(|i| weights[i] * corners[i][k]).sum::<f32>());
            assert!((value - linear(foot)).abs() < 2e-6, "node {node}");
        }
    }
}

#[test]
fn the_foot_lies_below_its_grid_node() {
    let graph = graph(5.0, 3);
    let mesh = graph.mesh.finest();
    // The sphere is at most this far above a triangle of the finest level.
    let height = 1.0 - (1.0 - f64::from(mesh.longest_edge()).powi(2) / 3.0).sqrt();
    for axis in 0..3 {
        let field: Vec<f32> = mesh.vertices.iter().map(|v| v[axis]).collect();
        for (value, point) in MeshToGrid::new(&graph)
            .apply(&field)
            .iter()
            .zip(graph.grid.unit_vectors())
        {
            assert!((f64::from(*value) - point[axis]).abs() < height + 1e-6);
        }
    }
}

#[test]
fn grid_to_mesh_keeps_constants_and_the_global_mean_of_assigned_nodes() {
    for (resolution, mesh_size) in [(5.0, 2), (2.0, 3)] {
        let graph = graph(resolution, mesh_size);
        let to_mesh = GridToMesh::new(&graph);
        let ones = to_mesh.apply(&vec![1.0; graph.grid.n_nodes()]);
        assert!(ones.iter().all(|x| (x - 1.0).abs() < 1e-6));
        let heights: Vec<f32> = graph
            .grid
            .unit_vectors()
            .iter()
            .map(|p| p[2] as f32)
            .collect();
        for (value, vertex) in to_mesh
            .apply(&heights)
            .iter()
            .zip(&graph.mesh.finest().vertices)
        {
            assert!((value - vertex[2]).abs() < 0.5 * graph.mesh.finest().longest_edge());
        }
    }
}

#[test]
fn mesh_nodes_without_a_grid_node_take_the_bilinear_value() {
    let graph = graph(30.0, 3);
    let to_mesh = GridToMesh::new(&graph);
    let latitudes: Vec<f32> = (0..graph.grid.n_nodes())
        .map(|node| graph.grid.position(node).0)
        .collect();
    let values = to_mesh.apply(&latitudes);
    let close = values
        .iter()
        .zip(graph.mesh.lat_lon())
        .filter(|(v, p)| (*v - p[0]).abs() < 1e-3)
        .count();
    assert!(close > graph.mesh.n_nodes() - graph.grid.n_nodes() && close < graph.mesh.n_nodes());
}

#[test]
fn masks_follow_the_majority() {
    let graph = graph(2.0, 3);
    let to_mesh = GridToMesh::new(&graph);
    let north: Vec<bool> = (0..graph.grid.n_nodes())
        .map(|node| graph.grid.position(node).0 > 0.0)
        .collect();
    let on_mesh = to_mesh.apply_mask(&north);
    for (inside, [lat, _]) in on_mesh.iter().zip(graph.mesh.lat_lon()) {
        if lat.abs() > 3.0 {
            assert_eq!(*inside, lat > 0.0, "{lat}");
        }
    }
    assert!(
        to_mesh
            .apply_mask(&vec![true; north.len()])
            .iter()
            .all(|&inside| inside)
    );
    assert!(
        !to_mesh
            .apply_mask(&vec![false; north.len()])
            .contains(&true)
    );
}

#[test]
fn a_graph_does_not_depend_on_the_number_of_threads_or_the_direction_of_latitude() {
    let build = |n_threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(n_threads)
            .build()
            .unwrap();
        pool.install(|| graph(4.0, 3))
    };
    let reference = build(1);
    assert_eq!(reference, build(3));

    let mut lat = reference.grid.lat().to_vec();
    lat.reverse();
    let flipped = LatLonGrid::new(lat, reference.grid.lon().to_vec()).unwrap();
    let flipped = Graph::build(flipped, &GraphConfig::new(3)).unwrap();
    let (n_lat, n_lon) = (reference.grid.n_lat(), reference.grid.n_lon());
    for node in 0..reference.grid.n_nodes() {
        let mirror = (n_lat - 1 - node / n_lon) * n_lon + node % n_lon;
        assert_eq!(reference.triangles[node], flipped.triangles[mirror]);
    }
}
