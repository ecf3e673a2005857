//! PURE: which checks are asked: those of the role, without those that `--only` and `--skip` leave out.

use super::checks::{CHECKS, Entry};
use crate::error::InputError;
use crate::gates::{About, Group};
use crate::role::Role;
use crate::text;

/// The checks and groups that were named on the command line.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Asks these alone, and the checks that they need.
    pub only: Vec<String>,
    /// Does not ask these.
    pub skip: Vec<String>,
}

impl Selection {
    /// A selection of names that exist.
    pub fn of(only: Vec<String>, skip: Vec<String>) -> Result<Self, InputError> {
        let groups = || Group::ALL.iter().map(|group| group.name());
        let known = || CHECKS.iter().map(|entry| entry.about().id).chain(groups());
        for name in only.iter().chain(&skip) {
            if !known().any(|known| known == name) {
                let near = text::nearest(name, known()).map(str::to_owned);
                return Err(InputError::UnknownId { id: name.clone(), near });
            }
        }
        Ok(Self { only, skip })
    }

    /// The checks that concern a role, in the order of the registry; all of them while the role is unknown.
    pub fn entries(&self, role: Option<Role>) -> Vec<&'static Entry> {
        let concerns = |about: &About| role.is_none_or(|role| about.roles.contains(&role));
        let needed = self.needed();
        let is_asked = |about: &About| {
            (self.only.is_empty() || needed.contains(&about.id)) && !names(&self.skip, about)
        };
        let of_role = CHECKS.iter().filter(|entry| concerns(entry.about()));
        of_role.filter(|entry| is_asked(entry.about())).collect()
    }

    /// What `--only` names, and what that needs.
    fn needed(&self) -> Vec<&'static str> {
        let mut needed: Vec<&'static str> = Vec::new();
        // Each check comes after those that it needs.
        for about in CHECKS.iter().rev().map(Entry::about) {
            let is_needed = needed.contains(&about.id);
            if is_needed || names(&self.only, about) {
                needed.push(about.id);
                needed.extend(about.needs);
            }
        }
        needed
    }
}

fn names(names: &[String], about: &About) -> bool {
    names.iter().any(|name| name == about.id || name == about.group.name())
}
