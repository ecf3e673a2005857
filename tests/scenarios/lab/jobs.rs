//! The example jobs of `terraform/examples/complete/jobs/` on a lab of Terraform, run as a person would.

use super::Lab;
use super::inside::CONSUL;
use super::node::Node;
use super::registry::ecr;
use super::wait::until;
use super::whole::list;
use crate::modules::tree;
use crate::programs::images_of_jobs;
use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

/// Where the jobs are in the tree of Terraform.
pub(crate) const JOBS: &str = "examples/complete/jobs";
/// The jobs that run here, the image of each, and how many instances are healthy then.
const RUN: [(&str, &str, usize); 4] = [
    ("metrics", "haproxy", 4),
    ("ping", "haproxy", 4),
    ("ingress", "haproxy", 1),
    ("prometheus", "prometheus", 1),
];
/// How long a job may take from its registration until all its checks pass.
const LIVING: Duration = Duration::from_secs(120);

impl Node<'_> {
    /// Pushes the images of the example jobs to ECR.
    pub(crate) fn push_images_of_jobs(&self) {
        for image in ["haproxy", "prometheus"] {
            let archive = format!("/root/{image}.tar");
            fs::copy(images_of_jobs().join(format!("{image}.tar")), self.path(&archive)).unwrap();
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
        // Two health checks, 10 s apart.
        until("the load balancer sends requests on", LIVING, || {
            let healthy = self.healthy_targets("-ingress", "-ingress");
            if healthy.is_empty() { Err("no target is healthy".to_owned()) } else { Ok(()) }
        });
    }
}

/// The name of an image in ECR, as the module `ecr` names repositories.
fn image_name(image: &str) -> String {
    format!("{}/demo/{image}:lab", ecr())
}

impl Lab {
    /// Where Prometheus answers, as Consul knows.
    pub(crate) fn prometheus(&self) -> Result<SocketAddr, String> {
        let client = self.node("backoffice");
        let found = client.get(CONSUL, "/v1/health/service/prometheus?passing")?;
        let service = list(&found).next().ok_or("Consul has no Prometheus")?["Service"].clone();
        let port = service["Port"].as_u64().and_then(|port| u16::try_from(port).ok());
        Ok((client.address, port.ok_or("a service without a port")?).into())
    }
}
