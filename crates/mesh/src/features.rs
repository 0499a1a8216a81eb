//! The structural features of nodes and edges (Lam et al. 2023, supplement 3.3).

use rayon::prelude::*;

use crate::sphere::{Spherical, norm};

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
    pub(crate) fn new(node: &Spherical) -> Self {
        let polar = -node.theta.radians + std::f32::consts::FRAC_PI_2;
        Self {
            position: node.position(),
            azimuth: f64::from(-node.phi.radians).sin_cos(),
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test is what it should be")]
#[path = "../tests/it/common/mod.rs"]
mod common;

#[cfg(test)]
mod tests {
    use super::common::{Npz, largest_difference};
    use super::*;

    fn frames(lat: &[f32], lon: &[f32]) -> Vec<NodeFrame> {
        lat.iter()
            .zip(lon)
            .map(|(&lat, &lon)| NodeFrame::new(&Spherical::from_degrees(lat, lon)))
            .collect()
    }

    /// With the reference's mesh latitudes and longitudes the features agree to the last bits.
    #[test]
    fn edge_features_from_the_reference_degrees() {
        let mut reference = Npz::open("connectivity.npz", "");
        let mesh = frames(
            &reference.values("s3_mesh_lat"),
            &reference.values("s3_mesh_lon"),
        );
        let (lat, lon): (Vec<f32>, Vec<f32>) =
            (reference.values("g4_lat"), reference.values("g4_lon"));
        let nodes = lat.iter().flat_map(|&lat| {
            lon.iter()
                .map(move |&lon| Spherical::from_degrees(lat, lon))
        });
        let grid: Vec<_> = nodes.map(|node| NodeFrame::new(&node)).collect();
        let senders = reference.indices("g4_s3_g2m_grid_idx");
        let receivers = reference.indices("g4_s3_g2m_mesh_idx");
        let ours = edge_features((&senders, &grid), (&receivers, &mesh), None);
        let theirs: Vec<f32> = reference.values("g4_s3_g2m_edge_feat");
        let difference = largest_difference(ours.features.as_flattened(), &theirs);
        assert!(difference < 2e-7, "{difference}");
        // The stored length is not the one that divided the features above, or they would differ by more.
        let longest: f64 = reference.scalar("g4_s3_g2m_max_edge_len");
        assert!(
            (ours.normalization - longest).abs() < 2e-7,
            "{} {longest}",
            ours.normalization
        );
    }

    #[test]
    fn local_frame_is_outward_east_north() {
        for (lat, lon) in [(0.0, 0.0), (35.0, 130.0), (-60.0, 300.0)] {
            let node = frames(&[lat], &[lon])[0];
            for (other, axis) in [((lat, lon + 0.5), 1), ((lat + 0.5, lon), 2)] {
                let d = node.relative(&frames(&[other.0], &[other.1])[0]);
                assert!(
                    d[0] < 0.0 && d[axis] > 0.9 * norm(d),
                    "{lat} {lon} axis {axis}: {d:?}"
                );
            }
        }
    }
}
