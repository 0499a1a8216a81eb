//! The command line.

use std::path::PathBuf;

use dropsonde_benches::child::{Job, Size};
use dropsonde_benches::figures::AREAS;

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Measure figures.
    Measure(Options),
    /// Be the child process of a measurement.
    Child(Job, Size),
}

/// What to measure and where it goes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) only: Option<String>,
    pub(crate) json: Option<PathBuf>,
    pub(crate) baseline: Option<PathBuf>,
}

impl Command {
    pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let arguments: Vec<String> = arguments.collect();
        match arguments.as_slice() {
            [child, job, size] if child == "child" => Ok(Self::Child(job.parse()?, size.parse()?)),
            _ => Options::parse(arguments.into_iter()).map(Self::Measure),
        }
    }
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
                "--baseline" => options.baseline = Some(value()?.into()),
                _ => return Err(format!("unknown argument `{flag}`")),
            }
        }
        Ok(options)
    }
}

fn known_area(name: String) -> Result<String, String> {
    if AREAS.iter().any(|area| area.is_meant(&name)) {
        Ok(name)
    } else {
        Err(format!("unknown area `{name}`"))
    }
}

/// How the program is called.
pub(crate) fn usage() -> String {
    let names: Vec<&str> = AREAS.iter().map(|area| area.name).collect();
    format!(
        "figures [--only AREA] [--json FILE] [--baseline FILE], where AREA is the beginning of {}",
        names.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Command, String> {
        Command::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn flags_are_read_in_any_order() {
        let expected = Command::Measure(Options {
            only: Some("mesh".to_owned()),
            json: Some("a.json".into()),
            baseline: Some("b.json".into()),
        });
        for line in [
            "--json a.json --only mesh --baseline b.json",
            "--baseline b.json --only mesh --json a.json",
        ] {
            assert_eq!(parse(line).as_ref(), Ok(&expected));
        }
        assert_eq!(parse(""), Ok(Command::Measure(Options::default())));
        assert!(parse("--only forecast").is_ok() && parse("--only forecast.full").is_ok());
        assert_eq!(
            parse("child train tiny"),
            Ok(Command::Child(Job::Train, Size::Tiny))
        );
    }

    #[test]
    fn what_is_not_understood_is_named() {
        assert!(parse("--only tea").is_err_and(|e| e.contains("`tea`")));
        assert!(parse("--fast").is_err_and(|e| e.contains("`--fast`")));
        assert!(parse("--json").is_err_and(|e| e.contains("`--json`")));
        assert!(parse("child tea tiny").is_err_and(|e| e.contains("`tea`")));
    }
}
