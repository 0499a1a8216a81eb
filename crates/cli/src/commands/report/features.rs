use dropsonde_atlas::{
    Cell, ColorMap, Figure, Layer, Map, Range, Score as Dot, ScorePlot, Section, Svg, Table,
};
use dropsonde_attribution::{Family, FamilyScores, Metric, Phenomenon, PhenomenonScores, Score};

use super::Run;
use crate::run_context::chosen_feature;

/// Families in the plots, best evidence first.
const PLOTTED: [Family; 6] = [
    Family::Feature,
    Family::Neuron,
    Family::Component,
    Family::RandomFeature,
    Family::InputChannel,
    Family::DerivedField,
];

/// What the features stand for.
pub(super) fn section(run: &Run) -> anyhow::Result<Section> {
    let live = run.catalog.features.len();
    let section = Section::new("What the features mean")
        .paragraph(format!(
            "{live} of {} features are active somewhere. For each phenomenon the best candidate of each family was chosen on \
             `select` and scored once on `report`, twice: by average precision, which asks for a candidate that is seldom \
             wrong where it is strong, and by the area under the ROC curve (AUC), which asks for one that orders all mesh \
             nodes. A code is zero at most nodes, so its AUC is near 0.5 unless it is active at most positives; a dense \
             number has no such limit.",
            run.scores.n_latents
        ))
        .figure(
            precision_plot(run)?,
            "Average precision on `report` over the share of positives: how many times better than chance. Chosen by average \
             precision on `select`; logarithmic.",
        )
        .figure(
            score_plot(run, Metric::Auc)?,
            "AUC on `report` with 95 % intervals, chosen by AUC on `select`: the chance that a positive mesh node ranks above a \
             negative of the same latitude band, surface and season. No derived field here defines the phenomenon itself.",
        )
        .figure(
            score_plot(run, Metric::Correlation)?,
            "Correlation with the daily and the yearly cycle on `report`, with the phase found on `select`.",
        )
        .table(
            table(run, |p| &p.sharpest, "average precision"),
            "Chosen by average precision. Chance is the share of positives.",
        )
        .table(
            table(run, |p| &p.families, "AUC or correlation"),
            "Chosen by AUC, or for cycles by correlation.",
        )
        .paragraph("Where the features chosen by average precision (for cycles by correlation) are active on average:");
    let figures = Phenomenon::ALL
        .into_iter()
        .filter_map(|p| chosen_feature(&run.scores, p).map(|feature| map(run, p, feature)))
        .collect::<anyhow::Result<Vec<Figure>>>()?;
    Ok(section
        .figures(figures)
        .table(catalog(run), catalog_caption()))
}

fn scored(run: &Run, metric: Metric) -> impl Iterator<Item = &PhenomenonScores> {
    run.scores
        .phenomena
        .iter()
        .filter(move |p| p.metric == metric && p.skipped.is_none())
}

fn methods() -> Vec<String> {
    PLOTTED.iter().map(ToString::to_string).collect()
}

/// Average precision over the share of positives, one dot per family.
fn precision_plot(run: &Run) -> anyhow::Result<Svg> {
    let names = methods();
    let methods: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut plot = ScorePlot::dots(
        "How precisely a single number tells the phenomenon",
        &methods,
    )
    .value_label("log2 (average precision / share of positives)")
    .reference(0.0, "chance");
    for phenomenon in scored(run, Metric::Auc) {
        let share = phenomenon.report.base_rate();
        let dots = PLOTTED.iter().map(|&family| {
            let found = phenomenon.sharpest.iter().find(|s| s.family == family);
            let precision = found.and_then(|s| s.report.average_precision);
            Dot::new(precision.map_or(f64::NAN, |ap| (ap / share).log2()))
        });
        plot = plot.row(
            format!("{} ({:.1} %)", phenomenon.name, 100.0 * share),
            dots.collect(),
        );
    }
    Ok(plot.to_svg()?)
}

fn score_plot(run: &Run, metric: Metric) -> anyhow::Result<Svg> {
    let names = methods();
    let methods: Vec<&str> = names.iter().map(String::as_str).collect();
    let (title, label) = match metric {
        Metric::Auc => ("How well a single number orders the nodes", "AUC on report"),
        Metric::Correlation => ("Cycles", "correlation on report"),
    };
    let mut plot = ScorePlot::dots(title, &methods).value_label(label);
    if metric == Metric::Auc {
        plot = plot.reference(0.5, "guessing");
    }
    for phenomenon in scored(run, metric) {
        let dots = PLOTTED
            .iter()
            .map(|&family| dot(phenomenon.family(family)))
            .collect();
        plot = plot.row(phenomenon.name.clone(), dots);
    }
    Ok(plot.to_svg()?)
}

