use std::any::Any;

use crate::store::StoreError;

/// A promise, as it is told of when it is broken.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    pub(super) name: &'static str,
    pub(super) promise: &'static str,
    pub(super) harm: &'static str,
}

impl Terms {
    #[track_caller]
    pub(super) fn are_broken(self, Broken(found): &Broken) {
        let Self { name, promise, harm } = self;
        #[expect(clippy::panic, reason = "this is how a test is told")]
        {
            panic!(
                "the store breaks its contract ({name})\n promise: {promise}\n   found: {found}\n    harm: {harm}"
            );
        }
    }
}

/// What was found instead of what was promised.
#[derive(Debug)]
pub(super) struct Broken(pub(super) String);

impl Broken {
    pub(super) fn by_panic(panic: &(dyn Any + Send)) -> Self {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        Self(format!("a panic: {}", text.unwrap_or("without a message")))
    }
}

impl From<StoreError> for Broken {
    fn from(error: StoreError) -> Self {
        let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        Self(format!("the store failed: {error}: {cause}"))
    }
}

/// `found` is what is said when it does not hold.
pub(super) fn require(holds: bool, found: impl Into<String>) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(Broken(found.into())) }
}
