//! What different places say of one thing is the same: registries, units, help, README, and the arrows between modules.

use crate::support::golden;
use clap::{Command, CommandFactory};
use cos_agent::commands::cli::Cli;
use cos_agent::exit::ExitCode;
use cos_agent::facts::FREEZE;
use cos_agent::node::tags;
use cos_agent::render::units;
use cos_agent::role::Role;
use cos_agent::store::diagnosis;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

#[test]
fn roles_are_the_values_of_the_tag_and_each_has_a_golden_case() {
    let names: Vec<&str> = Role::names().collect();
    let shown: BTreeSet<String> =
        golden::all().into_iter().map(|case| case.facts.tags.values[tags::ROLE].clone()).collect();
    assert_eq!(shown, names.iter().map(|name| (*name).to_owned()).collect());
}

#[test]
fn every_tag_belongs_to_roles_that_exist() {
    for tag in tags::TAGS {
        let roles = tag.required.iter().chain(tag.optional);
        assert!(roles.count() > 0, "{} belongs to nobody", tag.key);
        assert!(tags::matters(tag.key) && tag.key.starts_with("cos:"), "{}", tag.key);
    }
}

#[test]
fn the_units_are_those_of_the_folder() {
    let folder = repository().join("systemd");
    let found: BTreeMap<String, String> =
        names(&folder).into_iter().map(|name| (name.clone(), read(&folder.join(name)))).collect();
    let known: BTreeMap<String, String> =
        units::texts().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
    assert_eq!(found, known);
}

#[test]
fn every_unit_is_what_the_boot_needs() {
    for (unit, key, values) in [
        // Notify kills a daemon that joins late; nothing but the agent starts the daemons, whatever happened before.
        ("consul.service", "Service.Type", &["exec"][..]),
        ("consul.service", "Service.Restart", &["always"]),
        ("consul.service", "Unit.StartLimitIntervalSec", &["0"]),
        ("consul.service", "Service.SuccessExitStatus", &["1"]),
        (
            "consul.service",
            "Service.ExecStart",
            &["/usr/bin/consul agent -config-dir=/etc/consul.d"],
        ),
        ("nomad.service", "Service.Type", &["exec"]),
        ("nomad.service", "Service.Restart", &["always"]),
        ("nomad.service", "Unit.StartLimitIntervalSec", &["0"]),
        ("nomad.service", "Service.SuccessExitStatus", &["1"]),
        ("nomad.service", "Service.KillMode", &["process"]),
        ("nomad.service", "Service.KillSignal", &["SIGINT"]),
        ("nomad.service", "Service.ExecStart", &["/usr/bin/nomad agent -config=/etc/nomad.d"]),
        ("cos-agent.service", "Service.Type", &["oneshot"]),
        ("cos-agent.service", "Service.ExecStart", &["/usr/bin/cos-agent apply --no-wait"]),
        ("cos-agent.service", "Unit.After", &["network.target"]),
        ("cos-agent.service", "Service.StandardError", &["journal+console"]),
        ("cos-agent.service", "Service.Restart", &["on-failure"]),
        ("cos-agent.service", "Service.RestartPreventExitStatus", &["64 78"]),
        ("cos-agent.service", "Install.WantedBy", &["multi-user.target"]),
        // Green when joined, and told so by the process, which goes on until the launch hook is done with.
        ("cos-agent-ready.service", "Service.Type", &["notify"]),
        ("cos-agent-ready.service", "Service.RemainAfterExit", &["yes"]),
        ("cos-agent-ready.service", "Service.TimeoutStartSec", &["infinity"]),
        ("cos-agent-ready.service", "Service.Restart", &["on-failure"]),
        (
            "cos-agent-ready.service",
            "Service.ExecStart",
            &["/usr/bin/cos-agent wait --launch-hook --keep-waiting --timeout 24h"],
        ),
        ("cos-agent-watch.service", "Service.ExecStart", &["/usr/bin/cos-agent watch"]),
        ("cos-agent-watch.service", "Service.Restart", &["always"]),
        ("cos-agent-watch.service", "Service.CapabilityBoundingSet", &[""]),
        // What the watch may not do, another unit does: the watch creates a file, and this one starts the service.
        ("cos-agent-diagnose.path", "Path.PathExists", &[diagnosis::REQUEST]),
        ("cos-agent-diagnose.path", "Path.Unit", &["cos-agent-diagnose.service"]),
        ("cos-agent-diagnose.service", "Service.Type", &["oneshot"]),
        (
            "cos-agent-diagnose.service",
            "Service.ExecStart",
            &["/usr/bin/cos-agent doctor --record"],
        ),
        ("cos-agent-diagnose.service", "Service.StandardOutput", &["journal+console"]),
    ] {
        assert_eq!(Unit::named(unit).values(key), values, "{unit}: {key}");
    }
}

