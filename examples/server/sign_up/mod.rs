//! Sign-up: people create accounts for themselves, and show by codes that an e-mail address and a phone
//! number are theirs before they have one.
//!
//! A sign-up under way belongs to one form of one interaction, so that nobody goes on with it but the
//! browser that began it. It is in memory, keeps no name from anybody, and a restart forgets it. An
//! address that somebody has is treated like one that nobody has, but that its owner gets a notice
//! instead of a code: whoever does not read what is sent there learns nothing.

mod candidate;
mod channel;
mod code;
mod delivery;
mod outcome;
mod pending;
mod sends;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use oidc_op::{Duration, EntropyError, SystemEntropy, Timestamp};
use ring::digest;
use tracing::error;

pub(crate) use self::{
    candidate::{Candidate, check_password},
    channel::{Address, Channel},
    code::Code,
    delivery::{Delivery, LogDelivery, Message},
    outcome::{Next, Refused, Waiting},
};
use self::{
    code::{Codes, Purpose, Sent, Tried},
    pending::{Done, Entry, PATIENCE, Pending},
    sends::{NotAdmitted, Sends},
};
use crate::{
    layers::chain,
    users::{NotCreated, PasswordHash, User, Users},
};

/// How long a code can be entered.
const CODE: Duration = Duration::minutes(10);
/// How many may be under way, so that nobody fills the memory.
const MOST: usize = 100_000;

/// Names a sign-up: the form that it began with. The form's address is of use only in one browser, and
/// whoever reads the memory later on cannot make it of this.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct FormKey([u8; 32]);

impl FormKey {
    /// By the token of the interaction in the form's address.
    pub(crate) fn of(token: &str) -> Self {
        let mut key = [0; 32];
        let digest = digest::digest(&digest::SHA256, token.as_bytes());
        key.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
        Self(key)
    }

    fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for FormKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FormKey(..)")
    }
}

/// What is verified, and how codes get to people.
#[derive(Debug)]
pub(crate) struct Verification {
    pub(crate) channels: Vec<Channel>,
    pub(crate) delivery: Box<dyn Delivery>,
}

/// All sign-ups under way.
pub(crate) struct SignUps {
    verification: Option<Verification>,
    users: Arc<Users>,
    codes: Codes,
    entropy: SystemEntropy,
    under_way: Mutex<UnderWay>,
}

#[derive(Default)]
struct UnderWay {
    entries: HashMap<FormKey, Entry>,
    sends: Sends,
}

impl fmt::Debug for SignUps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignUps").finish_non_exhaustive()
    }
}

impl SignUps {
    pub(crate) fn new(
        users: Arc<Users>,
        verification: Option<Verification>,
    ) -> Result<Self, EntropyError> {
        let entropy = SystemEntropy::new();
        let codes = Codes::new(&entropy)?;
        Ok(Self { verification, users, codes, entropy, under_way: Mutex::default() })
    }

    /// The form was filled in. Sent twice, it is one sign-up, with one code.
    pub(crate) fn begin(
        &self,
        form: FormKey,
        candidate: Candidate,
        password: PasswordHash,
        now: Timestamp,
    ) -> Result<Next, Refused> {
        if self.users.has_login(&candidate.username) {
            let taken = NotCreated::UsernameTaken;
            return Err(Refused::Taken { taken, verified: false });
        }
        let mut under_way = self.under_way();
        let UnderWay { entries, sends } = &mut *under_way;
        let mut pending = match entries.get(&form) {
            Some(Entry::Pending(pending)) if now < pending.until => {
                pending.clone().filled_in(candidate, password)
            }
            _ if entries.len() >= MOST => return Err(Refused::Busy),
            _ => Pending::new(candidate, password, now),
        };
        let next = self.go_on(form, &mut pending, sends, now)?;
        match (&next, entries.get_mut(&form)) {
            (Next::Code(_), _) => {
                entries.insert(form, Entry::Pending(pending));
            }
            // What was to be shown is not in the form any more: nothing waits for it now.
            (Next::Created(user), Some(entry)) => *entry = Entry::Done(Done::new(user, None, now)),
            _ => {}
        }
        Ok(next)
    }

    /// A code was entered. Sent twice, the form has one effect.
    pub(crate) fn verify(
        &self,
        form: FormKey,
        channel: Channel,
        typed: &str,
        now: Timestamp,
    ) -> Result<Next, Refused> {
        let code = Code::read(typed).ok_or(Refused::Unreadable)?;
        let mut under_way = self.under_way();
        let UnderWay { entries, sends } = &mut *under_way;
        let pending = match entries.get_mut(&form) {
            Some(entry) if now >= entry.until() => return Err(Refused::Gone),
            Some(Entry::Pending(pending)) => pending,
            Some(Entry::Done(done)) if done.is_again(&self.codes, code, now) => {
                return Ok(Next::Again(Arc::clone(&done.user)));
            }
            Some(Entry::Done(_)) | None => return Err(Refused::Gone),
        };
        match pending.awaits(self.channels()) {
            Some(awaited) if awaited == channel => {}
            // The page of an earlier step, sent twice.
            Some(_) => return Ok(Next::Code(None)),
            None => {
                let next = self.go_on(form, pending, sends, now);
                if let Ok(Next::Created(user)) = &next {
                    entries.insert(form, Entry::Done(Done::new(user, None, now)));
                }
                return next;
            }
        }
        let sent = pending.sent.as_mut().ok_or(Refused::Expired)?;
        match sent.try_with(&self.codes, code, now) {
            Tried::Right => {}
            Tried::Wrong => return Err(Refused::Wrong),
            Tried::Spent => return Err(Refused::Spent),
            Tried::Expired => return Err(Refused::Expired),
        }
        let sent = sent.clone();
        pending.has_verified(channel);
        let next = self.go_on(form, pending, sends, now);
        if let Ok(Next::Created(user)) = &next {
            entries.insert(form, Entry::Done(Done::new(user, Some(sent), now)));
        }
        next
    }

