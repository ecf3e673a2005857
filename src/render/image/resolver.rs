//! The resolver's part that is the same on every node. A first boot then has nothing to change, so it does not restart the
//! resolver while Consul looks names up.

use crate::facts::host::Resolver;
use crate::facts::image::Image;
use crate::facts::settings::ForwarderChoice;
use crate::render::dns;
use crate::state::File;

/// The files that `apply` renders for the same settings.
pub(super) fn files(image: &Image) -> Vec<File> {
    let dns = &image.settings.dns;
    match (dns.forwarder, image.host.resolver) {
        (ForwarderChoice::Resolved, _) | (ForwarderChoice::Auto, Resolver::Resolved) => {
            dns::resolved(dns.address.address())
        }
        (ForwarderChoice::Dnsmasq, _) | (ForwarderChoice::Auto, Resolver::Dnsmasq) => {
            vec![dns::dnsmasq()]
        }
        (ForwarderChoice::None, _) | (ForwarderChoice::Auto, Resolver::Other) => Vec::new(),
    }
}
