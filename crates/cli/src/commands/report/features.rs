use dropsonde_atlas::{
    Cell, ColorMap, Figure, Layer, Map, Range, Score as Dot, ScorePlot, Section, Table,
};
use dropsonde_attribution::{Family, FamilyScores, Metric, Phenomenon, PhenomenonScores, Score};

use super::Run;

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
             `select` and scored once on `report`. Area under the ROC curve (AUC): the chance that a positive mesh node \
             ranks above a negative of the same latitude band, surface and season; 0.5 is guessing.",
            run.scores.n_latents
        ))
        .figure(
            plot(run, Metric::Auc)?,
            "AUC on `report` with 95 % intervals. 'Derived field' includes no field that defines the phenomenon itself.",
        )
        .figure(
            plot(run, Metric::Correlation)?,
            "Correlation with the daily and the yearly cycle on `report`, with the phase found on `select`.",
        )
        .table(table(run), "The same in numbers; average precision is to be compared with the share of positives.")
        .paragraph("Where the chosen features are active on average:");
    let figures = Phenomenon::ALL
        .into_iter()
        .filter_map(|p| run.scores.feature(p).map(|feature| map(run, p, feature)))
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

fn plot(run: &Run, metric: Metric) -> anyhow::Result<dropsonde_atlas::Svg> {
    let methods: Vec<String> = PLOTTED.iter().map(ToString::to_string).collect();
    let methods: Vec<&str> = methods.iter().map(String::as_str).collect();
    let (title, label) = match metric {
        Metric::Auc => (
            "How well a single number tells the phenomenon",
            "AUC on report",
        ),
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

fn table(run: &Run) -> Table {
    let header = [
        "phenomenon",
        "family",
        "chosen on select",
        "select",
        "report",
        "95 %",
        "avg. precision",
        "positives",
        "blocks",
    ];
    let mut table = Table::new(&header);
    for phenomenon in &run.scores.phenomena {
        if let Some(reason) = &phenomenon.skipped {
            table = table.row(vec![phenomenon.name.clone().into(), reason.clone().into()]);
        }
        let best = phenomenon
            .family(Family::Feature)
            .and_then(|f| f.report.value);
        for scores in &phenomenon.families {
            let report = &scores.report;
            let value = Cell::Fixed(report.value.unwrap_or(f64::NAN), 3);
            let is_feature = scores.family == Family::Feature && best.is_some();
            table = table.row(vec![
                phenomenon.name.clone().into(),
                scores.family_name.clone().into(),
                scores.candidate.name.clone().into(),
                Cell::Fixed(scores.select, 3),
                if is_feature { value.strong() } else { value },
                report
                    .interval
                    .map_or(String::new(), |i| format!("{:.3} to {:.3}", i.low, i.high))
                    .into(),
                report
                    .average_precision
                    .map_or_else(|| "".into(), |ap| Cell::Fixed(ap, 3)),
                Cell::Fixed(phenomenon.report.n_positives as f64, 0),
                Cell::Fixed(phenomenon.report.n_blocks as f64, 0),
            ]);
        }
    }
    table
}

fn map(run: &Run, phenomenon: Phenomenon, feature: u32) -> anyhow::Result<Figure> {
    let title = format!("feature {feature}: {phenomenon}");
    let Some(means) = run.maps.map(feature) else {
        anyhow::bail!("`maps.npy` has no feature {feature}\nhint: run `dropsonde features` again");
    };
    let layer = Layer::new(run.mesh_field(means)?, "mean activation")
        .colors(ColorMap::Viridis)
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
