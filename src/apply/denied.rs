//! What to do where the ACLs of a daemon deny a request that comes before a restart.

use crate::state::Daemon;
use crate::system::daemon::turn::KEYS;

/// The ACL rule that lets an agent report the health of its servers
/// (<https://developer.hashicorp.com/consul/api-docs/operator/autopilot#read-health>,
/// <https://developer.hashicorp.com/nomad/api-docs/operator/autopilot#read-health>).
fn rule(daemon: Daemon) -> &'static str {
    match daemon {
        Daemon::Consul => "`operator = \"read\"`",
        Daemon::Nomad => "`operator { policy = \"read\" }`",
    }
}

/// The policy that the rule belongs in. The agent sends no token, so Consul uses the default token of its own agent, or the
/// anonymous one (<https://developer.hashicorp.com/consul/docs/agent/config/config-files#acl_tokens_default>); Nomad uses
/// its policy `anonymous` (<https://developer.hashicorp.com/nomad/docs/concepts/acl#anonymous-policy>).
fn place(daemon: Daemon) -> &'static str {
    match daemon {
        Daemon::Consul => {
            "to a policy of the default token of the Consul agent (`acl.tokens.default`) or of the anonymous token"
        }
        Daemon::Nomad => "to Nomad's policy `anonymous`",
    }
}

/// The note for people where ACLs deny the health of the servers.
pub(super) fn health(daemon: Daemon, verb: &str, problem: &str) -> String {
    note(daemon, verb, daemon, problem, rule(daemon))
}

/// The note for people where Consul's ACLs deny the restart lock
/// (<https://developer.hashicorp.com/consul/api-docs/session#create-session>,
/// <https://developer.hashicorp.com/consul/api-docs/kv#create-update-key>).
pub(super) fn turn(daemon: Daemon, verb: &str, problem: &str) -> String {
    let rules = format!(
        "`session_prefix \"\" {{ policy = \"write\" }}` and `key_prefix \"{KEYS}\" {{ policy = \"write\" }}`"
    );
    note(daemon, verb, Daemon::Consul, problem, &rules)
}

/// The reason of a refused change where ACLs deny the health of the servers.
pub(super) fn question(daemon: Daemon, problem: &str) -> String {
    format!(
        "the ACLs of {} deny the health of the other servers ({problem}); add {} {}",
        daemon.unit(),
        rule(daemon),
        place(daemon)
    )
}

fn note(daemon: Daemon, verb: &str, asked: Daemon, problem: &str, rules: &str) -> String {
    let unit = daemon.unit();
    format!(
        "{unit} still has to {verb}, but the ACLs of {} deny a request that cos-agent makes first ({problem}). Add {rules} {}, \
         then run `cos-agent apply`. To do it by hand, check that the other servers are healthy, then run `systemctl {verb} {unit}`",
        asked.unit(),
        place(asked)
    )
}
