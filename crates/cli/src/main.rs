//! The `dropsonde` program: look inside neural weather models.

mod args;
mod commands;
mod experiment;
mod json;
mod log;
mod npy;
mod progress;
mod recipe;
mod run_context;
mod stamp;
mod tensorboard;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command, SaeCommand};

fn main() -> ExitCode {
    #[cfg(unix)]
    wait_passively();
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    let cli = Cli::parse();
    match run(&cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Starts the program again, told how libtorch's threads are to wait, unless the environment says so already.
///
/// By default they spin, which takes the cores from our own threads. libgomp looks at the variable when it is loaded, so
/// setting it here would be too late.
#[cfg(unix)]
fn wait_passively() {
    use std::os::unix::process::CommandExt;

    let (variable, arguments) = ("OMP_WAIT_POLICY", std::env::args_os().skip(1));
    if std::env::var_os(variable).is_some() {
        return;
    }
    if let Ok(program) = std::env::current_exe() {
        // Returns only where it fails; then the program goes on, slower.
        let _ = std::process::Command::new(program)
            .args(arguments)
            .env(variable, "passive")
            .exec();
    }
}

fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Forecast(args) => commands::forecast::run(args),
        Command::Inputs(command) => commands::inputs::run(command),
        Command::Score(args) => commands::score::run(args),
        Command::Skill(args) => commands::skill::run(args),
        Command::Stats(args) => commands::stats::run(args),
        Command::Events(args) => commands::events::run(args),
        Command::Coarsen(args) => commands::coarsen::run(args),
        Command::Climatology(args) => commands::climatology::run(args),
        Command::Windows(args) => commands::windows::run(args),
        Command::Train(args) => commands::train::run(args),
        Command::Capture(args) => commands::capture::run(args),
        Command::Sae(SaeCommand::Train(args)) => commands::sae::train::run(args),
        Command::Sae(SaeCommand::Eval(args)) => commands::sae::eval::run(args),
        Command::Sae(SaeCommand::Encode(args)) => commands::sae::encode::run(args),
        Command::Sae(SaeCommand::Import(args)) => commands::sae::convert::import(args),
        Command::Sae(SaeCommand::Export(args)) => commands::sae::convert::export(args),
        Command::Sae(SaeCommand::Recovered(args)) => commands::sae::recovered::run(args),
        Command::Sae(SaeCommand::Sweep(args)) => commands::sae::sweep::run(args),
        Command::Features(args) => commands::features::run(args),
        Command::Intervene(args) => commands::intervene::run(args),
        Command::RealDay(args) => commands::real_day::run(args),
        Command::Report(args) => commands::report::run(args),
        Command::Inspect(args) => commands::inspect::run(args),
    }
}
