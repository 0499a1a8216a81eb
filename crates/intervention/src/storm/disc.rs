use dropsonde_mesh::{EARTH_RADIUS_KM, LatLonGrid};

/// Finds grid nodes by distance.
#[derive(Clone, Debug)]
pub(crate) struct Discs {
    grid: LatLonGrid,
    /// `[N]`.
    unit: Vec<[f64; 3]>,
}

/// A node and its distance from the centre of a disc.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Near {
    pub(crate) node: usize,
    pub(crate) km: f64,
}

impl Discs {
    pub(crate) fn new(grid: &LatLonGrid) -> Self {
        Self {
            grid: grid.clone(),
            unit: grid.unit_vectors(),
        }
    }

    pub(crate) fn unit(&self, node: usize) -> [f64; 3] {
        self.unit[node]
    }

    /// All nodes within a distance of a point (degrees north and east), by index.
    pub(crate) fn within(&self, centre: (f64, f64), radius_km: f64) -> Vec<Near> {
        let from = unit_vector(centre);
        let reach = (radius_km / EARTH_RADIUS_KM).to_degrees() + 1e-6;
        let n_lon = self.grid.n_lon();
        let rows = self.grid.lat().iter().enumerate();
        let rows = rows.filter(|&(_, &lat)| (f64::from(lat) - centre.0).abs() <= reach);
        let nodes = rows.flat_map(|(i, _)| i * n_lon..(i + 1) * n_lon);
        let near = |node| Near {
            node,
            km: distance_km(from, self.unit[node]),
        };
        nodes
            .map(near)
            .filter(|near| near.km <= radius_km)
            .collect()
    }
}

/// Unit vector of a point in degrees north and east.
pub(crate) fn unit_vector((lat, lon): (f64, f64)) -> [f64; 3] {
    let (sin_lat, cos_lat) = lat.to_radians().sin_cos();
    let (sin_lon, cos_lon) = lon.to_radians().sin_cos();
    [cos_lat * cos_lon, cos_lat * sin_lon, sin_lat]
}

/// Degrees north and east (0 to 360) of a vector of any length.
pub(crate) fn lat_lon([x, y, z]: [f64; 3]) -> (f64, f64) {
    let lon = y.atan2(x).to_degrees().rem_euclid(360.0);
    (
        z.atan2(x.hypot(y)).to_degrees(),
        if lon >= 360.0 { 0.0 } else { lon },
    )
}

pub(crate) fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// Great-circle distance from the chord, accurate for near points.
fn distance_km(a: [f64; 3], b: [f64; 3]) -> f64 {
    let d = [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
    2.0 * EARTH_RADIUS_KM * (dot(d, d).sqrt() / 2.0).min(1.0).asin()
}

#[cfg(test)]
mod tests {
    use dropsonde_mesh::great_circle_km;

    use super::*;

    #[test]
    fn discs_hold_the_same_nodes_as_a_search_over_all() {
        let grid = LatLonGrid::with_poles(5.0).unwrap();
        let discs = Discs::new(&grid);
        for centre in [
            (0.0, 0.0),
            (12.0, 359.0),
            (-17.0, 180.0),
            (88.0, 70.0),
            (-90.0, 0.0),
        ] {
            let found: Vec<usize> = discs
                .within(centre, 1200.0)
                .iter()
                .map(|n| n.node)
                .collect();
            let near = |&node: &usize| {
                let (lat, lon) = grid.position(node);
                great_circle_km(centre, (lat.into(), lon.into())) <= 1200.0
            };
            assert_eq!(found, (0..grid.n_nodes()).filter(near).collect::<Vec<_>>());
            let (lat, lon) = lat_lon(unit_vector(centre));
            assert!(great_circle_km((lat, lon), centre) < 1e-6 && (0.0..360.0).contains(&lon));
        }
    }
}
