//! Agreement with the public reference implementations (see `tests/data/README.md`).

use crate::common::{Npz, largest_difference};
use dropsonde_mesh::{Graph, GraphConfig, LatLonGrid, MultiMesh, PublishedMapper};

/// The mesh's latitudes and longitudes come from a single-precision arccosine and arctangent whose last bit
/// depends on the library; a 1-ulp difference of 160 degrees (1.5e-5) is 2.7e-6 of the shortest edge here,
/// and a few of them add up. With the reference's own degrees our features agree to 2e-7: see `src/features.rs`.
const EDGE_TOLERANCE: f32 = 1.2e-5;
const NODE_TOLERANCE: f32 = 1.2e-6;
const DEGREE_TOLERANCE: f32 = 3.2e-5;

const GRIDS: [&str; 3] = ["g10", "g5p625", "g4"];

fn graph(grid_name: &str, mesh_size: u8) -> (Graph, Npz) {
    let mut axes = Npz::open("connectivity.npz", &format!("{grid_name}_"));
    let grid = LatLonGrid::new(axes.values("lat"), axes.values("lon")).unwrap();
    let graph = Graph::build(grid, &GraphConfig::new(mesh_size)).unwrap();
    let prefix = format!("{grid_name}_s{mesh_size}_");
    (graph, Npz::open("connectivity.npz", &prefix))
}

fn every_graph() -> impl Iterator<Item = (String, Graph, Npz)> {
    GRIDS
        .into_iter()
        .flat_map(|name| [2, 3].map(move |size| (name, size)))
        .map(|(name, size)| {
            let (graph, reference) = graph(name, size);
            (format!("{name} s{size}"), graph, reference)
        })
}

#[test]
fn vertices_and_faces_of_every_level() {
    let mesh = MultiMesh::new(4).unwrap();
    for k in 0..=4 {
        let mut reference = Npz::open("mesh.npz", &format!("s{k}_"));
        let level = mesh.level(k).unwrap();
        assert_eq!(
            level.faces.as_flattened(),
            reference.indices("faces"),
            "level {k}"
        );
        let difference =
            largest_difference(level.vertices.as_flattened(), &reference.values("vertices"));
        assert!(difference <= 1.2e-7, "level {k}: {difference}");
    }
}

#[test]
fn multi_mesh_edges_in_the_same_order() {
    for k in 2..=4 {
        let mut reference = Npz::open("mesh.npz", &format!("s{k}_"));
        let (senders, receivers) = MultiMesh::new(k).unwrap().edges();
        assert_eq!(senders, reference.indices("multimesh_senders"));
        assert_eq!(receivers, reference.indices("multimesh_receivers"));
    }
}

#[test]
fn mesh_latitudes_longitudes_and_features() {
    for size in [2, 3] {
        let (graph, _) = graph("g10", size);
        let mut reference = Npz::open("connectivity.npz", &format!("s{size}_"));
        let lat_lon = graph.mesh.lat_lon();
        for (axis, name) in ["mesh_lat", "mesh_lon"].into_iter().enumerate() {
            let ours: Vec<f32> = lat_lon.iter().map(|node| node[axis]).collect();
            let difference = largest_difference(&ours, &reference.values(name));
            assert!(
                difference < DEGREE_TOLERANCE,
                "{name} s{size}: {difference}"
            );
        }
        let nodes = largest_difference(
            graph.mesh_features.as_flattened(),
            &reference.values("mesh_node_feat"),
        );
        let edges = largest_difference(
            graph.processor.features.as_flattened(),
            &reference.values("mesh_edge_feat"),
        );
        assert!(
            nodes < NODE_TOLERANCE && edges < EDGE_TOLERANCE,
            "s{size}: {nodes} {edges}"
        );
    }
}

