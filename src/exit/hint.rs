//! What to do about an error. The error itself says it; a walk along the chain of causes finds it.
//!
//! A *topic* is one piece of advice under a stable id, by which people look it up. Its text is in one place. An error chooses
//! a topic and fills in its own values; the result is the *advice*.

use std::error::Error;

/// One piece of advice. `{name}` in its text stands for a value of the error.
#[derive(Debug, PartialEq, Eq)]
pub struct Topic {
    /// In kebab-case, unique in the program, and never renamed, because people look it up.
    pub id: &'static str,
    /// What to do, in the imperative.
    pub text: &'static str,
}

/// A topic with the values of one error in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// The id of the topic.
    pub id: &'static str,
    /// What to do.
    pub text: String,
    /// Whether this advice goes before the advice of the causes.
    is_conclusive: bool,
}

/// An error that may say what to do about it. Its type must be in the registry of `src/error/`; otherwise it is never asked.
pub trait Hint: Error + 'static {
    /// Every topic that this type chooses from.
    const TOPICS: &'static [Topic];

    /// What to do about this error. `None`: the causes, or the error around it, may say so.
    fn hint(&self) -> Option<Advice>;
}

/// A type that implements [`Hint`], as the registry holds it.
pub struct Registered {
    /// The path of the type.
    pub type_name: fn() -> &'static str,
    /// Every topic of the type.
    pub topics: &'static [Topic],
    hint: fn(&(dyn Error + 'static)) -> Option<Advice>,
}

impl Topic {
    /// The topic as it is.
    pub fn plain(&self) -> Advice {
        self.with(&[])
    }

    /// The topic with values in place of their names. Braces around anything else stay.
    pub fn with(&self, values: &[(&str, &dyn std::fmt::Display)]) -> Advice {
        let mut text = String::new();
        let mut rest = self.text;
        while let Some((before, after)) = rest.split_once('{') {
            text.push_str(before);
            let named = after.split_once('}').and_then(|(name, after)| {
                values.iter().find(|(known, _)| *known == name).map(|(_, value)| (value, after))
            });
            rest = if let Some((value, after)) = named {
                text.push_str(&value.to_string());
                after
            } else {
                text.push('{');
                after
            };
        }
        text.push_str(rest);
        Advice { id: self.id, text, is_conclusive: false }
    }
}

impl Advice {
    /// This advice goes before the advice of the causes.
    #[must_use]
    pub fn conclusive(self) -> Self {
        Self { is_conclusive: true, ..self }
    }
}

impl Registered {
    /// The entry of a type in the registry.
    pub const fn new<E: Hint>() -> Self {
        Self {
            type_name: std::any::type_name::<E>,
            topics: E::TOPICS,
            hint: |error| error.downcast_ref::<E>().and_then(E::hint),
        }
    }
}

/// What to do about an error: the advice of the innermost cause that has advice, because it knows the most.
pub fn advice(error: &(dyn Error + 'static), registry: &[Registered]) -> Option<Advice> {
    let mut found = None;
    let mut next = Some(error);
    while let Some(error) = next {
        next = error.source();
        found = registry.iter().find_map(|known| (known.hint)(error)).or(found);
        if found.as_ref().is_some_and(|advice: &Advice| advice.is_conclusive) {
            break;
        }
    }
    found
}

/// The topics of a module: a constant for each, and `TOPICS`, which holds them all.
macro_rules! topics {
    ($($(#[$doc:meta])* $name:ident: $id:literal, $text:expr;)+) => {
        $($(#[$doc])* pub(crate) const $name: $crate::exit::hint::Topic = $crate::exit::hint::Topic { id: $id, text: $text };)+
        /// All of them.
        pub(crate) const TOPICS: &[$crate::exit::hint::Topic] = &[$($name),+];
    };
}
pub(crate) use topics;

#[cfg(test)]
mod tests {
    use super::*;

    topics! {
        RETAG: "retag", "set `{key}` to {value} in `tags { {key} }`, not {other}";
        LOOK: "look", "look at the journal";
    }

    #[derive(Debug, thiserror::Error)]
    #[error("inner")]
    struct Inner {
        is_known: bool,
    }

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer {
        is_conclusive: bool,
        source: Inner,
    }

    impl Hint for Inner {
        const TOPICS: &'static [Topic] = TOPICS;

        fn hint(&self) -> Option<Advice> {
            self.is_known.then(|| RETAG.with(&[("key", &"a"), ("value", &"{key}")]))
        }
    }

    impl Hint for Outer {
        const TOPICS: &'static [Topic] = TOPICS;

        fn hint(&self) -> Option<Advice> {
            let advice = LOOK.plain();
            Some(if self.is_conclusive { advice.conclusive() } else { advice })
        }
    }

    #[test]
    fn values_stand_in_place_of_their_names_and_other_braces_stay() {
        let advice = RETAG.with(&[("key", &"a"), ("value", &"{key}")]);
        assert_eq!(advice.text, "set `a` to {key} in `tags { a }`, not {other}");
        let open = Topic { id: "x", text: "a { b" };
        assert_eq!(open.plain().text, "a { b");
    }

    #[test]
    fn the_innermost_cause_advises_unless_an_outer_one_knows_better() {
        let registry = [Registered::new::<Inner>(), Registered::new::<Outer>()];
        for (is_known, is_conclusive, expected) in [
            (true, false, "retag"),
            (true, true, "look"),
            (false, false, "look"),
            (false, true, "look"),
        ] {
            let error = Outer { is_conclusive, source: Inner { is_known } };
            let found = advice(&error, &registry).map(|advice| advice.id);
            assert_eq!(found, Some(expected), "{error:?}");
        }
        let silent = Inner { is_known: false };
        assert_eq!(advice(&silent, &registry), None);
        let outside = std::io::Error::other(Inner { is_known: true });
        assert_eq!(advice(&outside, &registry), None, "an error of another crate advises nothing");
    }
}