#[test]
fn the_daemons_wait_for_the_agent_and_for_nobody_else() {
    for name in ["consul.service", "nomad.service"] {
        let unit = Unit::named(name);
        let after = unit.values("Unit.After").join(" ");
        assert!(after.split(' ').any(|other| other == "cos-agent.service"), "{name}: {after}");
        let installed: Vec<_> = unit.0.keys().filter(|key| key.starts_with("Install.")).collect();
        assert!(installed.is_empty(), "{name} can be enabled: {installed:?}");
        let seconds: u32 = unit.values("Service.RestartSec").concat().parse().unwrap();
        assert!(seconds >= 5, "{name}: RestartSec={seconds}");
    }
}

#[test]
fn nomad_stops_before_docker_and_starts_after_it() {
    let after = Unit::named("nomad.service").values("Unit.After").join(" ");
    assert!(after.split(' ').any(|other| other == "docker.service"), "{after}");
}

#[test]
fn no_target_waits_for_a_join() {
    for name in ["cos-agent-ready.service", "cos-agent-watch.service"] {
        let unit = Unit::named(name);
        let wanted: Vec<_> = unit.0.keys().filter(|key| key.starts_with("Install.")).collect();
        assert!(wanted.is_empty(), "{name} can be enabled: {wanted:?}");
        assert_eq!(unit.values("Unit.ConditionPathExists"), [format!("!{FREEZE}")], "{name}");
    }
}

#[test]
fn no_unit_waits_for_the_network_to_be_online() {
    for (name, _) in units::texts() {
        let unit = Unit::named(name);
        let online = unit.0.values().flatten().find(|value| value.contains("network-online"));
        assert_eq!(online, None, "{name}");
    }
}

#[test]
fn the_unit_of_the_agent_says_what_the_code_says() {
    let unit = Unit::named("cos-agent.service");
    // A frozen agent starts what ran before, so its unit runs.
    assert_eq!(unit.values("Unit.ConditionPathExists"), [""; 0]);
    // What does not mend itself; everything else is tried again.
    let hopeless = [ExitCode::Usage, ExitCode::Config];
    let codes = hopeless.map(|code| (code as u8).to_string()).join(" ");
    assert_eq!(unit.values("Service.RestartPreventExitStatus"), [codes]);
}

/// Every room below `src/`, from the ground up, and the rooms that it may name, all of which lie below it: so there is no
/// circle, and what is pure stays so.
const ROOMS: [(&str, &[&str]); 20] = [
    ("exit", &[]),
    ("text", &[]),
    ("state", &[]),
    ("role", &["state"]),
    ("system", &["exit", "text", "state"]),
    ("store", &["exit", "text", "state", "role", "system"]),
    ("facts", &["exit", "text", "state", "system", "store"]),
    ("node", &["exit", "text", "state", "role", "facts"]),
    ("render", &["exit", "text", "state", "role", "facts", "node"]),
    ("plan", &["exit", "text", "state", "role", "facts", "node", "render"]),
    ("observe", &["exit", "text", "state", "system"]),
    ("gates", &["exit", "text", "state", "role", "system", "store"]),
    (
        "apply",
        &["exit", "text", "state", "system", "store", "facts", "node", "render", "plan", "observe"],
    ),
    (
        "membership",
        &["exit", "text", "state", "role", "system", "facts", "node", "plan", "store", "gates"],
    ),
    (
        "error",
        &[
            "exit",
            "system",
            "facts",
            "node",
            "render",
            "plan",
            "observe",
            "store",
            "apply",
            "membership",
        ],
    ),
    (
        "pipeline",
        &[
            "state",
            "role",
            "system",
            "facts",
            "node",
            "render",
            "plan",
            "observe",
            "store",
            "apply",
            "membership",
            "error",
        ],
    ),
    (
        "doctor",
        &[
            "exit",
            "text",
            "state",
            "role",
            "system",
            "facts",
            "node",
            "render",
            "plan",
            "observe",
            "store",
            "gates",
            "apply",
            "membership",
            "error",
            "pipeline",
        ],
    ),
    ("simulate", &["text", "role", "system", "node", "plan", "pipeline", "error"]),
    (
        "commands",
        &[
            "exit",
            "text",
            "state",
            "role",
            "system",
            "facts",
            "node",
            "render",
            "plan",
            "observe",
            "store",
            "gates",
            "apply",
            "membership",
            "error",
            "pipeline",
            "simulate",
            "doctor",
        ],
    ),
    ("main", &["exit", "system", "commands"]),
];
/// What reads, decides and renders without the machine.
const PURE: [&str; 7] = ["exit", "text", "state", "role", "node", "render", "plan"];

