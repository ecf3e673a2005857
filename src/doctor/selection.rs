//! PURE: which checks are asked: those of the role, without those that `--only` and `--skip` leave out.

use super::checks::{CHECKS, Entry, ROLE};
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
        for (entry, about) in CHECKS.iter().rev().map(|entry| (entry, entry.about())) {
            let is_needed = needed.contains(&about.id);
            if is_needed || names(&self.only, about) {
                needed.push(about.id);
                needed.extend(about.needs);
                needed.extend(entry.needs_a_role().then_some(ROLE));
            }
        }
        needed
    }
}

fn names(names: &[String], about: &About) -> bool {
    names.iter().any(|name| name == about.id || name == about.group.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(only: &[&str], skip: &[&str]) -> Vec<&'static str> {
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let selection = Selection::of(own(only), own(skip)).unwrap();
        selection.entries(None).iter().map(|entry| entry.about().id).collect()
    }

    #[test]
    fn what_a_named_check_needs_is_asked_too() {
        assert_eq!(asked(&["consul-joined"], &[]), [ROLE, "consul-agent-api", "consul-joined"]);
        assert_eq!(asked(&["consul-joined"], &[ROLE]), ["consul-agent-api", "consul-joined"]);
        assert_eq!(asked(&[], &[]).len(), CHECKS.len());
        assert!(!asked(&[], &["consul"]).contains(&"consul-joined"), "a group");
        assert!(Selection::of(vec!["consul-joind".to_owned()], Vec::new()).is_err());
    }
}
