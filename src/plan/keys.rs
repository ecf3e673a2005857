//! Keys of ours in a JSON file of the operator: set, changed and taken back without touching the others.

use serde_json::{Map, Value};

/// The object with our keys set. What we set last time and no longer want is taken out first.
pub fn set(
    found: &Map<String, Value>,
    before: Option<&Map<String, Value>>,
    ours: &Map<String, Value>,
) -> Map<String, Value> {
    let mut object = found.clone();
    if let Some(before) = before {
        take_out(&mut object, before);
    }
    put_in(&mut object, ours);
    object
}

/// The object without our keys.
pub fn without(found: &Map<String, Value>, ours: &Map<String, Value>) -> Map<String, Value> {
    let mut object = found.clone();
    take_out(&mut object, ours);
    object
}

/// Of an object, the keys that are ours, with the values that they have there.
pub fn pick(found: &Map<String, Value>, ours: &Map<String, Value>) -> Map<String, Value> {
    let picked = ours.iter().filter_map(|(key, value)| {
        let found = found.get(key)?;
        Some((
            key.clone(),
            match (found, value) {
                (Value::Object(found), Value::Object(ours)) => Value::Object(pick(found, ours)),
                (found, _) => found.clone(),
            },
        ))
    });
    picked.collect()
}

fn put_in(object: &mut Map<String, Value>, ours: &Map<String, Value>) {
    for (key, value) in ours {
        match (object.get_mut(key), value) {
            (Some(Value::Object(object)), Value::Object(ours)) => put_in(object, ours),
            _ => {
                object.insert(key.clone(), value.clone());
            }
        }
    }
}

/// A value that the operator changed since is the operator's and stays.
fn take_out(object: &mut Map<String, Value>, ours: &Map<String, Value>) {
    for (key, value) in ours {
        let gone = match (object.get_mut(key), value) {
            (Some(Value::Object(object)), Value::Object(ours)) => {
                take_out(object, ours);
                object.is_empty()
            }
            (Some(found), value) => found == value,
            (None, _) => false,
        };
        if gone {
            object.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn our_keys_come_and_go_and_the_others_stay() {
        let found =
            map(json!({"auths": {"r": {"auth": "x"}}, "credHelpers": {"gcr.io": "gcloud"}}));
        let old = map(json!({"credHelpers": {"a": "ecr-login", "b": "ecr-login"}}));
        let new = map(json!({"credHelpers": {"b": "ecr-login", "c": "ecr-login"}}));
        let first = set(&found, None, &old);
        assert_eq!(
            first["credHelpers"],
            json!({"gcr.io": "gcloud", "a": "ecr-login", "b": "ecr-login"})
        );
        let second = set(&first, Some(&old), &new);
        assert_eq!(
            second["credHelpers"],
            json!({"gcr.io": "gcloud", "b": "ecr-login", "c": "ecr-login"})
        );
        assert_eq!(without(&second, &new), found);
        assert_eq!(
            Value::from(pick(&second, &new)),
            json!({"credHelpers": {"b": "ecr-login", "c": "ecr-login"}})
        );
    }

    #[test]
    fn what_the_operator_changed_stays() {
        let ours = map(json!({"dns": ["169.254.53.53"]}));
        let changed = map(json!({"dns": ["10.0.0.2"]}));
        assert_eq!(without(&changed, &ours), changed);
        assert!(without(&ours, &ours).is_empty());
    }
}
