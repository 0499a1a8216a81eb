//! The tables on standard output.

use super::cases::Start;
use super::estimate::Estimate;
use super::results::{ScoreRow, Skill, SpectrumRow};
use super::storm_results::{StormErrors, StormRow};

pub(crate) fn print(skill: &Skill) {
    println!("{}", skill.model);
    println!(
        "{} forecasts from {} to {}; intervals: {:.0} % of {} resamples of {}",
        skill.n_cases,
        skill.first_init,
        skill.last_init,
        100.0 * skill.confidence,
        skill.resamples,
        skill.blocks
    );
    println!("climatology: {}", skill.climatology);
    for note in &skill.notes {
        println!("note: {note}");
    }
    scores(&skill.scores);
    changes(skill);
    spectra(&skill.spectra);
    storms(&skill.storms);
    stability(skill);
}

fn scores(rows: &[ScoreRow]) {
    if rows.is_empty() {
        println!("\nno truth at any lead");
        return;
    }
    println!(
        "\n{:<8} {:>6} {:>5} {:>6} {:>11} {:>11} {:>6} {:>22} {:>22}",
        "target", "lead", "n", "blocks", "RMSE", "bias", "ACC", "/ persistence", "/ climatology"
    );
    for row in rows {
        println!(
            "{:<8} {:>4} h {:>5} {:>6} {:>11} {:>11} {:>6} {:>22} {:>22}  {}",
            row.target.to_string(),
            row.lead_hours,
            row.n,
            row.n_blocks,
            format!("{:.4e}", row.forecast.rmse.value),
            row.forecast
                .bias
                .map_or("-".to_owned(), |b| format!("{b:.3e}")),
            row.forecast
                .acc
                .map_or("-".to_owned(), |a| format!("{a:.3}")),
            with_interval(row.over_persistence, 3),
            with_interval(row.over_climatology, 3),
            row.units,
        );
    }
}

/// Changes where there is no truth to compare with: without these rows a forecast beyond all truth would say nothing.
fn changes(skill: &Skill) {
    let scored = |lead: i64, start: Start| {
        start == Start::Pair && skill.scores.iter().any(|row| row.lead_hours == lead)
            || start == Start::Cold
    };
    let has_cold = skill.changes.iter().any(|row| row.start == Start::Cold);
    let shown = skill.changes.iter();
    let shown = shown.filter(|row| has_cold || !scored(row.lead_hours, row.start));
    let shown: Vec<_> = shown.collect();
    if shown.is_empty() {
        return;
    }
    println!(
        "\nforecast minus initial state\n{:<8} {:>6} {:<6} {:>5} {:>11} {:>11}",
        "target", "lead", "start", "n", "mean", "rms"
    );
    for row in shown {
        let start = match row.start {
            Start::Pair => "pair",
            Start::Cold => "cold",
        };
        println!(
            "{:<8} {:>4} h {:<6} {:>5} {:>11} {:>11}  {}",
            row.target.to_string(),
            row.lead_hours,
            start,
            row.n,
            row.mean.map_or("-".to_owned(), |m| format!("{m:.3e}")),
            format!("{:.4e}", row.rms),
            row.units,
        );
    }
}

/// Wavenumbers that stand for a range in the table.
const SHOWN: [usize; 7] = [1, 2, 4, 8, 16, 32, 48];

fn spectra(rows: &[SpectrumRow]) {
    if rows.is_empty() {
        return;
    }
    println!("\npower of the forecast over that of the truth, by zonal wavenumber");
    print!("{:<8} {:>9} {:>6} {:>5}", "target", "latitude", "lead", "n");
    SHOWN.iter().for_each(|k| print!(" {k:>6}"));
    println!();
    for row in rows {
        let band = format!("{:.0}-{:.0}", row.band[0], row.band[1]);
        print!(
            "{:<8} {band:>9} {:>4} h {:>5}",
            row.target.to_string(),
            row.lead_hours,
            row.n
        );
        for &k in &SHOWN {
            let ratio = row.ratio.get(k).copied().flatten();
            print!(
                " {:>6}",
                ratio.map_or("-".to_owned(), |r| format!("{r:.2}"))
            );
        }
        println!();
    }
}

fn storms(rows: &[StormRow]) {
    for row in rows {
        println!(
            "\nstorms at {} h: {} forecasts of {} storms, {} lost, {} no longer a tropical low, {} ended in the truth",
            row.lead_hours, row.n, row.n_storms, row.n_lost, row.n_weak, row.n_ended
        );
        line("track (km)", row.track.as_ref(), 0);
        line("pressure (hPa)", row.pressure.as_ref(), 1);
        line("wind (m/s)", row.wind.as_ref(), 1);
    }
}

fn line(what: &str, errors: Option<&StormErrors>, digits: usize) {
    let Some(errors) = errors else { return };
    let bias = errors.bias.map_or(String::new(), |bias| {
        format!(", bias {}", with_interval(Some(bias), digits))
    });
    println!(
        "  {what:<15} error {}, stays as it is {}, ratio {}{bias}",
        with_interval(Some(errors.forecast), digits),
        with_interval(Some(errors.persistence), digits),
        with_interval(errors.over_persistence, 2),
    );
}

fn stability(skill: &Skill) {
    println!("\nvalue farthest from its mean, in standard deviations of the statistics");
    for row in &skill.stability {
        let farthest = |extreme: &Option<super::record::Extreme>| {
            let text = extreme
                .as_ref()
                .map(|e| format!("{:.1} ({})", e.deviations, e.channel));
            text.unwrap_or_else(|| "-".to_owned())
        };
        println!(
            "{:>4} h  finite {}/{}  forecast {:<14} truth {}",
            row.lead_hours,
            row.n_finite,
            row.n,
            farthest(&row.farthest),
            farthest(&row.farthest_in_truth)
        );
    }
}

/// `0.412 [0.390, 0.431]`.
pub(crate) fn with_interval(estimate: Option<Estimate>, digits: usize) -> String {
    let Some(estimate) = estimate else {
        return "-".to_owned();
    };
    match estimate.interval {
        Some(i) => format!(
            "{:.digits$} [{:.digits$}, {:.digits$}]",
            estimate.value, i.low, i.high
        ),
        None => format!("{:.digits$}", estimate.value),
    }
}