fn dot(scores: Option<&FamilyScores>) -> Dot {
    let Some(Score {
        value: Some(value),
        interval,
        ..
    }) = scores.map(|s| s.report)
    else {
        return Dot::new(f64::NAN);
    };
    match interval {
        Some(interval) => Dot::with_interval(value, interval.low, interval.high),
        None => Dot::new(value),
    }
}

/// One row per phenomenon and family.
fn table(run: &Run, chosen: fn(&PhenomenonScores) -> &Vec<FamilyScores>, by: &str) -> Table {
    let mut table = Table::new(&[
        "phenomenon",
        "family",
        &format!("best on select by {by}"),
        "AUC or r",
        "95 %",
        "avg. precision",
        "share of positives",
        "cases",
    ]);
    for phenomenon in &run.scores.phenomena {
        if let Some(reason) = &phenomenon.skipped {
            table = table.row(vec![phenomenon.name.clone().into(), reason.clone().into()]);
        }
        for scores in chosen(phenomenon) {
            table = table.row(row(phenomenon, scores));
        }
    }
    table
}

fn row(phenomenon: &PhenomenonScores, scores: &FamilyScores) -> Vec<Cell> {
    let report = &scores.report;
    let strong = |cell: Cell| match scores.family {
        Family::Feature => cell.strong(),
        _ => cell,
    };
    let interval = report
        .interval
        .map(|i| format!("{:.3} to {:.3}", i.low, i.high));
    let share = match phenomenon.metric {
        Metric::Auc => Cell::Fixed(phenomenon.report.base_rate(), 4),
        Metric::Correlation => "".into(),
    };
    let precision = match report.average_precision {
        Some(ap) => strong(Cell::Fixed(ap, 3)),
        None => "".into(),
    };
    vec![
        phenomenon.name.clone().into(),
        scores.family_name.clone().into(),
        scores.candidate.name.clone().into(),
        strong(Cell::Fixed(report.value.unwrap_or(f64::NAN), 3)),
        interval.unwrap_or_default().into(),
        precision,
        share,
        Cell::Fixed(phenomenon.report.n_blocks as f64, 0),
    ]
}

fn map(run: &Run, phenomenon: Phenomenon, feature: u32) -> anyhow::Result<Figure> {
    let title = format!("feature {feature}: {phenomenon}");
    let Some(means) = run.maps.map(feature) else {
        anyhow::bail!("`maps.npy` has no feature {feature}\nhint: run `dropsonde features` again");
    };
    let layer = Layer::new(run.mesh_field(means)?, "mean activation")
        .colors(ColorMap::YlOrRd)
        .range(Range::Quantiles(0.005));
    let svg = Map::new(title).layer(layer).to_svg()?;
    let caption = match run.catalog.get(feature) {
        Some(entry) => {
            let fields: Vec<String> = entry
                .correlations
                .iter()
                .take(3)
                .map(|c| format!("{} ({:+.2})", c.field, c.r))
                .collect();
            format!(
                "Active at {:.2} % of the nodes; correlated with {}.",
                100.0 * entry.frequency,
                fields.join(", ")
            )
        }
        None => "Mean over all states.".to_owned(),
    };
    Ok(Figure::new(svg, caption))
}

/// The features that are most often active, as a sample of the catalogue.
fn catalog(run: &Run) -> Table {
    let mut entries: Vec<_> = run.catalog.features.iter().collect();
    entries.sort_by(|a, b| b.frequency.total_cmp(&a.frequency));
    let mut table = Table::new(&[
        "feature",
        "active (%)",
        "max",
        "north",
        "tropics",
        "land",
        "strongest correlations",
    ]);
    for entry in entries.into_iter().take(25) {
        let fields: Vec<String> = entry
            .correlations
            .iter()
            .take(2)
            .map(|c| format!("{} {:+.2}", c.field, c.r))
            .collect();
        table = table.row(vec![
            Cell::Fixed(entry.id.into(), 0),
            Cell::Fixed(100.0 * entry.frequency, 2),
            Cell::Number(entry.max.into()),
            Cell::Fixed(entry.northern_share, 2),
            Cell::Fixed(entry.tropical_share, 2),
            Cell::Fixed(entry.land_share, 2),
            fields.join(", ").into(),
        ]);
    }
    table
}

fn catalog_caption() -> &'static str {
    "The 25 features that are active most often. North, tropics, land: shares of the area-weighted activation. The whole \
     catalogue is in `features/catalog.json`."
}
