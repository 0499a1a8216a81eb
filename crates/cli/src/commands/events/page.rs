//! The census as a section in Markdown.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context;
use dropsonde_fields::events::{MonthCount, Season, Threshold};

use super::figures::Figure;
use super::summary::{Means, MonthlyIce, Summary};

/// Storms in the table of the strongest.
const N_STRONGEST: usize = 12;
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
const SIMULATION: &str =
    "**A climate-model simulation, not observations. No date in it matches real weather.**";
/// What is known to be wrong with the simulated Earth.
const LACKS: &str = "\
- Few strong storms: the deepest are in the table, and nothing comes near the deepest real ones (below 900 hPa, above 80 m/s). A model of 192 x 96 points cannot make an eye, and averaging to the grid of this record smooths further.
- Storms are counted by plain thresholds on pressure, warm core, vorticity and wind; some are monsoon lows or subtropical lows that a forecaster would not name. Their number per basin is that of the model, not of nature.
- Rain is spotty and its tropical belt is at places a single row of cells; over land in the tropics it falls too late in the day; deserts are too hot.
- Ocean and ice are prescribed: no storm cools the sea, and the ice edge comes from a climatology by month.
- The top of the model (50 and 100 hPa) is poor and not in this record.";

/// The section.
pub(super) struct Page<'a> {
    summary: &'a Summary,
}

impl<'a> Page<'a> {
    pub(super) fn new(summary: &'a Summary) -> Self {
        Self { summary }
    }

    /// Writes the figures, then the page that shows them.
    pub(super) fn write(
        &self,
        page: &Path,
        images: &Path,
        figures: &[Figure],
    ) -> anyhow::Result<()> {
        std::fs::create_dir_all(images)
            .with_context(|| format!("cannot make `{}`", images.display()))?;
        for figure in figures {
            figure.svg.write(images.join(figure.name))?;
        }
        let text = self.text(&link(page, images), figures);
        let mut part = page.as_os_str().to_owned();
        part.push(".part");
        std::fs::write(&part, text)
            .and_then(|()| std::fs::rename(&part, page))
            .with_context(|| format!("cannot write `{}`", page.display()))
    }

    fn text(&self, images: &str, figures: &[Figure]) -> String {
        let picture = |names: &[&str]| {
            let chosen = figures.iter().filter(|figure| names.contains(&figure.name));
            chosen.fold(String::new(), |text, figure| {
                text + &format!("![{}]({images}/{})\n\n", figure.text, figure.name)
            })
        };
        let mut sections = Vec::new();
        if self.summary.is_simulation {
            sections.push(SIMULATION.to_owned());
        }
        sections.push(self.record());
        sections.push(self.storms());
        sections.push(picture(&["tracks.svg", "genesis.svg"]));
        sections.push(self.weather());
        sections.push(picture(&[
            "plumes.svg",
            "precipitation-jja.svg",
            "precipitation-djf.svg",
        ]));
        sections.push(self.ice());
        sections.push(picture(&["ice-area.svg", "ice-edge.svg"]));
        if self.summary.is_simulation {
            sections.push(format!("### What this Earth lacks\n\n{LACKS}"));
        }
        let sections = sections.iter().map(|section| section.trim());
        let filled: Vec<&str> = sections.filter(|section| !section.is_empty()).collect();
        filled.join("\n\n") + "\n"
    }

    fn record(&self) -> String {
        let mut text = "### The record\n\n".to_owned();
        if let Some(title) = &self.summary.title {
            writeln!(
                text,
                "`dropsonde events` counted what follows in: {title}.\n"
            )
            .ok();
        }
        text.push_str("| first state | last state | states | days |\n|---|---|---:|---:|\n");
        for piece in &self.summary.pieces {
            let days = piece.n_states as f64 / 4.0;
            writeln!(
                text,
                "| {} | {} | {} | {days:.1} |",
                piece.first, piece.last, piece.n_states
            )
            .ok();
        }
        text
    }

