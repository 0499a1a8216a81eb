//! Land outlines: the Natural Earth 1:110 million coastline, decoded once from TopoJSON.

use std::sync::OnceLock;

use serde::Deserialize;

/// The file, see `src/data/README.md`.
const LAND_110M: &str = include_str!("data/land-110m.json");

/// Land outlines as closed rings of `[lon, lat]` in degrees.
///
/// The last point of a ring is not repeated.
/// Longitudes run on without jumps: a ring that crosses the dateline leaves -180..=180,
/// and the ring of Antarctica, which winds around the pole, ends 360 degrees from its start.
#[derive(Clone, Debug, PartialEq)]
pub struct Coastlines {
    rings: Vec<Ring>,
}

/// One outline of a [`Coastlines`].
#[derive(Clone, Debug, PartialEq)]
pub struct Ring {
    /// `[lon, lat]` in degrees, first point not repeated.
    pub points: Vec<[f64; 2]>,
    /// Degrees of longitude from the first point once around to itself: 0, or ±360 around a pole.
    pub winding: f64,
}

impl Coastlines {
    /// The coastline of Natural Earth at 1:110 million (public domain).
    pub fn natural_earth_110m() -> &'static Self {
        static COAST: OnceLock<Coastlines> = OnceLock::new();
        COAST.get_or_init(|| {
            Self::from_topojson(LAND_110M).expect("the embedded file is valid, as the tests check")
        })
    }

    /// The outlines.
    pub fn rings(&self) -> &[Ring] {
        &self.rings
    }

    /// Decodes the polygons of all objects of a quantised TopoJSON text.
    ///
    /// # Source
    /// TopoJSON specification, sections 2.1.2 to 2.1.4, <https://github.com/topojson/topojson-specification>.
    fn from_topojson(text: &str) -> Result<Self, serde_json::Error> {
        let topology: Topology = serde_json::from_str(text)?;
        let arcs: Vec<Vec<[f64; 2]>> = topology
            .arcs
            .iter()
            .map(|a| topology.transform.decode(a))
            .collect();
        let mut rings = Vec::new();
        for geometry in topology.objects.values() {
            collect_rings(geometry, &arcs, &mut rings);
        }
        Ok(Self { rings })
    }
}

#[derive(Deserialize)]
struct Topology {
    objects: std::collections::BTreeMap<String, Geometry>,
    arcs: Vec<Vec<[i64; 2]>>,
    transform: Transform,
}

#[derive(Deserialize)]
struct Transform {
    scale: [f64; 2],
    translate: [f64; 2],
}

