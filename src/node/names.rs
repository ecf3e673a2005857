//! Names that look alike but mean different things. Each has its own type, so that none is passed for another.

use serde::Serialize;

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
        #[serde(transparent)]
        pub struct $type(pub(super) String);

        impl $type {
            /// As written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    };
}

name! {
    /// The cluster: unique in the account and region, and the value of the auto-join tags.
    ClusterName
}
name! {
    /// Consul's datacenter: one for the whole COS, the AWS region by default.
    ConsulDatacenter
}
name! {
    /// Nomad's region: one for the whole COS, the AWS region by default.
    NomadRegion
}
name! {
    /// Nomad's datacenter: `leader` for servers, or a datacenter of clients.
    NomadDatacenter
}

/// The grammar of `cos:cluster`: `[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?`.
pub const CLUSTER_GRAMMAR: &str = "1 to 32 of a-z, 0-9 and -, not first or last -";

/// Whether a text is a cluster name.
pub fn is_cluster_name(text: &str) -> bool {
    (1..=32).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// Whether a text may be a Consul datacenter, a Nomad region or a Nomad datacenter: all become DNS labels.
pub fn is_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// The grammar of a lifecycle hook's name.
///
/// <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_LifecycleHook.html>
pub const HOOK_GRAMMAR: &str = "1 to 255 of A-Z, a-z, 0-9, -, _ and /";

/// Whether a text may be the name of a lifecycle hook.
pub fn is_hook_name(text: &str) -> bool {
    (1..=255).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_/".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cluster_names() {
        for good in ["a", "prod", "prod-a", "0", &"a".repeat(32)] {
            assert!(is_cluster_name(good), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "a b", "a_b", "a\n", "ä", &"a".repeat(33), "*"] {
            assert!(!is_cluster_name(bad), "{bad}");
        }
    }

    #[test]
    fn hook_names() {
        for good in ["joined", "Prod/launch_hook-1", &"a".repeat(255)] {
            assert!(is_hook_name(good), "{good}");
        }
        for bad in ["", "a b", "a:b", "a&b=c", "ä", &"a".repeat(256)] {
            assert!(!is_hook_name(bad), "{bad}");
        }
    }
}
