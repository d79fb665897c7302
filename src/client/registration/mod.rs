//! Dynamic registration of clients ([OIDC Dynamic Client Registration §3], [RFC 7591 §3]).
//!
//! [OIDC Dynamic Client Registration §3]: https://openid.net/specs/openid-connect-registration-1_0.html#ClientRegistration
//! [RFC 7591 §3]: https://www.rfc-editor.org/rfc/rfc7591#section-3

mod allowance;
mod decide;
mod management;
mod mint;
mod policy;
mod request;
mod response;
mod rules;
mod sector;
mod statement;
mod vet;

pub use allowance::InitialAccess;
pub(super) use allowance::{issue, withdraw};
pub(crate) use management::manage;
pub use policy::{RegistrationPolicy, RegistrationRequest, RegistrationVerdict};
pub use rules::{Registration, RegistrationAccess};
pub use statement::Publishers;
pub(crate) use statement::Statement;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use self::{decide::Asked, mint::provide_secret, request::Sent, response::respond, vet::vet};
use super::{
    Client,
    keys::Freshness,
    record::{self, ClientEntry, Management, Unused},
};
use crate::{
    env::{Event, What},
    error::{Failure, HostError, Reason, RegistrationError},
    provider::Core,
    secret::{Handle, HandleKind, random},
    throttle::{Attempt, AttemptKind},
    types::ClientId,
    wire::{Reply, Request},
};

/// admit → parse → vet → mint → commit → respond.
pub(crate) async fn register(
    core: &Core,
    http: &Request<'_>,
    rules: &Registration,
) -> Result<Reply, RegistrationError> {
    throttled(core, http).await?;
    let now = core.clock.now();
    let admission = allowance::admit(core, http, rules, now).await?;
    let sent = Sent::parse(http)?;
    let statement = sent.statement(core, rules, now).await?;
    let asked = Asked {
        sent: &sent,
        statement: statement.as_ref(),
        before: None,
        purpose: admission.purpose(),
        peer: http.peer,
    };
    let draft = rules.reach(core, Client::unchecked(new_id(core)?, asked.metadata()?));
    let mut client = vet(core, rules, &asked, draft, Freshness::Refreshed, now).await?;

    let secret = provide_secret(core, rules, &mut client, now)?;
    client.check()?;
    client.epoch = u32::from_be_bytes(random(&*core.entropy)?);
    let until = now + rules.unused_lifetime;
    client.unused = Some(Unused { until, invited: admission.is_by_invitation() });
    let token = Handle::random(HandleKind::Registration, &*core.entropy)?;
    let purpose = admission.purpose().map(ToOwned::to_owned);
    let management = Some(Management { token: token.whole_digest(), purpose, statement });
    let registered = ClientEntry { management, ..ClientEntry::new(client, now) };

    admission.spend(core, rules, now).await?;
    if record::create(core, &registered).await?.is_none() {
        // 128 random bits that were there before: the source of randomness repeats itself.
        return Err(Reason::EntropyFailed.into());
    }
    let event = Event::new(What::ClientRegistered).client(&registered.client.id);
    core.observer.observe(&event);
    Ok(respond(core, 201, &registered, secret.as_deref(), Some(&token.encode())))
}

/// vet, for a client that describes itself instead of registering: by the same rules, but nobody has
/// invited it, so the grants are those that are offered to strangers.
pub(super) async fn described(
    core: &Core,
    draft: Client,
    members: Map<String, Value>,
) -> Result<Client, RegistrationError> {
    let rules = Registration {
        grant_types: Registration::default().grant_types,
        ..core.config.registration.clone().unwrap_or_default()
    };
    let now = core.clock.now();
    let sent = Sent { members };
    let statement = sent.statement(core, &rules, now).await?;
    let asked = Asked {
        sent: &sent,
        statement: statement.as_ref(),
        before: None,
        purpose: None,
        peer: None,
    };
    let draft = rules.reach(core, draft);
    let client = vet(core, &rules, &asked, draft, Freshness::Cached, now).await?;
    client.check()?;
    Ok(client)
}

/// Asks the host whether one more may be looked at.
async fn throttled(core: &Core, http: &Request<'_>) -> Result<(), RegistrationError> {
    let attempt = Attempt::stranger(AttemptKind::Registration, http.peer);
    core.throttle.admit(&attempt).await.map_err(RegistrationError::throttled)
}

/// A name that nobody has: 128 random bits, and a beginning that tells it from a person's
/// (threat RG-10).
fn new_id(core: &Core) -> Result<ClientId, Failure> {
    let bytes: [u8; 16] = random(&*core.entropy)?;
    let text = format!("client_{}", URL_SAFE_NO_PAD.encode(bytes));
    ClientId::new(text).map_err(|cause| HostError::from(cause).into())
}
