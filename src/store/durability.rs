//! What a store may lose.

/// What an acknowledged write survives.
///
/// # Security
///
/// What is forgotten comes back to life: a redeemed code can be redeemed once more, a revoked token is accepted
/// again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// The loss of power, as far as the disk keeps its word.
    #[default]
    Durable,
    /// The end of the process, but the last moments before a loss of power may be lost.
    Relaxed,
}
