//! The section of a Markdown page.

use std::fmt::Write as _;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, bail};

use super::estimate::Estimate;
use super::figures::{self, Figure, shown_units};
use super::results::Skill;
use super::storm_results::StormErrors;
use super::table::with_interval;

const BEGIN: &str = "<!-- skill:begin -->";
const END: &str = "<!-- skill:end -->";

/// Replaces the section of a page, or begins the page if there is none, and draws its images.
pub(crate) fn write(page: &Path, images: &Path, skill: &Skill) -> anyhow::Result<()> {
    let old = match page.is_file() {
        true => std::fs::read_to_string(page)
            .with_context(|| format!("cannot read `{}`", page.display()))?,
        false => format!("{BEGIN}\n{END}\n"),
    };
    let place = section_of(&old).with_context(|| format!("`{}`", page.display()))?;
    std::fs::create_dir_all(images)
        .with_context(|| format!("cannot create `{}`", images.display()))?;
    let (errors, spectra) = (figures::errors(skill)?, figures::spectra(skill)?);
    for figure in errors.iter().chain(&spectra) {
        figure.svg.write(images.join(&figure.file))?;
    }
    let link = relative(page, images)?;
    let text = section(skill, &link, &errors, &spectra);
    let new = format!("{}{BEGIN}\n{text}{END}{}", &old[..place.0], &old[place.1..]);
    let part = page.with_extension("md.part");
    std::fs::write(&part, new).with_context(|| format!("cannot write `{}`", part.display()))?;
    std::fs::rename(&part, page).with_context(|| format!("cannot write `{}`", page.display()))
}

/// Where the section begins and ends, marks included.
fn section_of(text: &str) -> anyhow::Result<(usize, usize)> {
    let begin = text.find(BEGIN);
    let end = begin.and_then(|begin| Some(begin + text[begin..].find(END)?));
    match (begin, end) {
        (Some(begin), Some(end)) => Ok((begin, end + END.len())),
        _ => bail!("expected a line `{BEGIN}` and after it a line `{END}`, found none"),
    }
}

/// The way from the directory of the page to the images, with `/`.
fn relative(page: &Path, images: &Path) -> anyhow::Result<String> {
    let directory = match page.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let real = |path: &Path| -> anyhow::Result<PathBuf> {
        std::fs::canonicalize(path).with_context(|| format!("cannot find `{}`", path.display()))
    };
    let (from, to) = (real(directory)?, real(images)?);
    let common = from.components().zip(to.components());
    let common = common.take_while(|(a, b)| a == b).count();
    let up = from.components().skip(common).map(|_| "..".to_owned());
    let down = to.components().skip(common).map(|part| match part {
        Component::Normal(name) => name.to_string_lossy().into_owned(),
        _ => String::new(),
    });
    let parts: Vec<String> = up.chain(down).collect();
    Ok(match parts.is_empty() {
        true => ".".to_owned(),
        false => parts.join("/"),
    })
}

fn section(skill: &Skill, link: &str, errors: &[Figure], spectra: &[Figure]) -> String {
    let mut text = String::new();
    let mut add = |paragraph: String| {
        text += &paragraph;
        text.push('\n');
    };
    add(format!(
        "{}\n\n{} forecasts from {} to {}. Brackets hold {:.0} % of {} resamples of {}.",
        skill.model,
        skill.n_cases,
        skill.first_init,
        skill.last_init,
        100.0 * skill.confidence,
        skill.resamples,
        skill.blocks
    ));
    add(format!("Climatology: {}.", skill.climatology));
    for note in &skill.notes {
        add(format!("Note: {note}."));
    }
    add(String::new());
    add(score_table(skill));
    add(image_lines(link, errors));
    if !spectra.is_empty() {
        add(image_lines(link, spectra));
    }
    if !skill.storms.is_empty() {
        add(storm_table(skill));
    }
    add(stability_table(skill));
    while text.ends_with("\n\n") {
        text.pop();
    }
    text
}

fn score_table(skill: &Skill) -> String {
    let mut text = String::from(
        "| target | lead (h) | forecasts (blocks) | RMSE | bias | ACC | RMSE / persistence | RMSE / climatology |\n|---|---|---|---|---|---|---|---|\n",
    );
    for row in &skill.scores {
        let (scale, units) = shown_units(&row.target, &row.units);
        let scaled = |x: f64| significant(scale * x);
        let lost = match row.n_not_finite {
            0 => String::new(),
            n => format!(", {n} not finite"),
        };
        line(
            &mut text,
            &[
                format!("{} ({units})", row.target),
                row.lead_hours.to_string(),
                format!("{} ({}){lost}", row.n, row.n_blocks),
                scaled(row.forecast.rmse.value),
                row.forecast.bias.map_or("–".to_owned(), scaled),
                row.forecast
                    .acc
                    .map_or("–".to_owned(), |a| format!("{a:.3}")),
                dash(row.over_persistence, 3),
                dash(row.over_climatology, 3),
            ],
        );
    }
    text
}

