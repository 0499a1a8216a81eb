//! A made-up world whose latents contain features for storms, rain, land and the time of day: are they found?
//!
//!     cargo run -p dropsonde-attribution --example planted_feature
//!
//! The reader should see that the features 3, 11, 15 and 7 are chosen for tropical lows, heavy precipitation, the
//! diurnal cycle and land, that they score clearly better on the split that was not looked at than the best neuron
//! and the best feature of a random autoencoder, and that nothing is claimed where there is nothing to see (plumes).

#[path = "../tests/it/common/world.rs"]
#[allow(dead_code)]
mod world;

use dropsonde_attribution::{Family, PhenomenonScores, run_study};

fn main() -> world::AnyResult<()> {
    let directory = tempfile::tempdir()?;
    let world = world::World::make(directory.path(), 1)?;
    let study = run_study(&world.inputs(), &world::config(), &mut |_, _, _| {})?;
    println!(
        "phenomenon           cases  best feature         its score [95 %]     neuron  random"
    );
    for scores in &study.scores.phenomena {
        println!("{}", line(scores));
    }
    let low = study
        .catalog
        .get(world::LOW)
        .ok_or("the planted feature is dead")?;
    println!(
        "\nfeature {}: active in {:.1} % of rows, most at",
        low.id,
        100.0 * low.frequency
    );
    for event in &low.events {
        println!(
            "  {} {:6.1} {:6.1}  {:.2}",
            event.time, event.lat, event.lon, event.value
        );
    }
    Ok(())
}

fn line(scores: &PhenomenonScores) -> String {
    let value = |family| {
        let score = scores.family(family).and_then(|s| s.report.value);
        score.map_or("     -".to_owned(), |v| format!("{v:6.3}"))
    };
    let best = scores.family(Family::Feature);
    let name = best.map_or("-", |b| b.candidate.name.as_str());
    let interval = best.and_then(|b| b.report.interval);
    let interval = interval.map_or(String::new(), |i| format!("[{:.3}, {:.3}]", i.low, i.high));
    format!(
        "{:20} {:5}  {name:18} {} {interval:17} {}  {}",
        scores.name,
        scores.report.n_blocks,
        value(Family::Feature),
        value(Family::Neuron),
        value(Family::RandomFeature),
    )
}

#[test]
fn runs() {
    main().unwrap();
}
