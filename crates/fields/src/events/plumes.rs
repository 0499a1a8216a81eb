//! Long filaments of water vapour transport outside the deep tropics ("atmospheric rivers").

use dropsonde_mesh::LatLonGrid;
use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use super::{Component, Threshold, connected_components};
use crate::Result;
use crate::derived::check_shape;

/// What makes an area of strong vapour transport a plume.
///
/// The defaults follow the usual atmospheric-river rules: 250 kg m-1 s-1, 2000 km long, at least twice as long
/// as wide, poleward of 20 degrees (Guan and Waliser 2015, <https://doi.org/10.1002/2015JD024257>, review a wider family).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MoisturePlumeConfig {
    /// Vapour transport in kg m-1 s-1; a quantile is taken over the area poleward of `min_latitude`.
    pub threshold: Threshold,
    /// Shortest plume in km.
    pub min_length_km: f64,
    /// Smallest ratio of length to mean width.
    pub min_aspect: f64,
    /// Nodes nearer to the equator (degrees) do not count.
    pub min_latitude: f64,
}

impl Default for MoisturePlumeConfig {
    fn default() -> Self {
        Self {
            threshold: Threshold::AtLeast(250.0),
            min_length_km: 2000.0,
            min_aspect: 2.0,
            min_latitude: 20.0,
        }
    }
}

/// The plumes in a field of vapour transport (kg m-1 s-1, `[lat, lon]`), in the order of their first node.
///
/// # Errors
/// [`crate::Error::Shape`] if the field is not on `grid`, or a bad quantile.
pub fn moisture_plumes(
    transport: ArrayView2<'_, f32>,
    grid: &LatLonGrid,
    config: &MoisturePlumeConfig,
) -> Result<Vec<Component>> {
    check_shape("vapour transport", grid, transport.shape())?;
    let outside: Vec<bool> = (0..grid.n_nodes())
        .map(|node| f64::from(grid.position(node).0.abs()) >= config.min_latitude)
        .collect();
    let limit = limit(transport, grid, &outside, config.threshold)?;
    let strong: Vec<bool> = transport
        .iter()
        .zip(&outside)
        .map(|(&value, &outside)| outside && value >= limit)
        .collect();
    let is_plume = |area: &Component| {
        area.length_km >= config.min_length_km && area.aspect() >= config.min_aspect
    };
    let mut plumes = connected_components(&strong, grid);
    plumes.retain(is_plume);
    Ok(plumes)
}

/// The threshold in kg m-1 s-1, over the nodes that are `outside` the tropics.
fn limit(
    transport: ArrayView2<'_, f32>,
    grid: &LatLonGrid,
    outside: &[bool],
    threshold: Threshold,
) -> Result<f32> {
    let (values, weights): (Vec<f32>, Vec<f64>) = transport
        .iter()
        .copied()
        .zip(grid.node_weights())
        .zip(outside)
        .filter(|(_, outside)| **outside)
        .map(|(pair, _)| pair)
        .unzip();
    threshold.value(&values, &weights)
}

/// Nodes inside a plume, `[n_nodes]`; see [`moisture_plumes`].
///
/// # Errors
/// As [`moisture_plumes`].
pub fn moisture_plume_mask(
    transport: ArrayView2<'_, f32>,
    grid: &LatLonGrid,
    config: &MoisturePlumeConfig,
) -> Result<Vec<bool>> {
    let mut mask = vec![false; grid.n_nodes()];
    for plume in moisture_plumes(transport, grid, config)? {
        for node in plume.nodes {
            mask[node] = true;
        }
    }
    Ok(mask)
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    /// Transport 400 on a filament from 15 N 150 E to 45 N 200 E, on a round area in the south, and on a belt
    /// at the equator; 50 elsewhere.
    fn transport(grid: &LatLonGrid) -> Array2<f32> {
        Array2::from_shape_fn((grid.n_lat(), grid.n_lon()), |(i, j)| {
            let (lat, lon) = (f64::from(grid.lat()[i]), f64::from(grid.lon()[j]));
            let along = (lon - 150.0) / 50.0;
            let filament =
                (0.0..=1.0).contains(&along) && (lat - (15.0 + 30.0 * along)).abs() < 3.0;
            let round = dropsonde_mesh::great_circle_km((-45.0, 60.0), (lat, lon)) < 1300.0;
            if filament || round || lat.abs() < 6.0 {
                400.0
            } else {
                50.0
            }
        })
    }

    #[test]
    fn a_filament_is_a_plume_and_a_round_area_is_not() {
        let grid = LatLonGrid::with_poles(1.5).unwrap();
        let field = transport(&grid);
        let config = MoisturePlumeConfig::default();
        let plumes = moisture_plumes(field.view(), &grid, &config).unwrap();
        assert_eq!(plumes.len(), 1);
        assert!(
            (4500.0..6000.0).contains(&plumes[0].length_km),
            "{}",
            plumes[0].length_km
        );
        let mask = moisture_plume_mask(field.view(), &grid, &config).unwrap();
        assert!(mask[grid.nearest(30.0, 175.0)]);
        for (lat, lon) in [(-45.0, 60.0), (0.0, 0.0), (30.0, 100.0), (18.0, 155.0)] {
            assert!(!mask[grid.nearest(lat, lon)], "{lat} {lon}");
        }
    }

    #[test]
    fn each_rule_can_reject_the_filament() {
        let grid = LatLonGrid::with_poles(1.5).unwrap();
        let field = transport(&grid);
        let n_plumes = |config| moisture_plumes(field.view(), &grid, &config).unwrap().len();
        let base = MoisturePlumeConfig::default;
        assert_eq!(
            n_plumes(MoisturePlumeConfig {
                threshold: Threshold::AtLeast(401.0),
                ..base()
            }),
            0
        );
        assert_eq!(
            n_plumes(MoisturePlumeConfig {
                min_length_km: 6000.0,
                ..base()
            }),
            0
        );
        assert_eq!(
            n_plumes(MoisturePlumeConfig {
                min_aspect: 30.0,
                ..base()
            }),
            0
        );
        assert_eq!(
            n_plumes(MoisturePlumeConfig {
                min_aspect: 0.5,
                ..base()
            }),
            2
        );
        assert_eq!(
            n_plumes(MoisturePlumeConfig {
                threshold: Threshold::Quantile(0.99),
                ..base()
            }),
            1
        );
    }

    #[test]
    fn config_rejects_unknown_keys() {
        let error =
            serde_json::from_str::<MoisturePlumeConfig>(r#"{"min_lenght_km": 1}"#).unwrap_err();
        assert!(error.to_string().contains("min_lenght_km"), "{error}");
        let read: MoisturePlumeConfig =
            serde_json::from_str(r#"{"threshold": {"quantile": 0.95}}"#).unwrap();
        assert_eq!(read.threshold, Threshold::Quantile(0.95));
    }
}
