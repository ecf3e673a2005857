//! The identity document is one, and it is that of this host.

use crate::doctor::Check;
use crate::exit::hint::{Hint, topics};
use crate::facts::instance::{Instance, InstanceError};
use crate::gates::{About, Finding, Group, Impact, Page, Problem};
use crate::role::Role;
use crate::system::imds::{FOREIGN, ImdsError};
use crate::system::network;
use std::net::Ipv4Addr;
use std::time::Duration;

topics! {
    OTHER_ADDRESS: "address-not-on-host",
        "run `ip -4 address` and `networkctl status`: DHCP has not set {address}, or another program removed it; correct the \
         network, then run `systemctl restart cos-agent`. If metadata is redirected, unset AWS_EC2_METADATA_SERVICE_ENDPOINT";
    UNREAD: "identity-unread", "run `cos-agent doctor --only imds-identity` again; the metadata service gave other answers";
}

/// The check.
pub(super) static CHECK: Check = Check {
    about: About {
        id: "imds-identity",
        title: "the identity document is that of this host",
        group: Group::Metadata,
        roles: Role::ALL,
        needs: &["imds-reachable"],
        explains: &["role-resolved", "boot-phases", "units-state", "consul-agent-api"],
        impact: Impact::Down,
        timeout: Duration::from_secs(4),
        page: Page {
            means: "The metadata service has the identity document of this instance, every field has a valid value, and an \
                    interface of this host has its private address.",
            matters: "The instance ID is the name of the node in Consul and Nomad, and both daemons bind to the private \
                      address.",
            look: &["cos-agent facts", "ip -4 address"],
            fixes: &[TOPICS, InstanceError::TOPICS, ImdsError::TOPICS],
            source: "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-identity-documents.html",
        },
    },
    probe: |machine| {
        Box::pin(async { judge(&machine.metadata.get().await.document, &network::addresses()) })
    },
    changed: None,
};

fn judge(document: &Result<Option<String>, ImdsError>, addresses: &[Ipv4Addr]) -> Finding {
    const EXPECTED: &str = "the identity document of this instance";
    let text = match document {
        Ok(Some(text)) => text,
        Ok(None) => {
            let found = "`dynamic/instance-identity/document` answered 404";
            return Finding::Fail(Problem::new(found, EXPECTED, FOREIGN.plain()));
        }
        Err(error) => {
            let hint = error.hint().unwrap_or_else(|| UNREAD.plain());
            return Finding::Unknown(Problem::new(error.trouble(), EXPECTED, hint));
        }
    };
    let instance = match Instance::from_document(text) {
        Ok(instance) => instance,
        Err(error) => {
            let hint = error.hint().unwrap_or_else(|| FOREIGN.plain());
            return Finding::Fail(Problem::new(error.to_string(), EXPECTED, hint));
        }
    };
    let address = instance.private_ip;
    // An empty list is a kernel that does not list interfaces.
    if addresses.contains(&address) || addresses.is_empty() {
        return Finding::Pass(format!("{} {address}", instance.instance_type));
    }
    let own: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    let problem = Problem::new(
        format!("the identity document says {address}, and no interface of this host has it"),
        format!("an interface with {address}"),
        OTHER_ADDRESS.with(&[("address", &address)]),
    );
    Finding::Fail(problem.with(vec![format!("addresses of this host: {}", own.join(", "))]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = r#"{"accountId":"123456789012","availabilityZone":"eu-central-1a",
        "imageId":"ami-0123456789abcdef0","instanceId":"i-0123456789abcdef0","instanceType":"t3.small",
        "privateIp":"10.0.1.5","region":"eu-central-1"}"#;

    #[test]
    fn the_document_must_be_whole_and_of_this_host() {
        let own = [Ipv4Addr::LOCALHOST, Ipv4Addr::new(10, 0, 1, 5)];
        let found =
            |text: &str, addresses: &[Ipv4Addr]| judge(&Ok(Some(text.to_owned())), addresses);
        assert!(found(DOCUMENT, &own).passes());
        assert!(found(DOCUMENT, &[]).passes());
        let Finding::Fail(other) = found(DOCUMENT, &own[..1]) else { panic!("not of this host") };
        assert_eq!(other.hint.id, "address-not-on-host");
        assert_eq!(other.evidence, ["addresses of this host: 127.0.0.1"]);
        let broken = DOCUMENT.replace("i-0123456789abcdef0", "x");
        let Finding::Fail(broken) = found(&broken, &own) else { panic!("no instance id") };
        assert!(broken.found.contains("`instanceId` = \"x\""), "{}", broken.found);
        assert!(matches!(judge(&Ok(None), &own), Finding::Fail(_)));
        let late = ImdsError::Status { path: "x".to_owned(), status: 418 };
        assert!(matches!(judge(&Err(late), &own), Finding::Unknown(_)));
    }
}
