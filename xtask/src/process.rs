//! Running other programs: headlines, exit codes, durations.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// Says on standard error what comes next.
pub(crate) fn headline(text: &str) {
    eprintln!("\n==> {text}");
}

/// Runs `command` with this process's input and output.
///
/// # Errors
/// The command line, if it cannot be started or does not end with exit code 0.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot start `{}`", line(command)))?;
    if !status.success() {
        bail!("`{}` failed: {status}", line(command));
    }
    Ok(())
}

/// The command as somebody would type it; a program given by its path is named without it.
pub(crate) fn line(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    std::iter::once(name)
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

/// `8.3 s` or `4 min 07 s`.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 59.95 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    format!("{} min {:02} s", whole / 60, whole % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        assert_eq!(duration(Duration::from_millis(8_340)), "8.3 s");
        assert_eq!(duration(Duration::from_millis(59_990)), "1 min 00 s");
        assert_eq!(duration(Duration::from_secs(247)), "4 min 07 s");
    }

    #[test]
    fn a_failure_names_the_command() {
        let error = run(Command::new("/bin/sh").args(["-c", "exit 3"])).map_err(|e| e.to_string());
        assert!(error.is_err_and(|e| e.contains("`sh -c exit 3` failed") && e.contains('3')));
        let error = run(&mut Command::new("/no/such/program")).map_err(|e| e.to_string());
        assert!(error.is_err_and(|e| e.contains("cannot start `program`")));
    }
}
