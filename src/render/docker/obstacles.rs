//! What in docker's `config.json` keeps Nomad from the credential helper, for who reads the file without changing it.

use super::logins::{expires, notes};
use super::{HELPER, HELPERS};
use serde_json::{Map, Value};

/// What stands in the way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Obstacles {
    /// Why Nomad rejects the whole file, as sentences.
    pub rejected: Vec<String>,
    /// The hosts that have another helper or none.
    pub without_helper: Vec<String>,
    /// The entries of `auths` that hold a login of ECR for one of the hosts, which `apply` removes.
    pub expiring: Vec<String>,
    /// What else Nomad prefers, as sentences.
    pub others: Vec<String>,
}

/// Reads the file for these hosts.
pub fn obstacles(file: &Map<String, Value>, hosts: &[String]) -> Obstacles {
    let mut found = Obstacles::default();
    let ours: Map<String, Value> =
        hosts.iter().map(|host| (host.clone(), Value::from(HELPER))).collect();
    for (key, value) in file {
        for note in notes(key, value, &ours) {
            let list = if note.is_fatal { &mut found.rejected } else { &mut found.others };
            list.push(note.words);
        }
        let logins = value.as_object().filter(|_| key.eq_ignore_ascii_case("auths"));
        for (entry, login) in logins.into_iter().flatten() {
            if expires(entry, login, &ours) {
                found.expiring.push(entry.clone());
            }
        }
    }
    // The notes are about what stays in the file; a login of ECR is listed apart.
    found
        .others
        .retain(|words| !found.expiring.iter().any(|entry| words.contains(&format!("{entry:?}"))));
    let helpers = file.get(HELPERS).and_then(Value::as_object);
    let has = |host: &String| {
        helpers.and_then(|helpers| helpers.get(host)).is_some_and(|helper| *helper == *HELPER)
    };
    found.without_helper = hosts.iter().filter(|host| !has(host)).cloned().collect();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::json;

    const HOST: &str = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";

    fn found(file: Value) -> Obstacles {
        obstacles(file.as_object().unwrap(), &[HOST.to_owned()])
    }

    #[test]
    fn what_the_agent_writes_has_no_obstacle() {
        let other = STANDARD.encode("ci:hush");
        for file in [
            json!({"credHelpers": {HOST: "ecr-login"}}),
            json!({"credHelpers": {HOST: "ecr-login", "x": "y"}, "auths": {"docker.io": {"auth": other}}}),
        ] {
            assert_eq!(found(file), Obstacles::default());
        }
    }

    #[test]
    fn each_obstacle_has_its_place() {
        let helpers = || json!({HOST: "ecr-login"});
        let aws = STANDARD.encode("AWS:hush");
        let entry = format!("https://{HOST}");
        let expired = found(json!({"credHelpers": helpers(), "auths": {&entry: {"auth": aws}}}));
        assert_eq!(expired, Obstacles { expiring: vec![entry], ..Obstacles::default() });
        let ci = STANDARD.encode("ci:hush");
        let other = found(json!({"credHelpers": helpers(), "auths": {HOST: {"auth": ci}}}));
        assert!(other.expiring.is_empty() && other.others[0].contains("docker logout"));
        assert!(!other.others[0].contains("hush"));
        let broken = found(json!({"credHelpers": helpers(), "auths": {"x": {"auth": "hush!"}}}));
        assert_eq!(broken.rejected.len(), 1);
        let store = found(json!({"credHelpers": helpers(), "credsStore": "ecr-login"}));
        assert!(store.others[0].contains("for every registry"));
        for file in [json!({}), json!({"credHelpers": {HOST: "pass"}}), json!({"credHelpers": {}})]
        {
            assert_eq!(found(file).without_helper, [HOST]);
        }
    }
}
