//! The agent's keys in a JSON file of the operator. Setting, changing and removing them leaves the other keys alone, and
//! removing them restores the values that they replaced.

use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// What an earlier run left in the file.
#[derive(Debug, Clone, Copy, Default)]
pub struct Before<'a> {
    /// The agent's keys that may be in the file; several sets after a crash, which may have left any of them.
    pub ours: &'a [&'a Map<String, Value>],
    /// The operator's values that those keys replaced, in the same shape.
    pub replaced: Option<&'a Map<String, Value>>,
}

/// The object with the agent's keys set, and the operator's values that they replace. Keys that an earlier run set and that
/// are no longer wanted are removed first.
pub fn set(
    found: &Map<String, Value>,
    before: Before<'_>,
    ours: &Map<String, Value>,
) -> (Map<String, Value>, Map<String, Value>) {
    let mut object = without(found, before);
    let mut replaced = Map::new();
    put_in(&mut object, ours, before.replaced, &mut replaced);
    (object, replaced)
}

/// The object without the agent's keys, with the operator's values restored.
pub fn without(found: &Map<String, Value>, before: Before<'_>) -> Map<String, Value> {
    let mut object = found.clone();
    take_out(&mut object, before.ours, before.replaced);
    object
}

/// Both objects merged; `other` wins.
pub fn merged(one: &Map<String, Value>, other: &Map<String, Value>) -> Map<String, Value> {
    set(one, Before::default(), other).0
}

/// The part of an object whose keys the agent sets, with the values found there.
pub fn pick(found: &Map<String, Value>, ours: &Map<String, Value>) -> Map<String, Value> {
    let picked = ours.iter().filter_map(|(key, value)| {
        let found = found.get(key)?;
        Some((
            key.clone(),
            match (found, value) {
                (Value::Object(found), Value::Object(ours)) => {
                    let picked = pick(found, ours);
                    if picked.is_empty() {
                        return None;
                    }
                    Value::Object(picked)
                }
                (found, _) => found.clone(),
            },
        ))
    });
    picked.collect()
}

/// The value of a key, if that is a map itself.
fn below<'a>(map: Option<&'a Map<String, Value>>, key: &str) -> Option<&'a Map<String, Value>> {
    map?.get(key)?.as_object()
}

fn put_in(
    object: &mut Map<String, Value>,
    ours: &Map<String, Value>,
    known: Option<&Map<String, Value>>,
    replaced: &mut Map<String, Value>,
) {
    for (key, value) in ours {
        if let (Some(Value::Object(object)), Value::Object(ours)) = (object.get_mut(key), value) {
            let mut inner = Map::new();
            put_in(object, ours, below(known, key), &mut inner);
            if !inner.is_empty() {
                replaced.insert(key.clone(), Value::Object(inner));
            }
            continue;
        }
        let found = object.insert(key.clone(), value.clone());
        // A value equal to the agent's counts as the operator's only if the record says so. Otherwise, once the record is
        // lost, the agent's own value would count as the operator's and stay forever.
        let was_known = found.is_some() && found.as_ref() == known.and_then(|known| known.get(key));
        if let Some(found) = found.filter(|found| was_known || found != value) {
            replaced.insert(key.clone(), found);
        }
    }
}

