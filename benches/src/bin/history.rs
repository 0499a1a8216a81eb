//! Draws the history of the figures: `history HISTORY.jsonl PAGE.html`.

use std::process::ExitCode;

use dropsonde_benches::{case::Error, history};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [from, to] = arguments.as_slice() else {
        eprintln!("usage: history HISTORY.jsonl PAGE.html");
        return ExitCode::from(2);
    };
    match draw(from, to) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn draw(from: &str, to: &str) -> Result<(), Error> {
    let text = std::fs::read_to_string(from).map_err(|e| format!("cannot read `{from}`: {e}"))?;
    let runs = history::parse(&text).map_err(|e| format!("`{from}`: {e}"))?;
    Ok(history::page(&runs)?.write(to)?)
}
