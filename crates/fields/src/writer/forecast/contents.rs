//! The arrays of a forecast.

use serde_json::{Map, Value, json};

use super::super::plan::{ArrayPlan, Coordinate, Dim, Numbers};
use super::super::template::Template;
use super::super::{EPOCH, attributes, grid_coordinates};
use super::{ForecastHeader, ForecastLayout};
use crate::{Time, Variable};

/// The arrays of a forecast, in the order in which they are written.
pub(super) struct Contents {
    pub(super) coordinates: Vec<Coordinate>,
    /// Static fields `(lat, lon)`.
    pub(super) statics: Vec<ArrayPlan>,
    /// Fields `(batch, step, [level,] lat, lon)`, whatever the dimensions are called.
    pub(super) fields: Vec<ArrayPlan>,
    pub(super) attributes: Map<String, Value>,
}

impl Contents {
    pub(super) fn new(
        layout: ForecastLayout,
        header: &ForecastHeader,
        template: &Template,
    ) -> Self {
        let names = layout.names();
        let grid = grid_coordinates(&template.grid, names.grid);
        let plane: Vec<Dim> = grid
            .iter()
            .flat_map(|axis| axis.plan.dims.clone())
            .collect();
        let leading = [
            (names.leading[0], header.inits.len()),
            (names.leading[1], header.n_steps),
        ];
        let mut coordinates = grid.to_vec();
        coordinates.extend(level(template));
        coordinates.extend(times(layout, header, leading));
        let statics = template.variables.keys().filter(|v| v.is_static());
        let statics = statics.map(|variable| plan(variable, plane.clone()));
        let fields = template.changing().map(|(variable, on_levels)| {
            let levels = on_levels.then_some(("level", template.levels.len()));
            let dims = leading.into_iter().chain(levels).chain(plane.clone());
            let mut plan = plan(variable, dims.collect());
            if layout == ForecastLayout::GraphCast && !header.relative {
                let name = "coordinates".to_owned();
                plan.attributes.insert(name, json!("datetime"));
            }
            plan
        });
        Self {
            statics: statics.collect(),
            fields: fields.collect(),
            coordinates,
            attributes: attributes::of_forecast(header.attributes.clone()),
        }
    }
}

fn plan(variable: &Variable, dims: Vec<Dim>) -> ArrayPlan {
    ArrayPlan::field(variable.name(), dims, attributes::of_variable(variable))
}

/// Levels in hPa, as `int32`.
fn level(template: &Template) -> Option<Coordinate> {
    let levels = template.levels.iter().map(|&level| level as i32);
    let dims = vec![("level", template.levels.len())];
    let numbers = Numbers::I32(levels.collect());
    let coordinate = Coordinate::new("level", dims, numbers, attributes::level());
    (!template.levels.is_empty()).then_some(coordinate)
}

/// The lead times, and the valid times (GraphCast) or the initial times (WeatherBench 2).
fn times(layout: ForecastLayout, header: &ForecastHeader, leading: [Dim; 2]) -> Vec<Coordinate> {
    let leads: Vec<i64> = (1..=header.n_steps)
        .map(|step| i64::from(header.step_hours) * step as i64)
        .collect();
    let hours = |time: Time| time.hours_since(EPOCH);
    let moments = match layout {
        ForecastLayout::GraphCast if header.relative => None,
        ForecastLayout::GraphCast => {
            let valid = |&init: &Time| leads.iter().map(move |&lead| hours(init) + lead);
            let valid = header.inits.iter().flat_map(valid).collect();
            let attributes = attributes::moments("time");
            Some(("datetime", leading.to_vec(), valid, attributes))
        }
        ForecastLayout::WeatherBench2 => {
            let inits = header.inits.iter().map(|&init| hours(init)).collect();
            let attributes = attributes::moments("forecast_reference_time");
            Some(("time", vec![leading[0]], inits, attributes))
        }
    };
    let moments = moments.map(|(name, dims, hours, attributes)| {
        Coordinate::new(name, dims, Numbers::I64(hours), attributes)
    });
    let (name, dims) = (leading[1].0, vec![leading[1]]);
    let lead = Coordinate::new(name, dims, Numbers::I64(leads), attributes::lead_times());
    std::iter::once(lead).chain(moments).collect()
}
