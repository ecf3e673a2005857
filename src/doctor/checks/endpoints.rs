//! What the checks of AWS's endpoints have in common: the words for each obstacle on the way, and what to do about it.

use crate::doctor::machine::Machine;
use crate::exit::hint::{Advice, topics};
use crate::gates::Problem;
use crate::system::aws::endpoint::{Endpoint, Obstacle, STEP};
use crate::system::root::Root;
use std::net::IpAddr;

topics! {
    UNRESOLVED: "endpoint-unresolved",
        "run `getent hosts {host}` and `cat /etc/resolv.conf`; the VPC needs `enableDnsSupport`, and its DHCP options need a \
         resolver that knows the names of AWS (AmazonProvidedDNS)";
    SILENT_PRIVATE: "endpoint-silent-private",
        "the name resolves to a VPC endpoint: allow TCP {port} from this instance in the security group of `{endpoint}`, and \
         outbound TCP {port} in the security group and the network ACL of this instance; then run `curl -sv --max-time 3 {url}`";
    SILENT_PUBLIC: "endpoint-silent-public",
        "the name resolves to a public address: create the VPC endpoint `{endpoint}` with private DNS, or give the subnet a \
         route to a NAT gateway; allow outbound TCP {port} in the security group; then run `curl -sv --max-time 3 {url}`";
    REFUSED: "endpoint-refused",
        "another host has the address of the service: compare `getent hosts {host}` with the addresses of the VPC endpoint \
         `{endpoint}`, and look for {host} in /etc/hosts";
    UNROUTABLE: "endpoint-unroutable",
        "run `ip route get {address}` and `iptables -S OUTPUT` on this node";
    UNTRUSTED: "endpoint-untrusted",
        "if a proxy of your site inspects TLS, put its CA certificate into `/etc/cos-agent/ca.d` and run `cos-agent apply`; \
         if not, find out what answers at {address}: `openssl s_client -connect {host}:{port}`";
    WRONG_TIME: "endpoint-wrong-time",
        "compare the clock with `timedatectl`; if it is right, look at the dates of the certificate: \
         `openssl s_client -connect {host}:{port} </dev/null | openssl x509 -noout -dates -issuer`";
    MUTE: "endpoint-mute",
        "run `curl -sv --max-time 5 {url}`; if TLS hangs, compare the MTU of the interface (`ip link`) with that of the way, \
         and look for a proxy";
    OTHER: "endpoint-other", "run `curl -sv --max-time 5 {url}`, and look for a proxy between this node and AWS";
}

/// The service of an endpoint.
pub(super) struct Service<'a> {
    /// As people name it.
    pub(super) name: &'a str,
    /// The name of its VPC endpoint, such as `com.amazonaws.eu-central-1.ec2`.
    pub(super) endpoint: &'a str,
}

/// What is worth showing of an endpoint that answers, or what stands in its way.
pub(super) async fn judged(
    machine: &Machine,
    endpoint: &Endpoint,
    service: &Service<'_>,
) -> Result<String, Problem> {
    let problem = match judge(endpoint, service) {
        Err(problem) if endpoint.addresses.is_empty() => problem,
        result => return result,
    };
    let resolvers = machine.files(resolvers).await.unwrap_or_default();
    Err(problem.with(resolvers))
}

/// The lines of the resolver's configuration that say whom it asks.
fn resolvers(root: &Root) -> Vec<String> {
    let text = root.read("/etc/resolv.conf").ok().flatten().unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines = text.lines().filter(|line| line.starts_with("nameserver"));
    lines.take(3).map(|line| format!("/etc/resolv.conf: {}", line.trim())).collect()
}

fn judge(endpoint: &Endpoint, service: &Service<'_>) -> Result<String, Problem> {
    let Endpoint { host, port, addresses, result, .. } = endpoint;
    let obstacle = match result {
        Ok(answer) => {
            let place = answer.address.map_or_else(String::new, |address| {
                let kind = if is_private(address) { "" } else { " (public)" };
                format!(" {address}{kind}")
            });
            return Ok(format!("{}{place} {} ms", service.name, answer.elapsed.as_millis()));
        }
        Err(obstacle) => obstacle,
    };
    let at: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    // The environment may redirect a service to an address without a name.
    let place =
        if at == [host.as_str()] { host.clone() } else { format!("{host} ({})", at.join(", ")) };
    let found = match obstacle {
        Obstacle::Unresolved(words) => format!("cannot resolve {host}: {words}"),
        Obstacle::Silent => {
            let seconds = STEP.as_secs_f64();
            format!("no connection to port {port} of {place} within {seconds:.1} s")
        }
        Obstacle::Refused => format!("{place} refuses connections to port {port}"),
        Obstacle::Unroutable(words) => format!("cannot connect to {place}: {words}"),
        Obstacle::Untrusted(Some(issuer)) => {
            format!("this host does not trust the issuer of the certificate of {place}: {issuer}")
        }
        Obstacle::Untrusted(None) => {
            format!("this host does not trust the issuer of the certificate of {place}")
        }
        Obstacle::WrongTime => {
            format!("the certificate of {place} is not valid at the time of this clock")
        }
        Obstacle::Mute => format!("{place} takes connections to port {port} and does not answer"),
        Obstacle::Other(words) => format!("cannot ask {place}: {words}"),
    };
    let expected = format!("an answer from {}", service.name);
    Err(Problem::new(found, expected, advice(endpoint, obstacle, service.endpoint)))
}

