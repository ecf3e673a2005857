//! PURE: what a secret is, and how to show text that may hold one. All output of the program goes through [`masked`] or
//! [`mask_json`], because people put secrets in other places than the files that are meant for them.

mod mask;
mod strict;
mod tables;

pub use mask::{masked, quoted_values};
use serde_json::Value;
use std::borrow::Cow;
pub use strict::{file_masked, log_masked, mask_json_strictly, private_keys, values};

/// What is shown in place of a secret.
pub const MASK: &str = "…";
/// Names of secrets in Consul, Nomad, docker, Vault and AWS, in lower case and without `_` and `-`.
const NAMES: [&str; 3] = ["auth", "encrypt", "cookie"];
/// The endings of such names.
const ENDS: [&str; 15] = [
    "accesskey",
    "apikey",
    "authorization",
    "credentials",
    "encryptionkey",
    "gossipkey",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "secret",
    "secretid",
    "secretkey",
    "signingkey",
    "token",
];

/// Whether a dotted key holds a secret, by its last name, or because it is in a table of tokens.
pub fn is_secret(path: &str) -> bool {
    let mut names = path.rsplit('.').map(plain);
    let last = names.next().unwrap_or_default();
    let mut tables = names;
    is_name(&last) || tables.any(|table| table == "tokens" || table == "auths")
}

fn plain(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-')).map(|c| c.to_ascii_lowercase()).collect()
}

/// Whether a name in lower case, without `_` and `-`, is that of a secret.
fn is_name(plain: &str) -> bool {
    NAMES.contains(&plain) || ENDS.iter().any(|end| plain.ends_with(end))
}

/// Whether a value looks like a secret, whatever its name: a UUID, as the tokens of Consul and Nomad are, 20 or more
/// characters with lower case, upper case and digits, or a text that [`masked`] changes.
pub fn looks_secret(value: &str) -> bool {
    is_uuid(value) || is_random(value) || masked(value) != value
}

fn is_uuid(value: &str) -> bool {
    let groups: Vec<&str> = value.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.concat().bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_random(value: &str) -> bool {
    let body = value.trim_end_matches('=');
    let has = |kind: fn(&u8) -> bool| body.as_bytes().iter().any(kind);
    body.len() >= 20
        && !value.starts_with('/')
        && body.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/_-.".contains(&byte))
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_digit)
}

/// Whether a value is empty or masked already.
fn is_masked(value: &str) -> bool {
    value.is_empty() || value == MASK || value.starts_with("sha256:")
}

/// Masks every text in a JSON value. A text below the name of a secret is masked whole, and so is one in a table
/// `extra` that looks like a secret.
pub fn mask_json(value: &mut Value) {
    for_each_text(value, "", &mut |path, text| {
        let in_extra = || path.split('.').any(|name| name == "extra");
        if is_masked(text) {
            return;
        }
        if is_secret(path) || in_extra() && looks_secret(text) {
            MASK.clone_into(text);
        } else if let Cow::Owned(masked) = masked(text) {
            *text = masked;
        }
    });
}