    /// Another code is asked for, on the page of the code with this number; the one before is good no
    /// more. Sent twice, the form has one effect.
    pub(crate) fn send_again(
        &self,
        form: FormKey,
        number: u32,
        now: Timestamp,
    ) -> Result<Next, Refused> {
        let mut under_way = self.under_way();
        let UnderWay { entries, sends } = &mut *under_way;
        let Some(Entry::Pending(pending)) = entries.get_mut(&form) else {
            return Err(Refused::Gone);
        };
        let channel = pending.awaits(self.channels()).filter(|_| now < pending.until);
        let channel = channel.ok_or(Refused::Gone)?;
        if number != pending.number {
            return Ok(Next::Code(None));
        }
        let message = self.issue(form, pending, channel, sends, now)?;
        Ok(Next::Code(Some(message)))
    }

    /// What the form waits for.
    pub(crate) fn waiting(&self, form: FormKey, now: Timestamp) -> Option<Waiting> {
        let under_way = self.under_way();
        let Entry::Pending(pending) = under_way.entries.get(&form)? else { return None };
        let channel = pending.awaits(self.channels()).filter(|_| now < pending.until)?;
        let candidate = pending.candidate.clone();
        let to = candidate.address(channel)?.masked();
        Some(Waiting { candidate, channel, to, number: pending.number })
    }

    /// The account that it has become, lately.
    pub(crate) fn finished(&self, form: FormKey, now: Timestamp) -> Option<Arc<User>> {
        match self.under_way().entries.get(&form)? {
            entry @ Entry::Done(done) if now < entry.until() => Some(Arc::clone(&done.user)),
            _ => None,
        }
    }

    /// What was filled in.
    pub(crate) fn candidate(&self, form: FormKey, now: Timestamp) -> Option<Candidate> {
        match self.under_way().entries.get(&form)? {
            Entry::Pending(pending) if now < pending.until => Some(pending.candidate.clone()),
            _ => None,
        }
    }

    /// Sends a message; whether somebody has taken charge of it.
    pub(crate) async fn deliver(&self, message: &Message) -> bool {
        let Some(verification) = &self.verification else { return false };
        match verification.delivery.deliver(message).await {
            Ok(()) => true,
            Err(error) => {
                error!(error = chain(&*error), "a message could not be delivered");
                false
            }
        }
    }

    /// Forgets what is too old.
    pub(crate) fn sweep(&self, now: Timestamp) {
        let mut under_way = self.under_way();
        under_way.entries.retain(|_, entry| now < entry.until());
        under_way.sends.sweep(now);
    }

    fn channels(&self) -> &[Channel] {
        self.verification.as_ref().map_or(&[], |verification| &verification.channels)
    }

    fn under_way(&self) -> MutexGuard<'_, UnderWay> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A code for what must be verified next, or the account.
    fn go_on(
        &self,
        form: FormKey,
        pending: &mut Pending,
        sends: &mut Sends,
        now: Timestamp,
    ) -> Result<Next, Refused> {
        match pending.awaits(self.channels()) {
            Some(channel) if pending.has_live_code(channel, now) => Ok(Next::Code(None)),
            Some(channel) => Ok(Next::Code(Some(self.issue(form, pending, channel, sends, now)?))),
            None => self.create(pending).map(Next::Created),
        }
    }

    fn create(&self, pending: &Pending) -> Result<Arc<User>, Refused> {
        self.users.create(pending.new_user()).map_err(|taken| match taken {
            NotCreated::UsernameTaken => Refused::Taken { taken, verified: false },
            NotCreated::EmailTaken => {
                Refused::Taken { taken, verified: pending.is_verified(Channel::Email) }
            }
            NotCreated::PhoneNumberTaken => Refused::Taken { taken, verified: true },
            _ => Refused::Busy,
        })
    }

    /// A code for an address that nobody has; for one that somebody has, a notice, and nothing that
    /// fits. All of it is done for either.
    fn issue(
        &self,
        form: FormKey,
        pending: &mut Pending,
        channel: Channel,
        sends: &mut Sends,
        now: Timestamp,
    ) -> Result<Message, Refused> {
        let address = pending.candidate.address(channel).ok_or(Refused::Gone)?;
        sends.admit(&address, now).map_err(|refused| match refused {
            NotAdmitted::Often(wait) => Refused::TooMany(channel, wait),
            NotAdmitted::Full => Refused::Full(channel),
        })?;
        let number = pending.number.saturating_add(1);
        let code = Code::random(&self.entropy)?;
        let purpose = Purpose { form, channel, number };
        let sent = Sent::new(&self.codes, purpose, code, now + CODE);
        let nothing = sent.clone().fits_nothing(&self.entropy)?;
        let (is_somebodys, to) = match &address {
            Address::Email(to) => (self.users.has_login(to), to.clone()),
            Address::Phone(to) => (self.users.has_phone_number(to), to.clone()),
        };
        let (sent, message) = match channel {
            _ if is_somebodys => (nothing, Message::AlreadyRegistered { to: address }),
            Channel::Email => (sent, Message::EmailCode { to, code }),
            Channel::Phone => (sent, Message::PhoneCode { to, code }),
        };
        pending.sent = Some(sent);
        pending.number = number;
        pending.until = now + PATIENCE;
        Ok(message)
    }
}

#[cfg(test)]
mod tests;
