//! The example jobs on a living cluster: a request from the internet to a task and back, what watches the cluster, and the pages for
//! people. Images of HAProxy and Prometheus come from ECR, and everything goes through the port matrix. The scenario of the ten nodes
//! that Terraform makes runs them.

mod watched;
mod ways_in;

use crate::lab::Lab;
use crate::lab::balancer::images;
use crate::lab::node::Node;
use crate::lab::registry::ecr;
use crate::lab::transcript::Transcript;
use crate::lab::wait::until;
use crate::lab::whole::list;
use crate::modules::tree;
use std::fs;
use std::time::Duration;

/// Where the jobs are in the tree of Terraform.
const JOBS: &str = "examples/complete/jobs";
/// The jobs that run here, the image of each, and how many instances are healthy then.
const RUN: [(&str, &str, usize); 4] = [
    ("metrics", "haproxy", 4),
    ("ping", "haproxy", 4),
    ("ingress", "haproxy", 1),
    ("prometheus", "prometheus", 1),
];
/// How long a job may take from its registration until all its checks pass.
const LIVING: Duration = Duration::from_secs(120);

/// Runs the jobs on ten nodes that have joined, and shows what they do.
pub(crate) fn live(lab: &Lab, transcript: &mut Transcript) {
    lab.node("backoffice").push_images_of_jobs();
    transcript.proved("images of HAProxy and Prometheus are in ECR");
    lab.run_jobs();
    transcript.proved("all jobs run, and every check in Consul passes");
    ways_in::requests_reach_public_services_alone(lab, transcript);
    ways_in::an_instance_dies(lab, transcript);
    ways_in::people_reach_the_pages(lab, transcript);
    watched::every_target_is_up(lab, transcript);
    watched::a_node_that_is_cut_off_is_named(lab, transcript);
    watched::pages_need_a_leader(lab, transcript);
}

impl Node<'_> {
    /// Pushes the images of the example jobs to ECR.
    pub(crate) fn push_images_of_jobs(&self) {
        for image in ["haproxy", "prometheus"] {
            let archive = format!("/root/{image}.tar");
            fs::copy(images().join(format!("{image}.tar")), self.path(&archive)).unwrap();
            let name = image_name(image);
            self.ok(&["docker", "import", &archive, &name]);
            self.ok(&["docker", "--config", "/etc/docker", "push", &name]);
            self.ok(&["docker", "image", "rm", &name]);
            self.ok(&["rm", &archive]);
        }
    }
}

impl Lab {
    /// Runs the example jobs as a person would, and waits until all of them are healthy.
    pub(crate) fn run_jobs(&self) {
        let server = self.node("nomad-1");
        for (job, image, _) in RUN {
            let text = fs::read_to_string(tree().join(JOBS).join(format!("{job}.nomad.hcl")));
            let file = format!("/root/{job}.nomad.hcl");
            server.write(&file, &text.unwrap());
            let image = format!("-var=image={}", image_name(image));
            let mut words = ["nomad", "job", "run", "-detach", &image].to_vec();
            if job == "prometheus" {
                words.push("-var=interval=5s");
            }
            server.ok(&[&words[..], &[&file]].concat());
        }
        for (job, _, expected) in RUN {
            until(&format!("{job} is healthy"), LIVING, || {
                let found = server.consul(&format!("/v1/health/service/{job}?passing"))?;
                let healthy = list(&found).count();
                if healthy == expected { Ok(()) } else { Err(format!("{healthy} of {expected}")) }
            });
        }
    }
}

/// The name of an image in ECR, as the module `ecr` names repositories.
fn image_name(image: &str) -> String {
    format!("{}/demo/{image}:lab", ecr())
}
