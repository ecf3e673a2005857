//! docker can load its AppArmor profile, where the kernel has AppArmor.

use crate::doctor::Check;
use crate::doctor::machine::Machine;
use crate::exit::hint::topics;
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::render::units::PATH;
use crate::role::Role;
use crate::state::DOCKER;
use crate::system::machine::find_program;
use std::time::Duration;

topics! {
    NO_PARSER: "apparmor-without-parser",
        "install the package `apparmor` in the image (its service may be masked), and replace the node; on this node: \
         `apt-get install apparmor`";
}

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "machine-apparmor",
        title: "docker can load its AppArmor profile",
        group: Group::Machine,
        roles: &[Role::NomadClient],
        needs: &[],
        explains: &["nomad-drivers"],
        impact: Impact::Degraded,
        timeout: Duration::from_secs(4),
        page: Page {
            means: "Where AppArmor is enabled in the kernel, `apparmor_parser` is installed. docker loads the profile \
                    docker-default with it for every container.",
            matters: "Without the parser docker starts no container: `AppArmor enabled on system but the docker-default \
                      profile could not be loaded`.",
            look: &["cat /sys/module/apparmor/parameters/enabled", "command -v apparmor_parser"],
            fixes: &[TOPICS],
            source: "https://docs.docker.com/engine/security/apparmor/",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

async fn probe(machine: &Machine) -> Finding {
    let units = machine.units.get().await;
    let has_docker = units
        .as_ref()
        .as_ref()
        .is_ok_and(|units| units.get(DOCKER).is_some_and(|unit| unit.load != "not-found"));
    // As containerd decides: the file system of the kernel module, and the module itself.
    let Some((is_mounted, has_parser)) = machine
        .files(|root| {
            let is_mounted =
                root.stat("/sys/kernel/security/apparmor").is_ok_and(|stat| stat.is_some());
            (is_mounted, find_program("apparmor_parser", PATH).is_some())
        })
        .await
    else {
        return super::broken();
    };
    let enabled = machine.text("/sys/module/apparmor/parameters/enabled").await;
    let is_enabled = is_mounted && enabled.is_some_and(|text| text.starts_with('Y'));
    judge(is_enabled && has_docker, has_parser)
}

fn judge(needs_it: bool, has_it: bool) -> Finding {
    if !needs_it || has_it {
        return Finding::Pass(String::new());
    }
    let found = "AppArmor is enabled in the kernel, and `apparmor_parser` is not installed";
    Finding::Fail(Problem::new(found, "`apparmor_parser` in the path of docker", NO_PARSER.plain()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_kernel_with_apparmor_needs_its_parser() {
        assert!(judge(false, false).passes() && judge(true, true).passes());
        assert!(matches!(judge(true, false), Finding::Fail(_)));
    }
}