fn storm_table(skill: &Skill) -> String {
    let mut text = String::from(
        "| storms at | forecasts (storms) | lost | no longer a tropical low | quantity | error | if it stayed as it is | ratio | bias |\n|---|---|---|---|---|---|---|---|---|\n",
    );
    for row in &skill.storms {
        let quantities = [
            ("track (km)", &row.track, 0),
            ("central pressure (hPa)", &row.pressure, 1),
            ("strongest wind (m/s)", &row.wind, 1),
        ];
        for (name, errors, digits) in quantities {
            let of = |get: &dyn Fn(&StormErrors) -> Option<Estimate>, digits| {
                dash(errors.as_ref().and_then(get), digits)
            };
            line(
                &mut text,
                &[
                    format!("{} h", row.lead_hours),
                    format!("{} ({})", row.n, row.n_storms),
                    row.n_lost.to_string(),
                    row.n_weak.to_string(),
                    name.to_owned(),
                    of(&|e| Some(e.forecast), digits),
                    of(&|e| Some(e.persistence), digits),
                    of(&|e| e.over_persistence, 2),
                    of(&|e| e.bias, digits),
                ],
            );
        }
    }
    text
}

fn stability_table(skill: &Skill) -> String {
    let mut text = String::from(
        "| lead (h) | finite | farthest from its mean (standard deviations) | in the truth |\n|---|---|---|---|\n",
    );
    for row in &skill.stability {
        let far = |extreme: &Option<super::record::Extreme>| {
            let shown = extreme.as_ref();
            shown.map_or("–".to_owned(), |e| {
                format!("{:.1} ({})", e.deviations, e.channel)
            })
        };
        line(
            &mut text,
            &[
                row.lead_hours.to_string(),
                format!("{} of {}", row.n_finite, row.n),
                far(&row.farthest),
                far(&row.farthest_in_truth),
            ],
        );
    }
    text
}

fn line(text: &mut String, cells: &[String]) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "| {} |", cells.join(" | "));
}

fn image_lines(link: &str, figures: &[Figure]) -> String {
    let line = |figure: &Figure| format!("![{}]({link}/{})\n", figure.text, figure.file);
    figures.iter().map(line).collect()
}

fn dash(estimate: Option<Estimate>, digits: usize) -> String {
    match estimate {
        Some(_) => with_interval(estimate, digits),
        None => "–".to_owned(),
    }
}

/// Three significant digits.
fn significant(x: f64) -> String {
    if x == 0.0 || !x.is_finite() {
        return format!("{x}");
    }
    let digits = 2 - x.abs().log10().floor() as i32;
    if (0..=6).contains(&digits) {
        return format!("{x:.*}", digits as usize);
    }
    if digits < 0 && digits > -6 {
        format!("{x:.0}")
    } else {
        format!("{x:.2e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits() {
        let cases = [
            (12.345, "12.3"),
            (-0.001_234, "-0.00123"),
            (1234.6, "1235"),
            (0.0, "0"),
            (1.5e-9, "1.50e-9"),
            (9.999, "10.00"),
        ];
        for (x, expected) in cases {
            assert_eq!(significant(x), expected);
        }
    }

    #[test]
    fn the_section_is_found_between_its_marks() {
        let text = format!("a\n{BEGIN}\nold\n{END}\nb\n");
        let (begin, end) = section_of(&text).unwrap();
        assert_eq!((&text[..begin], &text[end..]), ("a\n", "\nb\n"));
        for wrong in ["nothing".to_owned(), format!("{END}{BEGIN}")] {
            let error = section_of(&wrong).unwrap_err().to_string();
            assert!(error.contains("skill:begin"), "{error}");
        }
    }

    #[test]
    fn images_are_linked_from_the_page() {
        let root = tempfile::tempdir().unwrap();
        let images = root.path().join("docs/images");
        std::fs::create_dir_all(&images).unwrap();
        let link = |page: &str| relative(&root.path().join(page), &images).unwrap();
        assert_eq!(link("docs/earth.md"), "images");
        assert_eq!(link("README.md"), "docs/images");
        std::fs::create_dir_all(root.path().join("other")).unwrap();
        assert_eq!(link("other/a.md"), "../docs/images");
    }
}
