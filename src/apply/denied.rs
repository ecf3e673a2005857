//! What to do where the ACLs of a daemon refuse a question that stands before a restart.

use crate::state::Daemon;
use crate::system::daemon::turn::KEYS;

/// The rule that lets an agent say how its servers are
/// (<https://developer.hashicorp.com/consul/api-docs/operator/autopilot#read-health>,
/// <https://developer.hashicorp.com/nomad/api-docs/operator/autopilot#read-health>).
fn rule(daemon: Daemon) -> &'static str {
    match daemon {
        Daemon::Consul => "`operator = \"read\"`",
        Daemon::Nomad => "`operator { policy = \"read\" }`",
    }
}

/// Whose policy it has to be in. The agent sends no token, so Consul takes its agent's own, or the anonymous one
/// (<https://developer.hashicorp.com/consul/docs/agent/config/config-files#acl_tokens_default>); Nomad has a policy with
/// this very name (<https://developer.hashicorp.com/nomad/docs/concepts/acl#anonymous-policy>).
fn place(daemon: Daemon) -> &'static str {
    match daemon {
        Daemon::Consul => {
            "to a policy of the default token of the Consul agent (`acl.tokens.default`) or of the anonymous token"
        }
        Daemon::Nomad => "to Nomad's policy `anonymous`",
    }
}

/// Consul's ACLs or Nomad's refuse to say how the servers are.
pub(super) fn health(daemon: Daemon, verb: &str, problem: &str) -> String {
    note(daemon, verb, daemon, problem, rule(daemon))
}

/// Consul's ACLs refuse a turn (<https://developer.hashicorp.com/consul/api-docs/session#create-session>,
/// <https://developer.hashicorp.com/consul/api-docs/kv#create-update-key>).
pub(super) fn turn(daemon: Daemon, verb: &str, problem: &str) -> String {
    let rules = format!(
        "`session_prefix \"\" {{ policy = \"write\" }}` and `key_prefix \"{KEYS}\" {{ policy = \"write\" }}`"
    );
    note(daemon, verb, Daemon::Consul, problem, &rules)
}

/// The same, as the reason of a refusal.
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
