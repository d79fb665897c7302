/// What an acknowledged write survives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// The loss of power, as far as the disk keeps its word.
    #[default]
    Durable,
    /// The end of the service's process, but the last moments before a loss of power may be lost: a redeemed
    /// code may come back to life, a revoked token as well.
    Relaxed,
}
