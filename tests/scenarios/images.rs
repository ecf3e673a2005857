//! Images: a client pulls from the account's own registry with nothing but its instance role, and from others as before.

use crate::bake::build::PAUSE;
use crate::doctor::ask::{BROKEN, expect};
use crate::lab::Lab;
use crate::lab::description::{clients, servers};
use crate::lab::node::Node;
use crate::lab::registry::{OPEN, ecr};
use crate::lab::shell::SOON;
use crate::lab::transcript::Transcript;
use crate::lab::wait::until;
use crate::lab::whole::{docker_job, list, text};

/// What docker and Nomad read for credentials.
const CONFIG: &str = "/etc/docker/config.json";
/// What curl ends with where there is nobody whom it could trust.
const UNTRUSTED: Option<i32> = Some(77);

#[test]
fn a_job_runs_from_an_image_in_ecr_and_from_one_elsewhere() {
    let mut transcript = Transcript::begin("a job runs from an image in ECR");
    let kinds = [servers("consul-server", 1), servers("nomad-server", 1), clients(&["backoffice"])];
    let lab = Lab::new(kinds.concat());
    lab.start_registries();
    let (server, client) = (lab.node("nomad-1"), lab.node("backoffice"));
    client.trust_nobody();
    client.write("/etc/cos-agent/disabled", "");
    lab.boot_all();
    let url = format!("https://{}/v2/", ecr());
    let curl = || client.run(&["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", &url]);
    until("the registry is not trusted", SOON, || match curl() {
        output if output.code == UNTRUSTED => Ok(()),
        output => Err(format!("{output:?}")),
    });
    client.ok(&["rm", "/etc/cos-agent/disabled"]);
    client.ok(&["systemctl", "restart", "cos-agent.service"]);
    lab.until_ready();
    assert_eq!(curl().stdout, "401");
    transcript.proved("the authority of the site, which nothing on the node knew, is trusted once the agent has run");

    let [first, second] = ["app:1", "app:2"].map(|tag| format!("{}/{tag}", ecr()));
    for image in [&first, &second, &format!("{OPEN}/app:1")] {
        client.push_image(image);
    }
    transcript.proved("images are pushed, to ECR with the token that it gave to the instance role");
    for (job, image) in [("app", &first), ("other", &format!("{OPEN}/app:1"))] {
        server.put_nomad("/v1/jobs", &docker_job(job, "backoffice", image)).unwrap();
        until(&format!("{job} runs"), SOON, || {
            let found = allocations(&server, job)?;
            if found.contains("\"running\"") { Ok(()) } else { Err(found) }
        });
        assert!(client.ok(&["docker", "ps", "--format", "{{.Image}}"]).contains(image.as_str()));
    }
    let calls = lab.aws.calls();
    assert!(calls.iter().any(|call| call.action == "GetAuthorizationToken" && call.status == 200));
    transcript.proved("Nomad's docker driver pulls from ECR, and from a registry that ECR's helper knows nothing of");

    // The kernel of a container says nothing of its modules, so Nomad offers no bridge here; the virtual machine has one.
    client.ok(&["docker", "image", "inspect", PAUSE]);
    transcript.proved("docker has Nomad's pause image, which the image of the machine has brought");

    let wired = client.read(CONFIG);
    client.write(CONFIG, "{}\n");
    server.put_nomad("/v1/jobs", &docker_job("bare", "backoffice", &second)).unwrap();
    let refused = |words: &str| words.contains("no basic auth credentials");
    until("a pull without the helper fails", SOON, || {
        let found = allocations(&server, "bare")?;
        if refused(&found) { Ok(()) } else { Err(found) }
    });
    let pull = ["docker", "--config", "/etc/docker", "pull", &second];
    assert!(refused(&client.run(&pull).stderr));
    expect(&client, "ecr-docker-config", BROKEN, "cos-agent apply");
    client.ok(&["cos-agent", "apply"]);
    assert_eq!(client.read(CONFIG), wired);
    client.ok(&pull);
    transcript
        .proved("without the helper both fail; the next `apply` puts it back, and docker pulls");
}

/// The allocations of a job, with the state of each and what has happened to it.
fn allocations(server: &Node<'_>, job: &str) -> Result<String, String> {
    let found = server.nomad(&format!("/v1/job/{job}/allocations"))?;
    let one = |allocation: &serde_json::Value| {
        let events = list(&allocation["TaskStates"]["task"]["Events"]);
        let words: Vec<String> = events.map(|event| text(&event["DisplayMessage"])).collect();
        format!("{} {words:?}", allocation["ClientStatus"])
    };
    Ok(list(&found).map(one).collect::<Vec<_>>().join("\n"))
}
