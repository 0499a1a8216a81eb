//! Whether the sky of a frame lies over the ground below it.
//!
//! A store can have dates on which the data are upside down (google-research/neuralgcm#71 found such days in
//! ARCO ERA5), so each frame is compared with the orography and the land mask in every position: all shifts in
//! longitude, with and without north and south exchanged. In real fields the 2 m temperature follows the
//! mountains best exactly where it belongs (19 states of GFS and of a climate model: correlation -0.24 to
//! -0.68, any other place at most 0.75 of that), and humidity follows the land within 26 degrees. Unrelated
//! smooth fields have their best position anywhere, and seldom a single one.

use dropsonde_mesh::LatLonGrid;
use ndarray::{Array2, ArrayView2};

use super::orientation::Turn;

/// How far from the best position another one counts as a rival, in degrees of longitude.
const RIVAL_DISTANCE: f64 = 25.0;

/// The planes of one frame that follow the ground.
#[derive(Clone, Debug, Default)]
pub(super) struct Sky {
    pub(super) surface_pressure: Option<Array2<f32>>,
    pub(super) temperature_2m: Option<Array2<f32>>,
    /// Specific humidity on the level nearest to the ground, 850 hPa or below.
    pub(super) humidity: Option<Array2<f32>>,
}

/// The static planes.
#[derive(Clone, Debug, Default)]
pub(super) struct Ground {
    pub(super) orography: Option<Array2<f32>>,
    pub(super) land: Option<Array2<f32>>,
}

/// How sure a judgement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Certainty {
    /// One weak sign.
    Hint,
    /// A strong sign or two weak ones.
    Sure,
}

/// What speaks for a frame being turned.
#[derive(Clone, Debug)]
pub(super) struct Judgement {
    pub(super) turn: Turn,
    pub(super) certainty: Certainty,
    /// The numbers in words.
    pub(super) evidence: String,
}

/// How a field follows the ground below it.
struct Rule {
    name: &'static str,
    /// Correlation below which the field follows the ground; all these correlations are negative.
    follows: f64,
    /// By how much another position must be better than the given one.
    margin: f64,
    /// How near the best position must be to a turn, in degrees of longitude.
    tolerance: f64,
    /// The largest share of the best correlation that any other position may reach.
    rival: f64,
    /// Compare deviations from the mean of each latitude instead of the values.
    zonal: bool,
    weight: Weight,
}

/// What a field that fits another position proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    /// Nothing by itself, but it can confirm another one.
    Confirms,
    /// A suspicion by itself.
    Suggests,
    /// Everything.
    Proves,
}

/// Below -0.95 in any atmosphere.
const PRESSURE: Rule = Rule {
    name: "surface pressure and orography",
    follows: -0.6,
    margin: 0.3,
    tolerance: 4.0,
    rival: 0.8,
    zonal: false,
    weight: Weight::Proves,
};

/// Mountains are cold.
const TEMPERATURE: Rule = Rule {
    name: "2 m temperature and orography",
    follows: -0.2,
    margin: 0.2,
    tolerance: 4.0,
    rival: 0.8,
    zonal: true,
    weight: Weight::Suggests,
};

/// Air over land is dry; the driest lies downwind of it.
const HUMIDITY: Rule = Rule {
    name: "humidity and land",
    follows: -0.2,
    margin: 0.2,
    tolerance: 30.0,
    rival: 1.0,
    zonal: true,
    weight: Weight::Confirms,
};

/// What one pair of fields says.
enum Vote {
    Given,
    Turned(Turn, Weight, String),
    Nothing,
}

/// Whether the sky of a frame fits the ground better when it is turned.
pub(super) fn judge(grid: &LatLonGrid, sky: &Sky, ground: &Ground) -> Option<Judgement> {
    let pairs = [
        (&PRESSURE, &sky.surface_pressure, &ground.orography),
        (&TEMPERATURE, &sky.temperature_2m, &ground.orography),
        (&HUMIDITY, &sky.humidity, &ground.land),
    ];
    let votes = pairs
        .into_iter()
        .map(|(rule, sky, ground)| match (sky, ground) {
            (Some(sky), Some(ground)) => rule.vote(grid, sky.view(), ground.view()),
            _ => Vote::Nothing,
        });
    decide(&votes.collect::<Vec<_>>())
}

