//! Logins in docker's `config.json` that Nomad would use before the credential helper.
//!
//! Nomad looks in `auths` first, then `credHelpers`, then `credsStore`, and uses the first login that it finds
//! (`drivers/docker/utils.go`, `authFromDockerConfig`, Nomad 1.6.3). It reads the file as docker's client does: keys in any
//! case, as Go reads JSON, and hosts with or without `http://`, `https://` and a path (docker/cli, `ConvertToHostname`).

use super::login::{User, host, user};
use super::{CONFIG, HELPERS, Note};
use crate::state::Amended;
use serde_json::{Map, Value};

/// The user of the logins that `aws ecr get-login-password` makes.
///
/// <https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html>: such a login lasts for 12 hours.
const USER: &str = "AWS";

/// Removes the ECR logins for the hosts of our helpers from the file. The notes name what else keeps Nomad from the helper.
pub(super) fn take_out(file: &mut Map<String, Value>, ours: &Map<String, Value>) -> Amended {
    let mut amended = Amended::default();
    let Some(Value::Object(hosts)) = ours.get(HELPERS) else { return amended };
    for (key, value) in &mut *file {
        if key.eq_ignore_ascii_case("auths")
            && let Value::Object(entries) = value
        {
            entries.retain(|entry, login| {
                let expires = expires(entry, login, hosts);
                if expires {
                    amended.changes.push(taken_out(entry));
                }
                !expires
            });
        }
    }
    // A table that held only such logins is now empty and goes too.
    if !amended.changes.is_empty() {
        file.retain(|key, value| {
            !key.eq_ignore_ascii_case("auths")
                || value.as_object().is_none_or(|entries| !entries.is_empty())
        });
    }
    for (key, value) in &*file {
        amended.notes.extend(notes(key, value, hosts).into_iter().map(|note| note.words));
    }
    amended
}

/// Whether a login is one of ECR for a host of our helpers.
pub(super) fn expires(entry: &str, login: &Value, hosts: &Map<String, Value>) -> bool {
    hosts.contains_key(host(entry)) && user(login) == User::Named(USER.to_owned())
}

/// The notes about one key of the file.
pub(super) fn notes(key: &str, value: &Value, hosts: &Map<String, Value>) -> Vec<Note> {
    let refused = |what: &str| Note { is_fatal: true, words: refused(what) };
    match (key.to_ascii_lowercase().as_str(), value) {
        ("auths" | "credhelpers" | "credsstore", Value::Null) => Vec::new(),
        ("auths", Value::Object(entries)) => {
            entries.iter().filter_map(|(entry, login)| other(entry, login, hosts)).collect()
        }
        ("credhelpers", Value::Object(entries)) => {
            let is_broken = |value: &Value| !value.is_string() && !value.is_null();
            let broken = entries.iter().filter(|(_, helper)| is_broken(helper));
            broken
                .map(|(entry, _)| refused(&format!("the helper for {entry:?} is not a string")))
                .collect()
        }
        ("credsstore", Value::String(store)) if store.is_empty() => Vec::new(),
        ("credsstore", Value::String(store)) => vec![Note {
            is_fatal: false,
            words: format!(
                "{CONFIG}: `{key}` is {store:?}, so Nomad runs docker-credential-{} for every registry without an entry of \
                 its own, and a task fails if that helper fails; use `credHelpers` to set a helper for single registries",
                store.escape_debug()
            ),
        }],
        // The agent replaces this key.
        ("credhelpers", _) if key == HELPERS => Vec::new(),
        ("auths" | "credhelpers", _) => vec![refused(&format!("`{key}` is not a JSON object"))],
        ("credsstore", _) => vec![refused(&format!("`{key}` is not a string"))],
        _ => Vec::new(),
    }
}

/// The note about something that docker's client cannot read, and so Nomad cannot either.
fn refused(what: &str) -> String {
    format!(
        "{CONFIG}: {what}, so Nomad rejects the file, and every task that pulls an image fails; correct or remove it"
    )
}

/// The words about a login that is removed.
fn taken_out(entry: &str) -> String {
    format!(
        "remove the login of {USER} for {entry:?}, which expires after 12 hours and which Nomad prefers to the credential helper"
    )
}

