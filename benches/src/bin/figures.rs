//! Measures the named figures of all areas, or of one, and writes them as JSON.
//!
//! Usage: `figures [--only AREA] [--json FILE]`; `cargo xtask bench` calls it in a release build.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use dropsonde_benches::{Figure, figures::AREAS, seconds_of, to_json};

type Error = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            eprintln!(
                "error: {message}\nhint: figures [--only {}] [--json FILE]",
                area_names().join("|")
            );
            return ExitCode::from(2);
        }
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The command line.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    only: Option<String>,
    json: Option<PathBuf>,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self::default();
        while let Some(flag) = arguments.next() {
            let mut value = || {
                arguments
                    .next()
                    .ok_or_else(|| format!("`{flag}` needs a value"))
            };
            match flag.as_str() {
                "--only" => options.only = Some(known_area(value()?)?),
                "--json" => options.json = Some(value()?.into()),
                _ => return Err(format!("unknown argument `{flag}`")),
            }
        }
        Ok(options)
    }
}

fn known_area(name: String) -> Result<String, String> {
    if area_names().contains(&name.as_str()) {
        Ok(name)
    } else {
        Err(format!("unknown area `{name}`"))
    }
}

fn area_names() -> Vec<&'static str> {
    AREAS.iter().map(|(name, _)| *name).collect()
}

fn run(options: &Options) -> Result<(), Error> {
    let mut figures = Vec::new();
    for (area, measure) in AREAS {
        if options.only.as_deref().is_none_or(|only| only == *area) {
            eprintln!("measuring {area}");
            let (measured, seconds) = seconds_of(measure);
            figures.extend(measured.map_err(|error| format!("area `{area}`: {error}"))?);
            eprintln!("measured {area} in {seconds:.1} s");
        }
    }
    print(&figures);
    let object = to_json(&figures)?;
    options
        .json
        .as_deref()
        .map_or(Ok(()), |path| write(path, &format!("{object:#}\n")))
}

fn print(figures: &[Figure]) {
    let width = figures
        .iter()
        .map(|figure| figure.name.len())
        .max()
        .unwrap_or(0);
    for Figure {
        name,
        value,
        unit,
        better,
    } in figures
    {
        println!("{name:width$}  {value:>12.4} {unit:<8} ({better} is better)");
    }
}

/// Writes to a temporary name beside `path`, then renames, so that a reader never sees half a file.
fn write(path: &Path, text: &str) -> Result<(), Error> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}.part", std::process::id()));
    let temporary = PathBuf::from(temporary);
    std::fs::write(&temporary, text)
        .and_then(|()| std::fs::rename(&temporary, path))
        .map_err(|error| format!("cannot write `{}`: {error}", path.display()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn flags_are_read_in_any_order() {
        let expected = Options {
            only: Some("mesh".to_owned()),
            json: Some("a.json".into()),
        };
        assert_eq!(parse("--json a.json --only mesh").as_ref(), Ok(&expected));
        assert_eq!(parse("--only mesh --json a.json").as_ref(), Ok(&expected));
        assert_eq!(parse(""), Ok(Options::default()));
    }

    #[test]
    fn what_is_not_understood_is_named() {
        assert!(parse("--only tea").is_err_and(|e| e.contains("`tea`")));
        assert!(parse("--fast").is_err_and(|e| e.contains("`--fast`")));
        assert!(parse("--json").is_err_and(|e| e.contains("`--json`")));
    }

    #[test]
    fn the_file_is_complete_and_nothing_else_is_left() -> Result<(), Error> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("bench.json");
        write(&path, "{}\n")?;
        assert_eq!(std::fs::read_to_string(&path)?, "{}\n");
        assert_eq!(std::fs::read_dir(directory.path())?.count(), 1);
        Ok(())
    }
}
