//! The finest triangle closest to a point, found by walking down the mesh hierarchy.

use crate::closest::{closest_triangle, search_radius};
use crate::icosahedron::TriMesh;
use crate::multimesh::MultiMesh;
use crate::sphere::{cross, dot, norm, sub};
use crate::visit_order::{Aabb, visit_ranks};

/// A foot with all barycentric weights above this is inside its triangle, whatever the rounding and tolerances.
const INSIDE: f64 = 1e-3;

/// Where a point lies on the mesh.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Location {
    /// Index of the closest face of the finest level.
    pub face: u32,
    /// Barycentric weights, in corner order, of the closest point of that flat triangle: at least 0, sum 1.
    pub weights: [f64; 3],
    /// Distance to that closest point on the unit sphere's scale.
    pub distance: f64,
}

/// Finds the triangle of the finest level that is closest to a point (Euclidean distance to the flat triangle).
///
/// The faces of each level cover exactly their parent's spherical triangle, so the face that a ray from the
/// centre crosses is found in a few sign tests per level.
/// The closest flat triangle is that face or shares a corner with it; its neighbours are looked at only when the
/// closest point of the first face is not well inside it.
/// Then the choice is that of the `trimesh` library, which the reference uses, down to the last bit and its order of
/// candidates: of equally close triangles the one that faces the point best, or, where the library does not compare
/// that (squared distances below 1e-8, so most of the finest mesh of GraphCast) or it is equal too, the one that the
/// library's search tree and NumPy's sort happen to bring up first.
#[derive(Clone, Debug)]
pub struct Locator<'a> {
    finest: &'a TriMesh,
    /// Outward unit normals of the 20 faces of the icosahedron.
    base_normals: Vec<[f64; 3]>,
    /// Per level but the finest and per face: normals of the planes that cut off its three corner children.
    cuts: Vec<Vec<[[f64; 3]; 3]>>,
    /// Faces around vertex `v`: `faces_around[starts[v]..starts[v + 1]]`, ascending.
    starts: Vec<u32>,
    faces_around: Vec<u32>,
    /// Place of each finest face in the order in which the reference's search tree visits them.
    visit_ranks: Vec<u32>,
}

impl<'a> Locator<'a> {
    /// Prepares the search on `mesh`.
    pub fn new(mesh: &'a MultiMesh) -> Self {
        let levels = mesh.levels();
        let base = &levels[0];
        let finest = mesh.finest();
        let (starts, faces_around) = vertex_faces(finest);
        let boxes: Vec<Aabb> = (0..finest.faces.len())
            .map(|face| Aabb::around(&finest.corners(face)))
            .collect();
        Self {
            finest,
            base_normals: (0..base.faces.len())
                .map(|f| normal(base.corners(f)))
                .collect(),
            cuts: levels[1..].iter().map(cutting_planes).collect(),
            starts,
            faces_around,
            visit_ranks: visit_ranks(&boxes),
        }
    }

    /// The finest face closest to `point`, a vector on or near the unit sphere.
    pub fn locate(&self, point: [f64; 3]) -> Location {
        let face = self.face_below(point);
        let first = self.closest_on(face, point);
        match first.weights.iter().all(|&w| w > INSIDE) {
            // The mesh is convex: a perpendicular foot inside a face is the closest point of all.
            true => first,
            false => self.closest_on(self.reference_choice(face, point), point),
        }
    }

    /// The finest face crossed by the ray from the centre through `point`.
    fn face_below(&self, point: [f64; 3]) -> usize {
        let mut face = 0;
        for candidate in 1..self.base_normals.len() {
            if dot(self.base_normals[candidate], point) > dot(self.base_normals[face], point) {
                face = candidate;
            }
        }
        for cuts in &self.cuts {
            let corner = cuts[face].iter().position(|&plane| dot(plane, point) < 0.0);
            face = 4 * face + corner.unwrap_or(3);
        }
        face
    }

    fn closest_on(&self, face: usize, point: [f64; 3]) -> Location {
        let corners = self.finest.corners(face);
        let weights = closest_weights(corners, point);
        Location {
            face: face as u32,
            weights,
            distance: norm(sub(point, combine(corners, weights))),
        }
    }

