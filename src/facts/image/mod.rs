//! READ: what this machine has for an image: its distribution, its programs, the settings and certificate authorities of the
//! site. `install` needs no metadata, no tags and no network.

mod distribution;
mod error;
mod programs;

use super::authority::Authority;
use super::certificates;
use super::host::{self, Host, Resolver};
use super::settings::{self, Settings};
use crate::system::System;
pub use distribution::Distribution;
pub use error::ImageError;
pub use programs::{PARTS, PLUGINS, Part, Program, identity};

/// What an image is made of.
#[derive(Debug, Clone)]
pub struct Image {
    /// The distribution.
    pub distribution: Distribution,
    /// Which program resolves names, and which maintains the trust store.
    pub host: Host,
    /// The directory in which chrony looks for sources.
    pub chrony: &'static str,
    /// The directory of the CNI plugins.
    pub cni: &'static str,
    /// The programs, with what identifies each.
    pub programs: Vec<Program>,
    /// The settings of the image.
    pub settings: Settings,
    /// The certificate authorities of the site.
    pub authorities: Vec<Authority>,
    /// Notes for people on the certificate authorities, a sentence each.
    pub notes: Vec<String>,
}

/// Where chrony looks for sources (chrony.conf(5), `sourcedir`): Debian and Ubuntu first, then Amazon Linux.
const SOURCES: [&str; 2] = ["/etc/chrony/sources.d", "/etc/chrony.d"];

/// Looks at the machine. Everything that is missing is in one error.
pub async fn gather(system: &System) -> Result<Image, ImageError> {
    let root = &system.root;
    let distribution = distribution::look(root)?;
    let host = host::look(root)?;
    let (found, mut missing) = programs::find(root, distribution)?;
    if host.resolver == Resolver::Other {
        missing.push("systemd-resolved, enabled (`systemctl enable systemd-resolved`)".to_owned());
    }
    if host.trust_store.is_none() {
        missing.push("the trust store (package ca-certificates)".to_owned());
    }
    let mut chrony = None;
    for directory in SOURCES {
        if chrony.is_none() && root.stat_target(directory)?.is_some() {
            chrony = Some(directory);
        }
    }
    let cni = programs::cni(root)?;
    if cni.is_none() {
        missing.push(format!(
            "the CNI plugins {} (package containernetworking-plugins)",
            PLUGINS.join(", ")
        ));
    }
    let (Some(chrony), Some(cni), true) = (chrony, cni, missing.is_empty()) else {
        if chrony.is_none() && !missing.iter().any(|words| words.contains("chrony")) {
            missing.push(format!("chrony with {} (package chrony)", SOURCES.join(" or ")));
        }
        return Err(ImageError::Missing(missing));
    };
    let layers = super::settings_files(root)?;
    let settings = settings::merge(&layers).map_err(super::GatherError::from)?.settings;
    let certificates = certificates::gather(root, &settings.ca.certificates)?;
    let programs = programs::identify(system, found, cni).await?;
    Ok(Image {
        distribution,
        host,
        chrony,
        cni,
        programs,
        settings,
        authorities: certificates.authorities,
        notes: certificates.notes,
    })
}
