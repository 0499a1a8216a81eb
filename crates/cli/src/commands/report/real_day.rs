use dropsonde_atlas::{Figure, MarkShape, Marker, Section, Track};

use super::Run;
use super::snapshot::overlay_fields;

/// Features of the simulation over a real state.
pub(super) fn section(run: &Run) -> anyhow::Result<Section> {
    let day = &run.real_day;
    let here = day.track.iter().find(|p| day.time.starts_with(&p.time));
    let path: Vec<(f64, f64)> = day.track.iter().map(|p| (p.lat, p.lon)).collect();
    let mut section = Section::new("A real day").paragraph(format!(
        "{}. Time {}. The forecaster was trained on the simulation only, so this is a test far from its training data. \
         The line and the circle are the best track and position of hurricane Nicole (IBTrACS), which was weak and not a \
         classic warm-core storm at that hour.",
        day.title, day.time
    ));
    let mut figures = Vec::new();
    for feature in &day.features {
        let mut map = overlay_fields(
            run,
            feature.phenomenon,
            feature.feature,
            &feature.activation,
            &day.pressure,
            || Ok(day.vapour_transport.clone()),
        )?
        .track(Track::new(&path)?);
        if let Some(here) = here {
            map = map.marker(Marker::new(here.lat, here.lon, MarkShape::Circle).label("Nicole"));
        }
        figures.push(Figure::new(
            map.to_svg()?,
            format!(
                "Active at {:.1} % of the mesh nodes. Largest activation within 500 km of Nicole: {:.3}, above {:.1} % of \
                 the nodes within 40 degrees of the equator.",
                100.0 * feature.active_share,
                feature.at_storm,
                100.0 * feature.rank_at_storm
            ),
        ));
    }
    section = section.figures(figures);
    Ok(section)
}
