//! Nomad finds the credential helper for ECR in its search path.

use super::broken;
use super::docker_daemon::is_absent;
use crate::doctor::Check;
use crate::doctor::machine::{Machine, NomadProcess};
use crate::exit::hint::topics;
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::role::Role;
use crate::state::PathKind;
use crate::system::credential_helper::PROGRAM;
use crate::system::root::Root;
use std::time::Duration;

topics! {
    ABSENT: "ecr-helper-absent",
        "install `docker-credential-ecr-login` in the image (package `amazon-ecr-credential-helper`), then replace this node";
    ELSEWHERE: "ecr-helper-elsewhere",
        "run `ln -s {place} /usr/bin/`, and do the same in the image; Nomad's PATH is `{path}`";
    NOT_EXECUTABLE: "ecr-helper-not-executable", "run `chmod 755 {place}`, and do the same in the image";
}

/// Where a helper may be besides the search path.
const PLACES: [&str; 7] = [
    "/usr/local/bin",
    "/usr/bin",
    "/bin",
    "/usr/local/sbin",
    "/opt/bin",
    "/opt/aws/bin",
    "/root/bin",
];

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "ecr-helper",
        title: "Nomad finds the credential helper for ECR",
        group: Group::Docker,
        roles: &[Role::NomadClient],
        needs: &[],
        explains: &["ecr-token"],
        impact: Impact::Degraded,
        timeout: Duration::from_secs(5),
        page: Page {
            means: "`docker-credential-ecr-login` is in the PATH of Nomad's process and may be executed. An image without docker \
                    needs no helper.",
            matters: "docker's configuration names this helper for the registry of the account. Without it, every task with an \
                      image from there fails.",
            look: &[
                "tr '\\0' '\\n' < /proc/$(systemctl show -p MainPID --value nomad)/environ | grep ^PATH",
                "docker-credential-ecr-login version",
            ],
            fixes: &[TOPICS],
            source: "https://github.com/awslabs/amazon-ecr-credential-helper",
        },
    },
    probe: |machine| Box::pin(probe(machine)),
    changed: None,
};

async fn probe(machine: &Machine) -> Finding {
    if is_absent(&*machine.units.get().await) {
        return Finding::Pass("no helper needed".to_owned());
    }
    let process = machine.nomad_process.get().await;
    let path = process.path.clone();
    match machine.files(move |root| search(root, &path)).await {
        Some(found) => judge(&found, &process),
        None => broken(),
    }
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Helper {
    /// The program that Nomad runs.
    Usable(String),
    /// The only one in the search path may not be executed.
    NotExecutable(String),
    /// One that is not in the search path.
    Elsewhere(String),
    /// None.
    Absent,
}

/// Searches for the helper as a shell does: the first that may be executed.
pub(super) fn search(root: &Root, path: &str) -> Helper {
    let mode = |place: &str| {
        let found = root.stat_target(place).ok()??;
        (found.kind == PathKind::File).then_some(found.mode)
    };
    search_by(mode, path)
}

/// The same, with what says the mode of a file.
fn search_by(mode: impl Fn(&str) -> Option<u32>, path: &str) -> Helper {
    let file_in = |directory: &str| {
        let place = format!("{directory}/{PROGRAM}");
        mode(&place).map(|mode| (place, mode))
    };
    let absolute = |directory: &&str| directory.starts_with('/');
    let in_path: Vec<(String, u32)> =
        path.split(':').filter(absolute).filter_map(file_in).collect();
    let is_executable = |(_, mode): &&(String, u32)| mode & 0o111 != 0;
    if let Some((place, _)) = in_path.iter().find(is_executable) {
        return Helper::Usable(place.clone());
    }
    if let Some((place, _)) = in_path.into_iter().next() {
        return Helper::NotExecutable(place);
    }
    let elsewhere = PLACES.into_iter().find_map(file_in);
    elsewhere.map_or(Helper::Absent, |(place, _)| Helper::Elsewhere(place))
}

fn judge(found: &Helper, process: &NomadProcess) -> Finding {
    let problem = |found: String, hint| {
        let whose = if process.is_running { "Nomad's PATH" } else { "the PATH of nomad.service" };
        let problem = Problem::new(found, format!("{PROGRAM} in {whose}"), hint);
        Finding::Fail(problem.with(vec![format!("PATH={}", process.path)]))
    };
    match found {
        Helper::Usable(_) => Finding::Pass("ecr-login".to_owned()),
        Helper::NotExecutable(at) => {
            let hint = NOT_EXECUTABLE.with(&[("place", at)]);
            problem(format!("{at} may not be executed"), hint)
        }
        Helper::Elsewhere(at) => {
            let hint = ELSEWHERE.with(&[("place", at), ("path", &process.path)]);
            problem(format!("{at} is not in Nomad's PATH"), hint)
        }
        Helper::Absent => problem(format!("{PROGRAM} is not installed"), ABSENT.plain()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_helper_is_searched_for_as_nomad_does() {
        let at = |place: &str| format!("{place}/{PROGRAM}");
        let search = |files: &[(&str, u32)]| {
            let mode = |place: &str| {
                files.iter().find(|(directory, _)| at(directory) == place).map(|(_, mode)| *mode)
            };
            search_by(mode, "/usr/sbin:/usr/bin:relative")
        };
        let mut files = vec![("relative", 0o755)];
        assert_eq!(search(&files), Helper::Absent);
        files.push(("/opt/bin", 0o755));
        assert_eq!(search(&files), Helper::Elsewhere(at("/opt/bin")));
        files.push(("/usr/sbin", 0o644));
        assert_eq!(search(&files), Helper::NotExecutable(at("/usr/sbin")));
        files.push(("/usr/bin", 0o755));
        assert_eq!(search(&files), Helper::Usable(at("/usr/bin")));
    }

    #[test]
    fn a_helper_in_another_directory_is_named_with_the_path_of_nomad() {
        let process = NomadProcess { path: "/bin".to_owned(), variables: vec![], is_running: true };
        let Finding::Fail(problem) = judge(&Helper::Elsewhere("/opt/bin/x".to_owned()), &process)
        else {
            panic!("Nomad does not find it")
        };
        assert_eq!(problem.found, "/opt/bin/x is not in Nomad's PATH");
        assert_eq!(problem.evidence, ["PATH=/bin"]);
        assert!(
            problem.hint.text.contains("`ln -s /opt/bin/x /usr/bin/`"),
            "{}",
            problem.hint.text
        );
        assert!(judge(&Helper::Usable("x".to_owned()), &process).passes());
    }
}
