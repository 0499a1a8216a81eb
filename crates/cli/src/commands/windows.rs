//! `dropsonde windows`: windows of a long record around its storms.

use dropsonde_fields::events::write_tracks_csv;
use dropsonde_fields::{
    Choice, Source, SplitRule, TimeSelection, Window, WindowChooser, WindowRule,
};
use serde_json::json;

use crate::args::WindowsArgs;
use crate::{json as json_out, progress};

pub(crate) fn run(args: &WindowsArgs) -> anyhow::Result<()> {
    let rule = rule(args);
    rule.check()?;
    let source = Source::open(&args.source)?;
    let selection = TimeSelection {
        from: args.from,
        to: args.to,
        ..TimeSelection::default()
    };
    let times = selection.of(source.times());
    let bar = progress::bar("storms", times.len() as u64);
    let chooser = WindowChooser::new(&source, &times, |done| bar.set_position(done as u64))?;
    bar.finish_and_clear();
    if let Some(path) = &args.tracks_out {
        write_tracks_csv(path, chooser.tracks())?;
    }
    let choice = chooser.choose(&rule)?;
    json_out::write(&args.out, &choice.windows)?;
    if args.json {
        return json_out::print(&json!({
            "out": args.out,
            "tracks": chooser.tracks().len(),
            "windows": choice.windows,
            "missing": choice.missing,
        }));
    }
    println!(
        "{} storm tracks in {} states",
        chooser.tracks().len(),
        times.len()
    );
    print(&choice);
    Ok(())
}

fn rule(args: &WindowsArgs) -> WindowRule {
    let split = |(index, (split, windows)): (usize, &(String, usize))| SplitRule {
        split: split.clone(),
        windows: *windows,
        min_tracks: if index == 0 { args.tracks } else { 0 },
        strongest_twice: split != "train",
    };
    WindowRule {
        states: args.states,
        gap_days: args.gap_days,
        splits: args.splits.iter().enumerate().map(split).collect(),
        ..WindowRule::default()
    }
}

fn print(choice: &Choice) {
    for window in &choice.windows {
        let Window {
            split, first, last, ..
        } = window;
        println!(
            "{split:8} {first} to {last}  plumes {:2.0} %",
            100.0 * window.plume_share
        );
        for s in &window.storms {
            println!(
                "    {:.0} hPa, {:.0} m/s, {} states, {:.0}N {:.0}E to {:.0}N {:.0}E",
                s.min_pressure_hpa, s.max_wind, s.points, s.lat[0], s.lon[0], s.lat[1], s.lon[1]
            );
        }
    }
    for missing in &choice.missing {
        println!("missing: {missing}");
    }
}
