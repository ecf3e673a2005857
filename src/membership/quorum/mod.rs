//! Whether a server may form a cluster: the guard and its parameter, the record that a cluster has formed, and the
//! reform of a lost cluster.

pub mod alone;
mod error;
pub mod founding;
pub mod guard;
pub mod lost;
pub mod parameter;

pub use error::GuardError;