fn decide(votes: &[Vote]) -> Option<Judgement> {
    let for_given = votes.iter().any(|vote| matches!(vote, Vote::Given));
    let turned: Vec<(Turn, Weight, &str)> = votes
        .iter()
        .filter_map(|vote| match vote {
            Vote::Turned(turn, weight, numbers) => Some((*turn, *weight, numbers.as_str())),
            _ => None,
        })
        .collect();
    let &(turn, weight, _) = turned.iter().max_by_key(|vote| vote.1)?;
    let agreeing = turned.iter().filter(|vote| vote.0 == turn);
    let agreeing: Vec<&str> = agreeing.map(|vote| vote.2).collect();
    let doubted = for_given || agreeing.len() < turned.len();
    let certainty = match weight {
        Weight::Proves => Certainty::Sure,
        _ if doubted => return None,
        Weight::Suggests if agreeing.len() > 1 => Certainty::Sure,
        Weight::Suggests => Certainty::Hint,
        Weight::Confirms => return None,
    };
    Some(Judgement {
        turn,
        certainty,
        evidence: agreeing.join("; "),
    })
}

impl Rule {
    fn vote(
        &self,
        grid: &LatLonGrid,
        sky: ArrayView2<'_, f32>,
        ground: ArrayView2<'_, f32>,
    ) -> Vote {
        let positions = Positions::new(grid, self.zonal, sky, ground);
        let Some(&best) = positions
            .all
            .iter()
            .min_by(|a, b| a.correlation.total_cmp(&b.correlation))
        else {
            return Vote::Nothing;
        };
        let rival = positions.rival(best) / best.correlation;
        if best.correlation > self.follows || rival > self.rival {
            return Vote::Nothing;
        }
        let tolerance = self.tolerance.max(1.01 * positions.degrees(1));
        if !best.flip && positions.degrees(best.shift) <= tolerance {
            return Vote::Given;
        }
        let (given, value) = (positions.all[0].correlation, best.correlation);
        match positions.turn(best, tolerance) {
            Some(turn) if given > value + self.margin => Vote::Turned(
                turn,
                self.weight,
                format!("correlation of {} {given:.2}, turned {value:.2}", self.name),
            ),
            _ => Vote::Nothing,
        }
    }
}

/// A place of the sky over the ground.
#[derive(Clone, Copy, Debug)]
struct Position {
    flip: bool,
    /// Columns to the east.
    shift: usize,
    correlation: f64,
}

/// All places; the first is the given one.
struct Positions {
    n_columns: usize,
    all: Vec<Position>,
}