fn advice(endpoint: &Endpoint, obstacle: &Obstacle, name: &str) -> Advice {
    let topic = match obstacle {
        Obstacle::Unresolved(_) => UNRESOLVED,
        Obstacle::Silent if endpoint.addresses.iter().all(|address| is_private(*address)) => {
            SILENT_PRIVATE
        }
        Obstacle::Silent => SILENT_PUBLIC,
        Obstacle::Refused => REFUSED,
        Obstacle::Unroutable(_) => UNROUTABLE,
        Obstacle::Untrusted(_) => UNTRUSTED,
        Obstacle::WrongTime => WRONG_TIME,
        Obstacle::Mute => MUTE,
        Obstacle::Other(_) => OTHER,
    };
    let first = endpoint.addresses.first();
    let address = first.map_or_else(|| endpoint.host.clone(), ToString::to_string);
    topic.with(&[
        ("host", &endpoint.host),
        ("port", &endpoint.port),
        ("url", &endpoint.url),
        ("address", &address),
        ("endpoint", &name),
    ])
}

/// Whether an address belongs to a VPC, as a rule: a VPC may have public ranges, but seldom has.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            // RFC 6598, which VPCs may use.
            address.is_private() || address.is_loopback() || first == 100 && second & 0xc0 == 64
        }
        IpAddr::V6(address) => address.is_unique_local() || address.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::aws::endpoint::Answer;
    use std::time::Duration;

    const EC2: Service<'_> = Service { name: "EC2", endpoint: "com.amazonaws.eu-central-1.ec2" };

    fn endpoint(addresses: &[&str], result: Result<Answer, Obstacle>) -> Endpoint {
        Endpoint {
            url: "https://ec2.test".to_owned(),
            host: "ec2.test".to_owned(),
            port: 443,
            addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
            result,
        }
    }

    #[test]
    fn an_answer_says_whether_it_came_from_the_vpc() {
        let from = |address: &str| {
            let (address, elapsed) = (address.parse().ok(), Duration::from_millis(7));
            judge(&endpoint(&[], Ok(Answer { address, clock: None, elapsed })), &EC2).unwrap()
        };
        assert_eq!(from("10.20.0.2"), "EC2 10.20.0.2 7 ms");
        assert_eq!(from("100.64.0.1"), "EC2 100.64.0.1 7 ms");
        assert_eq!(from("52.94.1.2"), "EC2 52.94.1.2 (public) 7 ms");
        assert_eq!(from("?"), "EC2 7 ms");
    }

    #[test]
    fn each_obstacle_is_told_apart() {
        let words = || "words".to_owned();
        let (private, public) = (&["10.0.0.2"][..], &["10.0.0.2", "52.94.1.2"][..]);
        for (obstacle, addresses, id, found) in [
            (Obstacle::Unresolved(words()), &[][..], "endpoint-unresolved", "ec2.test: words"),
            (Obstacle::Silent, private, "endpoint-silent-private", "within 1.5 s"),
            (Obstacle::Silent, public, "endpoint-silent-public", "52.94.1.2) within 1.5 s"),
            (Obstacle::Refused, private, "endpoint-refused", "refuses connections to port 443"),
            (Obstacle::Unroutable(words()), private, "endpoint-unroutable", "10.0.0.2): words"),
            (Obstacle::Untrusted(Some("CN=x".to_owned())), private, "endpoint-untrusted", ": CN=x"),
            (Obstacle::Untrusted(None), private, "endpoint-untrusted", "does not trust"),
            (Obstacle::WrongTime, private, "endpoint-wrong-time", "at the time of this clock"),
            (Obstacle::Mute, private, "endpoint-mute", "does not answer"),
            (Obstacle::Other(words()), private, "endpoint-other", "cannot ask ec2.test"),
        ] {
            let problem = judge(&endpoint(addresses, Err(obstacle)), &EC2).unwrap_err();
            assert!(problem.hint.id == id && problem.found.contains(found), "{problem:?}");
            assert!(!problem.hint.text.contains('{'), "{}", problem.hint.text);
        }
    }
}
