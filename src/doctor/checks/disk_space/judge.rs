//! PURE: what the space of the file systems means.

use super::{
    Answer, Asked, BROKEN, DATA_FULL, DOCKER, DOCKER_FULL, FEW_INODES, FULL, HANGS, LOGS,
    READ_ONLY, ROOT,
};
use crate::exit::hint::Topic;
use crate::gates::{Finding, Problem};
use crate::system::machine::Space;

/// A file system of which more is used, in percent, will be full soon.
const MUCH: u64 = 92;
/// A file system with less available than this, or than 2 % if it is small, is full: 64 MiB.
const FULL_BELOW: u64 = 64 * 1024 * 1024;
/// A file system with fewer free inodes than this, or than 1 % if it has few, is full.
const INODES_BELOW: u64 = 1000;
/// How many lines of evidence are shown.
const LINES: usize = 3;

/// The problem of one file system.
struct Trouble<'a> {
    asked: &'a Asked,
    found: String,
    expected: String,
    topic: Topic,
}

/// The worst of all: a failure before a warning, and among equals the first. The others are evidence.
pub(super) fn judge(asked: &[Asked]) -> Finding {
    let (mut failures, mut warnings) = (Vec::new(), Vec::new());
    for asked in asked {
        match trouble(asked) {
            Some((true, trouble)) => failures.push(trouble),
            Some((false, trouble)) => warnings.push(trouble),
            None => {}
        }
    }
    let all = || failures.iter().chain(&warnings);
    let Some(worst) = all().next() else { return Finding::Pass(fullest(asked)) };
    let mut evidence: Vec<String> = all().map(|trouble| row(trouble.asked)).collect();
    evidence.truncate(LINES);
    let hint = worst.topic.with(&[("point", &worst.asked.point())]);
    let problem = Problem::new(worst.found.clone(), worst.expected.clone(), hint).with(evidence);
    if failures.is_empty() { Finding::Warn(problem) } else { Finding::Fail(problem) }
}

/// The problem of a file system, and whether it is a failure; `None` if there is none.
fn trouble(asked: &Asked) -> Option<(bool, Trouble<'_>)> {
    let paths = asked.paths.join(", ");
    let say = |is_failure: bool, found: String, expected: &str, topic: Topic| {
        Some((is_failure, Trouble { asked, found, expected: expected.to_owned(), topic }))
    };
    let space = match &asked.answer {
        Answer::Hangs => {
            let found = format!("statvfs of {paths} did not answer within 1 s");
            return say(true, found, "an answer within 1 s", HANGS);
        }
        Answer::Failed(error) => {
            let found = format!("cannot look at {paths}: {error}");
            return say(true, found, "a file system that answers", BROKEN);
        }
        Answer::Space(space) => space,
    };
    let point = asked.point();
    // The root may be read-only by design, while /etc and /var are not.
    if space.is_read_only && asked.paths != [ROOT] {
        let found = format!("{point} is mounted read-only, and this node writes to {paths}");
        return say(true, found, "a file system that may be written", READ_ONLY);
    }
    let holds = |path: &str| asked.paths.contains(&path);
    let full = match (holds(DOCKER), holds(ROOT) || holds(LOGS)) {
        (true, _) => DOCKER_FULL,
        (false, true) => FULL,
        (false, false) => DATA_FULL,
    };
    let expected = format!("at most {MUCH} % used");
    if space.total > 0 && space.available < FULL_BELOW.min(space.total / 50) {
        let found = format!(
            "{point} is full: {} of {} available",
            size(space.available),
            size(space.total)
        );
        return say(true, found, &expected, full);
    }
    if space.inodes > 0 && space.inodes_free < INODES_BELOW.min((space.inodes / 100).max(1)) {
        let found =
            format!("{point} has no inodes left: {} of {} free", space.inodes_free, space.inodes);
        return say(true, found, &expected, FEW_INODES);
    }
    if space.used_percent() > MUCH {
        let found = format!(
            "{point} is {} % full: {} of {} available",
            space.used_percent(),
            size(space.available),
            size(space.total)
        );
        return say(false, found, &expected, full);
    }
    if space.inodes_used_percent() > MUCH {
        let found = format!("{point} has used {} % of its inodes", space.inodes_used_percent());
        return say(false, found, &expected, FEW_INODES);
    }
    None
}

/// The fullest file system, for a report without problems.
fn fullest(asked: &[Asked]) -> String {
    let spaces = asked.iter().filter_map(|asked| match &asked.answer {
        Answer::Space(space) if space.total > 0 => Some((space.used_percent(), asked.point())),
        _ => None,
    });
    let fullest = spaces.max_by_key(|(used, _)| *used);
    fullest.map_or_else(String::new, |(used, point)| format!("{point} {used} % full"))
}

/// A file system in a line, as `df` shows it.
fn row(asked: &Asked) -> String {
    let of_mount = asked.mount.as_ref();
    let of_mount = of_mount
        .map_or_else(|| "unknown".to_owned(), |mount| format!("{} ({})", mount.source, mount.kind));
    let Answer::Space(space) = &asked.answer else {
        return format!("{of_mount} on {}", asked.point());
    };
    let Space { total, available, .. } = space;
    format!(
        "{of_mount} on {}: {}, {} available, {} % used, inodes {} % used",
        asked.point(),
        size(*total),
        size(*available),
        space.used_percent(),
        space.inodes_used_percent(),
    )
}

