//! READ: whether an image may be snapshotted: the checks of `doctor --image`. They read files alone, so they work on a mounted
//! root directory too. To add one: a file here with its `CHECK`, and a line in [`CHECKS`].

mod clock;
mod config;
mod files;
mod leftovers;
mod network;
mod programs;
mod units;
mod users;

use super::{Answer, Outcome, Report};
use crate::exit::hint::topics;
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::role::Role;
use crate::system::System;
use crate::system::root::FileError;
use std::time::{Duration, Instant};

/// What a check of files may take; nothing here waits for anybody.
const TIME: Duration = Duration::from_secs(10);

/// A check of an image. Unlike that of a node it waits for nobody.
pub struct Check {
    /// What is known of it before it is asked.
    pub about: About,
    /// Reads the files and judges them.
    look: fn(&System) -> Result<Finding, FileError>,
}

/// What is known of a check of an image. Each is asked whatever the others found, because whoever builds an image corrects all
/// of them at once.
const fn about(id: &'static str, title: &'static str, impact: Impact, page: Page) -> About {
    About {
        id,
        title,
        group: Group::Image,
        roles: Role::ALL,
        needs: &[],
        explains: &[],
        impact,
        timeout: TIME,
        page,
    }
}

/// Every check of an image, in the order in which people read them.
pub static CHECKS: &[&Check] = &[
    &programs::CHECK,
    &files::CHECK,
    &units::CHECK,
    &users::CHECK,
    &config::CHECK,
    &network::CHECK,
    &clock::CHECK,
    &leftovers::IDENTITY,
    &leftovers::SECRETS,
    &leftovers::WASTE,
];

topics! {
    UNREADABLE: "image-unreadable", "run it as root, and look at the path with `ls -l`";
}

/// Asks every check of the image in a root directory.
pub fn examine(system: &System) -> Report {
    let started = Instant::now();
    let mut answers = Vec::new();
    for check in CHECKS {
        let begun = Instant::now();
        let outcome = Outcome::Found(or_unknown((check.look)(system)));
        answers.push(Answer { about: &check.about, outcome, elapsed: begun.elapsed() });
    }
    Report { node: None, answers, elapsed: started.elapsed(), is_complete: true }
}

/// A finding, or why it cannot be made.
fn or_unknown(found: Result<Finding, FileError>) -> Finding {
    found.unwrap_or_else(|error| {
        let words = format!("{error}: {}", error.source);
        Finding::Unknown(Problem::new(words, "a file that can be read", UNREADABLE.plain()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_check_of_an_image_has_an_id_of_its_own_and_a_page() {
        let ids: BTreeSet<&str> = crate::doctor::abouts().map(|about| about.id).collect();
        assert_eq!(ids.len(), crate::doctor::abouts().count());
        for check in CHECKS {
            let page = &check.about.page;
            assert!(check.about.id.starts_with("image-"), "{}", check.about.id);
            assert!(page.means.ends_with('.') && page.matters.ends_with('.'), "{}", check.about.id);
            assert!(
                !page.look.is_empty() && page.source.starts_with("https://"),
                "{}",
                check.about.id
            );
        }
    }
}
