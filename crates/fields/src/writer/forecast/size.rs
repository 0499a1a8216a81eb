//! How large a forecast will be.

use dropsonde_mesh::LatLonGrid;

use crate::Variable;

/// Size in bytes of a forecast on disk before compression: exact for NetCDF but for the header and the
/// coordinates (some kB), an upper bound for Zarr, which is compressed.
///
/// `variables` are those of the template of a [`ForecastWriter`](crate::ForecastWriter): what
/// [`Variable::kind`] calls atmospheric counts `n_levels` times, statics once, anything else once per
/// initial time and step. Saturates at `u64::MAX`.
///
/// ```
/// use dropsonde_fields::{Task, forecast_bytes};
///
/// // Ten days of the 0.25 degree model on 37 levels: 5 surface and 6 atmospheric variables.
/// let grid = dropsonde_mesh::LatLonGrid::with_poles(0.25)?;
/// let bytes = forecast_bytes(&grid, &Task::graphcast().target_variables, 37, 1, 40);
/// assert_eq!(bytes, 721 * 1440 * 4 * 40 * (5 + 6 * 37));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn forecast_bytes<'a>(
    grid: &LatLonGrid,
    variables: impl IntoIterator<Item = &'a Variable>,
    n_levels: usize,
    n_inits: usize,
    n_steps: usize,
) -> u64 {
    let n_times = (n_inits as u64).saturating_mul(n_steps as u64);
    let planes = |variable: &Variable| match (variable.is_static(), variable.is_atmospheric()) {
        (true, _) => 1,
        (false, true) => n_times.saturating_mul(n_levels as u64),
        (false, false) => n_times,
    };
    let planes = variables
        .into_iter()
        .map(planes)
        .fold(0, u64::saturating_add);
    planes.saturating_mul((grid.n_nodes() * size_of::<f32>()) as u64)
}