impl Positions {
    fn new(
        grid: &LatLonGrid,
        zonal: bool,
        sky: ArrayView2<'_, f32>,
        ground: ArrayView2<'_, f32>,
    ) -> Self {
        let (rows, columns) = thinned(grid);
        let weights = grid.latitude_weights();
        let weights: Vec<f64> = rows.iter().map(|&i| weights[i]).collect();
        let pick = |plane: ArrayView2<'_, f32>| {
            let picked = Array2::from_shape_fn((rows.len(), columns.len()), |(i, j)| {
                f64::from(plane[[rows[i], columns[j]]])
            });
            anomalies(picked, &weights, zonal)
        };
        let (sky, ground) = (pick(sky), pick(ground));
        let flips: &[bool] = if Turn::Flip.applies(grid) {
            &[false, true]
        } else {
            &[false]
        };
        let n_shifts = if grid.is_periodic() { columns.len() } else { 1 };
        let all = flips.iter().flat_map(|&flip| {
            let (sky, ground, weights) = (&sky, &ground, &weights);
            (0..n_shifts).map(move |shift| Position {
                flip,
                shift,
                correlation: correlation(weights, sky, ground, flip, shift),
            })
        });
        Self {
            n_columns: columns.len(),
            all: all.collect(),
        }
    }

    /// A shift in degrees, 0 to 180 in either direction.
    fn degrees(&self, shift: usize) -> f64 {
        let columns = shift.min(self.n_columns - shift);
        360.0 * columns as f64 / self.n_columns as f64
    }

    /// The smallest correlation far from a position.
    fn rival(&self, best: Position) -> f64 {
        let is_far = |p: &&Position| {
            p.flip != best.flip || self.degrees(p.shift.abs_diff(best.shift)) > RIVAL_DISTANCE
        };
        let others = self.all.iter().filter(is_far).map(|p| p.correlation);
        others.fold(0.0, f64::min)
    }

    /// The turn that brings data to about this position.
    fn turn(&self, position: Position, tolerance: f64) -> Option<Turn> {
        let from = self.degrees(position.shift);
        let (near_zero, near_half) = (from <= tolerance, from >= 180.0 - tolerance);
        match (position.flip, near_zero, near_half) {
            (true, true, _) => Some(Turn::Flip),
            (false, _, true) => Some(Turn::Roll),
            (true, _, true) => Some(Turn::Both),
            _ => None,
        }
    }
}

/// About 90 rows, symmetric about the equator where the grid is, and at most 180 columns.
fn thinned(grid: &LatLonGrid) -> (Vec<usize>, Vec<usize>) {
    let (n_lat, n_lon) = (grid.n_lat(), grid.n_lon());
    let row_step = (1..=n_lat.div_ceil(90))
        .rev()
        .find(|step| ((n_lat - 1) % step).is_multiple_of(2))
        .unwrap_or(1);
    let first = (n_lat - 1) % row_step / 2;
    let column_step = (1..=n_lon)
        .find(|d| n_lon.is_multiple_of(*d) && n_lon / d <= 180)
        .unwrap_or(1);
    (
        (first..n_lat).step_by(row_step).collect(),
        (0..n_lon).step_by(column_step).collect(),
    )
}

/// Deviations from the mean of each latitude or of all, weighted by area and divided by their norm; gaps are 0.
fn anomalies(mut plane: Array2<f64>, weights: &[f64], zonal: bool) -> Array2<f64> {
    let mean = |rows: std::ops::Range<usize>, plane: &Array2<f64>| {
        let (mut sum, mut total) = (0.0, 0.0);
        for i in rows {
            for x in plane.row(i).iter().filter(|x| x.is_finite()) {
                sum += weights[i] * x;
                total += weights[i];
            }
        }
        sum / total
    };
    let n_rows = plane.nrows();
    let overall = mean(0..n_rows, &plane);
    for i in 0..n_rows {
        let mean = if zonal {
            mean(i..i + 1, &plane)
        } else {
            overall
        };
        let deviation = |x: f64| if x.is_finite() { x - mean } else { 0.0 };
        plane.row_mut(i).mapv_inplace(deviation);
    }
    let squares = plane.rows().into_iter().zip(weights);
    let norm = squares
        .map(|(row, weight)| weight * row.iter().map(|x| x * x).sum::<f64>())
        .sum::<f64>()
        .sqrt();
    if norm > 0.0 {
        plane /= norm;
    } else {
        plane.fill(0.0);
    }
    plane
}

/// Correlation of two normalised planes with the first moved.
fn correlation(
    weights: &[f64],
    sky: &Array2<f64>,
    ground: &Array2<f64>,
    flip: bool,
    shift: usize,
) -> f64 {
    let n_rows = sky.nrows();
    let mut sum = 0.0;
    for (i, (ground, weight)) in ground.rows().into_iter().zip(weights).enumerate() {
        let sky = sky.row(if flip { n_rows - 1 - i } else { i });
        let sky = sky.iter().cycle().skip(sky.len() - shift);
        sum += weight * ground.iter().zip(sky).map(|(a, b)| a * b).sum::<f64>();
    }
    sum
}