#[test]
fn arrows_between_rooms_are_those_of_the_table() {
    let src = repository().join("src");
    let mut below: BTreeSet<&str> = BTreeSet::new();
    let mut wrong = Vec::new();
    for (room, allowed) in ROOMS {
        for name in allowed {
            assert!(below.contains(name), "{room} may name {name}, which is not below it");
            assert!(!PURE.contains(&room) || *name != "system", "{room} is pure");
        }
        let place = ["", ".rs"].map(|suffix| src.join(format!("{room}{suffix}")));
        let mut used: BTreeSet<String> = BTreeSet::new();
        for file in place.iter().filter(|path| path.exists()).flat_map(|path| sources(path)) {
            for (number, line) in code(&read(&file)) {
                for named in modules(&line).into_iter().filter(|named| *named != room) {
                    if !allowed.contains(&named) {
                        wrong.push(format!("{}:{number} names {named}", file.display()));
                    }
                    used.insert(named.to_owned());
                }
            }
        }
        // What nobody uses is not allowed either.
        let unused = allowed.iter().filter(|name| !used.contains(**name) && room != "main");
        wrong.extend(unused.map(|name| format!("{room} may name {name} and does not")));
        below.insert(room);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let there = names(&src);
    let missing = there
        .iter()
        .map(|name| name.trim_end_matches(".rs"))
        .filter(|name| !["lib", "README.md"].contains(name) && !below.contains(name));
    assert_eq!(missing.collect::<Vec<_>>(), [""; 0], "rooms without a line in the table");
}

#[test]
fn pure_rooms_log_nothing() {
    for room in PURE {
        for file in sources(&repository().join("src").join(room)) {
            for (number, line) in code(&read(&file)) {
                assert!(!line.contains("tracing::"), "{}:{number} logs", file.display());
            }
        }
    }
}

#[test]
fn the_core_of_the_plan_knows_no_node() {
    let plan = repository().join("src/plan");
    let core = sources(&plan).into_iter().filter(|file| !file.starts_with(plan.join("node")));
    for file in core {
        for (number, line) in code(&read(&file)) {
            let named: BTreeSet<&str> = modules(&line);
            let of_node = ["node", "role", "facts", "render"].map(|room| named.contains(room));
            assert_eq!(of_node, [false; 4], "{}:{number} {line}", file.display());
        }
    }
}

#[test]
fn the_listing_of_the_source_is_read_at_a_glance() {
    let listing = names(&repository().join("src"));
    assert!(listing.len() <= 22, "{} names at the top of src/: {listing:?}", listing.len());
}

#[test]
fn modules_are_found_in_every_form_of_naming_them() {
    for (line, expected) in [
        ("use crate::system::root::PathKind;", &["system"][..]),
        ("use crate::{node, pipeline};", &["node", "pipeline"]),
        ("use crate::{facts::{self, Facts}, role::Role};", &["facts", "role"]),
        ("let kind = crate::system::root::PathKind::File;", &["system"]),
        ("f(crate::plan::sha256, crate::apply::lock)", &["plan", "apply"]),
        ("use cos_agent_crate::system;", &[]),
        ("", &[]),
    ] {
        let expected: BTreeSet<&str> = expected.iter().copied().collect();
        assert_eq!(modules(line), expected, "{line}");
    }
    let text =
        "//! crate::a\nuse crate::{\n    b::B,\n    c,\n};\n    // crate::d\nx(); // crate::e\n";
    let named: BTreeSet<String> = code(text)
        .iter()
        .flat_map(|(_, line)| modules(line).into_iter().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    assert_eq!(named, ["b", "c"].map(str::to_owned).into());
}

#[test]
fn every_command_shows_examples_and_exit_codes() {
    let cli = Cli::command();
    let mut seen = 0;
    for command in cli.get_subcommands() {
        let help = command.clone().render_long_help().to_string();
        for part in ["Examples:", "Exit codes:", &format!("cos-agent {}", command.get_name())] {
            assert!(help.contains(part), "`{part}` is not in the help of {}", command.get_name());
        }
        seen += 1;
    }
    assert!(seen >= 9, "only {seen} commands");
}

#[test]
fn the_help_names_every_exit_code() {
    let help = Cli::command().render_long_help().to_string();
    let (_, listed) = help.split_once("Exit codes").expect("no list of exit codes");
    let numbers: BTreeSet<u8> = listed
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter_map(|word| word.parse().ok())
        .collect();
    assert_eq!(numbers, exit_codes().map(|code| code as u8).into());
}

#[test]
fn the_readme_names_every_role_tag_and_command_on_one_page() {
    let readme = read(&repository().join("README.md"));
    let cli = Cli::command();
    let commands = cli.get_subcommands().map(Command::get_name);
    let roles = Role::ALL.iter().map(|role| role.name());
    let keys = tags::TAGS.iter().map(|tag| tag.key);
    let missing: Vec<&str> =
        roles.chain(keys).chain(commands).filter(|name| !is_quoted(&readme, name)).collect();
    assert!(missing.is_empty(), "README.md does not have these in backticks: {missing:?}");
    let words = readme.split_whitespace().count();
    assert!(
        words <= 1600,
        "README.md has {words} words; move some into the README.md of a directory"
    );
}

#[test]
fn a_name_is_quoted_alone_or_with_arguments() {
    for text in [
        "`peers`",
        "run `cos-agent peers`, then",
        "`peers ROLE`",
        "`cos-agent peers consul-server`",
    ] {
        assert!(is_quoted(text, "peers"), "{text}");
    }
    for text in ["peers", "`a` peers `b`", "`peerss`", "`cos-agent apply`", "``"] {
        assert!(!is_quoted(text, "peers"), "{text}");
    }
}

/// Every exit code; the match has no other arm, so that a new one cannot be forgotten here.
fn exit_codes() -> [ExitCode; 12] {
    use ExitCode::{
        Bug, Changes, Config, Data, Denied, Done, File, Incomplete, NotYet, Unavailable, Usage,
        Warned,
    };
    let all = [
        Done,
        Warned,
        Changes,
        Incomplete,
        Usage,
        Data,
        Unavailable,
        Bug,
        File,
        NotYet,
        Denied,
        Config,
    ];
    for code in all {
        match code {
            Done | Warned | Changes | Incomplete | Usage | Data | Unavailable | Bug | File
            | NotYet | Denied | Config => {}
        }
    }
    all
}

/// Whether a text has a name in backticks: alone, with arguments, or behind the name of the program.
fn is_quoted(text: &str, name: &str) -> bool {
    text.lines().any(|line| {
        // Every other piece between backticks is inside a pair of them.
        line.split('`')
            .skip(1)
            .step_by(2)
            .any(|quoted| quoted.trim_start_matches("cos-agent ").split(' ').next() == Some(name))
    })
}

/// The directives of a unit: `Section.Key` → values, in their order.
struct Unit(BTreeMap<String, Vec<String>>);

impl Unit {
    fn named(name: &str) -> Self {
        let (_, text) = units::texts().find(|(unit, _)| *unit == name).unwrap();
        let mut directives: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut section = "";
        for line in
            text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
        {
            match (
                line.strip_prefix('[').and_then(|line| line.strip_suffix(']')),
                line.split_once('='),
            ) {
                (Some(name), _) => section = name,
                (None, Some((key, value))) => {
                    directives
                        .entry(format!("{section}.{key}"))
                        .or_default()
                        .push(value.to_owned());
                }
                (None, None) => panic!("{name}: {line}"),
            }
        }
        Self(directives)
    }

    fn values(&self, key: &str) -> &[String] {
        self.0.get(key).map_or(&[], Vec::as_slice)
    }
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// The Rust files of a folder and of those in it, or the one file.
fn sources(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let below = names(path).into_iter().flat_map(|name| sources(&path.join(name)));
    below.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

/// The lines of a source without comments, by the number of their first line; a `use` over several lines is one.
fn code(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut open = false;
    for (index, line) in text.lines().enumerate() {
        let line = line.split("//").next().unwrap_or_default();
        match lines.last_mut() {
            Some((_, last)) if open => last.push_str(line),
            _ => lines.push((index + 1, line.to_owned())),
        }
        open = lines.last().is_some_and(|(_, all)| {
            all.trim_start().starts_with("use ") && !all.trim_end().ends_with(';')
        });
    }
    lines
}

/// The modules of the crate that a line names.
fn modules(line: &str) -> BTreeSet<&str> {
    let ident =
        |text: &str| text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    let mut found = BTreeSet::new();
    for (start, _) in line.match_indices("crate::") {
        let is_whole = !line[..start].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let rest = &line[start + "crate::".len()..];
        let Some(list) = rest.strip_prefix('{').filter(|_| is_whole) else {
            found.extend(is_whole.then(|| &rest[..ident(rest)]));
            continue;
        };
        let mut depth = 0;
        let mut expects_name = true;
        for (at, c) in list.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => expects_name = true,
                c if depth == 0 && expects_name && !c.is_whitespace() => {
                    found.insert(&list[at..at + ident(&list[at..])]);
                    expects_name = false;
                }
                _ => {}
            }
        }
    }
    found
}
