//! Channels and loss weights against the reference implementation.

use dropsonde_fields::{Channel, Frame, Task, Variable, loss_weights};
use dropsonde_mesh::LatLonGrid;

/// The name that the fixture gives to an input channel.
fn reference_input_name(channel: &Channel) -> String {
    let (role, time) = match channel.frame {
        Frame::Previous => ("input", Some("time=-6")),
        Frame::Current => ("input", Some("time=0")),
        Frame::Target => ("forcing", Some("time=6")),
        Frame::Static => ("input", None),
    };
    let level = channel.level.map(|level| format!("level={level}"));
    let parts: Vec<String> = time.map(str::to_owned).into_iter().chain(level).collect();
    format!("{role}|{}|{}", channel.variable, parts.join(","))
}

fn reference_output_name(channel: &Channel) -> String {
    match channel.level {
        Some(level) => format!("{}|level={level}", channel.variable),
        None => channel.variable.to_string(),
    }
}

fn names(value: &serde_json::Value) -> Vec<String> {
    serde_json::from_value(value.clone()).unwrap()
}

#[test]
fn channels_are_those_of_the_reference() {
    let cases = [
        (Task::graphcast_13(), "channels.json"),
        (Task::graphcast_13_precip_out(), "channels_precip_out.json"),
    ];
    for (task, file) in cases {
        let reference = crate::common::json(file);
        let inputs: Vec<_> = task
            .input_channels()
            .iter()
            .map(reference_input_name)
            .collect();
        let outputs: Vec<_> = task
            .output_channels()
            .iter()
            .map(reference_output_name)
            .collect();
        let key = |name: &str| names(&reference[name]);
        assert_eq!(inputs, key("grid_input_channels"), "{file}");
        assert_eq!(outputs, key("grid_output_channels"), "{file}");
    }
}

#[test]
fn loss_weights_are_those_of_the_reference() {
    let reference = crate::common::json("loss_weights.json");
    let numbers =
        |name: &str| -> Vec<f64> { serde_json::from_value(reference[name].clone()).unwrap() };
    let (task, grid) = (Task::graphcast_13(), LatLonGrid::with_poles(10.0).unwrap());
    let (nodes, channels) = loss_weights(&task, &grid);
    let latitudes = nodes.chunks(36).map(|row| f64::from(row[35]));
    assert!(crate::common::max_error(latitudes, &numbers("latitude_weights")) < 1e-6);

    let levels = numbers("level_weights");
    for (channel, &found) in task.output_channels().iter().zip(&channels) {
        let name = channel.variable.name();
        let weight = reference["per_variable_weights"][name]
            .as_f64()
            .unwrap_or(1.0);
        let level = channel.level.map_or(1.0, |level| {
            let index = task
                .pressure_levels
                .iter()
                .position(|&l| l == level)
                .unwrap();
            levels[index] / 13.0
        });
        assert!(
            (f64::from(found) - weight * level).abs() < 1e-7,
            "{channel}"
        );
    }
}

#[test]
fn channel_weights_of_a_variable_sum_to_its_weight() {
    let mut task = Task::graphcast();
    task.target_variables
        .push("total_column_water_vapour".into());
    let (nodes, channels) = loss_weights(&task, &LatLonGrid::with_poles(30.0).unwrap());
    let mean = nodes.iter().map(|&w| f64::from(w)).sum::<f64>() / nodes.len() as f64;
    assert!((mean - 1.0).abs() < 1e-6);
    let sum = |variable: &Variable| -> f32 {
        let pairs = task.output_channels().into_iter().zip(&channels);
        pairs
            .filter(|(channel, _)| channel.variable == *variable)
            .map(|(_, w)| w)
            .sum()
    };
    for variable in &task.target_variables {
        assert!(
            (f64::from(sum(variable)) - variable.loss_weight()).abs() < 1e-6,
            "{variable}"
        );
    }
}