/// The note about an entry that stays.
fn other(entry: &str, login: &Value, hosts: &Map<String, Value>) -> Option<Note> {
    let broken = |what: &str| {
        let words = refused(&format!("the login for {entry:?} {what}"));
        Some(Note { is_fatal: true, words })
    };
    let who = match user(login) {
        User::Broken => return broken("is not a JSON object of strings"),
        User::BrokenAuth => {
            return broken("has an `auth` that is not base64 of USER:PASSWORD");
        }
        User::Named(user) => format!("as the user {user:?}"),
        User::Nobody => "without a user".to_owned(),
    };
    hosts.contains_key(host(entry)).then(|| Note {
        is_fatal: false,
        words: format!(
            "{CONFIG}: Nomad prefers the login for {entry:?} {who} to the credential helper, even after the login expires; to \
             remove it, run `docker logout {}`",
            host(entry)
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::json;

    const HOST: &str = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";

    fn taken(file: Value) -> (Value, Amended) {
        let ours = json!({HELPERS: {HOST: "ecr-login"}});
        let mut file = file.as_object().unwrap().clone();
        let logins = take_out(&mut file, ours.as_object().unwrap());
        (file.into(), logins)
    }

    fn auth(text: &str) -> String {
        STANDARD.encode(text)
    }

    #[test]
    fn a_login_of_ecr_goes_in_every_spelling_that_nomad_matches() {
        for entry in [
            HOST.to_owned(),
            format!("https://{HOST}"),
            format!("http://{HOST}"),
            format!("https://{HOST}/"),
            format!("https://{HOST}/v2/"),
            format!("{HOST}/app"),
        ] {
            for login in [
                json!({"auth": auth("AWS:token")}),
                json!({"Auth": auth("AWS:a:b"), "email": "x"}),
                json!({"auth": auth("AWS:")}),
                json!({"auth": format!("{}\n", auth("AWS:token"))}),
                json!({"username": "AWS", "password": "token"}),
                json!({"auth": auth("AWS:token"), "username": "other"}),
            ] {
                for key in ["auths", "Auths"] {
                    let (left, logins) = taken(json!({key: {&entry: login}, "x": 1}));
                    assert_eq!(left, json!({"x": 1}), "{entry} {login}");
                    assert_eq!(logins, Amended { changes: vec![taken_out(&entry)], notes: vec![] });
                }
            }
        }
    }

    #[test]
    fn every_other_login_stays() {
        let aws = json!({"auth": auth("AWS:token")});
        for entry in [
            "docker.io".to_owned(),
            format!("{HOST}:443"),
            format!("https://{HOST}:443/"),
            format!("ftp://{HOST}"),
            format!("x.{HOST}"),
            HOST.replace("1234", "4321"),
        ] {
            let file = json!({"auths": {entry: aws}});
            assert_eq!(taken(file.clone()), (file, Amended::default()));
        }
    }

    #[test]
    fn what_nomad_makes_of_the_rest_is_said_without_a_secret() {
        let secret = auth("ci:hush");
        for (file, words) in [
            (
                json!({"auths": {HOST: {"auth": secret}}}),
                "as the user \"ci\" to the credential helper",
            ),
            (
                json!({"auths": {HOST: {"username": "aws", "password": "hush"}}}),
                "as the user \"aws\"",
            ),
            (json!({"auths": {HOST: {}}}), "without a user to the credential helper"),
            (json!({"auths": {HOST: {"identitytoken": "hush"}}}), "without a user"),
            (
                json!({"auths": {"other.example": {"auth": "hush!"}}}),
                "\"other.example\" has an `auth`",
            ),
            (
                json!({"auths": {"other.example": {"auth": auth("hush")}}}),
                "\"other.example\" has an `auth`",
            ),
            (
                json!({"auths": {"other.example": {"auth": auth(":hush")}}}),
                "\"other.example\" has an `auth`",
            ),
            (json!({"auths": {"other.example": "hush"}}), "is not a JSON object of strings"),
            (json!({"auths": {"other.example": {"auth": 5}}}), "is not a JSON object of strings"),
            (
                json!({"auths": {"other.example": {"password": 5}}}),
                "is not a JSON object of strings",
            ),
            (json!({"auths": ["hush"]}), "`auths` is not a JSON object"),
            (
                json!({"credHelpers": {"other.example": 5}}),
                "the helper for \"other.example\" is not a string",
            ),
            (json!({"credhelpers": ["hush"]}), "`credhelpers` is not a JSON object"),
            (json!({"credsStore": 5}), "`credsStore` is not a string"),
            (
                json!({"credsStore": "ecr-login"}),
                "runs docker-credential-ecr-login for every registry",
            ),
            (json!({"credsstore": "pass"}), "`credsstore` is \"pass\""),
        ] {
            let (left, logins) = taken(file.clone());
            assert_eq!(left, file);
            let notes = logins.notes.join("\n");
            assert!(logins.notes.len() == 1 && notes.contains(words), "{file}: {notes}");
            assert!(!notes.contains("hush") && !notes.contains(&secret), "{notes}");
        }
        for file in [
            json!({"auths": null}),
            json!({"credsStore": ""}),
            json!({"auths": {}}),
            json!({"credHelpers": ["hush"]}),
            json!({"auths": {"r": {"auth": secret}}}),
        ] {
            assert_eq!(taken(file.clone()), (file, Amended::default()));
        }
    }
}
