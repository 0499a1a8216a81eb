//! Contour lines of a gridded field by marching squares.

use std::collections::BTreeMap;

use crate::grid::GridField;

/// A connected piece of a contour.
#[derive(Clone, Debug, PartialEq)]
pub struct ContourLine {
    /// `[lon, lat]` in degrees; longitudes run on without jumps.
    pub points: Vec<[f64; 2]>,
    /// True when the last point meets the first (possibly after a turn around the globe).
    pub closed: bool,
}

/// A grid edge: row, column, and whether it runs along the row.
type Edge = (usize, usize, bool);

/// Lines on which the bilinearly read `field` equals `level`.
///
/// Cells with a missing corner are left out; in an ambiguous cell the mean of the corners decides.
/// A global field has no seam.
///
/// # Source
/// Marching squares, the plane form of Lorensen and Cline, SIGGRAPH 1987.
pub fn contour_lines(field: &GridField, level: f64) -> Vec<ContourLine> {
    let n_lat = field.axes.lat.len();
    let n_cells = field.axes.lon.len() - usize::from(!field.axes.global);
    let mut joints: BTreeMap<Edge, Vec<Edge>> = BTreeMap::new();
    for i in 0..n_lat - 1 {
        for j in 0..n_cells {
            for (a, b) in cell_segments(field, i, j, level) {
                joints.entry(a).or_default().push(b);
                joints.entry(b).or_default().push(a);
            }
        }
    }
    chains(joints)
        .into_iter()
        .map(|(edges, closed)| {
            let points: Vec<[f64; 2]> = edges.iter().map(|e| crossing(field, *e, level)).collect();
            ContourLine {
                points: crate::coast::unwind(&points),
                closed,
            }
        })
        .collect()
}

/// Segments of the contour inside the cell whose low-index corner is `(i, j)`, as pairs of its edges.
fn cell_segments(field: &GridField, i: usize, j: usize, level: f64) -> Vec<(Edge, Edge)> {
    let east = (j + 1) % field.axes.lon.len();
    let corners =
        [(i, j), (i, east), (i + 1, east), (i + 1, j)].map(|(i, j)| f64::from(field.node(i, j)));
    if corners.iter().any(|v| !v.is_finite()) {
        return Vec::new();
    }
    let above = corners.map(|v| v >= level);
    // Edge k joins corner k and corner k + 1.
    let edges: [Edge; 4] = [
        (i, j, true),
        (i, east, false),
        (i + 1, j, true),
        (i, j, false),
    ];
    let cut: Vec<usize> = (0..4).filter(|k| above[*k] != above[(k + 1) % 4]).collect();
    match cut.as_slice() {
        [a, b] => vec![(edges[*a], edges[*b])],
        [_, _, _, _] => {
            let middle_above = corners.iter().sum::<f64>() / 4.0 >= level;
            // The corners on the other side of the middle are cut off one by one.
            if above[0] != middle_above {
                vec![(edges[3], edges[0]), (edges[1], edges[2])]
            } else {
                vec![(edges[0], edges[1]), (edges[2], edges[3])]
            }
        }
        _ => Vec::new(),
    }
}

/// Joins edges that share a segment into lines, open ones first; each edge has one or two neighbours.
fn chains(mut joints: BTreeMap<Edge, Vec<Edge>>) -> Vec<(Vec<Edge>, bool)> {
    let mut found = Vec::new();
    let ends: Vec<Edge> = joints
        .iter()
        .filter(|(_, n)| n.len() == 1)
        .map(|(e, _)| *e)
        .collect();
    for start in ends {
        let line = walk(&mut joints, start);
        if line.len() > 1 {
            found.push((line, false));
        }
    }
    while let Some(start) = joints.keys().next().copied() {
        let line = walk(&mut joints, start);
        if line.len() > 1 {
            found.push((line, true));
        }
    }
    found
}

/// Follows the joints from `start` until they end, taking them out of the map.
fn walk(joints: &mut BTreeMap<Edge, Vec<Edge>>, start: Edge) -> Vec<Edge> {
    let mut line = Vec::new();
    let mut at = Some(start);
    while let Some(edge) = at {
        let Some(neighbours) = joints.remove(&edge) else {
            break;
        };
        line.push(edge);
        at = neighbours.into_iter().find(|n| joints.contains_key(n));
    }
    line
}