/// Calls `each` for each text in a JSON value with its dotted path; an item of a list has the path of the list.
pub fn for_each_text(value: &mut Value, path: &str, each: &mut impl FnMut(&str, &mut String)) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                for_each_text(value, &path, each);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| for_each_text(item, path, each)),
        Value::String(text) => each(path, text),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn no_value_of_a_secret_is_left() {
        for text in [
            "export CONSUL_HTTP_TOKEN=hush",
            "Environment=NOMAD_TOKEN=hush",
            "Environment=\"NOMAD_TOKEN=hush\"",
            "  \"encrypt\": \"hush\",",
            "{\\\"encrypt\\\": \\\"hush\\\"}",
            "secret_key = 'hush'",
            "api-key: hush",
            "apiKey => hush",
            "X-Nomad-Token: hush",
            "Authorization: Bearer hush",
            "'Authorization: AWS4-HMAC-SHA256 Credential=hush, Signature=hush'",
            "provider=aws access_key_id=AKIA secret_access_key=hush region=x",
            "http://user:hush@proxy.example:3128/",
            "postgres://hush@db/",
            "got unconvertible type 'string', value: 'hush' and value: \"hush\"",
            "token = [\"hush\", \"hush\"]",
            "token = [\"hush\", \"hush\"",
            "password=\"a\\\"hush\"",
            "-token=hush --token hush=1 -token=hush",
            "token: 5d7f4f9e-1c3b-4a55-9d0e-0123456789ab hush=".split(" hush").next().unwrap(),
            "tokens { agent = \"x\" } agent_token=\"hush\\n",
        ] {
            let shown = masked(text).replace("--token hush=1", "");
            assert!(!shown.contains("hush") && !shown.contains("5d7f"), "{text}\n{shown}");
            assert!(shown.contains(MASK), "{shown}");
            assert_eq!(masked(&shown), shown, "what is masked stays so");
        }
    }

    #[test]
    fn what_is_no_secret_is_left() {
        for text in [
            "no token: connection refused",
            "the token: 404 Not Found, expected 200",
            "provider=aws region=eu-central-1 tag_key=cos:consul-server tag_value=demo addr_type=private_v4",
            "\"auth\": [{ \"config\": \"/etc/docker/config.json\" }]",
            "\"enable_token_persistence\": true, token_ttl = \"30s\"",
            "key_file = \"/etc/tls/key.pem\"",
            "http://169.254.169.254/latest/meta-data/ and https://a.example/b@c",
            "tag `cos:servers` = \"3 \", expected 1, 3, 5 or 7",
            "\"encrypt\": \"sha256:0123abcd\"",
            "token = \"\"",
        ] {
            assert_eq!(masked(text), text);
        }
    }

    #[test]
    fn no_text_is_too_strange() {
        for seed in 0..20_000 {
            let mut random = fastrand::Rng::with_seed(seed);
            let pieces = [
                "token",
                "=",
                ":",
                " ",
                "\"",
                "'",
                "\\",
                "://",
                "@",
                "[",
                "{",
                "é",
                "value: ",
                "\n",
                "x",
                "secret_key",
            ];
            let text: String =
                (0..random.usize(..20)).map(|_| pieces[random.usize(..pieces.len())]).collect();
            let shown = masked(&text).into_owned();
            assert!(shown.len() <= text.len() + 60, "{text:?}");
            let _ = quoted_values(&text);
        }
    }

    #[test]
    fn what_looks_like_a_secret_is_known() {
        for value in [
            "5d7f4f9e-1c3b-4a55-9d0e-0123456789ab",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY1",
            "https://u:p@h/",
        ] {
            assert!(looks_secret(value), "{value}");
        }
        for value in [
            "i-0123456789abcdef0",
            "/opt/Some/Long/Path/With1Number",
            "eu-central-1",
            "provider=aws region=x",
        ] {
            assert!(!looks_secret(value), "{value}");
        }
    }

    #[test]
    fn json_is_masked_by_the_names_above_a_value() {
        let mut value = json!({
            "acl": { "tokens": { "agent": "hush" } },
            "extra": { "client": { "meta": { "x": "5d7f4f9e-1c3b-4a55-9d0e-0123456789ab", "y": "plain" } } },
            "list": ["a", "secret_key=hush"],
            "diff": "+  \"encrypt\": \"sha256:01234567\"",
            "encrypt": "sha256:01234567",
        });
        mask_json(&mut value);
        let text = value.to_string();
        assert!(!text.contains("hush") && !text.contains("5d7f"), "{text}");
        assert!(text.contains("plain") && text.matches("sha256:").count() == 2, "{text}");
    }

    #[test]
    fn the_values_of_a_file_are_those_that_a_validator_may_quote() {
        let text = "acl_ttl = \"hush\"\nx \"label\" { \"key\" = \"other value\" }\n{\"a\": \"json value\", \"p\": \"/etc/x\", \"n\": \"10.0.0.1\"}";
        assert_eq!(quoted_values(text), ["hush", "other value", "json value"]);
    }
}
