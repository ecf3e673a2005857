//! Pages of a lab in a browser of the host: a port of the loopback of the host leads into a network of the lab, for as long as
//! somebody waits.

use super::Lab;
use super::http;
use super::shell::SOON;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

/// A page, and where it is in the lab.
pub(crate) struct Page {
    /// What people call it.
    pub(crate) name: &'static str,
    /// Where it is on the host: its usual port, or any if that is taken.
    pub(crate) url: String,
}

impl Lab {
    /// Opens the pages of Consul, Nomad and, if it runs, Prometheus, at their usual ports or at any. They are asked from backoffice,
    /// as people there would.
    pub(crate) fn open_pages(&self, usual: bool) -> Vec<Page> {
        let page =
            |name, port, path, there| self.page(name, if usual { port } else { 0 }, path, there);
        let mut pages = vec![
            page("Consul", 8500, "/ui/", (self.address_in("consul-1"), 8500).into()),
            page("Nomad", 4646, "/ui/", (self.address_in("nomad-1"), 4646).into()),
        ];
        if let Ok(prometheus) = self.prometheus() {
            pages.push(page("Prometheus", 9090, "/classic/targets", prometheus));
        }
        pages
    }

    fn page(&self, name: &'static str, port: u16, path: &str, there: SocketAddr) -> Page {
        let listen = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
        let listener = listen(port).or_else(|_| listen(0)).expect("a port of the loopback");
        let here = listener.local_addr().unwrap();
        let netns = self.net.netns("backoffice");
        thread::spawn(move || {
            for browser in listener.incoming().flatten() {
                let netns = netns.clone();
                // A page that is gone closes the connection.
                thread::spawn(move || {
                    http::connect(&netns, there, SOON).map(|server| join(browser, server))
                });
            }
        });
        Page { name, url: format!("http://{here}{path}") }
    }
}

/// Hands on what either says until it ends.
fn join(browser: TcpStream, server: TcpStream) {
    let (Ok(from), Ok(to)) = (browser.try_clone(), server.try_clone()) else { return };
    for (mut from, mut to) in [(from, to), (server, browser)] {
        thread::spawn(move || {
            let _ = io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Write);
        });
    }
}
