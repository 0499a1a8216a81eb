//! Maps and curves of a census.

use dropsonde_atlas::{
    Color, ColorMap, Contours, GridField, Layer, LinePlot, Map, MarkShape, Marker, Range, Sampling,
    Series, Svg, Track, Window,
};
use dropsonde_fields::events::{Basin, Census, MonthlyMean, Season, TrackPoint};
use dropsonde_mesh::LatLonGrid;

/// Longitude in the middle of the maps: the Pacific, where most storms are.
const MIDDLE: f64 = 200.0;
/// Fewer states than ten days of a season give no mean worth drawing.
const MIN_STATES: u32 = 40;

/// Mean cover below which a cell is drawn as open sea.
const LEAST_ICE: f32 = 0.01;

/// Classes of wind: below each limit in m/s one colour, the last from there on.
const WIND_CLASSES: [(f32, &str, Color); 4] = [
    (17.0, "below 17 m/s", Color::hex(0x56b4e9)),
    (25.0, "17 to 25 m/s", Color::hex(0xe69f00)),
    (33.0, "25 to 33 m/s", Color::hex(0xd55e00)),
    (f32::INFINITY, "33 m/s and more", Color::hex(0x7a0026)),
];

/// A figure of the page.
pub(super) struct Figure {
    /// File name.
    pub(super) name: &'static str,
    pub(super) svg: Svg,
    /// What somebody who cannot see it should know.
    pub(super) text: String,
}

/// All figures that the record has data for.
pub(super) fn draw(
    census: &Census,
    grid: &LatLonGrid,
    land: &[f32],
) -> anyhow::Result<Vec<Figure>> {
    let mut figures = vec![tracks(census)?, genesis(census)?, plumes(census, grid)?];
    for (name, season) in [
        ("precipitation-jja.svg", Season::JuneToAugust),
        ("precipitation-djf.svg", Season::DecemberToFebruary),
    ] {
        figures.extend(precipitation(census, grid, name, season)?);
    }
    figures.extend(ice_edge(census, grid, land)?);
    figures.extend(ice_area(census)?);
    Ok(figures)
}

fn map(title: &str) -> Map {
    Map::new(title).window(Window::global(MIDDLE))
}

/// The tropics and subtropics, where the storms are.
fn storm_map(title: &str) -> anyhow::Result<Map> {
    let window = Window::region(MIDDLE - 180.0, MIDDLE + 180.0, -55.0, 55.0)?;
    Ok(Map::new(title).window(window))
}

fn tracks(census: &Census) -> anyhow::Result<Figure> {
    let mut map = storm_map("Tracks of tropical lows, by their 10 m wind")?;
    for track in &census.tracks {
        for (class, points) in wind_stretches(&track.points) {
            map = map.track(Track::new(&points)?.thin().color(WIND_CLASSES[class].2));
        }
    }
    for (_, label, color) in WIND_CLASSES {
        map = map.key(label, color);
    }
    Ok(Figure {
        name: "tracks.svg",
        svg: map.to_svg()?,
        text: format!(
            "World map of the tracks of {} tropical lows, coloured by wind speed.",
            census.tracks.len()
        ),
    })
}

fn wind_class(wind: f32) -> usize {
    let last = WIND_CLASSES.len() - 1;
    let class = WIND_CLASSES.iter().position(|class| wind < class.0);
    class.unwrap_or(last)
}

/// The line of a track cut where its class changes; a step belongs to the class of its stronger end.
fn wind_stretches(points: &[TrackPoint]) -> Vec<(usize, Vec<(f64, f64)>)> {
    let mut stretches: Vec<(usize, Vec<(f64, f64)>)> = Vec::new();
    for pair in points.windows(2) {
        let class = wind_class(pair[0].max_wind.max(pair[1].max_wind));
        let [from, to] = [0, 1].map(|k| (pair[k].lat, pair[k].lon));
        match stretches.last_mut() {
            Some((current, line)) if *current == class => line.push(to),
            _ => stretches.push((class, vec![from, to])),
        }
    }
    stretches
}

fn genesis(census: &Census) -> anyhow::Result<Figure> {
    let mut map = storm_map("Where tropical lows form")?;
    let storms = census.storms();
    for (index, basin) in Basin::ALL.into_iter().enumerate() {
        let here = storms.iter().filter(|storm| storm.basin == basin);
        let places: Vec<[f64; 2]> = here.map(|storm| storm.places[0]).collect();
        for [lat, lon] in &places {
            map = map.marker(Marker::new(*lat, *lon, MarkShape::Dot).color(Color::series(index)));
        }
        map = map.key(
            format!("{} ({})", basin.name(), places.len()),
            Color::series(index),
        );
    }
    Ok(Figure {
        name: "genesis.svg",
        svg: map.to_svg()?,
        text: "World map of the first points of all tracks, coloured by basin.".to_owned(),
    })
}

fn field(grid: &LatLonGrid, values: &[f32]) -> anyhow::Result<GridField> {
    Ok(GridField::new(grid.lat(), grid.lon(), values)?)
}

fn plumes(census: &Census, grid: &LatLonGrid) -> anyhow::Result<Figure> {
    let mean = census.plumes.mean(1..=12).unwrap_or_default();
    let percent: Vec<f32> = mean.iter().map(|share| 100.0 * share).collect();
    let layer = Layer::new(
        field(grid, &percent)?,
        "share of states inside a moisture plume (%)",
    )
    .colors(ColorMap::Dense)
    .range(Range::Levels(vec![
        2.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 40.0,
    ]))
    .sampling(Sampling::Nearest);
    Ok(Figure {
        name: "plumes.svg",
        svg: map("How often there is a moisture plume").layer(layer).to_svg()?,
        text: "World map of the frequency of moisture plumes, high over the storm tracks of both hemispheres.".to_owned(),
    })
}

