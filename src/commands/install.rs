//! `install`: makes an image of this machine.

use super::output::Output;
use super::{Units, completions, man, system};
use crate::commands::cli::{InstallArgs, Shell};
use crate::error::Error;
use crate::exit::ExitCode;
use crate::pipeline::{self, Installation};
use crate::render::image::Page;
use crate::system::environment::Environment;
use crate::text::count;

pub(super) async fn run(
    args: InstallArgs,
    environment: Environment,
    output: Output,
) -> Result<ExitCode, Error> {
    let system = system(args.root.as_deref(), Units::Leave, environment);
    let (pages, built) = (pages()?, args.build_time.as_deref());
    if args.plan {
        let Installation { image, plan } = pipeline::plan_image(&system, &pages, built).await?;
        let what = summary(image.programs.len());
        output.data(|| format!("{what}\n{}", plan.to_text()), || plan.to_json(&what))?;
        let changes = args.detailed_exitcode && !plan.is_empty();
        return Ok(if changes { ExitCode::Changes } else { ExitCode::Done });
    }
    let Installation { image, plan } = pipeline::install(&system, &pages, built).await?;
    let what = summary(image.programs.len());
    let text = match (plan.changes().count(), plan.actions().count()) {
        (0, 0) => format!("{what}: no changes\n"),
        (changes, actions) => {
            format!("{what}: {} on disk, {}\n", count(changes, "change"), count(actions, "action"))
        }
    };
    output.data(|| text, || plan.to_json(&what))?;
    Ok(ExitCode::Done)
}

fn summary(programs: usize) -> String {
    format!("image with {}", count(programs, "program"))
}

/// Where programs of a distribution put their completion scripts and man pages.
fn pages() -> Result<Vec<Page>, Error> {
    let script = |path, shell| Page { path, text: completions::script(shell) };
    Ok(vec![
        script("/usr/share/bash-completion/completions/cos-agent", Shell::Bash),
        script("/usr/share/fish/vendor_completions.d/cos-agent.fish", Shell::Fish),
        script("/usr/share/zsh/vendor-completions/_cos-agent", Shell::Zsh),
        Page { path: "/usr/share/man/man1/cos-agent.1", text: man::text(None)? },
        Page {
            path: "/usr/share/man/man7/cos-agent-checks.7",
            text: man::text(Some(crate::commands::cli::ManPage::Checks))?,
        },
    ])
}
