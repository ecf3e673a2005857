//! docker can load its AppArmor profile.

use crate::doctor::Check;
use crate::doctor::machine::Machine;
use crate::exit::hint::topics;
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::role::Role;
use crate::state::DOCKER;
use crate::system::root::Root;
use crate::system::systemd::journal::{Scope, search};
use std::time::Duration;

topics! {
    NO_PARSER: "apparmor-parser-missing",
        "install the package `apparmor` in the image (`apt-get install apparmor`, from a mirror in the VPC), then run \
         `systemctl restart docker`";
}

/// What docker logs at its start and for each container if it needs the parser. A docker that checks for the parser first runs
/// containers without a profile: upstream since 23.0.1, <https://github.com/moby/moby/pull/44942>; Debian's 20.10 does not.
const REFUSAL: &str = "docker-default profile could not be loaded";
/// Where the parser may be: the directories in which systemd looks for the programs of its units.
const PARSERS: [&str; 6] = [
    "/usr/local/sbin/apparmor_parser",
    "/usr/local/bin/apparmor_parser",
    "/usr/sbin/apparmor_parser",
    "/usr/bin/apparmor_parser",
    "/sbin/apparmor_parser",
    "/bin/apparmor_parser",
];

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "machine-apparmor",
        title: "docker can load its AppArmor profile",
        group: Group::Machine,
        roles: &[Role::NomadClient],
        needs: &[],
        explains: &["docker-daemon", "nomad-drivers"],
        impact: Impact::Degraded,
        timeout: Duration::from_secs(5),
        page: Page {
            means: "If AppArmor is enabled in the kernel, the program apparmor_parser is installed, the profile docker-default is \
                    loaded, or docker does not need it. Whether docker needs it, its journal says.",
            matters: "A docker that needs the parser and does not find it starts no container at all. Debian's docker only \
                      recommends the package that has it.",
            look: &[
                "cat /sys/module/apparmor/parameters/enabled",
                "command -v apparmor_parser",
                "journalctl -b -u docker | grep -i apparmor",
            ],
            fixes: &[TOPICS],
            source: "https://docs.docker.com/engine/release-notes/23.0/",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

/// What docker would see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// AppArmor is off, or hidden, as in a container.
    Off,
    /// docker can load its profile, or has done so.
    Usable,
    /// AppArmor is on, and nothing can load a profile.
    NoParser,
}

async fn probe(machine: &Machine) -> Finding {
    let (seen, units) = futures_util::future::join(machine.files(see), machine.units.get()).await;
    let Some(seen) = seen else { return super::broken() };
    let docker = units.as_ref().as_ref().ok().and_then(|units| units.get(DOCKER));
    let has_docker = docker.is_some_and(|docker| docker.load != "not-found");
    if seen != Seen::NoParser || !has_docker {
        return judge(seen, &[]);
    }
    let path = &machine.system.environment.path;
    let refused = search(path, Scope::Unit(DOCKER), REFUSAL, None, Duration::from_secs(2)).await;
    judge(seen, &refused.unwrap_or_default())
}

/// Looks as docker does: `isEnabled` of runc's libcontainer/apparmor, `IsLoaded` and `InstallDefault` of moby's
/// profiles/apparmor.
fn see(root: &Root) -> Seen {
    let is_there = |path: &str| root.stat_target(path).is_ok_and(|stat| stat.is_some());
    let text = |path: &str| {
        let bytes = root.read(path).ok().flatten().unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let is_on = is_there("/sys/kernel/security/apparmor")
        && text("/sys/module/apparmor/parameters/enabled").starts_with('Y');
    if !is_on {
        return Seen::Off;
    }
    let profiles = text("/sys/kernel/security/apparmor/profiles");
    let is_loaded = profiles.lines().any(|line| line.starts_with("docker-default "));
    let can_load = PARSERS.iter().any(|path| is_there(path));
    if is_loaded || can_load { Seen::Usable } else { Seen::NoParser }
}

/// `refused`: the lines in which docker says that it could not load its profile, the newest first.
fn judge(seen: Seen, refused: &[String]) -> Finding {
    match (seen, refused.first()) {
        (Seen::Off, _) => Finding::Pass("AppArmor off".to_owned()),
        (Seen::Usable, _) => Finding::Pass("AppArmor on".to_owned()),
        (Seen::NoParser, None) => {
            Finding::Pass("AppArmor on, containers without a profile".to_owned())
        }
        (Seen::NoParser, Some(line)) => {
            let found = "AppArmor is enabled in the kernel and apparmor_parser is not installed, so docker starts no container";
            let expected = "apparmor_parser in the PATH of docker.service";
            let line = line.chars().take(240).collect();
            Finding::Fail(Problem::new(found, expected, NO_PARSER.plain()).with(vec![line]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_docker_that_says_that_it_needs_the_parser_has_failed() {
        let refused = ["docker-default profile could not be loaded: exec".to_owned()];
        for (seen, lines, is_failure) in [
            (Seen::Off, &refused[..], false),
            (Seen::Usable, &refused[..], false),
            (Seen::NoParser, &[], false),
            (Seen::NoParser, &refused[..], true),
        ] {
            assert_eq!(matches!(judge(seen, lines), Finding::Fail(_)), is_failure, "{seen:?}");
        }
    }

    #[test]
    fn what_is_seen_is_what_docker_sees() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::at(directory.path());
        let write = |path: &str, text: &str| root.write(path, text.as_bytes(), 0o644).unwrap();
        assert_eq!(see(&root), Seen::Off);
        write("/sys/module/apparmor/parameters/enabled", "Y\n");
        assert_eq!(see(&root), Seen::Off, "a container without securityfs");
        write("/sys/kernel/security/apparmor/profiles", "x (enforce)\n");
        assert_eq!(see(&root), Seen::NoParser);
        write("/sys/kernel/security/apparmor/profiles", "docker-default (enforce)\n");
        assert_eq!(see(&root), Seen::Usable);
        write("/sys/kernel/security/apparmor/profiles", "");
        write("/usr/sbin/apparmor_parser", "");
        assert_eq!(see(&root), Seen::Usable);
        write("/sys/module/apparmor/parameters/enabled", "N\n");
        assert_eq!(see(&root), Seen::Off);
    }
}
