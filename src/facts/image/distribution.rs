//! The distributions of which images are made, as os-release(5) names them.

use super::ImageError;
use crate::system::root::Root;

/// A distribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distribution {
    /// Debian 12.
    Debian12,
    /// Ubuntu 22.04 and 24.04. Not tried: no Ubuntu was at hand.
    Ubuntu,
    /// Amazon Linux 2023. Not tried: no Amazon Linux was at hand.
    AmazonLinux2023,
}

/// `ID` and `VERSION_ID` of os-release(5).
const SUPPORTED: [(&str, &str, Distribution); 4] = [
    ("debian", "12", Distribution::Debian12),
    ("ubuntu", "22.04", Distribution::Ubuntu),
    ("ubuntu", "24.04", Distribution::Ubuntu),
    ("amzn", "2023", Distribution::AmazonLinux2023),
];

/// The distribution of a root directory.
pub(super) fn look(root: &Root) -> Result<Distribution, ImageError> {
    let mut text = root.read("/etc/os-release")?;
    if text.is_none() {
        text = root.read("/usr/lib/os-release")?;
    }
    of(&String::from_utf8_lossy(&text.unwrap_or_default()))
}

fn of(text: &str) -> Result<Distribution, ImageError> {
    let field = |name: &str| {
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        value.unwrap_or_default().trim().trim_matches(['"', '\''])
    };
    let (id, version) = (field("ID"), field("VERSION_ID"));
    let found = SUPPORTED.iter().find(|(name, number, _)| (*name, *number) == (id, version));
    found.map(|(.., distribution)| *distribution).ok_or_else(|| {
        let supported = SUPPORTED.map(|(name, number, _)| format!("{name} {number}")).join(", ");
        let found = format!("{id} {version}").trim().to_owned();
        let found = if found.is_empty() { "no name in /etc/os-release".to_owned() } else { found };
        ImageError::Unsupported { found, supported }
    })
}

impl Distribution {
    /// Which of two names a package has: that of Debian and Ubuntu, or that of Amazon Linux.
    pub(super) fn package(self, debian: &'static str, amazon: &'static str) -> &'static str {
        match self {
            Self::Debian12 | Self::Ubuntu => debian,
            Self::AmazonLinux2023 => amazon,
        }
    }

    /// Whether its kernels confine docker's containers by AppArmor.
    pub(super) fn has_apparmor(self) -> bool {
        matches!(self, Self::Debian12 | Self::Ubuntu)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distribution_is_named_by_id_and_version() {
        let debian =
            "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID=\"12\"\nID=debian\n";
        assert_eq!(of(debian).unwrap(), Distribution::Debian12);
        assert_eq!(of("ID=ubuntu\nVERSION_ID=\"24.04\"\n").unwrap(), Distribution::Ubuntu);
        assert_eq!(of("ID=\"amzn\"\nVERSION_ID='2023'").unwrap(), Distribution::AmazonLinux2023);
    }

    #[test]
    fn another_one_is_named_with_those_that_are_supported() {
        for (text, found) in [
            ("ID=debian\nVERSION_ID=\"11\"\n", "debian 11"),
            ("ID=arch\n", "arch"),
            ("", "no name in /etc/os-release"),
            ("\u{fffd}\u{0}", "no name in /etc/os-release"),
        ] {
            let error = of(text).unwrap_err().to_string();
            assert!(error.contains(found) && error.contains("debian 12, ubuntu 22.04"), "{error}");
        }
    }
}
