//! The structural features of nodes and edges (Lam et al. 2023, supplement 3.3).

use rayon::prelude::*;

use crate::grid::LatLonGrid;
use crate::sphere::{SphericalF32, norm, to_f64};

/// A node as the edge features see it: its position, and the turn into its local frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NodeFrame {
    position: [f64; 3],
    /// Sine and cosine of minus the longitude.
    azimuth: (f64, f64),
    /// Sine and cosine of the latitude.
    polar: (f64, f64),
}

impl NodeFrame {
    fn new(spherical: SphericalF32) -> Self {
        let polar = -spherical.theta + std::f32::consts::FRAC_PI_2;
        Self {
            position: to_f64(spherical.position()),
            azimuth: f64::from(-spherical.phi).sin_cos(),
            polar: f64::from(polar).sin_cos(),
        }
    }

    /// `R_y(pi/2 - theta) R_z(-phi) v`: x outward, y east, z north at this node.
    fn rotate(&self, [x, y, z]: [f64; 3]) -> [f64; 3] {
        let ((sin_a, cos_a), (sin_p, cos_p)) = (self.azimuth, self.polar);
        let (x, y) = (cos_a * x - sin_a * y, sin_a * x + cos_a * y);
        [cos_p * x + sin_p * z, y, cos_p * z - sin_p * x]
    }

    /// Position of `sender` relative to this node in this node's frame.
    fn relative(&self, sender: &Self) -> [f64; 3] {
        let (s, r) = (self.rotate(sender.position), self.rotate(self.position));
        [s[0] - r[0], s[1] - r[1], s[2] - r[2]]
    }
}

pub(crate) fn mesh_frames(lat_lon: &[[f32; 2]]) -> Vec<NodeFrame> {
    lat_lon
        .iter()
        .map(|&[lat, lon]| NodeFrame::new(SphericalF32::from_degrees(lat, lon)))
        .collect()
}

pub(crate) fn grid_frames(grid: &LatLonGrid) -> Vec<NodeFrame> {
    let n_lon = grid.n_lon();
    let row: Vec<_> = grid
        .lon()
        .iter()
        .map(|&lon| SphericalF32::from_degrees(0.0, lon))
        .collect();
    let column: Vec<_> = grid
        .lat()
        .iter()
        .map(|&lat| SphericalF32::from_degrees(lat, 0.0))
        .collect();
    (0..grid.n_nodes())
        .into_par_iter()
        .map(|node| {
            NodeFrame::new(SphericalF32 {
                theta: column[node / n_lon].theta,
                phi: row[node % n_lon].phi,
            })
        })
        .collect()
}

/// `[cos(theta), cos(phi), sin(phi)]` with colatitude theta and longitude phi, of one node in degrees.
pub(crate) fn node_features(lat: f32, lon: f32) -> [f32; 3] {
    let SphericalF32 { theta, phi } = SphericalF32::from_degrees(lat, lon);
    [theta.cos(), phi.cos(), phi.sin()]
}

/// Edge features and the length they were divided by.
pub(crate) struct EdgeFeatures {
    pub(crate) features: Vec<[f32; 4]>,
    pub(crate) normalization: f64,
}

/// Features of edges from `senders` to `receivers`, divided by `normalization` or else by the longest edge.
pub(crate) fn edge_features(
    (senders, sender_frames): (&[u32], &[NodeFrame]),
    (receivers, receiver_frames): (&[u32], &[NodeFrame]),
    normalization: Option<f64>,
) -> EdgeFeatures {
    let relative: Vec<[f64; 3]> = senders
        .par_iter()
        .zip(receivers)
        .map(|(&s, &r)| receiver_frames[r as usize].relative(&sender_frames[s as usize]))
        .collect();
    // The largest length does not depend on the order of the comparison.
    let longest = || {
        relative
            .par_iter()
            .map(|&d| norm(d))
            .reduce(|| 0.0, f64::max)
    };
    let normalization = normalization.unwrap_or_else(longest);
    let features = relative
        .par_iter()
        .map(|&d| [norm(d), d[0], d[1], d[2]].map(|x| (x / normalization) as f32))
        .collect();
    EdgeFeatures {
        features,
        normalization,
    }
}
