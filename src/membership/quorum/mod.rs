//! Whether a server may found a cluster: the guard and its parameter, what is put on record, and what a lost cluster needs.

pub mod alone;
mod error;
pub mod founding;
pub mod guard;
pub mod lost;
pub mod parameter;

pub use error::GuardError;
