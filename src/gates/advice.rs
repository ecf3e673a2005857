//! The problems of the API of a daemon, and what to do about each.

use super::{Finding, Problem};
use crate::exit::hint::topics;
use crate::state::Daemon;
use crate::system::daemon::api::ApiError;
use std::time::Duration;

topics! {
    UNREACHABLE: "daemon-unreachable",
        "run `systemctl status {name}` and `journalctl -b -u {name} -n 50`";
    BUSY: "daemon-busy",
        "it is busy, hangs, or has no leader; `cos-agent wait --timeout 30s` shows which";
    HANGS: "daemon-hangs",
        "it hangs: look at `journalctl -b -u {name} -n 50`, then run `systemctl restart {name}`";
    DENIED: "daemon-denies",
        "ACLs denied the request (cos-agent sends no token), so membership cannot be verified";
    NO_SERVERS: "daemon-without-servers",
        "the agent runs, and its servers cannot answer: they elect a leader, or they are unreachable; if this lasts, look at \
         `journalctl -b -u {name} -n 50` here and on the servers";
    FOREIGN: "daemon-foreign",
        "another program may listen there: check with `ss -ltnp`";
    STRANGER: "daemon-stranger",
        "find the program with `ss -ltnp` and stop it, then run `systemctl restart {name}`";
    OTHER_CONFIGURATION: "daemon-other-configuration",
        "it runs with another configuration: `cos-agent plan` shows what differs in the file of cos-agent, \
         `ls -la {directory}` lists the other files; correct them, then run `systemctl restart {name}`";
    HTTPS: "daemon-https-only",
        "remove `tls.http` from the files in {directory} and from `{name}.extra` in the settings";
}

/// An agent that was silent for less time may only have waited for the CPU, and a restart would make that worse.
const PATIENCE: Duration = Duration::from_secs(8);

/// The finding about an agent that does not answer as it should.
pub fn silent(daemon: Daemon, error: &ApiError) -> Finding {
    let name = daemon.name();
    let finding: fn(Problem) -> Finding = match error {
        // Without a leader an agent holds some requests for 7 s; with a shorter timeout that looks like a hang.
        ApiError::Silent { after, .. } if *after < PATIENCE => Finding::Unknown,
        ApiError::Status { status: 403, .. } => Finding::Unknown,
        // The agent answers for its servers, which are in an election, for instance.
        ApiError::Status { status: 500.., .. } => Finding::Waiting,
        _ => Finding::Fail,
    };
    let topic = match error {
        ApiError::Unreachable { .. } => UNREACHABLE,
        ApiError::Silent { after, .. } if *after < PATIENCE => BUSY,
        ApiError::Silent { .. } => HANGS,
        ApiError::Status { status: 403, .. } => DENIED,
        ApiError::Status { status: 500.., .. } => NO_SERVERS,
        ApiError::Status { .. } | ApiError::Malformed { .. } => FOREIGN,
    };
    let hint = topic.with(&[("name", &name)]);
    finding(Problem::new(error.to_string(), format!("the API of {name} answers"), hint))
}

/// Whether a problem is that an agent accepts connections and never answers.
pub fn is_hang(problem: &Problem) -> bool {
    problem.hint.id == HANGS.id
}

/// The problem that an agent runs with another identity than this node.
pub(super) fn other_configuration(daemon: Daemon, found: &str, expected: &str) -> Problem {
    let (name, directory) = (daemon.name(), daemon.directory());
    let hint = OTHER_CONFIGURATION.with(&[("name", &name), ("directory", &directory)]);
    Problem::new(format!("{name} runs as {found}"), format!("{name} runs as {expected}"), hint)
}

/// The problem of a daemon that accepts only HTTPS, so that nothing about this node can be verified.
pub(super) fn unknown_by_tls(daemon: Daemon) -> Problem {
    let (name, directory) = (daemon.name(), daemon.directory());
    Problem::new(
        format!("cannot ask {name} about this node, because it accepts only HTTPS"),
        format!("{name} answers HTTP on loopback"),
        HTTPS.with(&[("name", &name), ("directory", &directory)]),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_told_to_restart_an_agent_that_was_silent_for_a_moment() {
        let silent = |millis| {
            let after = Duration::from_millis(millis);
            let (base, path) = (String::new(), String::new());
            super::silent(Daemon::Consul, &ApiError::Silent { base, path, after })
        };
        let Finding::Unknown(short) = silent(70) else { panic!("nothing is known yet") };
        assert!(short.hint.text.contains("busy") && !short.hint.text.contains("restart"));
        let Finding::Fail(long) = silent(10_000) else { panic!("it hangs") };
        assert!(long.hint.text.contains("systemctl restart consul"), "{}", long.hint.text);
    }

    #[test]
    fn what_an_acl_hides_is_unknown_and_an_election_is_waited_for() {
        let of = |status| {
            let error = ApiError::Status { path: String::new(), status, words: String::new() };
            silent(Daemon::Consul, &error)
        };
        assert!(matches!(of(403), Finding::Unknown(_)));
        assert!(matches!(of(500), Finding::Waiting(_)));
        assert!(matches!(of(404), Finding::Fail(_)));
    }
}
