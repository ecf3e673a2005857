//! The example jobs on a living cluster: a request from the internet to a task and back, what watches the cluster, and the pages for
//! people. Images of HAProxy and Prometheus come from ECR, and everything goes through the port matrix. The scenario of the ten nodes
//! that Terraform makes runs them.

mod watched;
mod ways_in;

use crate::lab::Lab;
use crate::lab::transcript::Transcript;

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