impl Transform {
    /// Positions of an arc: running sums of its steps, scaled and moved.
    fn decode(&self, arc: &[[i64; 2]]) -> Vec<[f64; 2]> {
        let mut at = [0i64; 2];
        arc.iter()
            .map(|step| {
                at = [at[0] + step[0], at[1] + step[1]];
                std::array::from_fn(|k| at[k] as f64 * self.scale[k] + self.translate[k])
            })
            .collect()
    }
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum Geometry {
    #[serde(rename = "GeometryCollection")]
    Collection {
        geometries: Vec<Geometry>,
    },
    MultiPolygon {
        arcs: Vec<Vec<Vec<i64>>>,
    },
    Polygon {
        arcs: Vec<Vec<i64>>,
    },
}

fn collect_rings(geometry: &Geometry, arcs: &[Vec<[f64; 2]>], out: &mut Vec<Ring>) {
    match geometry {
        Geometry::Collection { geometries } => {
            geometries.iter().for_each(|g| collect_rings(g, arcs, out));
        }
        Geometry::MultiPolygon { arcs: polygons } => {
            out.extend(polygons.iter().flatten().map(|ring| join(ring, arcs)));
        }
        Geometry::Polygon { arcs: polygon } => {
            out.extend(polygon.iter().map(|ring| join(ring, arcs)));
        }
    }
}

/// Joins arcs end to end (a negative index `!i` is arc `i` backwards) and unwinds the longitudes.
fn join(ring: &[i64], arcs: &[Vec<[f64; 2]>]) -> Ring {
    let mut raw: Vec<[f64; 2]> = Vec::new();
    for &index in ring {
        let arc = &arcs[if index < 0 { !index } else { index } as usize];
        let points: Vec<[f64; 2]> = if index < 0 {
            arc.iter().rev().copied().collect()
        } else {
            arc.clone()
        };
        raw.extend(points.into_iter().skip(usize::from(!raw.is_empty())));
    }
    let unwound = unwind(&raw);
    let winding = match (unwound.first(), unwound.last()) {
        (Some(first), Some(last)) => ((last[0] - first[0]) / 360.0).round() * 360.0,
        _ => 0.0,
    };
    let n = unwound.len().saturating_sub(1);
    Ring {
        points: unwound.into_iter().take(n).collect(),
        winding,
    }
}

/// Moves each `[lon, lat]` by whole turns so that no step in longitude is longer than half a turn.
pub(crate) fn unwind(points: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let mut last: Option<f64> = None;
    points
        .iter()
        .map(|&[lon, lat]| {
            let lon = last.map_or(lon, |l| lon + 360.0 * ((l - lon) / 360.0).round());
            last = Some(lon);
            [lon, lat]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Area inside a ring on the sphere as a share of the sphere, by Green's theorem on the equal-area cylinder.
    fn share_of_sphere(ring: &Ring) -> f64 {
        let mut points = ring.points.clone();
        if ring.winding != 0.0 {
            let (first, last) = (points[0], points[points.len() - 1]);
            points.push([first[0] + ring.winding, first[1]]);
            points.push([points[points.len() - 1][0], -90.0]);
            points.push([first[0], -90.0]);
            assert!((last[0] - first[0]).abs() > 300.0);
        }
        let n = points.len();
        let y = |p: [f64; 2]| p[1].to_radians().sin();
        let twice: f64 = (0..n)
            .map(|i| (points[i], points[(i + 1) % n]))
            .map(|(p, q)| (p[0] * y(q) - q[0] * y(p)).to_radians())
            .sum();
        twice.abs() / 2.0 / (4.0 * std::f64::consts::PI)
    }

    #[test]
    fn all_outlines_close_and_lie_on_the_globe() {
        let coast = Coastlines::natural_earth_110m();
        assert!(coast.rings().len() > 120);
        for ring in coast.rings() {
            assert!(ring.points.len() >= 3);
            assert!(
                ring.points
                    .iter()
                    .all(|[lon, lat]| lon.abs() <= 540.0 && (-86.0..=84.0).contains(lat))
            );
            assert!(
                ring.points
                    .windows(2)
                    .all(|w| (w[1][0] - w[0][0]).abs() < 30.0)
            );
            let (first, last) = (ring.points[0], ring.points[ring.points.len() - 1]);
            let gap = (first[0] + ring.winding - last[0]).hypot(first[1] - last[1]);
            assert!(gap < 20.0, "gap {gap}");
        }
    }

    #[test]
    fn only_antarctica_winds_around_a_pole() {
        let winding: Vec<&Ring> = Coastlines::natural_earth_110m()
            .rings()
            .iter()
            .filter(|r| r.winding != 0.0)
            .collect();
        assert_eq!(winding.len(), 1);
        assert_eq!(winding[0].winding.abs(), 360.0);
        assert!(winding[0].points.iter().all(|p| p[1] < -60.0));
    }

    #[test]
    fn land_covers_about_29_percent_of_the_sphere() {
        let share: f64 = Coastlines::natural_earth_110m()
            .rings()
            .iter()
            .map(share_of_sphere)
            .sum();
        assert!((0.27..0.31).contains(&share), "{share}");
    }

    #[test]
    fn arcs_are_scaled_reversed_and_joined() {
        let text = r#"{"type":"Topology","transform":{"scale":[2,1],"translate":[10,-5]},
            "objects":{"a":{"type":"Polygon","arcs":[[0,-2]]}},
            "arcs":[[[0,0],[1,0],[0,1]],[[0,0],[0,1],[1,0]]]}"#;
        let coast = Coastlines::from_topojson(text).unwrap();
        let ring = &coast.rings()[0];
        assert_eq!(
            ring.points,
            [[10.0, -5.0], [12.0, -5.0], [12.0, -4.0], [10.0, -4.0]]
        );
        assert_eq!(ring.winding, 0.0);
        assert!(Coastlines::from_topojson("{}").is_err());
    }

    #[test]
    fn unwinding_removes_the_jump_at_the_dateline() {
        let line = unwind(&[[170.0, 0.0], [-175.0, 1.0], [-160.0, 2.0]]);
        assert_eq!(
            line.iter().map(|p| p[0]).collect::<Vec<_>>(),
            [170.0, 185.0, 200.0]
        );
    }
}
