//! `dropsonde events`: storms, plumes, heavy precipitation and ice of a record, in one pass over it.

mod figures;
mod page;
mod summary;

use std::sync::Arc;

use anyhow::{Context, ensure};
use dropsonde_fields::events::{
    Census, CensusBuilder, CensusConfig, write_daily_csv, write_tracks_csv,
};
use dropsonde_fields::{Source, Variable};

use crate::args::EventsArgs;
use crate::{json, progress};
use page::Page;
use summary::Summary;

/// States that are read ahead.
const READ_AHEAD: usize = 4;

pub(crate) fn run(args: &EventsArgs) -> anyhow::Result<()> {
    let source = Arc::new(Source::open(&args.source)?);
    let config = CensusConfig {
        heavy_precipitation_m: args.heavy / 1000.0,
        ..CensusConfig::default()
    };
    let census = take(&source, config)?;
    let summary = Summary::new(&source, &census);
    std::fs::create_dir_all(&args.out)
        .with_context(|| format!("cannot make `{}`", args.out.display()))?;
    write_tracks_csv(args.out.join("tracks.csv"), &census.tracks)?;
    write_daily_csv(args.out.join("daily.csv"), &census.days)?;
    json::write(&args.out.join("census.json"), &summary)?;
    if let (Some(page), Some(images)) = (&args.page, &args.images) {
        let land = land(&source)?;
        let figures = figures::draw(&census, source.grid(), &land)?;
        Page::new(&summary).write(page, images, &figures)?;
    }
    if args.json {
        return json::print(&summary);
    }
    print(args, &summary);
    Ok(())
}

/// Goes once through all states.
fn take(source: &Arc<Source>, config: CensusConfig) -> anyhow::Result<Census> {
    let times = source.times().to_vec();
    ensure!(
        !times.is_empty(),
        "`{}` has no times\nhint: a census needs states 6 h apart",
        source.path().display()
    );
    let variables = CensusBuilder::variables(|variable| source.has(variable));
    let mut builder = CensusBuilder::new(source.grid(), config)?;
    let bar = progress::bar("events", times.len() as u64);
    for state in source.prefetch(times, variables, READ_AHEAD) {
        builder.add(&state?)?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(builder.finish())
}

/// Share of land by node.
fn land(source: &Source) -> anyhow::Result<Vec<f32>> {
    let state = source.state_of(source.times()[0], &[Variable::LAND_SEA_MASK])?;
    let plane = state.plane(&Variable::LAND_SEA_MASK, None)?;
    Ok(plane.iter().copied().collect())
}

fn print(args: &EventsArgs, summary: &Summary) {
    let counts = &summary.counts;
    println!(
        "{} days in {} piece(s): {} tropical lows, {} of them strong",
        counts.days,
        summary.pieces.len(),
        counts.storms,
        counts.strong
    );
    for basin in &counts.basins {
        println!("  {:<22} {:>4}", basin.basin.name(), basin.storms);
    }
    if let Some(storm) = summary.storms.first() {
        println!(
            "deepest: {:.0} hPa, {:.0} m/s",
            storm.lowest_pressure_pa / 100.0,
            storm.strongest_wind
        );
    }
    println!("wrote `{}`", args.out.display());
}
