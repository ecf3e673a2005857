//! Where a daemon's API is and how to authenticate: the one place for scheme, address, certificate authority and token.

use crate::state::Daemon;
use crate::system::environment::Environment;
use std::net::Ipv4Addr;

/// The API of a daemon. It has no `Debug`, because it may hold a token.
#[derive(Clone)]
pub struct Endpoint {
    /// Whose API it is.
    pub daemon: Daemon,
    /// Scheme, address and port, such as `http://127.0.0.1:8500`.
    pub url: String,
    /// The certificates, in PEM, of the authorities that the daemon's certificate may come from; no other authority is trusted.
    pub ca: Option<String>,
    /// The token of every request that has none of its own.
    pub token: Option<String>,
}

impl Endpoint {
    /// The daemon of this host.
    pub fn of(daemon: Daemon, environment: &Environment) -> Self {
        Self { daemon, url: environment.api_of(daemon).to_owned(), ca: None, token: None }
    }

    /// The same daemon of another server: servers have their API on the private address too, at the port of the local one. The
    /// token stays on this host.
    #[must_use]
    pub fn at(&self, address: Ipv4Addr) -> Self {
        let scheme = self.url.split_once("://").map_or("http", |(scheme, _)| scheme);
        let port = self.url.rsplit(':').next().unwrap_or_default();
        Self { url: format!("{scheme}://{address}:{port}"), token: None, ..self.clone() }
    }

    /// The header of tokens (<https://developer.hashicorp.com/consul/api-docs/api-structure>,
    /// <https://developer.hashicorp.com/nomad/api-docs>).
    pub(super) fn token_header(&self) -> &'static str {
        match self.daemon {
            Daemon::Consul => "x-consul-token",
            Daemon::Nomad => "x-nomad-token",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_server_is_asked_at_the_same_port_and_without_our_token() {
        for (scheme, daemon) in [("http", Daemon::Consul), ("https", Daemon::Nomad)] {
            let local = Endpoint {
                daemon,
                url: format!("{scheme}://127.0.0.1:{}", daemon.port()),
                ca: Some("authority".to_owned()),
                token: Some("token".to_owned()),
            };
            let there = local.at(Ipv4Addr::new(10, 0, 0, 7));
            assert_eq!(there.url, format!("{scheme}://10.0.0.7:{}", daemon.port()));
            assert_eq!((there.ca, there.token), (local.ca, None));
        }
    }
}
