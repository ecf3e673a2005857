//! Boots: the first one of a whole cluster, and those of machines that have been there before.

use crate::lab::Lab;
use crate::lab::description::ten;
use crate::lab::table::{cluster, table};
use crate::lab::transcript::Transcript;

#[test]
fn ten_nodes_that_boot_at_once_become_a_cluster_that_runs_jobs() {
    let mut transcript = Transcript::begin("ten nodes that boot at once become a cluster");
    let lab = Lab::new(ten());
    transcript.proved("the lab is made: network, AWS, ten machines without power");
    lab.boot_all();
    let after = lab.until_ready();
    transcript.proved(&format!("all are ready\n{}{}", table(&lab, &after), cluster(&lab)));
}
