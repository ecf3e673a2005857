//! The result of one action.

/// How an action ended.
pub(super) enum Ended {
    /// It was done.
    Done,
    /// There was nothing to do.
    Nothing,
    /// It stays due until people do what this note says.
    Left(String),
}
