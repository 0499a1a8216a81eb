//! Sums over six hours where a store has only hourly ones.

use super::layout::{Layout, Role};
use super::timeline::Timeline;
use crate::{STEP_HOURS, Time, Variable};

/// Six-hour sums and the hourly sums that they are made of; ERA5's hourly sums end at their time.
/// Source: <https://confluence.ecmwf.int/display/CKB/ERA5%3A+data+documentation>, "Mean rates/fluxes and accumulations".
const SUMS: [(&str, &str); 2] = [
    ("total_precipitation_6hr", "total_precipitation"),
    ("convective_precipitation_6hr", "convective_precipitation"),
];

/// The six-hour sums that can be made from hourly ones: pairs of the sum and its part.
///
/// Not for forecasts, whose sums usually begin at the start of the forecast, nor where six-hour sums are stored.
pub(super) fn available(layout: &Layout, timeline: &Timeline) -> Vec<(Variable, Variable)> {
    if !timeline.is_hourly() {
        return Vec::new();
    }
    let pairs = SUMS.map(|(sum, part)| (Variable::new(sum), Variable::new(part)));
    pairs
        .into_iter()
        .filter(|(sum, part)| {
            let hourly = layout.variables.get(part);
            hourly.is_some_and(|stored| stored.roles.contains(&Role::Time))
                && !layout.variables.contains_key(sum)
        })
        .collect()
}

/// The ends of the hours that make the six hours up to a time.
pub(super) fn hours_to(time: Time) -> impl Iterator<Item = Time> {
    (0..STEP_HOURS)
        .rev()
        .map(move |back| time.plus_hours(-back))
}
