//! The doctor changes nothing: every system call of a run that could, on a real node.

use crate::lab::node::Node;
use crate::lab::shell;
use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

/// The calls that change a file, or send a signal (syscalls(2)).
const CALLS: &str = "open,openat,creat,truncate,ftruncate,rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,mkdirat,mknod,\
    mknodat,link,linkat,symlink,symlinkat,chmod,fchmod,fchmodat,chown,lchown,fchown,fchownat,utime,utimes,utimensat,futimesat,\
    setxattr,lsetxattr,fsetxattr,kill,tkill,tgkill,mount,umount2,clone,clone3,fork,vfork";
/// Where the doctor may write: its own throw-away directory.
const OWN: &str = "/run/cos-agent-scratch-";

/// What a run did that it must not do.
pub(super) fn changes(node: &Node<'_>) -> Vec<String> {
    let log = node.folder().join("strace.log");
    let file = log.display().to_string();
    let first = node.first_process().unwrap().to_string();
    let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let trace = format!("trace={CALLS}");
    let strace =
        ["strace", "-f", "-y", "-qqq", "-s", "200", "-e", &trace, "-e", "signal=none", "-o", &file];
    let enter = ["nsenter", "--target", &first, "--all", "env", "-i", path, "HOME=/root"];
    let doctor = ["cos-agent", "doctor", "-o", "json"];
    let output = shell::run(&[&strace[..], &enter, &doctor].concat(), "", Duration::from_secs(60));
    assert!(output.stdout.contains("cos.doctor/v1"), "{output:?}");
    let text = fs::read_to_string(&log).unwrap();
    assert!(text.contains("openat("), "strace saw nothing");
    judge(&text)
}

fn judge(trace: &str) -> Vec<String> {
    let children: BTreeSet<&str> = trace
        .lines()
        .filter(|line| ["clone", "fork", "vfork"].iter().any(|call| line.contains(call)))
        .filter_map(|line| line.rsplit_once("= ").map(|(_, result)| result.trim()))
        .collect();
    trace.lines().filter(|line| is_change(line, &children)).map(str::to_owned).collect()
}

fn is_change(line: &str, children: &BTreeSet<&str>) -> bool {
    // `4711  openat(AT_FDCWD, "/etc/x", O_RDONLY) = 3`
    let Some(call) = line.split_whitespace().nth(1) else { return false };
    let failed = line.rsplit_once("= ").is_some_and(|(_, result)| result.starts_with('-'));
    let name = call.split('(').next().unwrap_or_default();
    if failed || ["clone", "clone3", "fork", "vfork", "<...", "+++", "---"].contains(&name) {
        return false;
    }
    let harmless = [OWN, "\"/dev/null\"", "\"/dev/tty\"", "\"/proc/self/"];
    match name {
        "open" | "openat" => {
            let writes = ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC"];
            writes.iter().any(|flag| line.contains(flag))
                && !harmless.iter().any(|path| line.contains(path))
        }
        "kill" | "tkill" | "tgkill" => {
            // A negative number is the group that a child leads.
            let target = call.split('(').nth(1).unwrap_or_default();
            let target = target.trim_end_matches([',', ')']).trim_start_matches('-');
            !children.contains(target)
        }
        _ => !line.contains(OWN),
    }
}