    fn storms(&self) -> String {
        let (low, strong) = (&self.summary.rules.low, &self.summary.rules.strong);
        let counts = &self.summary.counts;
        let mut text = format!(
            "### Tropical lows\n\n\
             A low is a minimum of sea-level pressure over sea, {:.0} hPa deeper than the mean within {:.0} km, with a core {:.1} K warmer than that mean ({} hPa), cyclonic vorticity of {:.0e} s\u{207b}\u{b9} at {} hPa and wind of {:.0} m/s at 10 m; \
             it forms between {:.0} and {:.0} degrees from the equator over water of {:.1} \u{b0}C and lasts {} h or longer. \
             A strong one is somewhere {:.0} hPa deep, {:.1} K warm, {:.0e} s\u{207b}\u{b9} and {:.0} m/s.\n\n\
             {} formed in {} days ({:.0} in a year of such days), {} of them strong.\n\n",
            low.min_depth_pa / 100.0,
            low.environment_km,
            low.min_warm_core_k,
            list(&low.warm_core_levels),
            low.min_vorticity,
            low.vorticity_level,
            low.min_wind,
            low.formation_latitude[0],
            low.formation_latitude[1],
            low.min_formation_sst - 273.15,
            low.min_track_hours,
            strong.min_depth_pa / 100.0,
            strong.min_warm_core_k,
            strong.min_vorticity,
            strong.min_wind,
            counts.storms,
            counts.days,
            365.25 * f64::from(counts.storms) / f64::from(counts.days.max(1)),
            counts.strong,
        );
        text += &self.basins();
        text += &self.months();
        text += &self.strongest();
        text
    }

    fn basins(&self) -> String {
        let counts = &self.summary.counts;
        let seasons = |values: &[u32; 4]| values.map(|n| n.to_string()).join(" | ");
        let names = Season::ALL.map(Season::name).join(" | ");
        let mut text = format!(
            "| formed in | storms | strong | {names} |\n|---|---:|---:|---:|---:|---:|---:|\n"
        );
        for basin in &counts.basins {
            writeln!(
                text,
                "| {} | {} | {} | {} |",
                basin.basin.name(),
                basin.storms,
                basin.strong,
                seasons(&basin.by_season)
            )
            .ok();
        }
        let days = seasons(&counts.days_by_season);
        writeln!(text, "| *days observed* | {} | | {days} |\n", counts.days).ok();
        text
    }

    fn months(&self) -> String {
        let observed = self
            .summary
            .counts
            .months
            .iter()
            .filter(|month| month.days > 0);
        let observed: Vec<&MonthCount> = observed.collect();
        let row = |name: &str, cell: &dyn Fn(&MonthCount) -> String| {
            let cells: Vec<String> = observed.iter().map(|month| cell(month)).collect();
            format!("| {name} | {} |\n", cells.join(" | "))
        };
        let rate = |side: usize| {
            move |month: &MonthCount| {
                let rates = month.per_30_days();
                rates.map_or(String::new(), |rates| format!("{:.1}", rates[side]))
            }
        };
        row("month", &|month| {
            MONTHS[month.month as usize - 1].to_owned()
        }) + &format!("|---|{}\n", "---:|".repeat(observed.len()))
            + &row("days observed", &|month| month.days.to_string())
            + &row("northern storms", &|month| month.storms[0].to_string())
            + &row("southern storms", &|month| month.storms[1].to_string())
            + &row("northern in 30 days", &rate(0))
            + &row("southern in 30 days", &rate(1))
            + "\n"
    }

    fn strongest(&self) -> String {
        let mut text = format!(
            "The {} deepest:\n\n| formed | basin | from | to | days | lowest | wind | warm core |\n|---|---|---|---|---:|---:|---:|---:|\n",
            N_STRONGEST.min(self.summary.storms.len())
        );
        for storm in self.summary.storms.iter().take(N_STRONGEST) {
            let [from, to] = storm.places.map(place);
            writeln!(
                text,
                "| {} | {} | {from} | {to} | {:.1} | {:.0} hPa | {:.0} m/s | {:.1} K |",
                storm.times[0],
                storm.basin.name(),
                storm.hours as f64 / 24.0,
                storm.lowest_pressure_pa / 100.0,
                storm.strongest_wind,
                storm.warmest_core_k
            )
            .ok();
        }
        text
    }

