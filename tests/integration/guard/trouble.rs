//! What stands between a server and its answer: named in words that stay the same, and never for longer than a boot may
//! wait.

use super::again::alone;
use super::clock::slow_clock;
use super::{
    CONSUL, Daemon, FORMED, Fault, PATIENCE, Store, binary, forms, instance, instance_with_role,
    node, notes, starts,
};
use crate::support::address::own_address;
use cos_agent::membership::quorum::guard;
use cos_agent::pipeline;
use cos_agent::simulate::service::Service;
use cos_agent::state::Formation;
use cos_agent::system::aws;
use cos_agent::system::retry::Deadline;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// As long as a boot may wait for the guard.
const QUESTION: Duration = Duration::from_secs(5);

#[tokio::test(start_paused = true)]
async fn every_trouble_has_words_that_stay_the_same() {
    tokio::spawn(slow_clock());
    for (fault, words) in [
        (Fault::Denies("GetParameter"), "ssm:GetParameter is denied: AccessDeniedException"),
        (Fault::Denies("GetParameter"), "allow `ssm:GetParameter` in the policy"),
        (Fault::Says("<html>sign in</html>"), "not JSON"),
        (Fault::Says(r#"{"Parameter": {"Value": "n"#), "not JSON"),
        (Fault::Says("null"), "`Parameter.Value` is not a string"),
        (Fault::Refuses(403, "<html>proxy</html>"), "failed with status 403"),
        (Fault::Refuses(302, ""), "failed with status 302"),
        (Fault::Refuses(505, ""), "failed with status 505"),
        (Fault::Refuses(529, ""), "status 529"),
        (Fault::Refuses(408, ""), "status 408"),
        (Fault::Refuses(503, "<html>unavailable</html>"), "status 503"),
        (Fault::Refuses(400, r#"{"__type":"UnrecognizedClientException"}"#), "UnrecognizedClient"),
        (Fault::Refuses(400, r#"{"__type":"ExpiredTokenException"}"#), "ExpiredToken"),
        (Fault::Refuses(400, r#"{"__type":"RequestExpired"}"#), "RequestExpired"),
        (Fault::Throttles(usize::MAX), "ThrottlingException"),
        (Fault::Breaks(usize::MAX), "status 500"),
        (Fault::Silence, "timed out"),
    ] {
        let store = Store::with(&[(CONSUL, "no")]).await;
        let node = alone("consul-server", &store).await;
        store.fails(fault);
        let started = Instant::now();
        node.converge().await;
        assert!(started.elapsed() <= QUESTION, "{fault:?}: {:?}", started.elapsed());
        assert!(!forms(&node, Daemon::Consul), "{fault:?}");
        let said = notes(&node);
        assert!(said.contains(words), "{said}: {words}");
        assert!(!said.contains("not-shown") && !said.contains("a-token"), "{said}");
        assert!(!said.contains("attempts") && !said.contains(" s;"), "{said}");
        starts(&node, Daemon::Consul);
        let before = node.tree();
        node.converge().await;
        assert!(node.tree() == before, "{fault:?}: {said}: {}", notes(&node));
        store.fails(None);
        node.converge().await;
        assert!(forms(&node, Daemon::Consul), "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_there_is_no_answer() {
    tokio::spawn(slow_clock());
    let store = Store::with(&[(CONSUL, "no")]).await;
    for (url, words) in [
        ("http://127.0.0.1:1".to_owned(), "Connection refused"),
        // A service that speaks no TLS.
        (store.url().replace("http", "https"), "gives no usable answer"),
    ] {
        let mut node = alone("consul-server", &store).await;
        node.environment.aws_endpoints.insert(aws::Service::Ssm, url.clone());
        let started = Instant::now();
        node.converge().await;
        assert!(started.elapsed() <= QUESTION, "{url}: {:?}", started.elapsed());
        let said = notes(&node);
        assert!(said.contains(words) && said.contains("VPC endpoint `ssm`"), "{url}: {said}");
        assert!(!forms(&node, Daemon::Consul), "{url}");
    }
}

/// A program that ends with its test.
struct Ends(std::process::Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn a_certificate_of_another_time_is_called_a_wrong_clock_and_is_no_answer() {
    let store = Store::with(&[(CONSUL, "no")]).await;
    for (from, to) in [(2001, 2002), (2301, 2302)] {
        let node = node("consul-server", &store).await;
        let address = own_address();
        let mut certificate = rcgen::CertificateParams::new(vec![address.to_string()]).unwrap();
        certificate.not_before = rcgen::date_time_ymd(from, 1, 1);
        certificate.not_after = rcgen::date_time_ymd(to, 1, 1);
        let key = rcgen::KeyPair::generate().unwrap();
        let pem = certificate.self_signed(&key).unwrap().pem();
        node.write("/tls/certificate.pem", &pem);
        node.write("/tls/key.pem", &key.serialize_pem());
        let _server = Ends(
            std::process::Command::new("openssl")
                .args(["s_server", "-quiet", "-accept", &format!("{address}:4433")])
                .args(["-cert", "certificate.pem", "-key", "key.pem"])
                .current_dir(node.path("/tls"))
                .stdin(std::process::Stdio::null())
                .stderr(std::process::Stdio::null())
                .spawn()
                .expect("openssl is needed"),
        );
        let root = node.root().display().to_string();
        let mut ran = binary::cos_agent(&["apply", "--root", &root]);
        ran.env("AWS_EC2_METADATA_SERVICE_ENDPOINT", node.service.endpoint());
        ran.env("AWS_ENDPOINT_URL_SSM", format!("https://{address}:4433"));
        ran.env("SSL_CERT_FILE", node.path("/tls/certificate.pem"));
        let ran = tokio::task::spawn_blocking(|| binary::run(ran)).await.unwrap();
        assert_eq!(ran.code, Some(75), "{}", ran.stderr);
        assert!(ran.stderr.contains("the clock of this instance is wrong"), "{}", ran.stderr);
        assert!(!ran.stderr.contains("VPC endpoint"), "{}", ran.stderr);
        assert!(!forms(&node, Daemon::Consul));
    }
}

#[tokio::test(start_paused = true)]
async fn what_lasts_for_a_moment_is_asked_for_again_within_the_question() {
    tokio::spawn(slow_clock());
    for (fault, questions) in [(Fault::Throttles(2), 3), (Fault::Breaks(2), 3)] {
        let store = Store::with(&[(CONSUL, FORMED)]).await;
        let node = alone("consul-server", &store).await;
        store.fails(fault);
        assert!(node.converge().await.unanswered().is_none(), "{fault:?}");
        assert!(notes(&node).contains("the cluster had formed"), "{fault:?}");
        assert_eq!(store.asked().len(), questions, "{fault:?}");
    }
}

/// What the guard finds for a server whose metadata is this from the moment on at which it asks; and after how long.
async fn asks(metadata: &Service, store: &Store) -> (Formation, Duration) {
    let node = alone("consul-server", store).await;
    let mut system = node.system(true);
    let of = pipeline::survey(&system, Deadline::after(PATIENCE)).await.unwrap().node;
    system.environment.metadata_endpoint = Some(metadata.endpoint());
    let started = Instant::now();
    (guard::ask(&system, &of, &Formation::default(), Daemon::Consul).await, started.elapsed())
}

async fn metadata(faults: &[&str]) -> Service {
    let instance = instance_with_role(instance("consul-server", None));
    Service::start(instance, super::node::faults(faults)).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn metadata_that_is_busy_and_credentials_that_are_late_are_waited_for() {
    tokio::spawn(slow_clock());
    let store = Store::with(&[(CONSUL, FORMED)]).await;
    let (found, _) = asks(&metadata(&["unavailable=1s"]).await, &store).await;
    assert_eq!(found, Formation { join_only: true, unanswered: None });

    // Of the list only the first line counts: no credentials at that name, or none at all.
    for role in ["cos-node\nlate", ""] {
        let late = metadata(&[]).await;
        late.change(|found| match role {
            "" => found.credentials = None,
            name => name.clone_into(&mut found.credentials.as_mut().unwrap().role),
        });
        let comes = async {
            sleep(Duration::from_millis(1500)).await;
            late.change(|found| *found = instance_with_role(instance("consul-server", None)));
        };
        let ((found, _), ()) = tokio::join!(asks(&late, &store), comes);
        assert_eq!(found, Formation { join_only: true, unanswered: None }, "{role:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_trouble_of_metadata_holds_a_boot_for_long_or_founds() {
    tokio::spawn(slow_clock());
    let store = Store::with(&[(CONSUL, "no")]).await;
    let without_role = metadata(&[]).await;
    without_role.change(|found| found.credentials = None);
    let late = metadata(&[]).await;
    late.change(|found| {
        "cos-node\nlate".clone_into(&mut found.credentials.as_mut().unwrap().role);
    });
    for (metadata, words) in [
        (without_role, "holds no role credentials"),
        (late, "credentials of the role cos-node are not available yet"),
        (metadata(&["hang"]).await, "no answer for"),
        (metadata(&["off"]).await, "answered 403"),
        (metadata(&["unavailable=60s"]).await, "status 503"),
        (metadata(&["slow=1900ms"]).await, ""),
    ] {
        let (found, took) = asks(&metadata, &store).await;
        // The clock of the test jumps by up to 900 ms.
        assert!(took <= QUESTION + Duration::from_millis(900), "{words}: {took:?}");
        let why = found.unanswered.expect(words);
        assert!(found.join_only && why.contains(words), "{words}: {why}");
        assert!(store.asked().is_empty(), "{words}");
    }
}
