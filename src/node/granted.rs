//! What a node may do beyond its facts and tags. It is decided after [`super::resolve`] and before anything is rendered.

use super::Node;
use crate::facts::settings::Guard;
use crate::state::Formation;

/// What a node may do beyond its facts and tags. The default is for a node that has to ask for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Granted {
    /// Whether its server may form a new cluster, or can only join one.
    pub formation: Formation,
}

impl Granted {
    /// What the node is, and whether it can only join, in one line.
    pub fn summary(&self, node: &Node) -> String {
        let joins = match (&self.formation, node.duty.quorum()) {
            (Formation { unanswered: Some(_), .. }, Some(_)) => {
                "; it can only join, because the agent cannot verify whether the cluster has formed"
            }
            (Formation { join_only: true, .. }, Some(_)) => {
                "; it can only join, because the cluster has already formed"
            }
            _ => "",
        };
        format!("{}{joins}", node.summary())
    }

    /// Notes for people on how the cluster of a server forms, one sentence each.
    pub fn notes(&self, node: &Node) -> Vec<String> {
        if node.duty.quorum().is_none() {
            return Vec::new();
        }
        let off = (node.settings.quorum.guard == Guard::Off).then(|| {
            "the quorum guard is off (`[quorum] guard`): if all servers are replaced at once, they form a new cluster".to_owned()
        });
        let joins = match &self.formation {
            Formation { unanswered: Some(why), .. } => Some(format!(
                "this server can only join, because the agent cannot verify whether the cluster has formed: {why}; \
                 cos-agent.service tries again"
            )),
            Formation { join_only: true, .. } => Some(
                "this server can only join, because the cluster had formed before this server had data".to_owned(),
            ),
            Formation { join_only: false, .. } => None,
        };
        off.into_iter().chain(joins).collect()
    }
}
