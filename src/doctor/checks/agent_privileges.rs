//! The doctor may read what only root may read.

use crate::doctor::Check;
use crate::exit::hint::topics;
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::role::Role;
use crate::system::environment;
use std::time::Duration;

topics! {
    NOT_ROOT: "doctor-not-root", "run `sudo cos-agent doctor`";
}

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "agent-privileges",
        title: "the doctor runs as root",
        group: Group::Boot,
        roles: Role::ALL,
        needs: &[],
        explains: &[],
        impact: Impact::Risk,
        timeout: Duration::from_secs(1),
        page: Page {
            means: "The doctor runs as root, so it can read the configuration of the daemons, their journals and docker's \
                    socket.",
            matters: "Without root, the checks of files, processes and docker have no result. Nothing is wrong with the node \
                      because of this.",
            look: &["id -u"],
            fixes: &[TOPICS],
            source: "https://www.freedesktop.org/software/systemd/man/latest/journalctl.html",
        },
    },
    probe: |_| Box::pin(async { judge(environment::is_root()) }),
    changed: None,
};

fn judge(is_root: bool) -> Finding {
    if is_root {
        return Finding::Pass("root".to_owned());
    }
    Finding::Unknown(Problem::new("this user is not root", "root", NOT_ROOT.plain()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_who_is_not_root_sees_less_and_nothing_has_failed() {
        assert!(judge(true).passes());
        assert!(matches!(judge(false), Finding::Unknown(_)));
    }
}
