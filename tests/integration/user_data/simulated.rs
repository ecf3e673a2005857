//! `simulate --user-data` takes what EC2 hands out.

use super::binary::{cos_agent, run};
use super::{SCRIPT, TOML, base64, gzip, message, ours};

fn simulated(user_data: &[u8]) -> (String, String) {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("user-data");
    std::fs::write(&file, user_data).unwrap();
    let node = root.path().join("node");
    let args = ["simulate", "nomad-client", "--root"].map(Into::into);
    let args = [&args[..], &[node.into_os_string(), "--user-data".into(), file.into_os_string()]];
    let ran = run(cos_agent(&args.concat()));
    let rendered = std::fs::read_to_string(root.path().join("node/etc/nomad.d/cos.json"));
    (ran.shown(root.path()), rendered.unwrap_or_default())
}

#[test]
fn packed_user_data_is_taken() {
    let text = message("b", &[SCRIPT, &ours("", TOML)]);
    for user_data in
        [text.clone().into_bytes(), gzip(&text), base64(gzip(&text)).into_bytes(), gzip(gzip(TOML))]
    {
        let (shown, rendered) = simulated(&user_data);
        assert!(shown.starts_with("exit 0\n"), "{shown}");
        assert!(rendered.contains("\"log_level\": \"WARN\""), "{shown}{rendered}");
    }
}

#[test]
fn settings_errors_in_packed_user_data_end_with_78() {
    let (shown, rendered) = simulated(&gzip("[nomad]\nlog_levle = 1\n"));
    assert!(
        shown.starts_with("exit 78\n") && shown.contains("user data:2:1: unknown key `log_levle`"),
        "{shown}"
    );
    assert!(rendered.is_empty());
    let (shown, rendered) = simulated(&gzip(TOML)[..gzip(TOML).len() - 4]);
    assert!(shown.starts_with("exit 78\n") && shown.contains("the gzip data is broken"), "{shown}");
    assert!(rendered.is_empty());
}

#[test]
fn user_data_of_others_makes_a_node_of_defaults() {
    let noise = gzip(format!("#!/bin/sh\n[consul]\n{TOML}"));
    for user_data in [&noise[..], &noise[..noise.len() / 2], b"\xff\xd8\xff\xe0", b""] {
        let (shown, rendered) = simulated(user_data);
        assert!(shown.starts_with("exit 0\n"), "{shown}");
        assert!(rendered.contains("\"log_level\": \"INFO\""), "{shown}{rendered}");
    }
}
