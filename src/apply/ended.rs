//! How an action ended.

/// How an action ended.
pub(super) enum Ended {
    /// It was done.
    Done,
    /// There was nothing to do.
    Nothing,
    /// It stays due until somebody does what this says.
    Left(String),
}
