//! Measures the named figures of all areas, or of some, writes them as JSON, and compares them with an earlier run.
//!
//! `cargo xtask bench` calls it in a release build. Usage: see [`options::usage`].

mod options;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use dropsonde_benches::baseline::{Baseline, TOLERANCE, table};
use dropsonde_benches::{Figure, child, figures::AREAS, seconds_of, to_json};
use options::{Command, Options};

type Error = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let command = match Command::parse(std::env::args().skip(1)) {
        Ok(command) => command,
        Err(message) => {
            eprintln!("error: {message}\nhint: {}", options::usage());
            return ExitCode::from(2);
        }
    };
    let result = match command {
        Command::Measure(options) => run(&options),
        Command::Child(job, size) => serve(job, size),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(job: child::Job, size: child::Size) -> Result<(), Error> {
    let report = child::serve(job, size)?;
    println!("{}", serde_json::to_string(&report)?);
    Ok(())
}

/// What could be measured is printed and written even if something else failed.
fn run(options: &Options) -> Result<(), Error> {
    let baseline = options
        .baseline
        .as_deref()
        .map(Baseline::read)
        .transpose()?;
    let (figures, mut complaints) = measure(options.only.as_deref());
    match &baseline {
        None => print(&figures),
        Some(baseline) => {
            let changes = baseline.compare(&figures);
            print!("{}", table(&changes));
            let worse = changes.iter().filter(|change| change.is_regression());
            complaints.extend(worse.map(|change| {
                let percent = 100.0 * TOLERANCE;
                format!("`{}` is more than {percent} % worse", change.figure.name)
            }));
        }
    }
    if let Some(path) = &options.json {
        write(path, &format!("{:#}\n", to_json(&figures)?))?;
    }
    match complaints.is_empty() {
        true => Ok(()),
        false => Err(complaints.join("\nerror: ").into()),
    }
}

/// The figures, and what went wrong.
fn measure(only: Option<&str>) -> (Vec<Figure>, Vec<String>) {
    let (mut figures, mut complaints) = (Vec::new(), Vec::new());
    let areas = AREAS
        .iter()
        .filter(|area| only.is_none_or(|only| area.is_meant(only)));
    for area in areas {
        let name = area.name;
        eprintln!("measuring {name}");
        let (measured, seconds) = seconds_of(area.measure);
        match measured {
            Ok(measured) => {
                figures.extend(measured);
                eprintln!("measured {name} in {seconds:.1} s");
            }
            Err(error) => {
                eprintln!("failed to measure {name}: {error}");
                complaints.push(format!("area `{name}`: {error}"));
            }
        }
    }
    (figures, complaints)
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
        ..
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
