//! Images: a client pulls from the account's own registry with nothing but its instance role.

use crate::lab::Lab;
use crate::lab::description::{clients, servers};
use crate::lab::registry::ecr;
use crate::lab::shell::SOON;
use crate::lab::transcript::Transcript;
use crate::lab::wait::until;
use crate::lab::whole::{docker_job, text};

#[test]
fn a_job_runs_from_an_image_in_ecr() {
    let mut transcript = Transcript::begin("a job runs from an image in ECR");
    let kinds = [servers("consul-server", 1), servers("nomad-server", 1), clients(&["backoffice"])];
    let lab = Lab::new(kinds.concat());
    lab.start_registry();
    lab.up();
    let (server, client) = (lab.node("nomad-1"), lab.node("backoffice"));
    let image = format!("{}/app:1", ecr());
    client.push_image(&image);
    transcript.proved("an image is pushed, with the token that ECR gave to the instance role");

    server.put_nomad("/v1/jobs", &docker_job("app", "backoffice", &image)).unwrap();
    until("the container runs", SOON, || {
        let allocations = server.nomad("/v1/job/app/allocations")?;
        let state = text(&allocations[0]["ClientStatus"]);
        if state == "running" { Ok(()) } else { Err(allocations.to_string()) }
    });
    assert!(client.ok(&["docker", "ps", "--format", "{{.Image}}"]).contains(&image));
    let calls = lab.aws.calls();
    assert!(calls.iter().any(|call| call.action == "GetAuthorizationToken" && call.status == 200));
    transcript.proved("Nomad's docker driver pulled it and runs it");
}