/// Removes the agent's keys and restores what they replaced. A value that the operator has changed since stays.
fn take_out(
    object: &mut Map<String, Value>,
    ours: &[&Map<String, Value>],
    replaced: Option<&Map<String, Value>>,
) {
    let keys: BTreeSet<&String> = ours.iter().flat_map(|set| set.keys()).collect();
    for key in keys {
        let values: Vec<&Value> = ours.iter().filter_map(|set| set.get(key)).collect();
        let was_object = object.get(key).is_some_and(Value::is_object);
        let is_gone = match object.get_mut(key) {
            None => false,
            Some(Value::Object(found)) => {
                let inner: Vec<_> = values.iter().filter_map(|value| value.as_object()).collect();
                take_out(found, &inner, below(replaced, key));
                !inner.is_empty() && found.is_empty()
            }
            Some(found) => values.contains(&&*found),
        };
        if !is_gone {
            continue;
        }
        match replaced.and_then(|replaced| replaced.get(key)) {
            // In an object of the operator, each value has already been restored by itself.
            Some(value) if !(was_object && value.is_object()) => {
                object.insert(key.clone(), value.clone());
            }
            _ => {
                object.remove(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::btree_map;
    use proptest::prelude::*;
    use serde_json::json;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn left(
        found: &Map<String, Value>,
        ours: &Map<String, Value>,
        replaced: Option<&Map<String, Value>>,
    ) -> Value {
        without(found, Before { ours: &[ours], replaced }).into()
    }

    #[test]
    fn our_keys_come_and_go_and_the_others_stay() {
        let found =
            map(json!({"auths": {"r": {"auth": "x"}}, "credHelpers": {"gcr.io": "gcloud"}}));
        let old = map(json!({"credHelpers": {"a": "ecr-login", "b": "ecr-login"}}));
        let new = map(json!({"credHelpers": {"b": "ecr-login", "c": "ecr-login"}}));
        let (first, replaced) = set(&found, Before::default(), &old);
        assert_eq!(
            first["credHelpers"],
            json!({"gcr.io": "gcloud", "a": "ecr-login", "b": "ecr-login"})
        );
        assert!(replaced.is_empty());
        let (second, _) = set(&first, Before { ours: &[&old], replaced: None }, &new);
        assert_eq!(
            second["credHelpers"],
            json!({"gcr.io": "gcloud", "b": "ecr-login", "c": "ecr-login"})
        );
        assert_eq!(left(&second, &new, None), Value::from(found));
        assert_eq!(
            Value::from(pick(&second, &new)),
            json!({"credHelpers": {"b": "ecr-login", "c": "ecr-login"}})
        );
    }

    #[test]
    fn what_the_operator_changed_stays() {
        let ours = map(json!({"dns": ["169.254.53.53"]}));
        let changed = map(json!({"dns": ["10.0.0.2"]}));
        assert_eq!(left(&changed, &ours, None), json!({"dns": ["10.0.0.2"]}));
        assert_eq!(left(&ours, &ours, None), json!({}));
    }

    #[test]
    fn what_ours_replaced_is_given_back() {
        for (found, ours) in [
            (json!({"dns": ["10.0.0.2"], "x": 1}), json!({"dns": ["169.254.53.53"]})),
            (json!({"dns": null}), json!({"dns": ["169.254.53.53"]})),
            (json!({"dns": {"a": 1}}), json!({"dns": ["169.254.53.53"]})),
            (json!({"h": {"a": "gcloud", "b": "x"}}), json!({"h": {"a": "ecr-login", "c": "y"}})),
            (json!({"h": "none"}), json!({"h": {"a": "ecr-login"}})),
            (json!({"h": null}), json!({"h": {"a": "ecr-login"}})),
        ] {
            let (found, ours) = (map(found), map(ours));
            let (first, replaced) = set(&found, Before::default(), &ours);
            let before = Before { ours: &[&ours], replaced: Some(&replaced) };
            assert_eq!(set(&first, before, &ours), (first.clone(), replaced.clone()), "settled");
            assert_eq!(left(&first, &ours, Some(&replaced)), Value::from(found));
        }
    }

    #[test]
    fn the_operators_newest_value_is_the_one_to_give_back() {
        let ours = map(json!({"dns": ["169.254.53.53"]}));
        let replaced = map(json!({"dns": ["10.0.0.2"]}));
        let before = Before { ours: &[&ours], replaced: Some(&replaced) };
        let newer = map(json!({"dns": ["10.0.0.3"]}));
        assert_eq!(set(&newer, before, &ours), (ours.clone(), newer));
        let taken_out = set(&map(json!({})), before, &ours);
        assert_eq!(taken_out, (ours.clone(), Map::new()), "the operator has none any more");
        // The agent now wants the value that the operator had, which stays on record as the operator's.
        let same = set(&ours, before, &replaced);
        assert_eq!(same, (replaced.clone(), replaced.clone()));
    }

    /// Objects of up to two levels with few keys. The values begin with `of`, so objects with different names share no
    /// value.
    fn object(of: &'static str) -> impl Strategy<Value = Map<String, Value>> {
        let leaf = move || (0..3u8).prop_map(move |number| json!(format!("{of}{number}")));
        let inner = btree_map("[a-c]", leaf(), 1..3);
        let inner = inner.prop_map(|map| Value::Object(map.into_iter().collect()));
        btree_map("[a-c]", prop_oneof![leaf(), inner], 0..3)
            .prop_map(|map| map.into_iter().collect())
    }

    proptest! {
        #[test]
        fn what_comes_and_goes_leaves_the_file_as_it_was(
            found in object("theirs"), first in object("ours"), second in object("ours"),
        ) {
            let (once, replaced) = set(&found, Before::default(), &first);
            let before = Before { ours: &[&first], replaced: Some(&replaced) };
            prop_assert_eq!(&set(&once, before, &first), &(once.clone(), replaced.clone()));
            prop_assert_eq!(&without(&once, before), &found);
            let (twice, replaced) = set(&once, before, &second);
            let after = Before { ours: &[&second], replaced: Some(&replaced) };
            prop_assert_eq!(&without(&twice, after), &found);
            // A crash can leave either set of the agent's keys, and both are on record.
            let both = Before { ours: &[&first, &second], replaced: Some(&replaced) };
            prop_assert_eq!(&set(&twice, both, &second), &(twice.clone(), replaced.clone()));
        }
    }

    #[test]
    fn whatever_a_crash_left_of_ours_is_not_the_operators() {
        let (old, new) = (map(json!({"dns": ["a"]})), map(json!({"dns": ["b"]})));
        let replaced = map(json!({"dns": ["10.0.0.2"]}));
        let before = Before { ours: &[&old, &new], replaced: Some(&replaced) };
        for found in [&old, &new, &replaced] {
            assert_eq!(set(found, before, &new), (new.clone(), replaced.clone()), "{found:?}");
            assert_eq!(without(found, before), replaced, "{found:?}");
        }
    }
}
