//! READ: what Consul and Nomad say of their members and of this client, each asked once.

use super::fact::Fact;
use crate::gates::Context;
use crate::gates::Finding;
use crate::gates::checks::nomad_node_ready::registered;
use crate::system::daemon::api::ApiError;
use crate::system::daemon::nomad::Registered;
use crate::system::daemon::{consul, nomad};
use std::rc::Rc;

/// What the agents of this node say.
pub struct Daemons {
    /// The members that the local Consul agent knows.
    pub consul_members: Fact<Result<Vec<consul::Member>, ApiError>>,
    /// The servers in the gossip pool of Nomad, in all regions. A client asks a server for them.
    pub nomad_members: Fact<Result<Vec<nomad::Member>, ApiError>>,
    /// How the servers see this client, `None` if they do not know it; or why that is unknown.
    pub nomad_client: Fact<Result<Option<Registered>, Finding>>,
}

impl Daemons {
    /// The agents of a node; nothing is asked yet.
    pub(super) fn of(context: &Rc<Context>) -> Self {
        let [one, two, three] = [context, context, context].map(Rc::clone);
        Self {
            consul_members: Fact::new(async move { one.consul.members().await }),
            nomad_members: Fact::new(async move { two.nomad.members().await }),
            nomad_client: Fact::new(async move { registered(&three).await }),
        }
    }
}
