//! cos-agent-checks(7): the pages of `explain`, by group.

use crate::doctor::abouts;
use crate::exit::hint::Topic;
use crate::gates::{About, Group, Impact};
use crate::role::Role;
use clap_mangen::roff::{Inline, Roff, bold, italic, roman};

/// The page.
pub(super) fn page() -> String {
    let mut roff = Roff::new();
    let version = concat!("cos-agent ", env!("CARGO_PKG_VERSION"));
    roff.control("TH", ["cos-agent-checks", "7", "\"\"", version]);
    // People paste the commands: no hyphens in them, and no wide spaces.
    roff.control("nh", []).control("ad", ["l"]);
    section(&mut roff, "NAME", "cos-agent-checks - the checks of cos-agent doctor");
    section(
        &mut roff,
        "DESCRIPTION",
        "`cos-agent doctor` asks these checks, each as soon as those that it needs have passed. `cos-agent explain ID` shows \
         one of them on a node without this page.",
    );
    for group in Group::ALL {
        let of_group = abouts().filter(|about| about.group == group);
        for (index, about) in of_group.enumerate() {
            if index == 0 {
                roff.control("SH", [group.name().to_uppercase().as_str()]);
            }
            check(&mut roff, about);
        }
    }
    section(&mut roff, "SEE ALSO", "cos-agent(1), systemctl(1), journalctl(1)");
    roff.render()
}

fn section(roff: &mut Roff, title: &str, text: &str) {
    roff.control("SH", [title]).text(inlines(text));
}

fn check(roff: &mut Roff, about: &About) {
    let page = &about.page;
    roff.control("SS", [about.id]);
    roff.text(vec![italic(about.title)]);
    roff.control("PP", []).text(inlines(page.means));
    roff.control("PP", []).text(inlines(page.matters));
    let roles: Vec<&str> = about.roles.iter().map(|role| role.name()).collect();
    if about.roles != Role::ALL {
        item(roff, "Roles", &roles.join(", "));
    }
    item(roff, "A failure means", impact(about.impact));
    for (title, ids) in [("Asked after", about.needs), ("Explains", about.explains)] {
        if !ids.is_empty() {
            item(roff, title, &ids.join(", "));
        }
    }
    roff.control("TP", []).text(vec![roman("Look by hand")]);
    for (index, command) in page.look.iter().enumerate() {
        if index > 0 {
            roff.control("br", []);
        }
        roff.text(vec![bold(*command)]);
    }
    let fixes: Vec<&Topic> = page.fixes.iter().copied().flatten().collect();
    roff.control("TP", []).text(vec![roman("What to do")]);
    for (index, topic) in fixes.into_iter().enumerate() {
        if index > 0 {
            roff.control("IP", []);
        }
        let mut words = vec![italic(topic.id), roman(": ")];
        words.extend(inlines(topic.text));
        roff.text(words);
    }
    item(roff, "Source", page.source);
}

fn item(roff: &mut Roff, title: &str, text: &str) {
    roff.control("TP", []).text(vec![roman(title)]).text(inlines(text));
}

fn impact(impact: Impact) -> &'static str {
    match impact {
        Impact::Down => "the node is not a member, or will not be after its next boot",
        Impact::Degraded => "the node is a member that lacks something",
        Impact::Risk => "nothing is lost yet",
    }
}

/// A text whose commands in backticks are bold.
fn inlines(text: &str) -> Vec<Inline> {
    // Every other piece is between backticks.
    let pieces = text.split('`').enumerate().filter(|(_, piece)| !piece.is_empty());
    pieces.map(|(index, piece)| if index % 2 == 1 { bold(piece) } else { roman(piece) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::command::{Call, Keep};
    use crate::system::root::Root;
    use std::path::Path;
    use std::time::Duration;

    /// The page as groff shows it; `None` if this machine has none.
    async fn shown(page: &str) -> Option<String> {
        let directory = tempfile::tempdir().unwrap();
        Root::at(directory.path()).write("/page", page.as_bytes(), 0o600).unwrap();
        let file = directory.path().join("page").display().to_string();
        let args = ["-man", "-Kutf8", "-Tutf8", "-P-cbou", "-Wbreak", "-rLL=100n", &file];
        let (limit, keep) = (Duration::from_secs(60), Keep::First(4 * 1024 * 1024));
        let groff = Path::new("groff");
        let output =
            Call { keep, ..Call::of(groff, &args, "/usr/bin:/bin") }.run(limit).await.ok()?;
        assert!(output.success() && output.stderr.is_empty(), "{}", output.stderr);
        // Some installations show the minus sign or a hyphen of Unicode.
        Some(output.stdout.replace(['\u{2010}', '\u{2212}'], "-"))
    }

    #[test]
    fn every_check_is_on_the_page_with_all_that_explain_says() {
        let page = page();
        assert!(page.contains("\n.TH cos-agent-checks 7 \"\" "), "{}", &page[..300]);
        let headings = page.lines().filter(|line| line.starts_with(".SS ")).count();
        assert_eq!(headings, abouts().count());
        for about in abouts() {
            assert!(page.contains(&format!("\n.SS {}\n", about.id)), "{}", about.id);
            assert!(page.contains(&about.page.source.replace('-', "\\-")), "{}", about.id);
        }
    }

    #[tokio::test]
    async fn groff_shows_the_page() {
        let Some(shown) = shown(&page()).await else { return };
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let shown = words(&shown);
        for about in abouts() {
            let means = about.page.means.replace('`', "");
            let start: String = words(&means).chars().take(30).collect();
            assert!(shown.contains(about.id) && shown.contains(&start), "{}: {start}", about.id);
        }
    }
}
