//! Wall-clock timing of a closure: warm-up, repetitions, median.

use std::hint::black_box;
use std::time::Instant;

/// How often a closure runs before and while it is timed.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// Runs that are not timed: they fill caches and start thread pools.
    pub warm_up: usize,
    /// Timed runs, at least one.
    pub rounds: usize,
}

impl Timing {
    /// Median wall time of `work` in seconds; each round is timed by itself.
    pub fn median<T>(self, mut work: impl FnMut() -> T) -> f64 {
        for _ in 0..self.warm_up {
            black_box(work());
        }
        let times: Vec<f64> = (0..self.rounds.max(1))
            .map(|_| seconds_of(&mut work).1)
            .collect();
        median(&times)
    }
}

/// The middle of some values, or the mean of the two in the middle; NaN of none.
pub fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[middle],
        _ => 0.5 * (values[middle - 1] + values[middle]),
    }
}

/// The result of `work` and its wall time in seconds.
pub fn seconds_of<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let result = black_box(work());
    (result, start.elapsed().as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_median_ignores_one_slow_round() {
        let mut run = 0;
        let timing = Timing {
            warm_up: 2,
            rounds: 3,
        };
        let median = timing.median(|| {
            run += 1;
            std::thread::sleep(Duration::from_millis(if run == 4 { 400 } else { 2 }));
        });
        assert_eq!(run, 5);
        assert!((0.002..0.2).contains(&median), "{median}");
    }
}
