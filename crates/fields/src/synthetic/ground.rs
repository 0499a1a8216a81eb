//! Continents and mountains, roughly.

/// A bump of height 1 and this width in degrees.
fn bump(lat: f64, lon: f64, at: (f64, f64), width: f64) -> f64 {
    let d_lon = (lon - at.1 + 180.0).rem_euclid(360.0) - 180.0;
    let x = d_lon * lat.to_radians().cos();
    (-((lat - at.0).powi(2) + x * x) / (width * width)).exp()
}

/// Height of the ground in m: Himalaya, Rockies, Andes, Antarctica, Greenland, Africa.
pub(super) fn height(lat: f64, lon: f64) -> f64 {
    4800.0 * bump(lat, lon, (33.0, 90.0), 12.0)
        + 2200.0 * bump(lat, lon, (42.0, 250.0), 11.0)
        + 3000.0 * bump(lat, lon, (-20.0, 292.0), 9.0)
        + 2600.0 / (1.0 + ((lat + 74.0) / 2.0).exp()) * (1.0 + 0.3 * lon.to_radians().sin())
        + 2300.0 * bump(lat, lon, (72.0, 320.0), 8.0)
        + 1000.0 * bump(lat, lon, (0.0, 30.0), 18.0)
}

/// 1 on land, 0 at sea: Eurasia, North and South America, Africa, Australia, Antarctica.
pub(super) fn land(lat: f64, lon: f64) -> f64 {
    let continents = bump(lat, lon, (50.0, 80.0), 35.0)
        + bump(lat, lon, (48.0, 260.0), 22.0)
        + bump(lat, lon, (-15.0, 300.0), 20.0)
        + bump(lat, lon, (5.0, 28.0), 30.0)
        + bump(lat, lon, (-25.0, 134.0), 15.0)
        + 1.5 / (1.0 + ((lat + 72.0) / 1.5).exp());
    if continents > 0.5 { 1.0 } else { 0.0 }
}
