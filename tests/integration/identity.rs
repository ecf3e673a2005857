//! What tags and identity document may say: what is refused by name, and what is nobody's business.

use crate::support::node;
use cos_agent::exit::ExitCode;
use cos_agent::node::{ResolveError, resolve};
use cos_agent::pipeline;
use cos_agent::state::UnitState;
use cos_agent::system::retry::Deadline;
use node::{PATIENCE, TestNode, changes, instance};

/// What `apply` says of an instance with these tags changed; an empty value takes a tag away.
async fn refused(role: &str, tags: &[(&str, &str)]) -> String {
    let mut instance = instance(role, None);
    for (key, value) in tags {
        instance.tags.insert((*key).to_owned(), (*value).to_owned());
        instance.tags.retain(|_, value| !value.is_empty());
    }
    let node = TestNode::with(instance, &[]).await;
    let error = node.refused(PATIENCE).await;
    assert_eq!(error.exit_code(), ExitCode::Data, "{tags:?}: {}", error.report());
    assert!(!node.has("/etc/consul.d/cos.json"), "{tags:?}");
    error.report()
}

#[tokio::test]
async fn blanks_around_a_value_are_refused_in_quotes() {
    for (role, key, value, bare) in [
        ("nomad-client", "cos:cluster", "held-out ", "held-out"),
        ("nomad-client", "cos:role", " nomad-client", "nomad-client"),
        ("nomad-client", "cos:datacenter", "\tbackoffice", "backoffice"),
        ("consul-server", "cos:servers", "3 ", "3"),
        ("nomad-server", "cos:servers", " 3", "3"),
        ("consul-server", "cos:consul-server", "held-out ", "held-out"),
        ("nomad-server", "cos:nomad-server", "demo\u{a0}", "demo"),
        ("nomad-client", "cos:launch-hook", "joined ", "joined"),
        ("nomad-client", "cos:terminate-hook", " leaving", "leaving"),
    ] {
        let report = refused(role, &[(key, value)]).await;
        assert!(report.contains(&format!("tag `{key}` is {value:?}")), "{report}");
        assert!(
            report.contains("expected no spaces") && report.contains(&format!("Value={bare}`")),
            "{report}"
        );
    }
}

#[tokio::test]
async fn what_ran_with_a_value_runs_on_when_it_gets_blanks() {
    let mut node = TestNode::new("nomad-client").await;
    node.converge().await;
    node.service.change(|found| {
        found.tags.insert("cos:cluster".to_owned(), "demo ".to_owned());
    });
    node.reboot();
    node.units.set("consul.service", UnitState::Down);
    node.refused(PATIENCE).await;
    let jobs = node.units.take_jobs();
    assert!(jobs.contains(&"Start consul.service".to_owned()), "{jobs:?}");
}

#[tokio::test]
async fn a_tag_that_is_nearly_right_is_named_with_a_hint() {
    for (role, tags, found, hint) in [
        (
            "nomad-client",
            &[("Cos:Role", "nomad-client"), ("cos:role", "")][..],
            "`Cos:Role`",
            "`cos:role`",
        ),
        (
            "consul-server",
            &[("cos:server", "3"), ("cos:servers", "")],
            "`cos:server`",
            "`cos:servers`",
        ),
        ("nomad-client", &[("COS_ROLE", "nomad-client")], "`COS_ROLE`", "delete tag `COS_ROLE`"),
        (
            "nomad-client",
            &[("cos:cluster", "held\u{2011}out")],
            "held\u{2011}out",
            "a-z, 0-9 and -",
        ),
        ("nomad-client", &[("cos:cluster", "\"demo\"")], r#""\"demo\"""#, "a-z, 0-9 and -"),
        ("consul-server", &[("cos:servers", "03")], "\"03\"", "1, 3, 5 or 7"),
        ("consul-server", &[("cos:servers", "3.0")], "\"3.0\"", "1, 3, 5 or 7"),
        ("consul-server", &[("cos:servers", "\u{ff13}")], "\u{ff13}", "1, 3, 5 or 7"),
    ] {
        let report = refused(role, tags).await;
        assert!(report.contains(found) && report.contains(hint), "{tags:?}: {report}");
        assert!(report.contains("hint: "), "{report}");
    }
}

#[tokio::test]
async fn tags_that_are_not_addressed_to_us_are_nobodys_business() {
    let plain = TestNode::new("nomad-client").await.converge().await;
    let mut instance = instance("nomad-client", None);
    for (key, value) in [
        ("cos:owner", " me "),
        ("cos:cluster-name", "other"),
        ("Name", "\u{fc}ber alles, mit Leerzeichen "),
        ("team", "\u{30c1}\u{30fc}\u{30e0}"),
        ("cost-center", " 12 "),
    ] {
        instance.tags.insert(key.to_owned(), value.to_owned());
    }
    let node = TestNode::with(instance, &[]).await;
    assert_eq!(changes(&node.converge().await), changes(&plain));
    assert_eq!(node.notes(), "");
}

#[tokio::test]
async fn blanks_are_refused_wherever_the_tags_were_read() {
    let node = TestNode::new("nomad-client").await;
    let mut facts =
        pipeline::survey(&node.system(true), Deadline::after(PATIENCE)).await.unwrap().facts;
    facts.tags.values.insert("cos:cluster".to_owned(), " demo".to_owned());
    let error = resolve(&facts).unwrap_err();
    assert!(matches!(error, ResolveError::Blanks { key: "cos:cluster", .. }), "{error}");
}

#[tokio::test]
async fn a_subnet_without_ipv4_is_said_at_once_in_words_of_its_own() {
    for address in ["", "2600:1f14:5::7"] {
        let mut instance = instance("nomad-client", None);
        instance.private_ip = address.to_owned();
        let node = TestNode::with(instance, &[]).await;
        let error = node.refused(PATIENCE).await;
        let report = error.report();
        let served = node.service.served();
        let asked = served.iter().filter(|served| served.path.ends_with("identity/document"));
        assert_eq!(asked.count(), 1, "it is not asked for again");
        assert_eq!(error.exit_code(), ExitCode::Data, "{report}");
        assert!(
            report.contains("hint: launch the instance in a subnet with an IPv4 range"),
            "{report}"
        );
        assert!(report.contains("`privateIp`") && !report.contains("proxy"), "{report}");
    }
}

#[tokio::test]
async fn the_summary_of_a_nomad_server_has_its_datacenter() {
    let outcome = TestNode::new("nomad-server").await.converge().await;
    let summary = outcome.summary();
    assert!(
        summary.ends_with("is a nomad-server of demo in datacenter leader, one of 3"),
        "{summary}"
    );
}