/// States that a mean over some months is over.
fn n_states(mean: &MonthlyMean, months: &[u32]) -> u32 {
    months.iter().map(|&month| mean.count(month)).sum()
}

/// Mean precipitation of a season, if enough of it was observed.
fn precipitation(
    census: &Census,
    grid: &LatLonGrid,
    name: &'static str,
    season: Season,
) -> anyhow::Result<Option<Figure>> {
    if n_states(&census.precipitation, &season.months()) < MIN_STATES {
        return Ok(None);
    }
    let Some(mean) = census.precipitation.mean(season.months()) else {
        return Ok(None);
    };
    let layer = Layer::new(field(grid, &mean)?, "precipitation (mm/day)")
        .colors(ColorMap::Dense)
        .range(Range::Levels(vec![
            0.5, 1.0, 2.0, 4.0, 6.0, 9.0, 12.0, 16.0, 24.0,
        ]))
        .sampling(Sampling::Nearest);
    let title = format!("Mean precipitation, {}", season.name());
    Ok(Some(Figure {
        name,
        svg: map(&title).layer(layer).to_svg()?,
        text: format!("World map of mean precipitation in {}.", season.name()),
    }))
}

/// Mean ice cover of all months, with its edges in March and September where they were observed.
fn ice_edge(census: &Census, grid: &LatLonGrid, land: &[f32]) -> anyhow::Result<Option<Figure>> {
    let Some(mean) = census.ice.mean(1..=12) else {
        return Ok(None);
    };
    let at_sea = |values: &[f32]| -> Vec<f32> {
        let both = values.iter().zip(land);
        both.map(|(&value, &land)| if land >= 0.5 { f32::NAN } else { value })
            .collect()
    };
    let shown = |share: f32| {
        if share < LEAST_ICE {
            f32::NAN
        } else {
            100.0 * share
        }
    };
    let percent: Vec<f32> = at_sea(&mean).into_iter().map(shown).collect();
    let layer = Layer::new(field(grid, &percent)?, "mean sea-ice cover (%)")
        .colors(ColorMap::Dense)
        .range(Range::Levels(vec![1.0, 15.0, 30.0, 50.0, 70.0, 90.0]))
        .sampling(Sampling::Nearest);
    let mut map = map("Sea ice, and where its edge (15 %) is").layer(layer);
    for (month, name, color) in [(3, "March", 0xd55e00), (9, "September", 0xcc79a7)] {
        if let Some(mean) = census.ice.mean([month]) {
            let edge = Contours::at(field(grid, &at_sea(&mean))?, &[0.15])?;
            map = map.contours(edge.label(name).color(Color::hex(color)));
        }
    }
    Ok(Some(Figure {
        name: "ice-edge.svg",
        svg: map.to_svg()?,
        text: "World map of mean sea-ice cover with the ice edge of March and September."
            .to_owned(),
    }))
}

/// Area of the ice over the year, a mean over the years of the record.
fn ice_area(census: &Census) -> anyhow::Result<Option<Figure>> {
    let day_of_year: Vec<f64> = (1..=366).map(f64::from).collect();
    let curve = |side: usize| -> Vec<f64> {
        let mut sums = vec![(0.0, 0u32); 366];
        for day in &census.days {
            if let Some(ice) = day.ice {
                let (sum, count) = &mut sums[day.day.day_of_year() as usize - 1];
                *sum += ice[side].area_km2 / 1e6;
                *count += 1;
            }
        }
        // a day without ice observations gives NaN, which is a gap in the curve
        sums.into_iter()
            .map(|(sum, count)| sum / f64::from(count))
            .collect()
    };
    let [north, south] = [curve(0), curve(1)];
    if north.iter().all(|area| area.is_nan()) {
        return Ok(None);
    }
    let plot = LinePlot::new("Area of sea ice")
        .x_label("day of the year")
        .y_label("million km\u{b2}")
        .series(Series::new("north", &day_of_year, &north))
        .series(Series::new("south", &day_of_year, &south));
    Ok(Some(Figure {
        name: "ice-area.svg",
        svg: plot.to_svg()?,
        text: "Curves of sea-ice area over the year, north and south.".to_owned(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use dropsonde_fields::Time;

    fn point(wind: f32, lon: f64) -> TrackPoint {
        TrackPoint {
            time: Time::from_unix_seconds(0),
            lat: 15.0,
            lon,
            pressure_pa: 99_000.0,
            depth_pa: 800.0,
            warm_core_k: 2.0,
            vorticity: 1e-4,
            max_wind: wind,
        }
    }

    #[test]
    fn a_track_is_cut_where_its_class_changes() {
        let winds = [12.0, 16.9, 17.0, 24.0, 40.0, 12.0, 12.0];
        let points: Vec<TrackPoint> = winds
            .iter()
            .zip(0..)
            .map(|(&w, k)| point(w, f64::from(k)))
            .collect();
        let stretches = wind_stretches(&points);
        let classes: Vec<(usize, usize)> = stretches.iter().map(|(c, p)| (*c, p.len())).collect();
        assert_eq!(classes, [(0, 2), (1, 3), (3, 3), (0, 2)]);
        for pair in stretches.windows(2) {
            assert_eq!(pair[0].1.last(), pair[1].1.first(), "the line has no hole");
        }
        assert!(wind_stretches(&points[..1]).is_empty());
        assert_eq!(wind_class(33.0), 3);
    }
}
