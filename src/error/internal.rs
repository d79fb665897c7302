use std::fmt;

use super::{Failure, Reason};

/// Something that the host asked for could not be done: the store, the source of randomness or the
/// host itself failed. Nothing may have happened; asking again is safe. [`Reason::CursorUnfit`] alone says that
/// the asker is wrong: a listing was to go on where none has ended.
pub struct InternalError(Failure);

impl InternalError {
    /// Why, with a stable code.
    pub fn reason(&self) -> Reason {
        self.0.reason
    }
}

impl<F: Into<Failure>> From<F> for InternalError {
    fn from(failure: F) -> Self {
        Self(failure.into())
    }
}

impl fmt::Debug for InternalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InternalError({:?})", self.0.reason)
    }
}

impl fmt::Display for InternalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.reason.description())
    }
}

impl std::error::Error for InternalError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}
