//! The ways in which data may be misplaced on the globe, and what two frames and the land tell of them.

use dropsonde_mesh::LatLonGrid;
use ndarray::{Array2, ArrayView2};

/// A way in which data may be misplaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// North and south exchanged.
    Flip,
    /// Half the globe to the east.
    Roll,
    /// Both.
    Both,
}

impl Turn {
    pub(super) const ALL: [Self; 3] = [Self::Flip, Self::Roll, Self::Both];

    /// In words, of data.
    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::Flip => "upside down (north and south exchanged)",
            Self::Roll => "shifted by 180 degrees of longitude",
            Self::Both => "upside down and shifted by 180 degrees of longitude",
        }
    }

    /// Whether a grid is its own image under the turn.
    pub(super) fn applies(self, grid: &LatLonGrid) -> bool {
        let lat = grid.lat();
        let symmetric = lat
            .iter()
            .zip(lat.iter().rev())
            .all(|(a, b)| (a + b).abs() < 1e-3);
        let rolls = grid.is_periodic() && grid.n_lon().is_multiple_of(2);
        match self {
            Self::Flip => symmetric,
            Self::Roll => rolls,
            Self::Both => symmetric && rolls,
        }
    }

    fn source(self, (i, j): (usize, usize), (n_lat, n_lon): (usize, usize)) -> (usize, usize) {
        let flipped = n_lat - 1 - i;
        let rolled = (j + n_lon / 2) % n_lon;
        match self {
            Self::Flip => (flipped, j),
            Self::Roll => (i, rolled),
            Self::Both => (flipped, rolled),
        }
    }

    /// A plane turned.
    pub(super) fn apply(self, plane: ArrayView2<'_, f32>) -> Array2<f32> {
        let shape = plane.dim();
        Array2::from_shape_fn(shape, |index| plane[self.source(index, shape)])
    }
}

/// Root-mean-square difference of two planes with one of them turned, relative to that as given, for every turn
/// that the grid allows.
///
/// Six hours change real fields little: 2.4 (wind) to 7 (geopotential) for frames that both lie as they should, and
/// 1 over that if one is turned. Unrelated fields give about 1.
pub(super) fn change_ratios(
    grid: &LatLonGrid,
    weights: &[f64],
    previous: ArrayView2<'_, f32>,
    current: ArrayView2<'_, f32>,
) -> Vec<(Turn, f64)> {
    let given = mean_square(weights, previous, current);
    Turn::ALL
        .into_iter()
        .filter(|turn| turn.applies(grid))
        .map(|turn| {
            let turned = mean_square(weights, turn.apply(previous).view(), current);
            (turn, (turned / given).sqrt())
        })
        .filter(|(_, ratio)| ratio.is_finite())
        .collect()
}

fn mean_square(weights: &[f64], a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>) -> f64 {
    let (mut sum, mut total) = (0.0, 0.0);
    for (((i, _), &a), &b) in a.indexed_iter().zip(&b) {
        if a.is_finite() && b.is_finite() {
            sum += weights[i] * (f64::from(a) - f64::from(b)).powi(2);
            total += weights[i];
        }
    }
    sum / total
}

/// Whether a land mask lies on the globe as on the real Earth, as far as that can be told at all.
///
/// Antarctica is land and the Arctic is sea; Africa (10 to 60 E) is land and the Pacific (190 to 240 E) is sea.
/// A mask that has exactly the opposite is turned; any other planet, and fractions that are no coast lines, are
/// left alone.
pub(super) fn misplaced_land(grid: &LatLonGrid, land: ArrayView2<'_, f32>) -> Option<Turn> {
    let is_clear = |x: &&f32| (-0.01..0.1).contains(*x) || (0.9..1.01).contains(*x);
    let clear = land.iter().filter(is_clear).count();
    if clear * 4 < land.len() * 3 {
        return None;
    }
    let weights = grid.latitude_weights();
    let share = |lat: (f32, f32), lon: (f32, f32)| {
        let (mut sum, mut total) = (0.0, 0.0);
        for ((i, j), &x) in land.indexed_iter() {
            let (y, x_deg) = (grid.lat()[i], grid.lon()[j]);
            let inside = (lat.0..=lat.1).contains(&y) && (lon.0..=lon.1).contains(&x_deg);
            if inside && x.is_finite() {
                sum += weights[i] * f64::from(x);
                total += weights[i];
            }
        }
        sum / total
    };
    let (south, north) = (
        share((-90.0, -78.0), (0.0, 360.0)),
        share((78.0, 90.0), (0.0, 360.0)),
    );
    let flipped = north > 0.75 && south < 0.35;
    let tropics = (-30.0, 30.0);
    let (africa, pacific) = (share(tropics, (10.0, 60.0)), share(tropics, (190.0, 240.0)));
    let rolled = pacific > 0.35 && africa < 0.1;
    match (flipped, rolled) {
        (true, true) => Some(Turn::Both),
        (true, false) => Some(Turn::Flip),
        (false, true) => Some(Turn::Roll),
        (false, false) => None,
    }
}
