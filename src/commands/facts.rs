//! `facts`: what was gathered about this machine.

use super::output::Output;
use super::{Units, open};
use crate::commands::cli::RootArgs;
use crate::error::Error;
use crate::exit::ExitCode;
use crate::facts::Facts;
use crate::pipeline;
use crate::system::environment::Environment;
use crate::system::retry::Deadline;
use std::fmt::Write;

pub(super) async fn run(
    args: RootArgs,
    environment: Environment,
    output: Output,
) -> Result<ExitCode, Error> {
    let system = open(args.root.as_deref(), Units::Leave, environment)?;
    let survey = pipeline::survey(&system, Deadline::after(args.timeout)).await?;
    output.data(
        || format!("{}\n\n{}", survey.node.summary(), text(&survey.facts)),
        || serde_json::to_value(&survey.facts).unwrap_or_default(),
    )?;
    Ok(ExitCode::Done)
}

fn text(facts: &Facts) -> String {
    let mut rows = vec![("instance", facts.instance.id.clone(), "identity document".to_owned())];
    let mut row = |name, value: &dyn std::fmt::Display, source: &str| {
        rows.push((name, value.to_string(), source.to_owned()));
    };
    let document = "identity document";
    row("region", &facts.instance.region, document);
    row("zone", &facts.instance.zone, document);
    row("account", &facts.instance.account, document);
    row("private address", &facts.instance.private_ip, document);
    row("type", &facts.instance.instance_type, document);
    row("image", &facts.instance.image, document);
    let version = |release: &Option<crate::facts::settings::Release>| {
        release.as_ref().map_or_else(|| "unknown".to_owned(), |release| release.0.to_string())
    };
    row("consul", &version(&facts.installed.consul), "image, binary or setting");
    row("nomad", &version(&facts.installed.nomad), "image, binary or setting");
    row("resolver", &format!("{:?}", facts.host.resolver).to_lowercase(), "host");
    row("user data", &facts.user_data, "metadata");
    let mut text = String::new();
    for (name, value, source) in rows {
        let _ = writeln!(text, "{name:<18} {value:<28} {source}");
    }
    let _ = writeln!(text, "\ntags ({:?})", facts.tags.source);
    for (key, value) in &facts.tags.values {
        let _ = writeln!(text, "  {key:<20} {value}");
    }
    for key in &facts.tags.others {
        let _ = writeln!(text, "  {key:<20} (ignored)");
    }
    for authority in &facts.authorities {
        let _ = writeln!(
            text,
            "\nauthority {}  {}  {}",
            authority.sha256.get(..16).unwrap_or(&authority.sha256),
            authority.subject,
            authority.source
        );
    }
    for note in &facts.notes {
        let _ = writeln!(text, "\nnote  {note}");
    }
    if !facts.sources.is_empty() {
        text.push_str("\nsettings\n");
        text.push_str(&super::config::table(&facts.settings, &facts.sources));
    }
    text
}
