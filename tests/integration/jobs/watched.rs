//! What the templates of the jobs make, before Prometheus's and HAProxy's own checks.

use super::render::render;
use super::{haproxy, job, jobs, promtool, spoilt, template};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

#[test]
fn prometheus_takes_its_configuration_targets_and_rules() {
    let files = Prometheus::new();
    let said = promtool("config", &files.path("prometheus.yml")).unwrap();
    // It has read the rules too, and the targets without a word.
    assert!(said.contains("2 rules found"), "{said}");
    let said = promtool("rules", &files.path("rules.yml")).unwrap();
    assert!(said.contains("2 rules found"), "{said}");
}

#[test]
fn prometheus_refuses_what_is_spoilt() {
    for (what, file, from, to, words) in [
        ("rules", "rules.yml", "(up) == 0", "(up == 0", "unclosed left parenthesis"),
        ("rules", "rules.yml", "$labels.node ", "$labels.node | nope ", "\"nope\" not defined"),
        ("config", "rules.yml", "expr: sum", "exqr: sum", "exqr not found"),
        ("config", "prometheus.yml", "rule_files", "rule_flies", "rule_flies not found"),
        ("config", "prometheus.yml", "scrape_interval: 15s", "scrape_interval: often", "often"),
        (
            "config",
            "targets.yml",
            "labels: { job: consul-servers",
            "labelz: { job: consul-servers",
            "labelz",
        ),
    ] {
        let files = Prometheus::new();
        let path = files.path(file);
        fs::write(&path, spoilt(&fs::read_to_string(&path).unwrap(), from, to)).unwrap();
        let judged = if what == "rules" { path } else { files.path("prometheus.yml") };
        let refused = promtool(what, &judged).unwrap_err();
        assert!(refused.contains(words), "{to}: {refused}");
    }
}

#[test]
fn haproxy_takes_what_is_rendered_for_it() {
    let jobs = jobs();
    let all =
        jobs.iter().filter_map(|(name, job)| Some((name, template(job, "local/haproxy.cfg")?)));
    let mut judged = Vec::new();
    for (name, template) in all {
        let rendered = render(&template);
        checked(&rendered).unwrap_or_else(|error| panic!("{name}: {error}\n{rendered}"));
        let refused = checked(&spoilt(&rendered, "mode http\n", "mode htpp\n")).unwrap_err();
        assert!(refused.contains("htpp"), "{name}: {refused}");
        judged.push(name.as_str());
    }
    assert_eq!(judged, ["ingress", "metrics", "ping"]);
}

fn checked(configuration: &str) -> Result<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("haproxy.cfg");
    fs::write(&file, configuration).unwrap();
    haproxy(&file)
}

/// The files of Prometheus, which name each other by their paths in its task.
struct Prometheus(TempDir);

impl Prometheus {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let job = job("prometheus");
        let text = |name: &str| template(&job, &format!("local/{name}")).unwrap();
        let here = |text: String| text.replace("/local/", &format!("{}/", folder.path().display()));
        let write = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
        let configuration = text("prometheus.yml");
        for file in ["rules.yml", "targets.yml"] {
            assert!(configuration.contains(&format!("[/local/{file}]")), "{configuration}");
        }
        write("prometheus.yml", here(configuration));
        // Its delimiters leave those of Prometheus alone.
        write("rules.yml", text("rules.yml"));
        write("targets.yml", render(&text("targets.yml")));
        Self(folder)
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        Path::new(self.0.path()).join(name)
    }
}
