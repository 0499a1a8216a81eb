//! Vectors on the unit sphere and the single-precision conversions of the reference.

use crate::grid::LatLonGrid;
use crate::trig::Angle;

/// Mean radius of the Earth in kilometres (IUGG mean radius R1).
pub const EARTH_RADIUS_KM: f64 = 6371.0088;

/// Great-circle distance in kilometres between two points given as (latitude, longitude) in degrees.
///
/// Uses the arctangent form, accurate for coincident and antipodal points alike.
///
/// ```
/// let quarter = dropsonde_mesh::great_circle_km((0.0, 0.0), (90.0, 123.0));
/// assert!((quarter - std::f64::consts::FRAC_PI_2 * dropsonde_mesh::EARTH_RADIUS_KM).abs() < 1e-9);
/// ```
pub fn great_circle_km(a: (f64, f64), b: (f64, f64)) -> f64 {
    let (u, v) = (unit_vector(a.0, a.1), unit_vector(b.0, b.1));
    EARTH_RADIUS_KM * norm(cross(u, v)).atan2(dot(u, v))
}

/// Unit vector of a point given in degrees, all in double precision.
pub(crate) fn unit_vector(lat: f64, lon: f64) -> [f64; 3] {
    let (sin_lat, cos_lat) = lat.to_radians().sin_cos();
    let (sin_lon, cos_lon) = lon.to_radians().sin_cos();
    [cos_lat * cos_lon, cos_lat * sin_lon, sin_lat]
}

/// Solid angle of the spherical triangle `a b c` in steradians (Van Oosterom and Strackee 1983).
pub(crate) fn solid_angle(a: [f64; 3], b: [f64; 3], c: [f64; 3]) -> f64 {
    let triple = dot(a, cross(b, c)).abs();
    2.0 * triple.atan2(1.0 + dot(a, b) + dot(b, c) + dot(c, a))
}

/// A node's colatitude and longitude in single precision, step by step as the reference computes them:
/// degrees to radians, sine and cosine, and their products all in `f32`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spherical {
    pub(crate) theta: Angle,
    pub(crate) phi: Angle,
}

impl Spherical {
    pub(crate) fn from_degrees(lat: f32, lon: f32) -> Self {
        Self {
            theta: Angle::from_degrees(90.0 - lat),
            phi: Angle::from_degrees(lon),
        }
    }

    /// All nodes of a grid, `[n_nodes]`.
    pub(crate) fn of_grid(grid: &LatLonGrid) -> Vec<Self> {
        let phis: Vec<_> = grid
            .lon()
            .iter()
            .map(|&lon| Angle::from_degrees(lon))
            .collect();
        grid.lat()
            .iter()
            .map(|&lat| Angle::from_degrees(90.0 - lat))
            .flat_map(|theta| phis.iter().map(move |&phi| Self { theta, phi }))
            .collect()
    }

    /// The unit vector, single-precision values.
    pub(crate) fn position(self) -> [f64; 3] {
        let Self { theta, phi } = self;
        to_f64([phi.cos * theta.sin, phi.sin * theta.sin, theta.cos])
    }

    /// `[cos(theta), cos(phi), sin(phi)]`.
    pub(crate) fn features(self) -> [f32; 3] {
        [self.theta.cos, self.phi.cos, self.phi.sin]
    }
}

/// Latitude and longitude in degrees of a unit vector, in single precision as the reference stores them.
///
/// Arccosine and arctangent are rounded once from double precision: the same bits on every machine, and within
/// one unit in the last place of whatever library the reference was run with.
pub(crate) fn lat_lon_f32(v: [f32; 3]) -> [f32; 2] {
    let degrees = |radians: f64| radians as f32 * (180.0 / std::f32::consts::PI);
    let [x, y, z] = to_f64(v);
    let lon = degrees(y.atan2(x)).rem_euclid(360.0);
    let lat = 90.0 - degrees(z.clamp(-1.0, 1.0).acos());
    // Tiny negative longitudes round up to 360 in single precision.
    [lat, if lon >= 360.0 { 0.0 } else { lon }]
}

pub(crate) fn to_f64(v: [f32; 3]) -> [f64; 3] {
    v.map(f64::from)
}

pub(crate) fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub(crate) fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}

pub(crate) fn sub(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

pub(crate) fn norm(a: [f64; 3]) -> f64 {
    dot(a, a).sqrt()
}
