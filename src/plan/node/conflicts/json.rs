//! Reads the keys of a JSON file. It parses into no map, because a key that occurs twice counts twice, as it does for the
//! daemons.

use super::setting::{Setting, Unclear, is_off};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use std::fmt;

/// The settings of a file, in file order. `by_hcl`: HCL's own JSON reader reads this file (`.hcl` files, and all of
/// Nomad's). That reader understands lists in lists and keys with escapes in another way, so these are errors
/// (<https://github.com/hashicorp/hcl/tree/v1.0.0/json/parser>).
pub(super) fn settings(text: &str, by_hcl: bool) -> Result<Vec<Setting>, Unclear> {
    let mut found = Found { path: Vec::new(), settings: Vec::new(), by_hcl, in_list: false };
    let mut reader = serde_json::Deserializer::from_str(text);
    Level(&mut found)
        .deserialize(&mut reader)
        .and_then(|()| reader.end())
        .map_err(|error| Unclear { line: error.line(), problem: "expected JSON" })?;
    Ok(found.settings)
}

/// The settings of a document.
pub(super) fn settings_of(document: &Value) -> Vec<Setting> {
    let mut found = Found { path: Vec::new(), settings: Vec::new(), by_hcl: false, in_list: false };
    // Reading a value fails only where it is nested too deeply, and the daemon's validator refuses that too.
    match Level(&mut found).deserialize(document) {
        Ok(()) => found.settings,
        Err(_) => Vec::new(),
    }
}

struct Found {
    path: Vec<String>,
    settings: Vec<Setting>,
    by_hcl: bool,
    in_list: bool,
}

impl Found {
    fn set(&mut self, off: bool) {
        self.settings.push(Setting { path: self.path.clone(), off });
    }
}

/// Reads the value at the current path.
struct Level<'a>(&'a mut Found);

impl<'de> DeserializeSeed<'de> for Level<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Level<'_> {
    /// Records a literal, unless it is an item of a list: the list is recorded as a whole.
    fn literal<E>(self, off: bool) -> Result<(), E> {
        if !self.0.in_list {
            self.0.set(off);
        }
        Ok(())
    }
}

impl<'de> Visitor<'de> for Level<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.literal(!value)
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        self.literal(false)
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.literal(value == 0)
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.literal(false)
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.literal(is_off(value))
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.literal(false)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let found = self.0;
        if found.in_list && found.by_hcl {
            return Err(serde::de::Error::custom("a list inside a list"));
        }
        let (before, was_in_list) = (found.settings.len(), found.in_list);
        found.in_list = true;
        while items.next_element_seed(Level(found))?.is_some() {}
        found.in_list = was_in_list;
        if found.settings.len() == before && !was_in_list {
            found.set(false);
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let found = self.0;
        let (before, was_in_list) = (found.settings.len(), found.in_list);
        found.in_list = false;
        while let Some(key) = items.next_key::<Key>()? {
            if key.has_escapes && found.by_hcl {
                return Err(serde::de::Error::custom("a key with an escape"));
            }
            found.path.push(key.text);
            items.next_value_seed(Level(found))?;
            found.path.pop();
        }
        found.in_list = was_in_list;
        if found.settings.len() == before && !found.path.is_empty() {
            found.set(false);
        }
        Ok(())
    }
}

/// A key, and whether it was written with escapes: serde_json borrows only a key without escapes from the text.
struct Key {
    text: String,
    has_escapes: bool,
}

impl<'de> serde::Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl<'de> Visitor<'de> for Name {
            type Value = Key;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a key")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Key, E> {
                Ok(Key { text: text.to_owned(), has_escapes: false })
            }

            fn visit_str<E>(self, text: &str) -> Result<Key, E> {
                Ok(Key { text: text.to_owned(), has_escapes: true })
            }
        }
        deserializer.deserialize_str(Name)
    }
}
