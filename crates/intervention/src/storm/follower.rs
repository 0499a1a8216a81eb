use dropsonde_fields::State;

use super::disc::{dot, lat_lon, unit_vector};
use super::{Storm, StormFinder};
use crate::Result;

/// Follows one storm from state to state.
///
/// Each first guess is where the storm would be if it went on as before; once there is no minimum near it,
/// the storm is lost and stays so.
#[derive(Clone, Debug)]
pub struct Follower<'a> {
    finder: &'a StormFinder,
    before: Option<(f64, f64)>,
    last: (f64, f64),
    lost: bool,
}

impl<'a> Follower<'a> {
    /// Starts at a first guess, degrees north and east.
    pub fn new(finder: &'a StormFinder, guess: (f64, f64)) -> Self {
        Self {
            finder,
            before: None,
            last: guess,
            lost: false,
        }
    }

    /// The storm in the next state, or `None` if it is lost.
    ///
    /// # Errors
    /// As [`StormFinder::find`].
    pub fn follow(&mut self, state: &State) -> Result<Option<Storm>> {
        if self.lost {
            return Ok(None);
        }
        let guess = self.guess();
        let found = self.finder.find(state, guess)?;
        match found {
            Some(storm) => {
                // The first guess of all is no position of the storm: it does not say how the storm moves.
                self.before = self.before.is_some().then_some(self.last);
                self.before.get_or_insert(storm.position());
                self.last = storm.position();
            }
            None => self.lost = true,
        }
        Ok(found)
    }

    /// Whether the storm was lost.
    pub fn is_lost(&self) -> bool {
        self.lost
    }

    /// The last position, or the first guess; degrees north and east.
    pub fn last_position(&self) -> (f64, f64) {
        self.last
    }

    /// The position before, mirrored at the last one: the great circle goes on.
    fn guess(&self) -> (f64, f64) {
        match self.before {
            Some(before) if self.finder.config().extrapolate => {
                let (u, b) = (unit_vector(self.last), unit_vector(before));
                let along = 2.0 * dot(u, b);
                lat_lon([0, 1, 2].map(|i| along * u[i] - b[i]))
            }
            _ => self.last,
        }
    }
}

#[cfg(test)]
mod tests {
    use dropsonde_mesh::{LatLonGrid, great_circle_km};

    use super::super::StormConfig;
    use super::super::vortex::{Vortex, plain_state};
    use super::*;

    fn state(grid: &LatLonGrid, place: (f64, f64)) -> State {
        let mut state = plain_state(grid);
        Vortex::at(place).add_to(&mut state, grid);
        state
    }

    #[test]
    fn follows_a_fast_storm_over_the_date_line_and_loses_it_when_it_is_gone() {
        let grid = LatLonGrid::with_poles(2.0).unwrap();
        let config = StormConfig {
            search_radius_km: 400.0,
            ..StormConfig::default()
        };
        let finder = StormFinder::new(&grid, config).unwrap();
        let mut follower = Follower::new(&finder, (12.0, 171.0));
        // 3 degrees per step at first, then 5: more than the search radius without extrapolation.
        let path = [
            (12.0, 172.0),
            (13.0, 175.0),
            (14.0, 179.0),
            (15.0, -176.5),
            (16.0, -171.5),
        ];
        for place in path {
            let storm = follower.follow(&state(&grid, place)).unwrap().unwrap();
            assert!(
                great_circle_km(storm.position(), place) < 60.0,
                "{place:?} {storm:?}"
            );
        }
        assert!(follower.follow(&plain_state(&grid)).unwrap().is_none());
        assert!(follower.is_lost());
        assert!(
            follower
                .follow(&state(&grid, (17.0, -166.5)))
                .unwrap()
                .is_none()
        );
        assert!(great_circle_km(follower.last_position(), (16.0, -171.5)) < 60.0);
    }
}
