//! Faults of the metadata service. Each was seen at EC2, or at something between EC2 and the agent.

use std::str::FromStr;
use std::time::Duration;

/// A fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The tags of the contract come later than the instance.
    LateTags(Duration),
    /// The role comes later than all other tags.
    LateRole(Duration),
    /// Tags in metadata are off: the category is 404.
    TagsOff(Duration),
    /// Tags in metadata are off: the category answers 200 with an empty body.
    TagsBlank,
    /// The token expires between two answers.
    MidwayExpiry,
    /// Fresh tokens are refused for a while after boot.
    FreshTokensRefused(Duration),
    /// 503 with `Retry-After: 1`.
    Unavailable(Duration),
    /// Metadata is switched off: 403.
    Off(Duration),
    /// Every answer takes this long.
    Slow(Duration),
    /// The first answers break off.
    Truncated,
    /// A web page in place of the identity document and of the user data.
    Html(Duration),
    /// An empty identity document.
    Empty(Duration),
    /// An identity document that is not text.
    Garbage(Duration),
    /// An identity document larger than any real one.
    Huge(Duration),
    /// Connections are accepted and never answered.
    Hang,
}

/// Longer than any timeout.
const FOR_EVER: Duration = Duration::from_secs(600);

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) =
            text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value)));
        let time = || {
            crate::text::duration(value.unwrap_or("3s"), FOR_EVER)
                .ok_or_else(|| format!("invalid fault `{text}`: expected a time like 3s or 500ms"))
        };
        // These last for ever if they have no time.
        let lasting = || if value.is_some() { time() } else { Ok(FOR_EVER) };
        let fault = match name {
            "late-tags" => return time().map(Self::LateTags),
            "late-role" => return time().map(Self::LateRole),
            "fresh-401" => return time().map(Self::FreshTokensRefused),
            "unavailable" | "503" => return time().map(Self::Unavailable),
            "slow" => return time().map(Self::Slow),
            "tags-off" => return lasting().map(Self::TagsOff),
            "tags-blank" => Self::TagsBlank,
            "midway-401" | "401" => Self::MidwayExpiry,
            "off" => return lasting().map(Self::Off),
            "truncated" => Self::Truncated,
            "html" => return lasting().map(Self::Html),
            "empty" => return lasting().map(Self::Empty),
            "garbage" => return lasting().map(Self::Garbage),
            "huge" => return lasting().map(Self::Huge),
            "hang" => Self::Hang,
            _ => return Err(format!("unknown fault `{name}`; valid faults: {}", NAMES.join(", "))),
        };
        match value {
            None => Ok(fault),
            Some(_) => Err(format!("the fault `{name}` takes no time")),
        }
    }
}

/// The names of all faults.
pub const NAMES: [&str; 15] = [
    "empty",
    "fresh-401",
    "garbage",
    "hang",
    "html",
    "huge",
    "late-role",
    "late-tags",
    "midway-401",
    "off",
    "slow",
    "tags-blank",
    "tags-off",
    "truncated",
    "unavailable",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_a_fault() {
        for name in NAMES {
            assert!(name.parse::<Fault>().is_ok(), "{name}");
        }
        assert_eq!("slow=20ms".parse(), Ok(Fault::Slow(Duration::from_millis(20))));
        for wrong in ["", "nonsense", "slow=x", "hang=1s", "slow=99999999s"] {
            assert!(wrong.parse::<Fault>().is_err(), "{wrong}");
        }
    }
}
