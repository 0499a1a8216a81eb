//! Which of several nearly equally close triangles the reference takes, to the last bit.
//!
//! GraphCast calls `trimesh.proximity.closest_point` (<https://trimesh.org>, version 4.7.4).
//! On an edge of the mesh two triangles are equally close up to rounding, so the choice follows the library step by
//! step: its closest point of a triangle, the two smallest squared distances, and the better aligned normal of the
//! two unless they differ or the point lies on the mesh. Sums of three run from left to right, as NumPy's do.

use crate::sphere::{cross, dot, sub};

type Point = [f64; 3];

/// The library's `tol.zero`.
const ZERO: f64 = 1e-13;
/// The library's `tol.merge`, which it compares with squared distances.
const MERGE: f64 = 1e-8;

/// Half the width of the box in which the library looks for candidates: the distance to the nearest vertex and a bit.
pub(crate) fn search_radius(corners: [Point; 3], point: Point) -> f64 {
    let squares = corners.map(|corner| squared_length(sub(point, corner)));
    squares.into_iter().fold(f64::INFINITY, f64::min).sqrt() + MERGE
}

/// Index of the triangle that the library finds closest to `point`; `triangles` in the order of its search tree.
///
/// Returns `None` if there is no triangle.
pub(crate) fn closest_triangle(triangles: &[[Point; 3]], point: Point) -> Option<usize> {
    let offsets: Vec<Point> = triangles
        .iter()
        .map(|&corners| sub(point, closest_point(corners, point)))
        .collect();
    let squares: Vec<f64> = offsets.iter().map(|&v| squared_length(v)).collect();
    let (first, second) = match *smallest_first(&squares).as_slice() {
        [] => return None,
        [only] => return Some(only),
        [first, second, ..] => (first, second),
    };
    let (a, b) = (squares[first], squares[second]);
    let alignment = |i: usize| {
        let (normal, length) = (normal(triangles[i]), squares[i].sqrt());
        dot(normal, offsets[i].map(|x| x / length))
    };
    let compare_normals = b - a < MERGE && a > MERGE && b > MERGE;
    match compare_normals && alignment(second) > alignment(first) {
        true => Some(second),
        false => Some(first),
    }
}

/// Indices sorted by value, equal values as the vectorised `argsort` of NumPy 2 leaves them on processors with AVX2
/// or AVX-512: a bitonic network that exchanges only what is out of order.
fn smallest_first(values: &[f64]) -> Vec<usize> {
    let n = values.len().next_power_of_two();
    let mut order: Vec<usize> = (0..n).collect();
    let value = |i: usize| values.get(i).copied().unwrap_or(f64::INFINITY);
    let mut exchange = |i: usize, j: usize| {
        if value(order[j]) < value(order[i]) {
            order.swap(i, j);
        }
    };
    let mut width = 2;
    while width <= n {
        for start in (0..n).step_by(width) {
            (0..width / 2).for_each(|i| exchange(start + i, start + width - 1 - i));
        }
        let mut step = width / 4;
        while step > 0 {
            for start in (0..n).step_by(2 * step) {
                (start..start + step).for_each(|i| exchange(i, i + step));
            }
            step /= 2;
        }
        width *= 2;
    }
    order.retain(|&i| i < values.len());
    order
}

/// The point of triangle `a b c` closest to `p` (Ericson, Real-Time Collision Detection, 2005, section 5.1.5), with
/// the library's tolerances and order of tests.
fn closest_point([a, b, c]: [Point; 3], p: Point) -> Point {
    let (ab, ac) = (sub(b, a), sub(c, a));
    let along = |corner| (dot(ab, sub(p, corner)), dot(ac, sub(p, corner)));
    let ((d1, d2), (d3, d4), (d5, d6)) = (along(a), along(b), along(c));
    if d1 < ZERO && d2 < ZERO {
        return a;
    }
    if d3 > -ZERO && d4 <= d3 {
        return b;
    }
    let vc = d1 * d4 - d3 * d2;
    if vc < ZERO && d1 > -ZERO && d3 < ZERO {
        return advance(a, d1 / (d1 - d3), ab);
    }
    if d6 > -ZERO && d5 <= d6 {
        return c;
    }
    let vb = d5 * d2 - d1 * d6;
    if vb < ZERO && d2 > -ZERO && d6 < ZERO {
        return advance(a, d2 / (d2 - d6), ac);
    }
    let va = d3 * d6 - d5 * d4;
    if va < ZERO && d4 - d3 > -ZERO && d5 - d6 > -ZERO {
        let d43 = d4 - d3;
        return advance(b, d43 / (d43 + (d5 - d6)), sub(c, b));
    }
    let scale = 1.0 / (va + vb + vc);
    advance(advance(a, vb * scale, ab), vc * scale, ac)
}

fn advance(start: Point, t: f64, direction: Point) -> Point {
    [0, 1, 2].map(|k| start[k] + t * direction[k])
}

fn normal([a, b, c]: [Point; 3]) -> Point {
    let n = cross(sub(b, a), sub(c, b));
    let scale = 1.0 / squared_length(n).sqrt();
    n.map(|x| x * scale)
}

fn squared_length(v: Point) -> f64 {
    dot(v, v)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorted_like_numpy() {
        // numpy.argsort of NumPy 2.4.6 on a processor with AVX-512.
        let cases: [(&[u8], &[usize]); 3] = [
            (&[3, 1, 1, 1, 1], &[1, 2, 3, 4, 0]),
            (&[3, 3, 2, 1, 1, 1, 2], &[3, 4, 5, 2, 6, 1, 0]),
            (
                &[2, 2, 1, 1, 3, 3, 1, 1, 2, 2, 3, 2],
                &[3, 2, 6, 7, 0, 1, 9, 8, 11, 5, 4, 10],
            ),
        ];
        for (values, order) in cases {
            let values: Vec<f64> = values.iter().map(|&x| f64::from(x)).collect();
            assert_eq!(smallest_first(&values), order, "{values:?}");
        }
    }

    #[test]
    fn no_triangle_and_one_triangle() {
        let triangle = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        assert_eq!(closest_triangle(&[], [0.0; 3]), None);
        assert_eq!(closest_triangle(&[triangle], [0.0; 3]), Some(0));
    }
}
