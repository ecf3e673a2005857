//! The process: arguments in, exit code out. Everything else is the library.

use clap::Parser;
use clap::error::ErrorKind;
use cos_agent::commands::cli::Cli;
use cos_agent::commands::{self, output};
use cos_agent::exit::ExitCode;
use cos_agent::system::environment::{self, Environment};
use std::process::ExitCode as ProcessExitCode;

fn main() -> ProcessExitCode {
    environment::set_umask();
    let environment = Environment::from_process();
    exit_70_on_a_bug(environment.under_systemd);
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let code = match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::Done,
                _ => ExitCode::Usage,
            };
            // If standard output is closed, nothing can be printed.
            let _ = error.print();
            return (code as u8).into();
        }
    };
    let under_systemd = environment.under_systemd;
    output::start_log(commands::log_level(&cli), under_systemd);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::report(&format!("error: cannot start: {error}"), under_systemd);
            return (ExitCode::Bug as u8).into();
        }
    };
    let ended = runtime.block_on(commands::run(cli, environment));
    // A thread of the C library may still be resolving a name. Do not wait for it.
    runtime.shutdown_background();
    match ended {
        Ok(code) => (code as u8).into(),
        Err(error) => {
            output::report(&error.report(), under_systemd);
            (error.exit_code() as u8).into()
        }
    }
}

/// Reports a panic as a bug, with an exit code of its own.
#[expect(clippy::exit, clippy::disallowed_methods, reason = "the hook is the end of the process")]
fn exit_70_on_a_bug(under_systemd: bool) {
    std::panic::set_hook(Box::new(move |panic| {
        output::report(
            &format!("error: a bug in cos-agent {}: {panic}", env!("CARGO_PKG_VERSION")),
            under_systemd,
        );
        std::process::exit(i32::from(ExitCode::Bug as u8));
    }));
}
