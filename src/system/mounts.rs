//! What is mounted (proc_pid_mountinfo(5)). Reading the table asks no file system, so it never hangs.

use std::path::Path;

/// A mount, as this process sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mount {
    /// Where it is mounted.
    pub point: String,
    /// The type of the file system: ext4, nfs4, cgroup2 …
    pub kind: String,
    /// The device, or what the file system calls its source.
    pub source: String,
    /// Whether the mount, or the whole file system, may only be read.
    pub is_read_only: bool,
    /// The options of the file system: for cgroup v1 its controllers, among others.
    pub options: Vec<String>,
}

/// Every mount, in the order in which they were made; empty if the table cannot be read.
pub fn all() -> Vec<Mount> {
    read(&std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default())
}

/// The mount in which a path lies, if its links are resolved. The last of several mounts on one point hides the others.
pub fn holding<'a>(mounts: &'a [Mount], path: &Path) -> Option<&'a Mount> {
    let around = mounts.iter().filter(|mount| path.starts_with(&mount.point));
    around.max_by_key(|mount| mount.point.len())
}

/// The mount at exactly this point.
pub fn at<'a>(mounts: &'a [Mount], point: &str) -> Option<&'a Mount> {
    mounts.iter().rfind(|mount| mount.point == point)
}

/// Reads the table.
pub fn read(text: &str) -> Vec<Mount> {
    text.lines().filter_map(mount).collect()
}

fn mount(line: &str) -> Option<Mount> {
    // Between the two parts stand optional fields, as many as there are.
    let (before, after) = line.split_once(" - ")?;
    let [mut before, mut after] = [before, after].map(|part| part.split(' '));
    let (point, flags) = (before.nth(4)?, before.next()?);
    let (kind, source) = (after.next()?, after.next()?);
    let options: Vec<String> =
        after.next().unwrap_or_default().split(',').map(str::to_owned).collect();
    Some(Mount {
        point: unescaped(point),
        kind: kind.to_owned(),
        source: unescaped(source),
        is_read_only: flags.split(',').any(|flag| flag == "ro")
            || options.iter().any(|option| option == "ro"),
        options,
    })
}

/// Blanks, tabs, line feeds and backslashes are octal in the table: `\040`.
fn unescaped(text: &str) -> String {
    let mut parts = text.split('\\');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code {
            Some(code) if code.is_ascii() => {
                plain.push(char::from(code));
                plain.push_str(&part[3..]);
            }
            _ => {
                plain.push('\\');
                plain.push_str(part);
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
        22 1 259:1 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p1 rw,errors=remount-ro\n\
        30 22 0:26 / /sys/fs/cgroup ro,nosuid shared:9 master:2 - tmpfs tmpfs rw,mode=755\n\
        31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
        40 22 0:50 / /mnt/a\\040b rw - nfs4 fs-1:/ rw,hard\n\
        41 22 0:51 / /mnt rw - tmpfs tmpfs ro\n\
        42 22 0:52 / /mnt rw - tmpfs second rw\n";

    #[test]
    fn the_table_is_read() {
        let mounts = read(TABLE);
        assert_eq!(mounts.len(), 6);
        let groups = at(&mounts, "/sys/fs/cgroup/cpu,cpuacct").unwrap();
        assert_eq!(
            (groups.kind.as_str(), &groups.options[1..]),
            ("cgroup", &["cpu", "cpuacct"].map(str::to_owned)[..])
        );
        assert!(at(&mounts, "/sys/fs/cgroup").unwrap().is_read_only, "the mount may only be read");
        assert!(mounts[4].is_read_only, "the file system may only be read");
        assert!(!mounts[0].is_read_only);
        assert_eq!(read("nonsense\n\n1 2 3 - x\n"), []);
    }

    #[test]
    fn a_path_lies_in_the_deepest_and_last_mount() {
        let mounts = read(TABLE);
        let of = |path: &str| holding(&mounts, Path::new(path)).map(|mount| mount.source.as_str());
        assert_eq!(of("/var/log"), Some("/dev/nvme0n1p1"));
        assert_eq!(of("/mnt/a b/c"), Some("fs-1:/"));
        assert_eq!(of("/mnt/other"), Some("second"));
        assert_eq!(of("/mntx"), Some("/dev/nvme0n1p1"));
        assert_eq!(of("relative"), None);
    }

    #[test]
    fn this_machine_has_a_root() {
        assert!(holding(&all(), Path::new("/")).is_some());
    }
}