/// Where the contour crosses a grid edge.
fn crossing(field: &GridField, (i, j, along_row): Edge, level: f64) -> [f64; 2] {
    let axes = &field.axes;
    let (i1, j1) = if along_row { (i, j + 1) } else { (i + 1, j) };
    let (a, b) = (f64::from(field.node(i, j)), f64::from(field.node(i1, j1)));
    let w = if a == b { 0.5 } else { (level - a) / (b - a) };
    let lon_step = axes.lon_step();
    let lon = axes.lon[j] + if along_row { w * lon_step } else { 0.0 };
    let lat = axes.lat[i] + w * (axes.lat[i1] - axes.lat[i]);
    [lon, lat]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampled(lat: &[f32], lon: &[f32], f: impl Fn(f64, f64) -> f64) -> GridField {
        let values: Vec<f32> = lat
            .iter()
            .flat_map(|y| {
                lon.iter()
                    .map(|x| f(f64::from(*y), f64::from(*x)) as f32)
                    .collect::<Vec<_>>()
            })
            .collect();
        GridField::new(lat, lon, &values).unwrap()
    }

    fn axis(low: f32, step: f32, n: usize) -> Vec<f32> {
        (0..n).map(|i| low + step * i as f32).collect()
    }

    fn length(line: &ContourLine) -> f64 {
        let mut points = line.points.clone();
        if line.closed {
            points.push(points[0]);
        }
        points
            .windows(2)
            .map(|w| (w[1][0] - w[0][0]).hypot(w[1][1] - w[0][1]))
            .sum()
    }

    #[test]
    fn a_cone_has_circles() {
        let (lat, lon) = (axis(-20.0, 0.5, 81), axis(100.0, 0.5, 81));
        let cone = sampled(&lat, &lon, |y, x| y.hypot(x - 120.0));
        for radius in [3.0, 7.5, 15.0] {
            let lines = contour_lines(&cone, radius);
            assert_eq!(lines.len(), 1);
            assert!(lines[0].closed);
            let circle = std::f64::consts::TAU * radius;
            assert!((length(&lines[0]) / circle - 1.0).abs() < 5e-3);
            assert!(
                lines[0]
                    .points
                    .iter()
                    .all(|p| (p[1].hypot(p[0] - 120.0) - radius).abs() < 0.03)
            );
        }
    }

    #[test]
    fn a_circle_across_the_seam_stays_whole() {
        let (lat, lon) = (axis(-60.0, 2.0, 61), axis(0.0, 2.0, 180));
        let cone = sampled(&lat, &lon, |y, x| {
            y.hypot((x + 180.0).rem_euclid(360.0) - 180.0)
        });
        let lines = contour_lines(&cone, 20.0);
        assert_eq!(lines.len(), 1);
        assert!(lines[0].closed);
        assert!((length(&lines[0]) / (40.0 * std::f64::consts::PI) - 1.0).abs() < 0.01);
    }

    #[test]
    fn a_line_around_the_globe_runs_on() {
        let (lat, lon) = (axis(-80.0, 5.0, 33), axis(0.0, 5.0, 72));
        let lines = contour_lines(&sampled(&lat, &lon, |y, _| y), 12.0);
        assert_eq!(lines.len(), 1);
        let (first, last) = (lines[0].points[0], lines[0].points[71]);
        assert_eq!((last[0] - first[0]).abs(), 355.0);
        assert!(lines[0].points.iter().all(|p| (p[1] - 12.0).abs() < 1e-9));
    }

    #[test]
    fn missing_cells_open_a_line_and_a_flat_field_has_none() {
        let (lat, lon) = (axis(-20.0, 1.0, 41), axis(0.0, 1.0, 41));
        let cut = sampled(&lat, &lon, |y, x| {
            if x > 25.0 {
                f64::NAN
            } else {
                y.hypot(x - 20.0)
            }
        });
        let lines = contour_lines(&cut, 10.0);
        assert_eq!(lines.len(), 1);
        assert!(!lines[0].closed);
        assert!(contour_lines(&sampled(&lat, &lon, |_, _| 1.0), 1.0).is_empty());
    }

    #[test]
    fn a_saddle_gives_two_lines_that_do_not_cross() {
        let saddle = GridField::new(&[0.0, 1.0], &[0.0, 1.0], &[1.0, 0.0, 0.0, 1.0]).unwrap();
        let high = contour_lines(&saddle, 0.6);
        assert_eq!(high.len(), 2);
        assert!(high.iter().all(|l| !l.closed && l.points.len() == 2));
        assert!(
            high.iter()
                .all(|l| (length(l) - 0.4f64.hypot(0.4)).abs() < 1e-6)
        );
    }
}
