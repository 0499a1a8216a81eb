//! Vectors on the unit sphere and the single-precision conversions of the reference.

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

/// A unit-sphere position from degrees in single precision, step by step as the reference does it:
/// degrees to radians, sine and cosine, and products all in `f32`.
///
/// `theta` is the colatitude, `phi` the longitude.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SphericalF32 {
    pub(crate) theta: f32,
    pub(crate) phi: f32,
}

impl SphericalF32 {
    pub(crate) fn from_degrees(lat: f32, lon: f32) -> Self {
        Self {
            theta: radians_f32(90.0 - lat),
            phi: radians_f32(lon),
        }
    }

    pub(crate) fn position(self) -> [f32; 3] {
        let sin_theta = self.theta.sin();
        [
            self.phi.cos() * sin_theta,
            self.phi.sin() * sin_theta,
            self.theta.cos(),
        ]
    }
}

/// Latitude and longitude in degrees of a unit vector, in single precision as the reference stores them.
pub(crate) fn lat_lon_f32([x, y, z]: [f32; 3]) -> [f32; 2] {
    let lon = degrees_f32(y.atan2(x)).rem_euclid(360.0);
    let lat = 90.0 - degrees_f32(z.clamp(-1.0, 1.0).acos());
    // Tiny negative longitudes round up to 360 in single precision.
    [lat, if lon >= 360.0 { 0.0 } else { lon }]
}

fn radians_f32(degrees: f32) -> f32 {
    degrees * (std::f32::consts::PI / 180.0)
}

fn degrees_f32(radians: f32) -> f32 {
    radians * (180.0 / std::f32::consts::PI)
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
