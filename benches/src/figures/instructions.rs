//! Instructions of the CPU kernels, counted by valgrind: the same on every machine, whatever else runs there.
//!
//! Valgrind knows no AVX-512, so it is the AVX2 and the portable form that are counted.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::case::Error;
use crate::{Figure, Outcome};

/// Repetitions in the two runs whose difference is counted: what starting takes is in both.
const REPEATS: [u32; 2] = [1, 3];

/// `instructions.CPU.KERNEL`: per call of each kernel that the program `instructions` lists, on a block of 100 rows of 512.
pub fn measure() -> Outcome {
    let counter = Counter {
        valgrind: "valgrind".into(),
        program: sibling()?,
    };
    let kernels = counter.kernels()?;
    let count = |(cpu, kernel): &(String, String)| {
        let count = counter.per_call(cpu, kernel)?;
        eprintln!("{cpu} {kernel}: {count} instructions");
        let name = format!("instructions.{cpu}.{kernel}");
        Ok(Figure::lower(&name, count as f64, "instructions").stable())
    };
    kernels.iter().map(count).collect()
}

/// The program `instructions` beside this one.
fn sibling() -> Result<PathBuf, Error> {
    let own = std::env::current_exe()?;
    let name = format!("instructions{}", std::env::consts::EXE_SUFFIX);
    let path = own.with_file_name(name);
    match path.is_file() {
        true => Ok(path),
        false => Err(format!(
            "there is no `{}`\nhint: `cargo xtask bench` builds it; so does `cargo build --release --package dropsonde-benches --bins`",
            path.display()
        )
        .into()),
    }
}

/// Counts the instructions of a program.
struct Counter {
    valgrind: PathBuf,
    program: PathBuf,
}

impl Counter {
    /// Every CPU and kernel.
    fn kernels(&self) -> Result<Vec<(String, String)>, Error> {
        let output = run(Command::new(&self.program).arg("list"))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let pairs = text.lines().filter_map(|line| line.split_once(' '));
        Ok(pairs
            .map(|(cpu, kernel)| (cpu.to_owned(), kernel.to_owned()))
            .collect())
    }

    fn per_call(&self, cpu: &str, kernel: &str) -> Result<u64, Error> {
        let [few, many] =
            REPEATS.map(|repeats| self.instructions([cpu, kernel, &repeats.to_string()]));
        let calls = u64::from(REPEATS[1] - REPEATS[0]);
        Ok(many?.saturating_sub(few?) / calls)
    }

    /// All instructions of one run.
    fn instructions(&self, arguments: [&str; 3]) -> Result<u64, Error> {
        let directory = tempfile::tempdir()?;
        let log = directory.path().join("log");
        let mut command = Command::new(&self.valgrind);
        command
            .args(["--tool=cachegrind", "--cache-sim=no"])
            .arg(option("--log-file=", &log))
            .arg(option(
                "--cachegrind-out-file=",
                &directory.path().join("out"),
            ))
            .arg(&self.program)
            .args(arguments);
        run(&mut command)?;
        let text = std::fs::read_to_string(&log)?;
        total(&text).ok_or_else(|| format!("valgrind's log has no line `I refs:`:\n{text}").into())
    }
}

fn option(name: &str, path: &Path) -> std::ffi::OsString {
    let mut option = std::ffi::OsString::from(name);
    option.push(path);
    option
}

/// The number of `==1234== I   refs:      5,678,901`.
fn total(log: &str) -> Option<u64> {
    let count = log.lines().find_map(|line| {
        let (before, count) = line.split_once("refs:")?;
        before
            .split_whitespace()
            .last()
            .filter(|word| *word == "I")?;
        Some(count)
    })?;
    count.trim().replace(',', "").parse().ok()
}

fn run(command: &mut Command) -> Result<Output, Error> {
    let name = Path::new(command.get_program()).display().to_string();
    let output = command.stdin(Stdio::null()).output().map_err(|e| {
        let hint = match command.get_program() == OsStr::new("valgrind") {
            true => "\nhint: install valgrind, for example `apt-get install valgrind`",
            false => "",
        };
        format!("cannot start `{name}`: {e}{hint}")
    })?;
    match output.status.success() {
        true => Ok(output),
        false => Err(format!(
            "`{name}` failed: {}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        )
        .into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_read_from_the_log() {
        let log = "==7== Cachegrind\n==7== \n==7== I   refs:      5,678,901\n==7== D   refs: 3\n";
        assert_eq!(total(log), Some(5_678_901));
        assert_eq!(total("==7== I refs:        12\n"), Some(12));
        assert_eq!(total("==7== D   refs: 3\n"), None);
    }

    #[test]
    fn without_valgrind_there_is_a_hint() {
        let counter = Counter {
            valgrind: "no-such-valgrind".into(),
            program: "/bin/true".into(),
        };
        let error = counter
            .per_call("avx2", "product")
            .map_err(|e| e.to_string());
        assert!(error.is_err_and(|e| e.contains("`no-such-valgrind`")));
        let mut missing = Command::new("valgrind");
        missing.env("PATH", "/nonexistent");
        let error = run(&mut missing).map(|_| ()).map_err(|e| e.to_string());
        assert!(error.is_err_and(|e| e.contains("hint: install valgrind")));
    }

    /// A stand-in for valgrind that needs a thousand instructions to start and a hundred for each repetition.
    #[cfg(unix)]
    #[test]
    fn what_starting_takes_does_not_count() -> Result<(), Error> {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir()?;
        let valgrind = directory.path().join("valgrind");
        let script = "#!/bin/sh\nlog=${3#--log-file=}\nshift 7\necho \"==1== I   refs:  $((1000 + 100 * $1))\" > \"$log\"\n";
        std::fs::write(&valgrind, script)?;
        std::fs::set_permissions(&valgrind, std::fs::Permissions::from_mode(0o755))?;
        let counter = Counter {
            valgrind,
            program: "/bin/true".into(),
        };
        assert_eq!(counter.per_call("avx2", "product")?, 100);
        Ok(())
    }
}
