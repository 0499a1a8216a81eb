//! Describes a task, lists its channels and derives the forcings of a date.
//!
//! Run with `cargo run -p dropsonde-fields --example forcings`. It prints 183 input and 83 output channels
//! for GraphCast_small, the first of each variable, and the extremes of the sunlight at the June solstice:
//! none in the polar night, most near 23 N at noon.

use dropsonde_fields::{Task, Time, Variable, derive_forcings, total_solar_irradiance};
use dropsonde_mesh::LatLonGrid;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let task = Task::graphcast_13();
    task.check()?;
    let (inputs, outputs) = (task.input_channels(), task.output_channels());
    println!(
        "{} input channels, {} output channels",
        inputs.len(),
        outputs.len()
    );
    for group in inputs.chunk_by(|a, b| (&a.variable, a.frame) == (&b.variable, b.frame)) {
        let units = group[0].variable.units().unwrap_or("unknown units");
        println!(
            "  {:<42} {:>2} channels, {units}",
            group[0].to_string(),
            group.len()
        );
    }

    let grid = LatLonGrid::with_poles(1.0)?;
    let time: Time = "2022-06-21T12".parse()?;
    let forcings = derive_forcings(&grid, time, &task.forcing_variables);
    println!(
        "{} forcings at {time}, irradiance {:.2} W m-2",
        forcings.len(),
        total_solar_irradiance(time)
    );

    let sunlight = &forcings[&Variable::TOA_INCIDENT_SOLAR_RADIATION].data;
    let brightest = sunlight
        .iter()
        .enumerate()
        .max_by(|a, b| a.1.total_cmp(b.1));
    let (node, most) = brightest.ok_or("the grid has nodes")?;
    let (lat, lon) = grid.position(node);
    println!("most sunlight in the hour before: {most:.0} J m-2 at {lat:.0} N, {lon:.0} E");
    println!("at the South Pole: {:.0} J m-2", sunlight[[0, 0, 0]]);
    assert!((22.0..=25.0).contains(&lat) && sunlight[[0, 0, 0]] == 0.0);
    Ok(())
}

#[test]
fn runs() {
    main().unwrap();
}
