//! Limits for logs, so that no log fills the disk of a node: those of the journal and of containers.

use super::text;
use crate::facts::image::Image;
use crate::state::{Contents, File, Keys, Notify, ROOT, nothing_besides};
use serde_json::{Map, json};

/// journald.conf(5). Without a directory in /var/log the journal would end with each boot.
const JOURNAL: &str = "[Journal]\nStorage=persistent\nSystemMaxUse=1G\nSystemKeepFree=1G\n";

/// The files for journald and docker. docker's default keeps the log of a container without limit:
/// <https://docs.docker.com/engine/logging/drivers/json-file/>.
pub(super) fn files(_: &Image) -> Vec<File> {
    let limits = json!({ "max-size": "20m", "max-file": "5" });
    vec![
        text("/usr/lib/systemd/journald.conf.d/50-cos-agent.conf", JOURNAL, Notify::nobody()),
        File {
            path: "/etc/docker/daemon.json".to_owned(),
            contents: Contents::Keys(Keys {
                ours: Map::from_iter([
                    ("log-driver".to_owned(), json!("json-file")),
                    ("log-opts".to_owned(), limits),
                ]),
                amend: nothing_besides,
            }),
            mode: 0o644,
            owner: ROOT,
            notify: Notify::nobody(),
        },
    ]
}
