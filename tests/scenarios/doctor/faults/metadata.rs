//! Metadata and tags.

use super::Fault;

const ON: &str = "backoffice";

/// The faults.
pub(super) const FAULTS: &[&Fault] = &[
    &Fault::outside(
        ON,
        "the tag of the role is misspelt",
        |node| {
            node.lab.tag(node, "cos:role", None);
            node.lab.tag(node, "cos:rol", Some("nomad-client"));
        },
        |node| {
            node.lab.tag(node, "cos:rol", None);
            node.lab.tag(node, "cos:role", Some("nomad-client"));
        },
    ),
    &Fault::outside(
        ON,
        "tags in metadata are off, and EC2 denies them",
        |node| {
            node.metadata(&["tags-off"]);
            node.lab.aws.mode_for(node.address, "ec2:DescribeTags", "deny");
        },
        |node| {
            node.metadata_on();
            node.lab.aws.normal_for(node.address);
        },
    ),
    &Fault::outside(
        ON,
        "metadata is switched off",
        |node| node.metadata(&["off"]),
        |node| {
            node.metadata_on();
        },
    ),
    &Fault::outside(
        ON,
        "metadata hangs",
        |node| node.metadata(&["hang"]),
        |node| {
            node.metadata_on();
        },
    ),
    &Fault::outside(
        ON,
        "the instance has no profile",
        |node| node.lab.profile(node, false),
        |node| node.lab.profile(node, true),
    ),
    &Fault::outside(
        ON,
        "the tags say another datacenter than at the boot",
        |node| node.lab.tag(node, "cos:datacenter", Some("public-services")),
        |node| node.lab.tag(node, "cos:datacenter", Some("backoffice")),
    ),
];
