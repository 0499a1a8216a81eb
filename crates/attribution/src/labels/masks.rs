//! Masks on the mesh from the states of a source.

use dropsonde_fields::events::{
    Track, TropicalLows, heavy_precipitation_mask, land_mask, moisture_plume_mask, sea_ice_mask,
};
use dropsonde_fields::{STEP_HOURS, Source, Time, Variable};
use dropsonde_mesh::{GridToMesh, great_circle_km};

use super::LabelConfig;
use crate::Result;
use crate::geometry::Geometry;
use crate::phenomenon::Phenomenon;
use crate::split::Split;

/// Lows are tracked this many hours beyond the records, as far as the source goes, so that a storm is not too short
/// to be one only because the records end.
const TRACK_MARGIN_HOURS: i64 = 96;

/// Which rows (`record * n_nodes + node`) of a split show which phenomenon.
///
/// A phenomenon for which the source lacks a variable has no positive rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SplitLabels {
    /// The storm that a row belongs to, the nearest one if there are several, numbered from 0.
    pub storm: Vec<Option<u16>>,
    /// Inside a moisture plume.
    pub moisture_plume: Vec<bool>,
    /// Heavy precipitation.
    pub heavy_precipitation: Vec<bool>,
    /// Sea ice.
    pub sea_ice: Vec<bool>,
    /// Land.
    pub land: Vec<bool>,
}

impl SplitLabels {
    /// Finds the phenomena of a split; `visited` is called after each record.
    ///
    /// # Errors
    /// When a state cannot be read or a detector refuses it.
    pub fn new(
        split: &Split,
        source: &Source,
        (to_mesh, geometry): (&GridToMesh, &Geometry),
        config: &LabelConfig,
        mut visited: impl FnMut(),
    ) -> Result<Self> {
        let mut labels = Self::default();
        let tracks = tracks(split, source, config)?;
        let grid = source.grid();
        for &time in &split.times {
            let state = source.state(time)?;
            labels
                .storm
                .extend(storms(&tracks, time, geometry, config.low_radius_km));
            let has = |variables: &[Variable]| variables.iter().all(|v| source.has(v));
            let mask =
                |there: bool, grid_mask: &dyn Fn() -> dropsonde_fields::Result<Vec<bool>>| {
                    Ok::<_, crate::Error>(match there {
                        true => to_mesh.apply_mask(&grid_mask()?),
                        false => vec![false; geometry.n_nodes()],
                    })
                };
            let moist = has(&[
                Variable::SPECIFIC_HUMIDITY,
                Variable::U_WIND,
                Variable::V_WIND,
            ]);
            labels
                .moisture_plume
                .extend(mask(moist && source.levels().len() > 1, &|| {
                    let transport =
                        dropsonde_fields::derived::integrated_vapour_transport(&state, grid)?;
                    moisture_plume_mask(transport.magnitude.view(), grid, &config.moisture_plume)
                })?);
            labels
                .heavy_precipitation
                .extend(mask(has(&[Variable::TOTAL_PRECIPITATION_6HR]), &|| {
                    heavy_precipitation_mask(&state, grid, config.heavy_precipitation)
                })?);
            labels
                .land
                .extend(mask(has(&[Variable::LAND_SEA_MASK]), &|| {
                    land_mask(&state, grid)
                })?);
            labels
                .sea_ice
                .extend(mask(has(&[Variable::SEA_ICE_COVER]), &|| {
                    sea_ice_mask(&state, grid)
                })?);
            visited();
        }
        Ok(labels)
    }

    /// The positive rows of a phenomenon; none for a cycle.
    pub fn mask(&self, phenomenon: Phenomenon) -> Vec<bool> {
        match phenomenon {
            Phenomenon::TropicalLow => self.storm.iter().map(Option::is_some).collect(),
            Phenomenon::MoisturePlume => self.moisture_plume.clone(),
            Phenomenon::HeavyPrecipitation => self.heavy_precipitation.clone(),
            Phenomenon::SeaIce => self.sea_ice.clone(),
            Phenomenon::Land => self.land.clone(),
            Phenomenon::DiurnalCycle | Phenomenon::Season => vec![false; self.land.len()],
        }
    }
}

/// The tracks of all windows of a split; the storms of different windows are different storms.
fn tracks(split: &Split, source: &Source, config: &LabelConfig) -> Result<Vec<Track>> {
    let needed = [
        Variable::MEAN_SEA_LEVEL_PRESSURE,
        Variable::TEMPERATURE,
        Variable::U_WIND,
        Variable::V_WIND,
        Variable::U_WIND_10M,
        Variable::V_WIND_10M,
        Variable::LAND_SEA_MASK,
    ];
    let detector = TropicalLows::new(source.grid(), config.tropical_low.clone())?;
    let levels = &config.tropical_low.warm_core_levels;
    let levels = levels.iter().chain([&config.tropical_low.vorticity_level]);
    if !needed.iter().all(|v| source.has(v)) || !levels.clone().all(|l| source.levels().contains(l))
    {
        return Ok(Vec::new());
    }
    let mut wanted = needed.to_vec();
    wanted.extend(
        [Variable::SEA_SURFACE_TEMPERATURE]
            .into_iter()
            .filter(|v| source.has(v)),
    );
    let mut tracks = Vec::new();
    for (first, last) in split.spans() {
        let times = stretch(source.times(), first, last);
        tracks.extend(detector.tracks(times.iter().map(|&t| source.state_of(t, &wanted)))?);
    }
    Ok(tracks)
}

/// The uninterrupted 6-hourly times around a window, at most the margin beyond it.
fn stretch(times: &[Time], first: Time, last: Time) -> &[Time] {
    let near = |pair: &[Time]| pair[1].hours_since(pair[0]) <= STEP_HOURS;
    let mut start = times.partition_point(|t| *t < first);
    while start > 0
        && near(&times[start - 1..=start])
        && first.hours_since(times[start - 1]) <= TRACK_MARGIN_HOURS
    {
        start -= 1;
    }
    let mut end = times.partition_point(|t| *t <= last);
    while end > 0
        && end < times.len()
        && near(&times[end - 1..=end])
        && times[end].hours_since(last) <= TRACK_MARGIN_HOURS
    {
        end += 1;
    }
    &times[start..end]
}

/// For every mesh node the nearest storm within a radius.
fn storms(tracks: &[Track], time: Time, geometry: &Geometry, radius_km: f64) -> Vec<Option<u16>> {
    let centres: Vec<(u16, (f64, f64))> = (0u16..)
        .zip(tracks)
        .filter_map(|(storm, track)| Some((storm, track.at(time)?)))
        .map(|(storm, point)| (storm, (point.lat, point.lon)))
        .collect();
    let nearest = |&[lat, lon]: &[f32; 2]| {
        let here = (f64::from(lat), f64::from(lon));
        let distances = centres
            .iter()
            .map(|&(storm, centre)| (great_circle_km(here, centre), storm));
        let within = distances.filter(|(distance, _)| *distance <= radius_km);
        within
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, storm)| storm)
    };
    geometry.lat_lon.iter().map(nearest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_ends_at_gaps_and_at_the_margin() {
        let times: Vec<Time> = (0..60).chain(70..80).map(|i| Time(i * 6 * 3600)).collect();
        let at = |i: i64| Time(i * 6 * 3600);
        let found = stretch(&times, at(30), at(40));
        assert_eq!((found[0], found[found.len() - 1]), (at(14), at(56)));
        let found = stretch(&times, at(72), at(74));
        assert_eq!((found[0], found[found.len() - 1]), (at(70), at(79)));
    }
}