    /// What the reference chooses of the faces around `near`, the face below `point`.
    fn reference_choice(&self, near: usize, point: [f64; 3]) -> usize {
        let radius = search_radius(self.finest.corners(near), point);
        let search_box = Aabb {
            low: point.map(|x| x - radius),
            high: point.map(|x| x + radius),
        };
        let mut candidates = self.neighbours(self.neighbours(vec![near as u32]));
        candidates.sort_unstable_by_key(|&face| self.visit_ranks[face as usize]);
        candidates.retain(|&face| {
            Aabb::around(&self.finest.corners(face as usize)).intersects(&search_box)
        });
        let triangles: Vec<_> = candidates
            .iter()
            .map(|&face| self.finest.corners(face as usize))
            .collect();
        closest_triangle(&triangles, point).map_or(near, |i| candidates[i] as usize)
    }

    /// `faces` and all that share a corner with one of them, ascending.
    fn neighbours(&self, faces: Vec<u32>) -> Vec<u32> {
        let mut around: Vec<u32> = faces
            .into_iter()
            .flat_map(|face| self.finest.faces[face as usize])
            .flat_map(|vertex| self.around(vertex))
            .copied()
            .collect();
        around.sort_unstable();
        around.dedup();
        around
    }

    fn around(&self, vertex: u32) -> &[u32] {
        let v = vertex as usize;
        &self.faces_around[self.starts[v] as usize..self.starts[v + 1] as usize]
    }
}

/// Normals of the planes through the centre along the three sides of each middle child, in the order of the
/// corner children behind them.
fn cutting_planes(children: &TriMesh) -> Vec<[[f64; 3]; 3]> {
    (0..children.faces.len() / 4)
        .map(|parent| {
            let [ab, bc, ca] = children.corners(4 * parent + 3);
            [cross(ca, ab), cross(ab, bc), cross(bc, ca)]
        })
        .collect()
}

/// Faces around each vertex as (starts, faces).
fn vertex_faces(mesh: &TriMesh) -> (Vec<u32>, Vec<u32>) {
    let mut starts = vec![0_u32; mesh.vertices.len() + 1];
    for &v in mesh.faces.iter().flatten() {
        starts[v as usize + 1] += 1;
    }
    for v in 1..starts.len() {
        starts[v] += starts[v - 1];
    }
    let mut next = starts.clone();
    let mut faces = vec![0; 3 * mesh.faces.len()];
    for (face_idx, face) in mesh.faces.iter().enumerate() {
        for &v in face {
            faces[next[v as usize] as usize] = face_idx as u32;
            next[v as usize] += 1;
        }
    }
    (starts, faces)
}

fn normal([a, b, c]: [[f64; 3]; 3]) -> [f64; 3] {
    let n = cross(sub(b, a), sub(c, a));
    let length = norm(n);
    n.map(|x| x / length)
}

fn combine(corners: [[f64; 3]; 3], weights: [f64; 3]) -> [f64; 3] {
    [0, 1, 2].map(|k| (0..3).map(|i| weights[i] * corners[i][k]).sum())
}

/// Barycentric weights of the point of triangle `a b c` closest to `p` (Ericson, Real-Time Collision Detection,
/// 2005, section 5.1.5).
fn closest_weights([a, b, c]: [[f64; 3]; 3], p: [f64; 3]) -> [f64; 3] {
    let (ab, ac) = (sub(b, a), sub(c, a));
    let to_point = |corner| (dot(ab, sub(p, corner)), dot(ac, sub(p, corner)));
    let ((d1, d2), (d3, d4), (d5, d6)) = (to_point(a), to_point(b), to_point(c));
    if d1 <= 0.0 && d2 <= 0.0 {
        return [1.0, 0.0, 0.0];
    }
    if d3 >= 0.0 && d4 <= d3 {
        return [0.0, 1.0, 0.0];
    }
    if d6 >= 0.0 && d5 <= d6 {
        return [0.0, 0.0, 1.0];
    }
    let (va, vb, vc) = (d3 * d6 - d5 * d4, d5 * d2 - d1 * d6, d1 * d4 - d3 * d2);
    if vc <= 0.0 && d1 >= 0.0 && d3 <= 0.0 {
        let t = d1 / (d1 - d3);
        return [1.0 - t, t, 0.0];
    }
    if vb <= 0.0 && d2 >= 0.0 && d6 <= 0.0 {
        let t = d2 / (d2 - d6);
        return [1.0 - t, 0.0, t];
    }
    if va <= 0.0 && d4 >= d3 && d5 >= d6 {
        let t = (d4 - d3) / ((d4 - d3) + (d5 - d6));
        return [0.0, 1.0 - t, t];
    }
    let total = va + vb + vc;
    let (v, w) = (vb / total, vc / total);
    [(1.0 - v - w).max(0.0), v, w]
}
