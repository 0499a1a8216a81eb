//! Changes one feature around a storm inside a forecast, with controls, and prints how the storm answers.
//!
//! Weights, autoencoder and weather are made up, so the numbers mean nothing; the checks below do.
//! Run with `cargo run -p dropsonde-intervention --example edit_a_forecast`.

mod tiny;

use dropsonde_capture::Recorder;
use dropsonde_forecaster::{Forcing, Forecaster, Rollout, Site};
use dropsonde_intervention::{Case, Experiment, ExperimentConfig, Outcome};
use dropsonde_sae::{Sae, SaeConfig};

const CONFIG: &str = r#"
steps = 8
strengths = [-1.0, 0.0, 1.0, 3.0]
seed = 1

[edit]
features = [0]                                  # replaced below by one that is active in the storm
op = { scale = { strength = 1.0 } }             # code -> (1 + strength) * code
where = { storm = { radius_km = 4000.0 } }
when = { from_hours = 0, to_hours = 24 }
site = "processor/01"

[controls]
count = 3

[storm]                                         # the grid is coarse: 10 degrees
search_radius_km = 2500.0
core_radius_km = 1200.0
ring_km = [1500.0, 4000.0]
wind_radius_km = 2000.0

[maps]
lead_hours = [24]
quantities = ["mean_sea_level_pressure", "10m_wind_speed", "temperature@300"]
"#;

/// The feature with the largest code anywhere in the first step.
fn most_active_feature(
    forecaster: &Forecaster,
    sae: &Sae,
    site: Site,
) -> Result<u32, Box<dyn std::error::Error>> {
    let (previous, current) = tiny::states(&forecaster.graph().grid);
    let mut recorder = Recorder::new([site]);
    Rollout::new(forecaster, Forcing::Persisted, previous, current).step(&mut recorder)?;
    let latents = recorder.take(site).ok_or("the site was never visited")?;
    let (codes, _) = sae.encode(&latents.squeeze_dim(1))?;
    let largest =
        (0..codes.values.len()).max_by(|&i, &j| codes.values[i].total_cmp(&codes.values[j]));
    Ok(codes.indices[largest.ok_or("no codes")?])
}

fn experiment() -> Result<Outcome, Box<dyn std::error::Error>> {
    let forecaster = tiny::forecaster(1)?;
    let sae = Sae::random(SaeConfig::new(16, 64, 4), 2)?;
    let mut config = ExperimentConfig::from_toml(CONFIG)?;
    let feature = most_active_feature(&forecaster, &sae, Site::Processor(1))?;
    config.edit.features = vec![feature];

    let (previous, current) = tiny::states(&forecaster.graph().grid);
    let case = Case {
        name: "a made-up storm".to_owned(),
        previous,
        current,
        forcing: Forcing::Persisted,
        storm: Some(tiny::STORM),
    };
    Ok(Experiment::new(&forecaster, &sae, config)?.run(&case, &mut ())?)
}

fn print(outcome: &Outcome) {
    println!(
        "{:<16} {:>5} {:>9} {:>8} {:>6} {:>10}",
        "run", "h", "hPa", "m/s", "rows", "departure"
    );
    for run in &outcome.runs {
        for point in run
            .points
            .iter()
            .filter(|p| p.lead_hours % 24 == 0 && p.lead_hours > 0)
        {
            let storm = point
                .storm
                .map_or("lost".to_owned(), |s| format!("{:.2}", s.pressure_hpa));
            let wind = point
                .storm
                .map_or(String::new(), |s| format!("{:.2}", s.max_wind_m_s));
            let rows = point.edit.map_or(0, |e| e.rows_changed);
            let departure = point.departure.map_or(0.0, |d| d.rms);
            println!(
                "{:<16} {:>5} {storm:>9} {wind:>8} {rows:>6} {departure:>10.4}",
                run.name, point.lead_hours
            );
        }
    }
    for response in outcome
        .dose_response
        .iter()
        .filter(|r| r.lead_hours % 24 == 0)
    {
        println!(
            "{} h: rank correlation of strength and central pressure {:?}",
            response.lead_hours, response.spearman_pressure
        );
    }
    println!("{:#?}", outcome.checks);
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    print(&experiment()?);
    Ok(())
}

#[test]
fn the_example_runs_and_its_checks_hold() {
    let outcome = experiment().unwrap();
    assert_eq!(outcome.checks.strength_zero_identical_leads, 8);
    assert_eq!(outcome.checks.injection_max_difference, 0.0);
    assert_eq!(outcome.runs.len(), 1 + 4 + 3 * 3);
    assert_eq!(outcome.differences.len(), 3 * (3 + 9));
    print(&outcome);
}
