//! `[sign_up]`: how people create accounts for themselves.

use serde::Deserialize;

use crate::sign_up::{Channel, Delivery, LogDelivery, Verification};

/// What is asked of somebody who creates an account.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SignUp {
    /// Whether there is a page for it.
    pub(crate) enabled: bool,
    pub(crate) email: Wanted,
    pub(crate) phone: Wanted,
    /// What must be shown to be theirs, by a code that is sent there, before they have the account.
    verify: Vec<Channel>,
    /// How codes get to people.
    delivery: Option<DeliveryKind>,
}

/// Whether something is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Wanted {
    No,
    Optional,
    Required,
}

/// The ready-made deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum DeliveryKind {
    Log,
}

impl Default for SignUp {
    fn default() -> Self {
        Self {
            enabled: false,
            email: Wanted::Required,
            phone: Wanted::No,
            verify: Vec::new(),
            delivery: None,
        }
    }
}

impl SignUp {
    pub(crate) fn wants(&self, channel: Channel) -> Wanted {
        match channel {
            Channel::Email => self.email,
            Channel::Phone => self.phone,
        }
    }

    /// What is verified, and how; nothing, if absent.
    pub(crate) fn verification(&self) -> Option<Verification> {
        let delivery: Box<dyn Delivery> = match self.delivery? {
            DeliveryKind::Log => Box::new(LogDelivery),
        };
        let channels = Channel::ALL.into_iter().filter(|channel| self.verify.contains(channel));
        let channels: Vec<_> = channels.collect();
        (!channels.is_empty()).then_some(Verification { channels, delivery })
    }

    /// Whether codes can be read in the log.
    pub(crate) fn codes_in_log(&self) -> bool {
        self.delivery == Some(DeliveryKind::Log)
    }

    /// The claims that somebody has who has created an account.
    pub(crate) fn claims(&self) -> impl Iterator<Item = &str> {
        let always = ["name", "preferred_username", "updated_at"];
        let asked = Channel::ALL.into_iter().filter(|channel| self.wants(*channel) != Wanted::No);
        let asked = asked.flat_map(|channel| [channel.claim(), channel.verified_claim()]);
        always.into_iter().chain(asked).filter(|_| self.enabled)
    }

    /// What contradicts itself.
    pub(super) fn finding(&self) -> Option<String> {
        let unasked = self.verify.iter().find(|channel| self.wants(**channel) == Wanted::No);
        if let Some(channel) = unasked {
            let name = channel.name();
            return Some(format!("sign_up.verify: {name}: is not asked for; see sign_up.{name}"));
        }
        (!self.verify.is_empty() && self.delivery.is_none()).then(|| {
            "sign_up.verify: needs a way to send codes; sign_up.delivery = \"log\" prints them into \
             the log, which is for demos only"
                .into()
        })
    }
}
