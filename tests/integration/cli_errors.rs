//! Every error that tags and metadata can cause, as a person reads it: what was found, what is allowed, what to do.

use crate::support::binary;
use binary::{Metadata, cos_agent, run};
use std::io::{Read, Write};
use std::net::TcpListener;

/// What `simulate` says, each time in a new root folder, and what it left there.
fn simulate(cases: &[(&str, &str)]) -> String {
    let one = |(case, args): &(&str, &str)| {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().display().to_string();
        let mut all = vec!["simulate", "--root", &folder, "--timeout", "500ms"];
        all.extend(args.split_whitespace());
        let ran = run(cos_agent(&all));
        assert!(!root.path().join("var").exists(), "{case}: something was written");
        format!("{case}: {}\n", ran.shown(root.path()))
    };
    cases.iter().map(one).collect()
}

#[test]
fn tags_that_make_no_node() {
    let text = simulate(&[
        ("unknown role", "nomad-clinet"),
        ("role that is near nothing", "database"),
        ("unknown datacenter", "nomad-client --datacenter publc-services"),
        ("a client's datacenter on a server", "nomad-server --datacenter backoffice"),
        ("the servers' datacenter on a client", "nomad-client --datacenter leader"),
        ("a server's join tag on a client", "nomad-client --tag cos:nomad-server=demo"),
        ("a datacenter on a consul server", "consul-server --tag cos:datacenter=leader"),
        ("even number of servers", "consul-server --servers 2"),
        ("no servers", "nomad-server --servers 0"),
        ("more servers than a quorum has", "nomad-server --servers 9"),
        ("servers that are no number", "consul-server --servers three"),
        ("join tag of another cluster", "consul-server --tag cos:consul-server=other"),
        ("cluster out of the grammar", "nomad-client --cluster Prod_A"),
        ("cluster that cannot be mended", "nomad-client --cluster -"),
        ("misspelt key", "nomad-client --tag cos:datacenter= --tag cos:datacentre=backoffice"),
        ("key spelt twice", "nomad-client --tag Cos:Role=nomad-client"),
    ]);
    assert_eq!(text.matches(": exit 65\n--- stderr\n").count(), 16, "{text}");
    insta::assert_snapshot!(text, @r#"
unknown role: exit 65
--- stderr
error: cannot determine how to configure this node
  cause: tag `cos:role` is "nomad-clinet", allowed: consul-server, nomad-server, nomad-client

hint: did you mean `nomad-client`? Set it in `tag_specifications` of the launch template, and on this instance with `aws ec2 create-tags --resources ID --tags Key=cos:role,Value=nomad-client`

role that is near nothing: exit 65
--- stderr
error: cannot determine how to configure this node
  cause: tag `cos:role` is "database", allowed: consul-server, nomad-server, nomad-client

hint: set it in `tag_specifications` of the launch template, and on this instance with `aws ec2 create-tags --resources ID --tags Key=cos:role,Value=VALUE`

unknown datacenter: exit 65
--- stderr
error: cannot determine how to configure this node
  cause: tag `cos:datacenter` is "publc-services", allowed: backoffice, public-services, private-services, content-connector on a nomad-client

hint: did you mean `public-services`? Set it in `tag_specifications` of the launch template, and on this instance with `aws ec2 create-tags --resources ID --tags Key=cos:datacenter,Value=public-services`

a client's datacenter on a server: exit 65
--- stderr
error: cannot determine how to configure this node
  cause: tag `cos:datacenter` is "backoffice", allowed: leader on a nomad-server; other datacenters are for nomad-client

hint: did you mean `leader`? Set it in `tag_specifications` of the launch template, and on this instance with `aws ec2 create-tags --resources ID --tags Key=cos:datacenter,Value=leader`

the servers' datacenter on a client: exit 65
--- stderr
error: cannot determine how to configure this node
  cause: tag `cos:datacenter` is "leader", allowed: backoffice, public-services, private-services, content-connector on a nomad-client

hint: set it in `tag_specifications` of the launch template, and on this instance with `aws ec2 create-tags --resources ID --tags Key=cos:datacenter,Value=VALUE`

a server's join tag on a client: exit 65
--- stderr
error: cannot determine how to configure this node
  cause: tag `cos:nomad-server` = "demo" contradicts `cos:role` = "nomad-client": it belongs to nomad-server

hint: delete tag `cos:nomad-server` if this instance is a nomad-client; change `cos:role` if it is not

a datacenter on a consul server: exit 65
--- stderr
error: cannot determine how to configure this node
  cause: tag `cos:datacenter` = "leader" contradicts `cos:role` = "consul-server": it belongs to nomad-server and nomad-client

hint: delete tag `cos:datacenter` if this instance is a consul-server; change `cos:role` if it is not

even number of servers: exit 65
--- stderr
error: cannot determine how to configure this node
  cause: tag `cos:servers` is "2", allowed: 1, 3, 5 or 7, because a quorum needs an odd number

hint: did you mean `3`? Set it in `tag_specifications` of the launch template, and on this instance with `aws ec2 create-tags --resources ID --tags Key=cos:servers,Value=3`

no servers: exit 65
--- stderr
error: cannot determine how to configure this node
  cause: tag `cos:servers` is "0", allowed: 1, 3, 5 or 7, because a quorum needs an odd number

hint: did you mean `1`? Set it in `tag_specifications` of the launch template, and on this instance with `aws ec2 create-tags --resources ID --tags Key=cos:servers,Value=1`

more servers than a quorum has: exit 65
--- stderr
error: cannot determine how to configure this node
  cause: tag `cos:servers` is "9", allowed: 1, 3, 5 or 7, because a quorum needs an odd number

hint: set it in `tag_specifications` of the launch template, and on this instance with `aws ec2 create-tags --resources ID --tags Key=cos:servers,Value=VALUE`

servers that are no number: exit 65
--- stderr
error: cannot determine how to configure this node
  cause: tag `cos:servers` is "three", allowed: 1, 3, 5 or 7, because a quorum needs an odd number

hint: set it in `tag_specifications` of the launch template, and on this instance with `aws ec2 create-tags --resources ID --tags Key=cos:servers,Value=VALUE`

join tag of another cluster: exit 65
--- stderr
error: cannot determine how to configure this node
  cause: tag `cos:consul-server` is "other", allowed: the cluster's name, which is demo

hint: did you mean `demo`? Set it in `tag_specifications` of the launch template, and on this instance with `aws ec2 create-tags --resources ID --tags Key=cos:consul-server,Value=demo`

cluster out of the grammar: exit 65
--- stderr
error: cannot determine how to configure this node
  cause: tag `cos:cluster` is "Prod_A", allowed: 1 to 32 of a-z, 0-9 and -, not first or last -

hint: did you mean `prod-a`? Set it in `tag_specifications` of the launch template, and on this instance with `aws ec2 create-tags --resources ID --tags Key=cos:cluster,Value=prod-a`

cluster that cannot be mended: exit 65
--- stderr
error: cannot determine how to configure this node
  cause: tag `cos:cluster` is "-", allowed: 1 to 32 of a-z, 0-9 and -, not first or last -

hint: set it in `tag_specifications` of the launch template, and on this instance with `aws ec2 create-tags --resources ID --tags Key=cos:cluster,Value=VALUE`

misspelt key: exit 65
--- stderr
error: cannot determine how to configure this node
  cause: unknown tag `cos:datacentre`, expected `cos:datacenter`

hint: rename tag `cos:datacentre` to `cos:datacenter`

key spelt twice: exit 65
--- stderr
error: cannot determine how to configure this node
  cause: tags `cos:role` and `Cos:Role` are two spellings of the same key, expected only `cos:role`

hint: delete tag `Cos:Role`
"#);
}

#[test]
fn tags_that_do_not_come() {
    insta::assert_snapshot!(simulate(&[
        ("one", "nomad-server --tag cos:servers="),
        ("two", "consul-server --tag cos:servers= --tag cos:consul-server="),
        ("all", "consul-server --fault late-tags=60s"),
        ("off", "consul-server --fault tags-off"),
    ]), @r#"
one: exit 65
--- stderr
error: cannot gather the facts about this machine
  cause: tags missing after N s: cos:servers; this instance has: cos:cluster, cos:datacenter, cos:nomad-server, cos:role, Name

hint: add cos:servers to `tag_specifications` of the launch template (resource_type "instance"), or tag the running instance; the agent tries again by itself

two: exit 65
--- stderr
error: cannot gather the facts about this machine
  cause: tags missing after N s: cos:servers, cos:consul-server; this instance has: cos:cluster, cos:role, Name

hint: add cos:servers, cos:consul-server to `tag_specifications` of the launch template (resource_type "instance"), or tag the running instance; the agent tries again by itself

all: exit 65
--- stderr
error: cannot gather the facts about this machine
  cause: tags missing after N s: cos:cluster, cos:role; this instance has: Name

hint: add cos:cluster, cos:role to `tag_specifications` of the launch template (resource_type "instance"), or tag the running instance; the agent tries again by itself

off: exit 65
--- stderr
error: cannot gather the facts about this machine
  cause: the instance metadata has no tags, and EC2 cannot be asked for them
  cause: the instance metadata holds no role credentials (`meta-data/iam/security-credentials/` answers 404)

hint: either set `metadata_options { instance_metadata_tags = "enabled" }` in the launch template (for a running instance: `aws ec2 modify-instance-metadata-options --instance-id ID --instance-metadata-tags enabled`), or give the instance a role that allows `ec2:DescribeTags` and a route to the EC2 endpoint (a VPC endpoint in subnets without internet)
"#);
}

#[test]
fn metadata_that_is_no_metadata() {
    insta::assert_snapshot!(simulate(&[
        ("off", "consul-server --fault off"),
        ("throttled", "consul-server --fault unavailable=60s"),
        ("not ready", "consul-server --fault fresh-401=60s"),
        ("hangs", "consul-server --fault hang"),
        ("web page", "consul-server --fault html"),
        ("empty", "consul-server --fault empty"),
        ("no text", "consul-server --fault garbage"),
        ("huge", "consul-server --fault huge"),
    ]), @r#"
off: exit 69
--- stderr
error: cannot gather the facts about this machine
  cause: cannot read the instance metadata
  cause: the metadata service at http://127.0.0.1:PORT answered 403: it is disabled for this instance

hint: set `metadata_options { http_endpoint = "enabled" }` in the launch template (for a running instance: `aws ec2 modify-instance-metadata-options --instance-id ID --http-endpoint enabled`), and look for a firewall on the instance

throttled: exit 69
--- stderr
error: cannot gather the facts about this machine
  cause: cannot read the instance metadata
  cause: no answer for `PATH` from http://127.0.0.1:PORT after N attempts in N s; last failure: status 503

hint: the service throttles or is not ready, and the agent tries again by itself; if it lasts, look for a program on this instance that queries the metadata without a pause

not ready: exit 69
--- stderr
error: cannot gather the facts about this machine
  cause: cannot read the instance metadata
  cause: no answer for `PATH` from http://127.0.0.1:PORT after N attempts in N s; last failure: status 401 for a fresh token

hint: the service throttles or is not ready, and the agent tries again by itself; if it lasts, look for a program on this instance that queries the metadata without a pause

hangs: exit 69
--- stderr
error: cannot gather the facts about this machine
  cause: cannot read the instance metadata
  cause: no answer for `PATH` from http://127.0.0.1:PORT after N attempts in N s; last failure: timed out

hint: the address accepts connections but does not answer: in a container, raise `http_put_response_hop_limit` to 2; otherwise check linklocal_allowance_exceeded in `ethtool -S`

web page: exit 65
--- stderr
error: cannot gather the facts about this machine
  cause: cannot read the instance metadata
  cause: `dynamic/instance-identity/document` answered 200 with an HTML page, which is never a metadata value

hint: look for a proxy or a redirect of port 80: something other than the EC2 metadata service answers at this address

empty: exit 65
--- stderr
error: cannot gather the facts about this machine
  cause: cannot read the instance metadata
  cause: `dynamic/instance-identity/document` answered 200 with an empty body

hint: look for a proxy or a redirect of port 80: something other than the EC2 metadata service answers at this address

no text: exit 65
--- stderr
error: cannot gather the facts about this machine
  cause: cannot read the instance metadata
  cause: `dynamic/instance-identity/document` answered 200 with bytes that are not UTF-8

hint: look for a proxy or a redirect of port 80: something other than the EC2 metadata service answers at this address

huge: exit 65
--- stderr
error: cannot gather the facts about this machine
  cause: cannot read the instance metadata
  cause: `dynamic/instance-identity/document` answered 200 with more than 65536 bytes

hint: look for a proxy or a redirect of port 80: something other than the EC2 metadata service answers at this address
"#);
}

#[test]
fn versions_that_are_not_supported() {
    insta::assert_snapshot!(simulate(&[
        ("old Consul", "consul-server --consul-version 1.7.14"),
        ("old Nomad", "nomad-client --nomad-version 1.5.17"),
    ]), @r#"
old Consul: exit 78
--- stderr
error: cannot determine how to configure this node
  cause: expected consul 1.8 or newer, found 1.7.14

hint: build the image with a newer consul

old Nomad: exit 78
--- stderr
error: cannot determine how to configure this node
  cause: expected nomad 1.6 or newer, found 1.5.17

hint: build the image with a newer nomad
"#);
}

#[test]
fn a_version_that_nobody_knows() {
    let metadata = Metadata::of_role("nomad-client", &[]);
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().display().to_string();
    let ran = run(metadata.command(&["apply", "--root", folder.as_str()]));
    insta::assert_snapshot!(ran.shown(root.path()), @r#"
exit 78
--- stderr
error: cannot determine how to configure this node
  cause: cannot determine the version of nomad: /usr/bin/nomad does not exist, and no setting states the version

hint: install nomad in the image; to render without it, set `[nomad] version = "…"`
"#);
}

#[test]
fn nobody_at_the_address() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().display().to_string();
    let ran = run(cos_agent(&["facts", "--root", folder.as_str(), "--timeout", "300ms"]));
    insta::assert_snapshot!(ran.shown(root.path()), @r#"
exit 69
--- stderr
metadata service: Connection refused (os error 111); retrying for N s
error: cannot gather the facts about this machine
  cause: cannot read the instance metadata
  cause: no answer for `PATH` from http://127.0.0.1:PORT after N attempts in N s; last failure: Connection refused (os error 111)

hint: check the network (`ip address; ip route get 169.254.169.254`); on a machine that is not an EC2 instance, try `cos-agent simulate`
"#);
}

/// Something else at the address of metadata: it gives this answer to everything.
fn impostor(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    format!("http://{address}")
}

#[test]
fn something_else_at_the_address_is_not_believed_and_a_redirect_not_followed() {
    let metadata = Metadata::of_role("nomad-client", &[]);
    let elsewhere = format!(
        "HTTP/1.1 307 x\r\nlocation: {}/latest/api/token\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        metadata.service.endpoint()
    );
    let redirect: &'static str = elsewhere.leak();
    let mut text = String::new();
    for (case, answer) in [
        ("redirect", redirect),
        ("web server", "HTTP/1.1 405 x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"),
        ("no HTTP", "SSH-2.0-OpenSSH_9.2\r\n"),
    ] {
        let mut command = cos_agent(&["facts", "--root", "/nowhere", "--timeout", "300ms"]);
        command.env("AWS_EC2_METADATA_SERVICE_ENDPOINT", impostor(answer));
        let shown = run(command).shown(std::path::Path::new("/nowhere"));
        text.push_str(&format!("{case}: {shown}\n"));
    }
    assert!(metadata.service.served().is_empty());
    insta::assert_snapshot!(text, @r"
redirect: exit 69
--- stderr
metadata service: no IMDSv2 at http://127.0.0.1:PORT: PUT /latest/api/token answered 307; retrying for N s
error: cannot gather the facts about this machine
  cause: cannot read the instance metadata
  cause: no IMDSv2 at http://127.0.0.1:PORT: PUT /latest/api/token answered 307

hint: the address answers but is not the EC2 metadata service: unset AWS_EC2_METADATA_SERVICE_ENDPOINT; on a machine that is not an EC2 instance, try `cos-agent simulate`

web server: exit 69
--- stderr
metadata service: no IMDSv2 at http://127.0.0.1:PORT: PUT /latest/api/token answered 405; retrying for N s
error: cannot gather the facts about this machine
  cause: cannot read the instance metadata
  cause: no IMDSv2 at http://127.0.0.1:PORT: PUT /latest/api/token answered 405

hint: the address answers but is not the EC2 metadata service: unset AWS_EC2_METADATA_SERVICE_ENDPOINT; on a machine that is not an EC2 instance, try `cos-agent simulate`

no HTTP: exit 69
--- stderr
metadata service: invalid HTTP version parsed; retrying for N s
error: cannot gather the facts about this machine
  cause: cannot read the instance metadata
  cause: no answer for `PATH` from http://127.0.0.1:PORT after N attempts in N s; last failure: invalid HTTP version parsed

hint: check the network (`ip address; ip route get 169.254.169.254`); on a machine that is not an EC2 instance, try `cos-agent simulate`
");
}
