//! The icosahedron and its recursive splits.

use std::collections::HashMap;

/// A triangle mesh inscribed in the unit sphere.
#[derive(Clone, Debug, PartialEq)]
pub struct TriMesh {
    /// Unit vectors, `[n_vertices]`; x points to 0 E on the equator, z to the north pole.
    pub vertices: Vec<[f32; 3]>,
    /// Corner indices, counter-clockwise seen from outside, `[n_faces]`.
    pub faces: Vec<[u32; 3]>,
}

/// Corner indices of the icosahedron, counter-clockwise seen from outside, in the order of GraphCast's
/// `icosahedral_mesh.get_icosahedron` (<https://github.com/google-deepmind/graphcast>).
const FACES: [[u32; 3]; 20] = [
    [0, 1, 2],
    [0, 6, 1],
    [8, 0, 2],
    [8, 4, 0],
    [3, 8, 2],
    [3, 2, 7],
    [7, 2, 1],
    [0, 4, 6],
    [4, 11, 6],
    [6, 11, 5],
    [1, 5, 7],
    [4, 10, 11],
    [4, 8, 10],
    [10, 8, 3],
    [10, 3, 9],
    [11, 10, 9],
    [11, 9, 5],
    [5, 9, 7],
    [9, 3, 7],
    [1, 6, 5],
];

impl TriMesh {
    /// The icosahedron, turned about y so that a face is horizontal at the north pole.
    pub fn icosahedron() -> Self {
        let golden = (1.0 + 5.0_f64.sqrt()) / 2.0;
        let radius = golden.hypot(1.0);
        let scale = |x: f64| f64::from((f64::from(x as f32) / radius) as f32);
        let mut corners = Vec::with_capacity(12);
        for c1 in [1.0, -1.0] {
            for c2 in [golden, -golden] {
                corners.extend([[c1, c2, 0.0], [0.0, c1, c2], [c2, 0.0, c1]]);
            }
        }
        let dihedral = 2.0 * (golden / 3.0_f64.sqrt()).asin();
        let (sin, cos) = ((std::f64::consts::PI - dihedral) / 2.0).sin_cos();
        let turn = |[x, y, z]: [f64; 3]| [x * cos - z * sin, y, x * sin + z * cos];
        let vertices = corners
            .into_iter()
            .map(|corner| turn(corner.map(scale)).map(|x| x as f32))
            .collect();
        Self {
            vertices,
            faces: FACES.to_vec(),
        }
    }

    /// Splits every face in four and projects the new vertices to the sphere.
    ///
    /// Existing vertices keep their index.
    /// Face `f` becomes faces `4f .. 4f + 4`: the three corner children in corner order, then the middle one.
    pub fn split(&self) -> Self {
        let mut builder = Midpoints::new(self);
        let mut faces = Vec::with_capacity(4 * self.faces.len());
        for &[a, b, c] in &self.faces {
            let ab = builder.between(a, b);
            let bc = builder.between(b, c);
            let ca = builder.between(c, a);
            faces.extend([[a, ab, ca], [ab, b, bc], [ca, bc, c], [ab, bc, ca]]);
        }
        Self {
            vertices: builder.vertices,
            faces,
        }
    }

    /// Directed edges of all faces: all first edges, then all second ones, then all third ones.
    ///
    /// Returns (senders, receivers), each `[3 * n_faces]`.
    pub fn directed_edges(&self) -> (Vec<u32>, Vec<u32>) {
        directed_edges(&self.faces)
    }

    /// The longest edge as a chord on the unit sphere.
    pub fn longest_edge(&self) -> f32 {
        let length = |a: u32, b: u32| {
            let (p, q) = (self.vertices[a as usize], self.vertices[b as usize]);
            let d = [p[0] - q[0], p[1] - q[1], p[2] - q[2]];
            (d[0] * d[0] + d[1] * d[1] + d[2] * d[2]).sqrt()
        };
        self.faces
            .iter()
            .flat_map(|&[a, b, c]| [length(a, b), length(b, c), length(c, a)])
            .fold(0.0, f32::max)
    }

    /// The corner positions of face `face_idx` in double precision.
    pub(crate) fn corners(&self, face_idx: usize) -> [[f64; 3]; 3] {
        self.faces[face_idx].map(|v| crate::sphere::to_f64(self.vertices[v as usize]))
    }
}

/// Directed edges of a list of faces, see [`TriMesh::directed_edges`].
pub(crate) fn directed_edges(faces: &[[u32; 3]]) -> (Vec<u32>, Vec<u32>) {
    let column = |k: usize| faces.iter().map(move |face| face[k]);
    let senders = column(0).chain(column(1)).chain(column(2)).collect();
    let receivers = column(1).chain(column(2)).chain(column(0)).collect();
    (senders, receivers)
}

/// Creates each edge midpoint once.
struct Midpoints {
    vertices: Vec<[f32; 3]>,
    index: HashMap<(u32, u32), u32>,
}

impl Midpoints {
    fn new(parent: &TriMesh) -> Self {
        let n_edges = parent.faces.len() * 3 / 2;
        let mut vertices = Vec::with_capacity(parent.vertices.len() + n_edges);
        vertices.extend_from_slice(&parent.vertices);
        Self {
            vertices,
            index: HashMap::with_capacity(n_edges),
        }
    }

    fn between(&mut self, a: u32, b: u32) -> u32 {
        let next = self.vertices.len() as u32;
        let index = *self.index.entry((a.min(b), a.max(b))).or_insert(next);
        if index == next {
            let midpoint = unit_mean(self.vertices[a as usize], self.vertices[b as usize]);
            self.vertices.push(midpoint);
        }
        index
    }
}

/// The mean of two vectors over its norm, in single precision as in the reference.
///
/// NumPy's norm goes through a BLAS dot product that adds single-precision products in double precision.
fn unit_mean(a: [f32; 3], b: [f32; 3]) -> [f32; 3] {
    let mean = [0, 1, 2].map(|k| (a[k] + b[k]) / 2.0);
    let squares: f64 = mean.iter().map(|&x| f64::from(x * x)).sum();
    let norm = (squares as f32).sqrt();
    mean.map(|x| x / norm)
}
