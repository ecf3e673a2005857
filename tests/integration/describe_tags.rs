//! Tags in metadata are off, or peers are looked for: the agent asks EC2 with the credentials of the instance role,
//! here against moto, which verifies signatures and policies like AWS once it is told to.

use crate::support::address::own_address;
use crate::support::binary;
use aws_credential_types::Credentials as Keys;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use binary::{Metadata, Ran, run};
use cos_agent::simulate::NodeKind;
use cos_agent::simulate::instance::{Credentials, Instance};
use cos_agent::state::Region;
use cos_agent::system::aws::ssm::{self, Parameter};
use cos_agent::system::aws::{AwsError, Client, Service};
use cos_agent::system::environment::Environment;
use cos_agent::system::imds::Imds;
use cos_agent::system::retry::Deadline;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

/// Where moto listens, at an address of its own.
const PORT: u16 = 5000;

/// moto; it ends with the test.
struct Moto {
    process: Child,
    address: Ipv4Addr,
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

const ADMIN: (&str, &str, Option<&str>) = ("admin", "admin", None);

impl Moto {
    fn start() -> Self {
        let address = own_address();
        let process = Command::new("moto_server")
            .args(["-H", &address.to_string(), "-p", &PORT.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("moto_server is needed: pip install 'moto[server]'");
        let mut moto = Self { process, address };
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect((address, PORT)).is_err() {
            assert!(Instant::now() < deadline, "moto_server does not listen");
            let ended = moto.process.try_wait().unwrap();
            assert!(ended.is_none(), "moto_server ended: {ended:?}; pip install 'moto[server]'");
            std::thread::yield_now();
        }
        moto
    }

    fn url(&self) -> String {
        format!("http://{}:{PORT}", self.address)
    }

    /// One request over a connection of its own; the body of the answer.
    fn send(&self, path: &str, headers: &[(String, String)], body: &str) -> String {
        let mut stream = TcpStream::connect((self.address, PORT)).unwrap();
        let mut request = format!(
            "POST {path} HTTP/1.1\r\nhost: {}:{PORT}\r\nconnection: close\r\ncontent-length: {}\r\n",
            self.address,
            body.len()
        );
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        stream.write_all(format!("{request}\r\n{body}").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{path} {body}: {answer}");
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    /// A call of a Query API as the administrator.
    fn call(&self, service: &str, body: &str) -> String {
        const FORM: &str = "application/x-www-form-urlencoded";
        let (key, secret, token) = ADMIN;
        let identity = Keys::new(key, secret, token.map(str::to_owned), None, "test").into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region("eu-central-1")
            .name(service)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .unwrap()
            .into();
        let url = format!("{}/", self.url());
        let host = format!("{}:{PORT}", self.address);
        let signed = [("content-type", FORM), ("host", host.as_str())];
        let bytes = SignableBody::Bytes(body.as_bytes());
        let request = SignableRequest::new("POST", &url, signed.into_iter(), bytes).unwrap();
        let (instructions, _) = sign(request, &parameters).unwrap().into_parts();
        let mut headers = vec![("content-type".to_owned(), FORM.to_owned())];
        let own = instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned()));
        headers.extend(own);
        self.send("/", &headers, body)
    }

    /// From now on signatures and policies are verified.
    fn enforce(&self) {
        let headers = [("content-type".to_owned(), "application/octet-stream".to_owned())];
        self.send("/moto-api/reset-auth", &headers, "0");
    }

    /// Launches an instance with these tags; what EC2 says of it.
    fn launch(&self, tags: &[(String, String)]) -> String {
        let mut body =
            "Action=RunInstances&Version=2016-11-15&ImageId=ami-12c6146b&MinCount=1&MaxCount=1\
            &TagSpecification.1.ResourceType=instance"
                .to_owned();
        for (number, (key, value)) in tags.iter().enumerate() {
            let tag = format!("&TagSpecification.1.Tag.{}", number + 1);
            let key = key.replace(':', "%3A");
            body.push_str(&format!("{tag}.Key={key}{tag}.Value={value}"));
        }
        self.call("ec2", &body)
    }

    /// Makes a role with a policy and hands out its credentials.
    fn role(&self, name: &str, action: &str) -> Credentials {
        let trust = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%5D%7D";
        let policy = format!(
            "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C\
             %22Action%22%3A%22{action}%22%2C%22Resource%22%3A%22%2A%22%7D%5D%7D"
        );
        self.call(
            "iam",
            &format!("Action=CreateRole&Version=2010-05-08&RoleName={name}&AssumeRolePolicyDocument={trust}"),
        );
        self.call(
            "iam",
            &format!("Action=PutRolePolicy&Version=2010-05-08&RoleName={name}&PolicyName=p&PolicyDocument={policy}"),
        );
        let answer = self.call(
            "sts",
            &format!(
                "Action=AssumeRole&Version=2011-06-15&RoleSessionName=test\
                 &RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2F{name}"
            ),
        );
        Credentials {
            role: name.to_owned(),
            access_key_id: between(&answer, "AccessKeyId"),
            secret_access_key: between(&answer, "SecretAccessKey"),
            token: between(&answer, "SessionToken"),
        }
    }
}

fn between(text: &str, name: &str) -> String {
    let (_, rest) =
        text.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("{name}: {text}"));
    rest.split_once("</").unwrap().0.to_owned()
}

fn facts(instance: Instance, ec2: &str, root: &Path) -> Ran {
    let metadata = Metadata::of(instance, &["tags-off"]);
    let root = root.display().to_string();
    let mut command = metadata.command(&["facts", "--timeout", "3s", "--root", root.as_str()]);
    command.env("AWS_ENDPOINT_URL_EC2", ec2);
    run(command)
}

#[test]
fn tags_come_from_ec2_where_the_role_may_ask_for_them() {
    let moto = Moto::start();
    let root = tempfile::tempdir().unwrap();
    cos_agent::simulate::furnish(root.path(), "1.22.7", "1.10.5").unwrap();
    let tags = NodeKind::of("nomad-server", None).tags("demo", "3");
    let list: Vec<(String, String)> = tags.clone().into_iter().collect();
    let id = between(&moto.launch(&list), "instanceId");
    // More instances, so that the filter matters.
    moto.launch(&[("cos:role".to_owned(), "nomad-client".to_owned())]);
    let may = moto.role("may", "ec2%3ADescribeTags");
    let may_not = moto.role("may-not", "ec2%3ADescribeVpcs");
    let node = |credentials: &Credentials| Instance {
        id: id.clone(),
        credentials: Some(credentials.clone()),
        ..Instance::default()
    };
    let summary = format!("{id} is a nomad-server of demo in datacenter leader, one of 3");
    let found = facts(node(&may), &moto.url(), root.path());
    assert_eq!(found.code, Some(0), "{}", found.stderr);
    assert!(found.stdout.starts_with(&summary) && found.stdout.contains("DescribeTags"));

    moto.enforce();
    let allowed = facts(node(&may), &moto.url(), root.path());
    assert_eq!(allowed.code, Some(0), "{}", allowed.stderr);
    assert_eq!(allowed.stdout, found.stdout);

    let denied = facts(node(&may_not), &moto.url(), root.path());
    assert_eq!(denied.code, Some(77), "{}", denied.stderr);
    for words in
        ["ec2:DescribeTags", "is denied", "instance_metadata_tags", "allows `ec2:DescribeTags`"]
    {
        assert!(denied.stderr.contains(words), "{words}: {}", denied.stderr);
    }

    // The signature is verified for real: with a wrong secret it is refused.
    let forged = Credentials { secret_access_key: "wrong".repeat(8), ..may };
    let refused = facts(node(&forged), &moto.url(), root.path());
    assert_eq!(refused.code, Some(69), "{}", refused.stderr);
    assert!(refused.stderr.contains("AuthFailure"), "{}", refused.stderr);
    for secret in [&forged.secret_access_key, &forged.token, &may_not.secret_access_key] {
        assert!(!refused.stderr.contains(secret) && !denied.stderr.contains(secret));
    }
}

#[test]
fn peers_are_the_other_servers_of_this_cluster() {
    let moto = Moto::start();
    let launch = |role: &str, cluster: &str| {
        let tags: Vec<_> = NodeKind::of(role, None).tags(cluster, "3").into_iter().collect();
        let answer = moto.launch(&tags);
        let field = |name| between(&answer, name);
        (field("instanceId"), field("privateIpAddress"), field("vpcId"))
    };
    let servers: Vec<_> = (0..3).map(|_| launch("consul-server", "demo")).collect();
    launch("consul-server", "other");
    launch("nomad-client", "demo");
    let (may, may_not) =
        (moto.role("may", "ec2%3ADescribeInstances"), moto.role("may-not", "ec2%3ADescribeTags"));
    moto.enforce();
    let (own, _, vpc) = servers[0].clone();
    let peers = |role: &str, count: &str, credentials: &Credentials, args: &[&str]| {
        let metadata = Metadata::of(
            Instance {
                id: own.clone(),
                vpc: vpc.clone(),
                tags: NodeKind::of(role, None).tags("demo", count),
                credentials: Some(credentials.clone()),
                ..Instance::default()
            },
            &[],
        );
        let all: Vec<&str> =
            ["peers", "consul-server", "--timeout", "3s"].iter().chain(args).copied().collect();
        let mut command = metadata.command(&all);
        command.env("AWS_ENDPOINT_URL_EC2", moto.url());
        run(command)
    };
    let lines = |text: &str| -> Vec<String> {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let addresses = |of: &[(String, String, String)]| -> Vec<String> {
        let mut all: Vec<String> = of.iter().map(|server| server.1.clone()).collect();
        all.sort();
        all
    };
    let others = peers("consul-server", "3", &may, &[]);
    assert_eq!((others.code, others.stderr.as_str()), (Some(0), ""));
    assert_eq!(lines(&others.stdout), addresses(&servers[1..]), "not itself, not another cluster");
    let alone = peers("consul-server", "1", &may, &[]);
    assert_eq!(lines(&alone.stdout), addresses(&servers), "one that forms its cluster alone");
    let as_json = peers("consul-server", "3", &may, &["-o", "json"]);
    let value = binary::json(&as_json.stdout);
    assert_eq!(value["schema"], "cos-agent/peers/1");
    assert_eq!(value["peers"].as_array().unwrap().len(), 2);
    let denied = peers("consul-server", "3", &may_not, &[]);
    assert_eq!((denied.code, denied.stdout.as_str()), (Some(77), ""), "{}", denied.stderr);
    for words in
        ["ec2:DescribeInstances is denied", "hint: allow `ec2:DescribeInstances` in the policy"]
    {
        assert!(denied.stderr.contains(words), "{words}: {}", denied.stderr);
    }
}

/// A parameter.
const NAME: &str = "/cos/demo/formed/consul";

/// No EC2, but the same client: its other protocol, signed for another service.
#[tokio::test]
async fn the_parameter_store_is_read_and_written() {
    let moto = Moto::start();
    let (may, may_not) = (moto.role("may", "ssm%3A%2A"), moto.role("may-not", "ec2%3A%2A"));
    moto.enforce();
    let connect = async |credentials: &Credentials| {
        let node = Instance { credentials: Some(credentials.clone()), ..Instance::default() };
        let metadata = Metadata::of(node, &[]);
        let environment = Environment {
            metadata_endpoint: Some(metadata.service.endpoint()),
            aws_endpoints: [(Service::Ssm, moto.url())].into(),
            ..Environment::default()
        };
        let imds = Imds::new(&environment, Deadline::after(Duration::from_secs(60))).unwrap();
        let region = Region::try_from("eu-central-1".to_owned()).unwrap();
        Client::of(Service::Ssm, &imds, &environment, &region).await.unwrap()
    };
    let client = connect(&may).await;
    assert_eq!(ssm::get_parameter(&client, NAME).await.unwrap(), Parameter::Absent);
    for value in ["no", "formed 2026-01-31T12:00:00Z by i-0123456789abcdef0"] {
        ssm::put_parameter(&client, NAME, value).await.unwrap();
        let found = ssm::get_parameter(&client, NAME).await.unwrap();
        assert_eq!(found, Parameter::Value(value.to_owned()));
    }
    let denied = ssm::get_parameter(&connect(&may_not).await, NAME).await.unwrap_err();
    assert!(matches!(denied, AwsError::Denied { .. }), "{denied}");
    let forged = Credentials { secret_access_key: "wrong".repeat(8), ..may };
    // A wrong signature may be a wrong clock, so it is tried again.
    let soon = Deadline::after(Duration::from_secs(2));
    let forged = connect(&forged).await.until(soon, soon);
    let refused = ssm::get_parameter(&forged, NAME).await.unwrap_err();
    assert!(refused.to_string().contains("Signature"), "{refused}");
}

#[test]
fn an_ec2_that_cannot_be_reached_is_unavailable() {
    let root = tempfile::tempdir().unwrap();
    let credentials = Credentials {
        role: "cos-node".to_owned(),
        access_key_id: "AKIA".to_owned(),
        secret_access_key: "not-shown".to_owned(),
        token: "nor-this".to_owned(),
    };
    let node = Instance { credentials: Some(credentials), ..Instance::default() };
    let ran = facts(node, "http://127.0.0.1:1", root.path());
    assert_eq!(ran.code, Some(69), "{}", ran.stderr);
    for words in ["http://127.0.0.1:1", "ec2:DescribeTags", "VPC endpoint"] {
        assert!(ran.stderr.contains(words), "{words}: {}", ran.stderr);
    }
    assert!(!ran.stderr.contains("not-shown") && !ran.stderr.contains("nor-this"));
}

#[test]
fn a_node_without_a_role_is_told_both_ways_out() {
    let root = tempfile::tempdir().unwrap();
    let ran = facts(Instance::default(), "http://127.0.0.1:1", root.path());
    assert_eq!(ran.code, Some(65), "{}", ran.stderr);
    for words in ["holds no role credentials", "instance_metadata_tags", "ec2:DescribeTags"] {
        assert!(ran.stderr.contains(words), "{words}: {}", ran.stderr);
    }
}
