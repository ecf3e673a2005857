//! The values of settings that have a syntax of their own, and the JSON schema of each.

use super::network::{LinkLocal, RegistryHost};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// A released version, such as `1.10.5` or `1.8.8+ent`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Release(pub semver::Version);

impl TryFrom<String> for Release {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let bare = text.trim().trim_start_matches('v');
        semver::Version::parse(bare)
            .map(Self)
            .map_err(|_| format!("expected a version like 1.10.5, found `{text}`"))
    }
}

impl From<Release> for String {
    fn from(release: Release) -> Self {
        release.0.to_string()
    }
}

/// A length of time such as `60s`, `5m` or `1h`: whole seconds, at least one and at most `MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Duration<const MAX: u64>(u64);

impl<const MAX: u64> Duration<MAX> {
    /// A length that the compiler checks against the range.
    pub const fn of_seconds<const SECONDS: u64>() -> Self {
        const { assert!(1 <= SECONDS && SECONDS <= MAX, "out of the range") };
        Self(SECONDS)
    }

    /// The length in seconds.
    pub fn seconds(self) -> u64 {
        self.0
    }
}

impl<const MAX: u64> Default for Duration<MAX> {
    fn default() -> Self {
        Self(60)
    }
}

impl<const MAX: u64> TryFrom<String> for Duration<MAX> {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let longest = std::time::Duration::from_secs(MAX);
        let length = crate::text::duration(&text, longest)
            .filter(|length| length.as_secs() >= 1 && length.subsec_nanos() == 0);
        length.map(|length| Self(length.as_secs())).ok_or_else(|| {
            format!(
                "expected a duration like 60s, 5m or 1h, between 1s and {MAX}s in whole seconds, found `{text}`"
            )
        })
    }
}

impl<const MAX: u64> From<Duration<MAX>> for String {
    fn from(duration: Duration<MAX>) -> Self {
        format!("{}s", duration.0)
    }
}

/// How much an agent logs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Everything.
    Trace,
    /// Much.
    Debug,
    /// What happened.
    #[default]
    Info,
    /// What may be wrong.
    Warn,
    /// What is wrong.
    Error,
}

impl LogLevel {
    /// The name that both agents use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        }
    }
}

/// A PEM text. [`crate::facts::certificates`] checks its contents, as those of the files in `ca.d`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct PemText(pub String);

/// JSON schemas of the types that are strings with a syntax of their own.
macro_rules! string_schema {
    ($($type:ty, $name:literal, $pattern:literal;)*) => {$(
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern })
            }
        }
    )*};
}

string_schema! {
    Release, "Release", r"^v?\d+\.\d+\.\d+";
    RegistryHost, "RegistryHost", r"^[a-z0-9.-]+(:\d+)?$";
    LinkLocal, "LinkLocal", r"^169\.254\.\d+\.\d+$";
    Duration<3600>, "Duration", r"^\s*\d[\d\s.A-Za-z]*[A-Za-z]\s*$";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check<T: TryFrom<String, Error = String>>(good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(T::try_from((*text).to_owned()).is_ok(), "{text:?} was refused");
        }
        for text in bad {
            assert!(T::try_from((*text).to_owned()).is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn grammars() {
        check::<Release>(
            &["1.10.5", "v1.8.7", "1.8.8+ent", "2.0.0-rc.1"],
            &["", "1.10", "latest", "1.2.3.4"],
        );
        check::<Duration<3600>>(
            &["1s", "60s", "5m", "1h", "1m 30s", "60000ms"],
            &["", "s", "0s", "0", "2h", "5", "-1s", "1d", "99999999999999999999s", "5µ", "1500ms"],
        );
        check::<RegistryHost>(
            &["registry.internal", "r:5000", "1.dkr.ecr.eu-central-1.amazonaws.com"],
            &[
                "",
                "https://r",
                "r/path",
                "../etc",
                "r:",
                "r:0",
                "r:70000",
                "R.example",
                "a..b",
                "-a",
            ],
        );
        check::<LinkLocal>(
            &["169.254.53.53"],
            &["", "10.0.0.1", "169.254.169.254", "169.254.170.2", "169.254.0.1", "fe80::1"],
        );
    }
}