    fn weather(&self) -> String {
        let rules = &self.summary.rules;
        let [south, north] = rules.plume_latitudes;
        let mut text = format!(
            "### Moisture plumes and precipitation\n\n\
             A plume is an area of integrated vapour transport {} poleward of {:.0} degrees, {:.0} km long and at least {} times as long as wide; its share is of the area between {south:.0} and {north:.0} degrees. \
             Heavy precipitation is {:.0} mm or more in six hours; its share is of the globe.\n\n\
             | | days | plumes | heavy precipitation | precipitation |\n|---|---:|---:|---:|---:|\n",
            describe(rules.plume.threshold),
            rules.plume.min_latitude,
            rules.plume.min_length_km,
            rules.plume.min_aspect,
            1000.0 * rules.heavy_precipitation_m,
        );
        for means in &self.summary.means {
            writeln!(text, "{}", means_row(means)).ok();
        }
        text
    }

    fn ice(&self) -> String {
        if self.summary.ice.is_empty() {
            return String::new();
        }
        let mut text = "### Sea ice\n\nArea of the ice, and in brackets of the cells with at least 15 %, in million km\u{b2}; `daily.csv` has every day.\n\n".to_owned();
        let row = |name: &str, cells: Vec<String>| format!("| {name} | {} |\n", cells.join(" | "));
        let ice = &self.summary.ice;
        let side = |area: f64, extent: f64| format!("{:.1} ({:.1})", area / 1e6, extent / 1e6);
        let month = |ice: &MonthlyIce| MONTHS[ice.month as usize - 1].to_owned();
        text += &row("", ice.iter().map(month).collect());
        text += &format!("|---|{}\n", "---:|".repeat(ice.len()));
        let north = ice
            .iter()
            .map(|ice| side(ice.north.area_km2, ice.north.extent_km2));
        text += &row("north", north.collect());
        let south = ice
            .iter()
            .map(|ice| side(ice.south.area_km2, ice.south.extent_km2));
        text += &row("south", south.collect());
        text
    }
}

fn means_row(means: &Means) -> String {
    let percent = |share: f64| format!("{:.2} %", 100.0 * share);
    format!(
        "| {} | {} | {:.1} % | {} | {} |",
        means.season.map_or("all", Season::name),
        means.days,
        100.0 * means.plume_share,
        means
            .heavy_precipitation_share
            .map_or("-".to_owned(), percent),
        means
            .precipitation_mm_per_day
            .map_or("-".to_owned(), |mm| format!("{mm:.2} mm/day")),
    )
}

/// Where the images are, seen from the page.
fn link(page: &Path, images: &Path) -> String {
    let directory = page.parent().unwrap_or(Path::new(""));
    let inside = images.strip_prefix(directory).unwrap_or(images);
    inside.display().to_string()
}

fn list(levels: &[u32]) -> String {
    let words: Vec<String> = levels.iter().map(ToString::to_string).collect();
    words.join(" and ")
}

fn describe(threshold: Threshold) -> String {
    match threshold {
        Threshold::AtLeast(value) => format!("of at least {value} kg/m/s"),
        Threshold::Quantile(q) => format!("above its {q} quantile"),
    }
}

/// Such as `17S 60E`.
fn place([lat, lon]: [f64; 2]) -> String {
    let side = if lat < 0.0 { 'S' } else { 'N' };
    let east = (lon + 180.0).rem_euclid(360.0) - 180.0;
    let half = if east < 0.0 { 'W' } else { 'E' };
    format!("{:.0}{side} {:.0}{half}", lat.abs(), east.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_read_as_on_a_chart() {
        assert_eq!(place([-17.2, 60.4]), "17S 60E");
        assert_eq!(place([26.8, 289.3]), "27N 71W");
        assert_eq!(place([0.0, 180.0]), "0N 180W");
    }

    #[test]
    fn links_are_relative_where_they_can_be() {
        let link = |page, images| link(Path::new(page), Path::new(images));
        assert_eq!(link("docs/census.md", "docs/images/earth"), "images/earth");
        assert_eq!(link("census.md", "maps"), "maps");
        assert_eq!(link("docs/census.md", "/a/b"), "/a/b");
    }
}
