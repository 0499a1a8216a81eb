//! Where an edit acts.

use dropsonde_mesh::great_circle_km;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::error::require;

/// Where an edit acts, by position of the mesh nodes; degrees north and east, kilometres along great circles.
///
/// In TOML: `where = "everywhere"`, or for example `where = { storm = { radius_km = 1000.0 } }`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Where {
    /// On every mesh node.
    #[default]
    Everywhere,
    /// Around a fixed point.
    Point {
        /// Latitude.
        lat: f64,
        /// Longitude.
        lon: f64,
        /// Distance up to which nodes count.
        radius_km: f64,
    },
    /// Around the storm of the run itself, wherever it has gone; nowhere once it is lost.
    Storm {
        /// Distance up to which nodes count.
        radius_km: f64,
    },
    /// Between two latitudes, from `west` eastwards to `east`; may cross any meridian.
    Box {
        /// Southern edge.
        south: f64,
        /// Northern edge.
        north: f64,
        /// Western edge.
        west: f64,
        /// Eastern edge.
        east: f64,
    },
    /// Between two latitudes, all around.
    Band {
        /// Southern edge.
        south: f64,
        /// Northern edge.
        north: f64,
    },
}

impl Where {
    /// Which mesh nodes it holds, `[M]`; `None` for all.
    ///
    /// `mesh`: (latitude, longitude) of each node, `[M]`; `storm`: where the storm of the run is now.
    pub fn nodes(&self, mesh: &[[f32; 2]], storm: Option<(f64, f64)>) -> Option<Vec<bool>> {
        let inside: Box<dyn Fn((f64, f64)) -> bool> = match *self {
            Self::Everywhere => return None,
            Self::Point {
                lat,
                lon,
                radius_km,
            } => disc(Some((lat, lon)), radius_km),
            Self::Storm { radius_km } => disc(storm, radius_km),
            Self::Box {
                south,
                north,
                west,
                east,
            } => Box::new(move |(lat, lon)| {
                let from_west = |x: f64| (x - west).rem_euclid(360.0);
                let width = if east - west >= 360.0 {
                    360.0
                } else {
                    from_west(east)
                };
                (south..=north).contains(&lat) && from_west(lon) <= width
            }),
            Self::Band { south, north } => Box::new(move |(lat, _)| (south..=north).contains(&lat)),
        };
        Some(
            mesh.iter()
                .map(|&[lat, lon]| inside((lat.into(), lon.into())))
                .collect(),
        )
    }

    /// Whether a storm has to be followed.
    pub fn needs_storm(&self) -> bool {
        matches!(self, Self::Storm { .. })
    }

    pub(crate) fn check(&self) -> Result<()> {
        match *self {
            Self::Everywhere => Ok(()),
            Self::Point {
                lat,
                lon,
                radius_km,
            } => {
                latitude("where.point.lat", lat)?;
                longitude("where.point.lon", lon)?;
                radius("where.point.radius_km", radius_km)
            }
            Self::Storm { radius_km } => radius("where.storm.radius_km", radius_km),
            Self::Box {
                south,
                north,
                west,
                east,
            } => {
                band("where.box", south, north)?;
                longitude("where.box.west", west)?;
                longitude("where.box.east", east)
            }
            Self::Band { south, north } => band("where.band", south, north),
        }
    }
}

fn disc(centre: Option<(f64, f64)>, radius_km: f64) -> Box<dyn Fn((f64, f64)) -> bool> {
    Box::new(move |point| centre.is_some_and(|c| great_circle_km(c, point) <= radius_km))
}

fn latitude(key: &str, value: f64) -> Result<()> {
    let hint = "latitudes are degrees north, southern ones negative";
    require(
        (-90.0..=90.0).contains(&value),
        key,
        value,
        "-90 to 90",
        hint,
    )
}

fn longitude(key: &str, value: f64) -> Result<()> {
    let hint = "longitudes are degrees east; western ones may be negative";
    require(
        (-360.0..=360.0).contains(&value),
        key,
        value,
        "-360 to 360",
        hint,
    )
}

fn band(key: &str, south: f64, north: f64) -> Result<()> {
    latitude(&format!("{key}.south"), south)?;
    latitude(&format!("{key}.north"), north)?;
    let expected = format!("at least {south} (`{key}.south`)");
    require(
        south <= north,
        &format!("{key}.north"),
        north,
        expected,
        "exchange the two edges",
    )
}

/// Half the circumference of the Earth, km: a larger radius holds everything.
const FARTHEST_KM: f64 = 20_016.0;

pub(crate) fn radius(key: &str, km: f64) -> Result<()> {
    let hint = "distances are in kilometres; leave `where` out to act everywhere";
    let expected = format!("more than 0 and at most {FARTHEST_KM}");
    require(km > 0.0 && km <= FARTHEST_KM, key, km, expected, hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODES: [[f32; 2]; 5] = [
        [0.0, 0.0],
        [0.0, 179.0],
        [0.0, 181.0],
        [80.0, 10.0],
        [80.0, 190.0],
    ];

    fn chosen(place: Where, storm: Option<(f64, f64)>) -> Vec<usize> {
        let mask = place.nodes(&NODES, storm).unwrap();
        (0..mask.len()).filter(|&i| mask[i]).collect()
    }

    #[test]
    fn discs_cross_the_date_line_and_the_pole() {
        let point = |lat, lon| Where::Point {
            lat,
            lon,
            radius_km: 2300.0,
        };
        assert_eq!(chosen(point(0.0, -179.5), None), [1, 2]);
        assert_eq!(chosen(point(80.0, 10.0), None), [3, 4]);
        let storm = Where::Storm { radius_km: 300.0 };
        assert_eq!(chosen(storm, Some((0.0, 180.0))), [1, 2]);
        assert!(chosen(storm, None).is_empty());
    }

    #[test]
    fn boxes_and_bands() {
        let region = |west, east| Where::Box {
            south: -10.0,
            north: 10.0,
            west,
            east,
        };
        assert_eq!(chosen(region(170.0, -170.0), None), [1, 2]);
        assert_eq!(chosen(region(-170.0, 170.0), None), [0]);
        assert_eq!(chosen(region(0.0, 360.0), None), [0, 1, 2]);
        assert_eq!(
            chosen(
                Where::Band {
                    south: 60.0,
                    north: 90.0
                },
                None
            ),
            [3, 4]
        );
        assert!(Where::Everywhere.nodes(&NODES, None).is_none());
    }

    #[test]
    fn impossible_places_are_refused_with_the_key() {
        let cases = [
            (
                Where::Storm { radius_km: 0.0 },
                "`where.storm.radius_km` is 0",
            ),
            (
                Where::Point {
                    lat: 91.0,
                    lon: 0.0,
                    radius_km: 1.0,
                },
                "`where.point.lat` is 91",
            ),
            (
                Where::Point {
                    lat: 0.0,
                    lon: f64::NAN,
                    radius_km: 1.0,
                },
                "`where.point.lon` is NaN",
            ),
            (
                Where::Band {
                    south: 10.0,
                    north: -10.0,
                },
                "`where.band.north` is -10, expected at least 10",
            ),
        ];
        for (place, expected) in cases {
            let error = place.check().unwrap_err().to_string();
            assert!(
                error.contains(expected) && error.contains("hint: "),
                "{error}"
            );
        }
    }
}
