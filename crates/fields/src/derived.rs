//! Fields computed from a state: vapour transport, column water, vorticity, thickness, clock and calendar.
//!
//! Everything is computed in double precision and returned as `[lat, lon]` in single precision.

mod calendar;
mod column;
mod flow;
mod thermal;
mod vapour;

pub use calendar::{Cycle, day_of_year_cycle, local_solar_time, local_solar_time_cycle};
pub use column::{DRY_AIR_GAS_CONSTANT, STANDARD_GRAVITY, layer_masses, surface_pressure};
pub use flow::{divergence, relative_vorticity, wind_speed};
pub use thermal::{mean_temperature, thickness};
pub use vapour::{VapourTransport, integrated_vapour_transport, total_column_water};

use dropsonde_mesh::LatLonGrid;

use crate::{Error, Result};

/// An error unless a plane has the grid's shape.
pub(crate) fn check_shape(what: &str, grid: &LatLonGrid, found: &[usize]) -> Result<()> {
    let expected = [grid.n_lat(), grid.n_lon()];
    if found == expected {
        return Ok(());
    }
    Err(Error::Shape {
        what: what.to_owned(),
        expected: expected.to_vec(),
        found: found.to_vec(),
    })
}