/// A number of bytes as people read it.
fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match UNITS.into_iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit),
        None => format!("{bytes} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::checks::disk_space::distinct;
    use crate::system::mounts;

    const MIB: u64 = 1 << 20;
    const TABLE: &str = "1 0 8:1 / / rw - ext4 /dev/nvme0n1p1 rw\n\
        2 1 8:2 / /var/lib/docker rw - xfs /dev/nvme1n1 rw\n3 1 0:9 / /opt/nomad/data rw - nfs4 fs:/ rw\n";

    fn space(total: u64, available: u64) -> Space {
        let free = available;
        Space {
            device: total,
            total,
            free,
            available,
            inodes: 10_000,
            inodes_free: 9000,
            ..Space::default()
        }
    }

    fn at(path: &'static str, space: Space) -> (&'static str, Answer) {
        (path, Answer::Space(Space { place: path.into(), ..space }))
    }

    fn judged(answers: Vec<(&'static str, Answer)>) -> (&'static str, &'static str, String) {
        match judge(&distinct(answers, &mounts::read(TABLE))) {
            Finding::Pass(words) => ("pass", "", words),
            Finding::Warn(problem) => ("warn", problem.hint.id, problem.found),
            Finding::Fail(problem) => ("fail", problem.hint.id, problem.found),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_file_system_has_failed_once_it_is_really_full() {
        for (total, available, expected) in [
            (8000 * MIB, 2000 * MIB, ("pass", "")),
            (250_000 * MIB, 50_000 * MIB, ("pass", "")),
            (8000 * MIB, 500 * MIB, ("warn", "space-used")),
            (8000 * MIB, 70 * MIB, ("warn", "space-used")),
            (8000 * MIB, 60 * MIB, ("fail", "space-used")),
            (16 * MIB, 16 * MIB, ("pass", "")),
            (16 * MIB, MIB, ("warn", "space-used")),
            (16 * MIB, 0, ("fail", "space-used")),
            (64 * MIB, MIB, ("fail", "space-used")),
            (0, 0, ("pass", "")),
        ] {
            let (kind, advice, words) = judged(vec![at("/", space(total, available))]);
            assert_eq!((kind, advice), expected, "{available} of {total}: {words}");
        }
    }

    #[test]
    fn inodes_count_where_there_are_any() {
        let with = |inodes: u64, inodes_free: u64| Space {
            inodes,
            inodes_free,
            ..space(8000 * MIB, 4000 * MIB)
        };
        for (inodes, free, expected) in [
            (0, 0, ("pass", "")),
            (16_777_216, 15_000_000, ("pass", "")),
            (16_777_216, 100_000, ("warn", "inodes-used")),
            (16_777_216, 3, ("fail", "inodes-used")),
            (4096, 4090, ("pass", "")),
            (4096, 0, ("fail", "inodes-used")),
        ] {
            let (kind, advice, words) = judged(vec![at("/", with(inodes, free))]);
            assert_eq!((kind, advice), expected, "{free} of {inodes}: {words}");
        }
    }

    #[test]
    fn the_file_system_that_is_worst_is_named_with_what_lies_on_it() {
        let docker = at(DOCKER, space(9000 * MIB, MIB));
        let found = judged(vec![at("/", space(8000 * MIB, 400 * MIB)), docker]);
        assert_eq!((found.0, found.1), ("fail", "space-used-by-docker"));
        assert_eq!(found.2, "/var/lib/docker is full: 1.0 MiB of 8.7 GiB available");
        assert_eq!(
            judged(vec![at("/opt/nomad/data", space(8000 * MIB, 0))]).1,
            "space-used-by-data"
        );
        let hung = ("/opt/nomad/data", Answer::Hangs);
        let (kind, advice, words) = judged(vec![at("/", space(8000 * MIB, 4000 * MIB)), hung]);
        assert_eq!((kind, advice), ("fail", "mount-hangs"));
        assert_eq!(words, "statvfs of /opt/nomad/data did not answer within 1 s");
        let stale = ("/opt/nomad/data", Answer::Failed(std::io::Error::from_raw_os_error(116)));
        assert_eq!(judged(vec![stale]).1, "mount-broken");
    }

    #[test]
    fn a_file_system_counts_once_and_only_the_root_may_be_read_only() {
        let fine = || space(8000 * MIB, 4000 * MIB);
        let asked =
            distinct(vec![at("/", fine()), at("/etc", fine()), at("/run", space(9, 9))], &[]);
        assert_eq!(asked.iter().map(|asked| asked.paths.len()).collect::<Vec<_>>(), [2, 1]);
        let read_only = || Space { is_read_only: true, ..fine() };
        assert_eq!(judged(vec![at("/", read_only()), at("/etc", fine())]).0, "pass");
        let (kind, advice, words) = judged(vec![at("/", read_only()), at("/etc", read_only())]);
        assert_eq!((kind, advice), ("fail", "mount-read-only"));
        assert_eq!(words, "/ is mounted read-only, and this node writes to /, /etc");
    }
}
