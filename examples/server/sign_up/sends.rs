//! How often something is sent to one address, whoever asks for it.

use std::collections::HashMap;

use oidc_op::{Duration, Timestamp};

use super::Address;

/// So often within an hour.
const MOST: usize = 3;
const PERIOD: Duration = Duration::HOUR;
/// How many addresses are remembered, so that nobody fills the memory.
const ADDRESSES: usize = 100_000;

/// When something was sent to whom.
#[derive(Debug, Default)]
pub(super) struct Sends(HashMap<Address, Vec<Timestamp>>);

/// Nothing more is sent there now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotAdmitted {
    /// So often has something been sent to the address; for how long no more.
    Often(Duration),
    /// So many addresses are remembered.
    Full,
}

impl Sends {
    /// Counts one more, or says why not.
    pub(super) fn admit(&mut self, address: &Address, now: Timestamp) -> Result<(), NotAdmitted> {
        let address = address.canonical();
        if self.0.len() >= ADDRESSES && !self.0.contains_key(&address) {
            return Err(NotAdmitted::Full);
        }
        let times = self.0.entry(address).or_default();
        times.retain(|time| now.since(*time) < PERIOD);
        match times.first() {
            Some(first) if times.len() >= MOST => {
                Err(NotAdmitted::Often((*first + PERIOD).since(now)))
            }
            _ => {
                times.push(now);
                Ok(())
            }
        }
    }

    /// Forgets what does not count any more.
    pub(super) fn sweep(&mut self, now: Timestamp) {
        self.0.retain(|_, times| times.iter().any(|time| now.since(*time) < PERIOD));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Threat UI-10: an address is written to three times in any hour, however it is written.
    #[test]
    fn three_within_an_hour() {
        let mut sends = Sends::default();
        let start = Timestamp::from_unix(1_800_000_000);
        let email = |text: &str| Address::Email(text.into());
        for (minute, address, wait) in [
            (0, "eve@example.com", None),
            (20, "Eve@Example.com", None),
            (20, "eva@example.com", None),
            (40, "eve@example.com", None),
            (41, "EVE@example.com", Some(19)),
            (59, "eve@example.com", Some(1)),
            (60, "eve@example.com", None),
            (61, "eve@example.com", Some(19)),
            (80, "eve@example.com", None),
        ] {
            let now = start + Duration::minutes(minute);
            sends.sweep(now);
            let found = sends.admit(&email(address), now).err();
            let wait = wait.map(|minutes| NotAdmitted::Often(Duration::minutes(minutes)));
            assert_eq!(found, wait, "{address} at {minute}");
        }
        sends.sweep(start + Duration::minutes(140));
        assert!(sends.0.is_empty(), "{sends:?}");
    }
}
