use std::{
    array,
    hash::{BuildHasher, Hasher, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
};

const SHARDS: usize = 64;

/// Equal parts, each under a lock of its own, so that callers seldom meet.
pub(super) struct Sharded<T> {
    shards: Box<[Lane<T>; SHARDS]>,
    seed: Seed,
}

/// Neighbours do not share a cache line.
#[repr(align(64))]
struct Lane<T>(Mutex<T>);

impl<T> Sharded<T> {
    pub(super) fn new(seed: Seed, make: impl Fn() -> T) -> Self {
        Self { shards: Box::new(array::from_fn(|_| Lane(Mutex::new(make())))), seed }
    }

    /// The part where this hash lies.
    pub(super) fn lock(&self, hash: &[u8; 32]) -> MutexGuard<'_, T> {
        // A byte from the middle: a map takes its slot from the low bits and its tags from the high.
        let [_, _, _, _, byte, ..] = self.seed.hash_one(hash).to_le_bytes();
        lock(self.at(byte.into()))
    }

    /// Every part.
    pub(super) fn all(&self) -> impl Iterator<Item = &Mutex<T>> {
        self.from(0)
    }

    /// Every part, beginning anywhere.
    pub(super) fn from(&self, first: usize) -> impl Iterator<Item = &Mutex<T>> {
        (0..SHARDS).map(move |n| self.at(first.wrapping_add(n)))
    }

    fn at(&self, n: usize) -> &Mutex<T> {
        #[expect(clippy::indexing_slicing, reason = "the remainder is in range")]
        &self.shards[n % SHARDS].0
    }
}

/// A lock whose holder panicked is as good as any: no change here is left half done.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hashes what is a SHA-256 already: eight of its bytes, times a secret number.
///
/// The number is there because some keys name what a client chose, who could otherwise search for
/// many that fall into one place.
#[derive(Clone, Copy)]
pub(super) struct Seed(u64);

impl Seed {
    pub(super) fn random() -> Self {
        Self(RandomState::new().hash_one(0) | 1)
    }
}

impl BuildHasher for Seed {
    type Hasher = Fold;

    fn build_hasher(&self) -> Fold {
        Fold { seed: self.0, hash: 0 }
    }
}

pub(super) struct Fold {
    seed: u64,
    hash: u64,
}

impl Hasher for Fold {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(head) = bytes.first_chunk() {
            // The upper bits of a product depend on all bits of its factors; they go to the front.
            self.hash = u64::from_le_bytes(*head).wrapping_mul(self.seed).swap_bytes();
        }
    }

    /// The length of the hash, and the kind that is hashed in it.
    fn write_usize(&mut self, _: usize) {}

    /// See [`write_usize`](Self::write_usize).
    fn write_isize(&mut self, _: isize) {}

    fn finish(&self) -> u64 {
        self.hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Digest;

    #[test]
    fn spreads_digests_over_all_parts() {
        for seed in [1, 3, 0x9e37_79b9_7f4a_7c15, u64::MAX] {
            let sharded = Sharded::new(Seed(seed), || 0);
            for n in 0..6400_u32 {
                *sharded.lock(Digest::of(&n.to_be_bytes()).as_bytes()) += 1;
            }
            for part in sharded.all() {
                let part = *lock(part);
                assert!((50..150).contains(&part), "{part} of 100 under {seed}");
            }
        }
    }

    #[test]
    fn a_walk_meets_every_part_once_wherever_it_begins() {
        for first in [0, 1, 63, 64, usize::MAX] {
            let sharded = Sharded::new(Seed::random(), || 0);
            for part in sharded.from(first) {
                *lock(part) += 1;
            }
            assert!(sharded.all().all(|part| *lock(part) == 1), "{first}");
        }
    }
}
