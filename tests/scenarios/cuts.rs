//! Power cuts at random moments of a first boot.

use crate::lab::Lab;
use crate::lab::description::{Machine, servers};
use crate::lab::node::Node;
use crate::lab::shell::{self, SOON};
use crate::lab::transcript::Transcript;
use crate::lab::wait::until;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

/// What the agent writes for itself.
const STATE: [&str; 3] =
    [MANIFEST, "var/lib/cos-agent/facts.json", "var/lib/cos-agent/versions.json"];
const MANIFEST: &str = "var/lib/cos-agent/manifest.json";
/// An authority of the site.
const AUTHORITY: &str = "/etc/cos-agent/ca.d/another.pem";
/// Rounds of the random cuts.
const ROUNDS: u8 = 20;

#[test]
fn a_first_apply_that_loses_power_at_any_moment_leaves_whole_files_and_is_completed() {
    let mut transcript = Transcript::begin("a first apply that loses power is completed");
    let seed = std::env::var("COS_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    let lab = Lab::new([servers("consul-server", 1), servers("nomad-server", 1)].concat());
    lab.up();
    let model = lab.add(Machine::client("model", "backoffice", 1, 40));
    // An authority that the image does not know.
    let authority = shell::line(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=Site -keyout /dev/null",
    );
    model.write(AUTHORITY, &authority);
    model.boot();
    model.until_ready();
    let agent = model.unit("cos-agent.service");
    let after = |key: &str| agent[key].parse::<f64>().unwrap() / 1e6 - model.powered_on();
    let work = after("ExecMainStartTimestampMonotonic")..after("ExecMainExitTimestampMonotonic");
    transcript.proved(&format!(
        "undisturbed, `apply` works from {:.1} s to {:.1} s; COS_SEED={seed}",
        work.start, work.end
    ));

    // Two at a time: a boot is waiting in part. What comes of each is its own.
    let all = Rounds { lab: &lab, model, authority, work };
    let lane = |first: u8| {
        let rounds = (first..=ROUNDS).step_by(2);
        rounds.map(|round| all.round(round, seed)).collect::<Vec<_>>()
    };
    let moments = std::thread::scope(|scope| {
        let lanes = [1, 2].map(|first| {
            scope.spawn({
                let lane = &lane;
                move || lane(first)
            })
        });
        lanes.map(|lane| lane.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    });
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for moment in moments.concat() {
        *counts.entry(moment).or_default() += 1;
    }
    transcript
        .proved(&format!("{ROUNDS} nodes are complete, the last is ready; power went {counts:?}"));
}

/// What all rounds have in common.
struct Rounds<'a> {
    lab: &'a Lab,
    model: Node<'a>,
    authority: String,
    work: Range<f64>,
}

impl Rounds<'_> {
    /// A new instance that loses power at a random moment of its first boot, and boots again; when that was.
    fn round(&self, round: u8, seed: u64) -> &'static str {
        let name = format!("client-{round}");
        let node = self.lab.add(Machine::client(&name, "backoffice", 1 + round % 3, 40 + round));
        let mut random = fastrand::Rng::with_seed(seed.wrapping_add(round.into()));
        let work = &self.work;
        let cut = (work.start - 0.2) + random.f64() * (work.end - work.start + 0.5);
        node.write(AUTHORITY, &self.authority);
        if round == 1 {
            leave_unfinished_trust(&node, &self.model);
        }
        node.boot();
        std::thread::sleep(Duration::from_secs_f64(cut.max(0.0)));
        node.power_cut();
        let moment = moment(&node);
        check_files(&node, &self.model, false);

        node.boot();
        node.until_unit("cos-agent.service", "active");
        check_files(&node, &self.model, true);
        until(&format!("{name}: a further `apply` finds nothing to do ({cut:.2} s)"), SOON, || {
            let again = node.ok(&["cos-agent", "apply", "--no-wait"]);
            assert!(again.contains("no changes"), "{name}, {cut:.2} s: {again}");
            if again.ends_with("no changes\n") { Ok(()) } else { Err(again) }
        });
        if round == ROUNDS {
            node.until_ready();
        }
        self.lab.terminate(&node);
        moment
    }
}

/// Where a node was when its power went.
fn moment(node: &Node<'_>) -> &'static str {
    let manifest = std::fs::read_to_string(node.path(MANIFEST));
    match manifest {
        Err(_) => "before the first write",
        Ok(text) if !text.contains("\"pending\": []") => "between the first write and the last",
        Ok(_) => "after the last write",
    }
}

/// Each file that `apply` writes is there whole or not at all: what the model has, but for its own name and address.
fn check_files(node: &Node<'_>, model: &Node<'_>, is_complete: bool) {
    let (found, expected) = (node.texts(), model.texts());
    let parsed = |path: &str, text: &str| {
        let value = serde_json::from_str::<serde_json::Value>(text);
        value.unwrap_or_else(|error| panic!("{}: {path}: {error}: {text}", node.name))
    };
    let manifest = parsed(MANIFEST, &expected[MANIFEST]);
    let rendered = manifest["files"].as_object().unwrap().keys().map(|path| &path[1..]);
    for path in rendered.chain(STATE) {
        match (found.get(path), expected.get(path)) {
            (Some(found), _) if STATE.contains(&path) => drop(parsed(path, found)),
            (Some(found), Some(expected)) => assert_eq!(found, expected, "{}: {path}", node.name),
            // The image has it.
            (None, None) => {}
            (None, _) => assert!(!is_complete, "{}: {path} is missing", node.name),
            (_, None) => panic!("{}: {path} is too much", node.name),
        }
    }
    if is_complete {
        assert_eq!(trusted(node), trusted(model), "{}", node.name);
    }
    let left = found.keys().find(|path| path.contains(".cos-agent-writing"));
    assert!(!is_complete || left.is_none(), "{}: {left:?} is left", node.name);
}

/// What a killed tool of the trust store leaves: a part of the bundle, and links without their hashes.
fn leave_unfinished_trust(node: &Node<'_>, model: &Node<'_>) {
    node.write("/etc/ssl/certs/ca-certificates.crt.new", "-----BEGIN CERT");
    // The image has those of its own authority.
    let of_image = trusted(node).1;
    let new = trusted(model).1.into_iter().filter(|name| !of_image.contains(name));
    for link in new.filter(|name| name.starts_with("cos-")) {
        let name = link.trim_end_matches(".pem");
        let target = format!("/usr/local/share/ca-certificates/{name}.crt");
        std::os::unix::fs::symlink(target, node.path(&format!("/etc/ssl/certs/{link}"))).unwrap();
    }
}

/// The trust store: its bundle, and its links; those of hashes without the number that tells equal ones apart.
fn trusted(node: &Node<'_>) -> (String, BTreeSet<String>) {
    let entries = std::fs::read_dir(node.path("/etc/ssl/certs")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let links =
        names.map(|name| name.trim_end_matches(|char: char| char.is_ascii_digit()).to_owned());
    (node.read("/etc/ssl/certs/ca-certificates.crt"), links.collect())
}
