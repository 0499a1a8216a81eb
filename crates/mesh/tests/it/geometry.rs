//! The mathematics of the mesh: counts, norms, orientation, hierarchy, areas, location of points.

use dropsonde_mesh::{Error, Locator, MAX_MESH_SIZE, MultiMesh, TriMesh, great_circle_km};
use proptest::prelude::*;

type V = [f64; 3];

fn dot(a: V, b: V) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn sub(a: V, b: V) -> V {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

fn cross(a: V, b: V) -> V {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}

fn corners(mesh: &TriMesh, face: usize) -> [V; 3] {
    mesh.faces[face].map(|v| mesh.vertices[v as usize].map(f64::from))
}

#[test]
fn counts_follow_the_closed_forms() {
    for size in 0..=5_u8 {
        let (mesh, n) = (MultiMesh::new(size).unwrap(), 4_usize.pow(u32::from(size)));
        assert_eq!(mesh.n_nodes(), 10 * n + 2);
        assert_eq!(mesh.finest().faces.len(), 20 * n);
        let (senders, receivers) = mesh.edges();
        assert_eq!(
            (senders.len(), receivers.len()),
            (20 * (4 * n - 1), 20 * (4 * n - 1))
        );
    }
}

#[test]
fn sizes_beyond_the_maximum_are_an_error() {
    let error = MultiMesh::new(MAX_MESH_SIZE + 1).unwrap_err();
    assert_eq!(error, Error::MeshSize { found: 9, max: 8 });
}

#[test]
fn vertices_lie_on_the_unit_sphere_and_faces_look_outward() {
    let mesh = MultiMesh::new(4).unwrap();
    for level in mesh.levels() {
        for v in &level.vertices {
            assert!((dot(v.map(f64::from), v.map(f64::from)) - 1.0).abs() < 3e-7);
        }
        for face in 0..level.faces.len() {
            let [a, b, c] = corners(level, face);
            assert!(dot(cross(sub(b, a), sub(c, a)), a) > 0.0);
        }
    }
}

#[test]
fn a_face_is_horizontal_at_the_north_pole() {
    let base = TriMesh::icosahedron();
    let top = corners(&base, 6).map(|v| v[2]);
    assert!(top.iter().all(|z| (z - top[0]).abs() < 1e-7 && *z > 0.79));
}

#[test]
fn coarse_vertices_keep_their_index_and_children_lie_in_their_parent() {
    let mesh = MultiMesh::new(4).unwrap();
    for pair in mesh.levels().windows(2) {
        let (coarse, fine) = (&pair[0], &pair[1]);
        assert_eq!(fine.vertices[..coarse.vertices.len()], coarse.vertices);
        for (f, face) in coarse.faces.iter().enumerate() {
            let children: Vec<_> = (0..3).map(|k| fine.faces[4 * f + k][k]).collect();
            assert_eq!(children, face);
        }
    }
}

#[test]
fn every_edge_runs_both_ways_once_per_level() {
    let mesh = MultiMesh::new(3).unwrap();
    for level in mesh.levels() {
        let (senders, receivers) = level.directed_edges();
        let mut edges: Vec<_> = senders.iter().zip(&receivers).collect();
        edges.sort_unstable();
        edges.dedup();
        assert_eq!(edges.len(), 3 * level.faces.len());
        assert!(
            edges
                .iter()
                .all(|(s, r)| edges.binary_search(&(r, s)).is_ok())
        );
    }
}

#[test]
fn the_mesh_is_convex() {
    // The search for the closest triangle relies on it.
    let mesh = MultiMesh::new(5).unwrap();
    let fine = mesh.finest();
    let mut across = std::collections::HashMap::new();
    for (f, &[a, b, c]) in fine.faces.iter().enumerate() {
        across.extend([((a, b), (f, c)), ((b, c), (f, a)), ((c, a), (f, b))]);
    }
    for (&(a, b), &(f, _)) in &across {
        let (_, opposite) = across[&(b, a)];
        let [p, q, r] = corners(fine, f);
        let height = dot(
            cross(sub(q, p), sub(r, p)),
            sub(fine.vertices[opposite as usize].map(f64::from), p),
        );
        assert!(height < 0.0, "edge {a} {b}");
    }
}

#[test]
fn latitude_and_longitude_point_back_to_the_vertex() {
    let mesh = MultiMesh::new(3).unwrap();
    for (v, [lat, lon]) in mesh.finest().vertices.iter().zip(mesh.lat_lon()) {
        let (lat, lon) = (f64::from(lat).to_radians(), f64::from(lon).to_radians());
        let back = [lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()];
        assert!(sub(v.map(f64::from), back).iter().all(|d| d.abs() < 1e-6));
    }
    assert!(
        mesh.lat_lon()
            .iter()
            .all(|[_, lon]| (0.0..360.0).contains(lon))
    );
}

#[test]
fn node_areas_sum_to_one_and_are_nearly_even() {
    let mesh = MultiMesh::new(4).unwrap();
    let areas = mesh.node_areas();
    assert!((areas.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    let even = 1.0 / areas.len() as f64;
    assert!(areas.iter().all(|&a| a > 0.6 * even && a < 1.3 * even));
    // Each node's share of a linear function balances out.
    let centre: f64 = areas
        .iter()
        .zip(&mesh.finest().vertices)
        .map(|(a, v)| a * f64::from(v[2]))
        .sum();
    assert!(centre.abs() < 1e-7);
}

#[test]
fn great_circle_distances() {
    let degree = 6371.0088_f64.to_radians();
    let cases = [
        ((0.0, 0.0), (0.0, 1.0), degree),
        ((89.0, 10.0), (89.0, 190.0), 2.0 * degree),
        ((0.0, 359.5), (0.0, 0.5), degree),
        ((12.0, 34.0), (-12.0, 214.0), 180.0 * degree),
        ((5.0, 5.0), (5.0, 5.0), 0.0),
    ];
    for (a, b, expected) in cases {
        assert!(
            (great_circle_km(a, b) - expected).abs() < 1e-6,
            "{a:?} {b:?}"
        );
    }
}

/// Distance to the closest of all faces, by trying them all.
fn closest_by_brute_force(mesh: &TriMesh, point: V) -> f64 {
    (0..mesh.faces.len())
        .map(|face| {
            let [a, b, c] = corners(mesh, face);
            let gap = sub(point, closest_point(point, a, b, c));
            dot(gap, gap).sqrt()
        })
        .fold(f64::MAX, f64::min)
}

/// Closest point of a triangle: the foot on its plane if that is inside, else the best foot on a side.
fn closest_point(p: V, a: V, b: V, c: V) -> V {
    let n = cross(sub(b, a), sub(c, a));
    let height = dot(sub(p, a), n) / dot(n, n);
    let foot = [0, 1, 2].map(|k| p[k] - height * n[k]);
    let inside = |u: V, v: V| dot(cross(sub(v, u), sub(foot, u)), n) >= 0.0;
    if inside(a, b) && inside(b, c) && inside(c, a) {
        return foot;
    }
    let on_side = |u: V, v: V| {
        let t = (dot(sub(p, u), sub(v, u)) / dot(sub(v, u), sub(v, u))).clamp(0.0, 1.0);
        [0, 1, 2].map(|k| u[k] + t * (v[k] - u[k]))
    };
    let distance = |q: &V| dot(sub(p, *q), sub(p, *q));
    [on_side(a, b), on_side(b, c), on_side(c, a)]
        .into_iter()
        .reduce(|best, q| {
            if distance(&q) < distance(&best) {
                q
            } else {
                best
            }
        })
        .unwrap()
}

fn unit_vector() -> impl Strategy<Value = V> {
    (-1.0..1.0_f64, 0.0..std::f64::consts::TAU).prop_map(|(z, phi)| {
        let r = (1.0 - z * z).sqrt();
        [r * phi.cos(), r * phi.sin(), z]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_located_triangle_is_the_closest_of_all(point in unit_vector()) {
        let mesh = MultiMesh::new(3).unwrap();
        let locator = Locator::new(&mesh);
        let found = locator.locate(point);
        prop_assert!((found.distance - closest_by_brute_force(mesh.finest(), point)).abs() < 1e-12);
    }

    #[test]
    fn the_located_triangle_contains_the_point(point in unit_vector(), size in 0..6_u8) {
        let mesh = MultiMesh::new(size).unwrap();
        let found = Locator::new(&mesh).locate(point);
        prop_assert!(found.weights.iter().all(|&w| (0.0..=1.0).contains(&w)));
        prop_assert!((found.weights.iter().sum::<f64>() - 1.0).abs() < 1e-14);
        // The ray through the point crosses the triangle, up to the strip along a side where both neighbours
        // are equally close; it is narrower than the height of the sphere over the triangle.
        let [a, b, c] = corners(mesh.finest(), found.face as usize);
        let height = 1.0 - dot(a, cross(b, c)) / dot(cross(sub(b, a), sub(c, a)), cross(sub(b, a), sub(c, a))).sqrt();
        for (u, v) in [(a, b), (b, c), (c, a)] {
            let n = cross(u, v);
            prop_assert!(dot(n, point) >= -height * dot(n, n).sqrt());
        }
    }
}