#[test]
fn grid_to_mesh_edges() {
    for (name, graph, mut reference) in every_graph() {
        assert!(
            (graph.radius - reference.scalar::<f64>("radius")).abs() < 1e-7,
            "{name}"
        );
        assert_eq!(
            graph.grid2mesh.senders,
            reference.indices("g2m_grid_idx"),
            "{name}"
        );
        assert_eq!(
            graph.grid2mesh.receivers,
            reference.indices("g2m_mesh_idx"),
            "{name}"
        );
        let longest = reference.scalar::<f64>("g2m_max_edge_len");
        assert!(
            (graph.grid2mesh.normalization - longest).abs() < 1e-6,
            "{name}"
        );
        let nodes = largest_difference(
            graph.grid_features.as_flattened(),
            &reference.values("g2m_grid_node_feat"),
        );
        let edges = largest_difference(
            graph.grid2mesh.features.as_flattened(),
            &reference.values("g2m_edge_feat"),
        );
        assert!(
            nodes == 0.0 && edges < EDGE_TOLERANCE,
            "{name}: {nodes} {edges}"
        );
    }
}

#[test]
fn triangles_are_the_reference_ones() {
    for (name, graph, mut reference) in every_graph() {
        assert_eq!(graph.triangles, reference.indices("m2g_face_idx"), "{name}");
    }
}

#[test]
fn ambiguous_triangles_of_fine_meshes_are_the_reference_ones() {
    for (resolution, mesh_size) in [(1.0, 5), (4.0, 6)] {
        let grid = LatLonGrid::with_poles(resolution).unwrap();
        let graph = Graph::build(grid, &GraphConfig::new(mesh_size)).unwrap();
        let mut reference = Npz::open("closest.npz", &format!("g{resolution}_s{mesh_size}_"));
        let faces: Vec<u32> = reference
            .indices("nodes")
            .into_iter()
            .map(|node| graph.triangles[node as usize])
            .collect();
        assert_eq!(faces, reference.indices("faces"), "{resolution} degrees");
    }
}

#[test]
fn mesh_to_grid_edges() {
    for (name, graph, mut reference) in every_graph() {
        assert_eq!(
            graph.mesh2grid.receivers,
            reference.indices("m2g_grid_idx"),
            "{name}"
        );
        let longest = reference.scalar::<f64>("m2g_max_edge_len");
        assert!(
            (graph.mesh2grid.normalization - longest).abs() < 1e-6,
            "{name}"
        );
        assert_eq!(
            graph.mesh2grid.senders,
            reference.indices("m2g_mesh_idx"),
            "{name}"
        );
        let difference = largest_difference(
            graph.mesh2grid.features.as_flattened(),
            &reference.values("m2g_edge_feat"),
        );
        assert!(difference < EDGE_TOLERANCE, "{name}: {difference}");
    }
}

#[test]
fn published_mapper() {
    let mut reference = Npz::open("mapper.npz", "");
    let grid = LatLonGrid::new(reference.values("lat"), reference.values("lon")).unwrap();
    let mesh_size = reference.scalar::<i64>("splits") as u8;
    let graph = Graph::build(grid, &GraphConfig::new(mesh_size)).unwrap();
    let mapper = PublishedMapper::new(&graph);
    let field: Vec<f64> = reference.values("grid_field");
    assert_close(
        &mapper.grid_to_mesh_mean(&field),
        &reference.values("g2m_mean"),
    );
    assert_close(
        &mapper.grid_to_mesh_distance(&field),
        &reference.values("g2m_distance"),
    );

    let on_grid = mapper.mesh_to_grid(&reference.values::<f64>("mesh_field"));
    let theirs: Vec<f64> = reference.values("m2g_mean");
    assert_eq!(graph.mesh2grid.senders, reference.indices("m2g_mesh_idx"));
    assert_eq!(on_grid.len(), theirs.len());
    assert!(
        on_grid
            .iter()
            .zip(&theirs)
            .all(|(a, b)| (a - b).abs() < 1e-12)
    );
}

fn assert_close(ours: &[f64], theirs: &[f64]) {
    assert_eq!(ours.len(), theirs.len());
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        assert!((a - b).abs() < 1e-6, "{i}: {a} against {b}");
    }
}
