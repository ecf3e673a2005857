//! One login in docker's `config.json`, read as by docker's client (docker/cli 24.0.6, the version in Nomad 1.6.3).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// The string fields of a login, besides `username` and `auth` (docker/cli, `types.AuthConfig`).
const TEXTS: [&str; 5] = ["password", "email", "serveraddress", "identitytoken", "registrytoken"];

/// The host of an entry.
pub(super) fn host(entry: &str) -> &str {
    let bare = entry.strip_prefix("http://").or_else(|| entry.strip_prefix("https://"));
    bare.unwrap_or(entry).split('/').next().unwrap_or_default()
}

/// The user of a login.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum User {
    /// This user.
    Named(String),
    /// No user.
    Nobody,
    /// `auth` does not decode.
    BrokenAuth,
    /// The entry has another type.
    Broken,
}

/// The user of a login: the one in `auth`, else `username`. The password is not looked at.
pub(super) fn user(login: &Value) -> User {
    let login = match login {
        Value::Object(login) => login,
        Value::Null => return User::Nobody,
        _ => return User::Broken,
    };
    let text = |name: &str| {
        let mut found = login.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        match found.next_back() {
            None | Some((_, Value::Null)) => Ok(""),
            Some((_, Value::String(text))) => Ok(text.as_str()),
            Some(_) => Err(User::Broken),
        }
    };
    let (Ok(auth), Ok(username)) = (text("auth"), text("username")) else {
        return User::Broken;
    };
    if TEXTS.iter().any(|name| text(name).is_err()) {
        return User::Broken;
    }
    if auth.is_empty() {
        return if username.is_empty() { User::Nobody } else { User::Named(username.to_owned()) };
    }
    // Go's decoder ignores line ends.
    let bare: String = auth.chars().filter(|char| !matches!(char, '\n' | '\r')).collect();
    let Ok(decoded) = STANDARD.decode(bare) else { return User::BrokenAuth };
    match decoded.iter().position(|byte| *byte == b':') {
        Some(end) if end > 0 => User::Named(String::from_utf8_lossy(&decoded[..end]).into_owned()),
        _ => User::BrokenAuth,
    }
}
