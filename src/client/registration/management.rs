//! What a client does with its own registration: read, update, delete ([RFC 7592],
//! [OIDC Dynamic Client Registration §4]).
//!
//! [RFC 7592]: https://www.rfc-editor.org/rfc/rfc7592
//! [OIDC Dynamic Client Registration §4]: https://openid.net/specs/openid-connect-registration-1_0.html#ClientConfigurationEndpoint

use super::{
    Registration, decide::Asked, mint::provide_secret, request::Sent, response::respond, throttled,
    vet::vet,
};
use crate::{
    client::{
        Client,
        keys::Freshness,
        record::{self, ATTEMPTS, ClientEntry, Management},
        secret,
    },
    env::{Event, What},
    error::{ErrorCode, Reason, RegistrationError},
    provider::Core,
    secret::{Handle, HandleKind},
    store::Loaded,
    types::{ClientId, Timestamp},
    wire::{Authorization, Cors, Params, Reply, Request},
};

/// authenticate → the method's own steps.
pub(crate) async fn manage(
    core: &Core,
    http: &Request<'_>,
    rules: &Registration,
) -> Result<Reply, RegistrationError> {
    let caller = Caller::authenticate(core, http).await?;
    match http.method {
        "PUT" => update(core, http, rules, caller).await,
        "DELETE" => delete(core, caller).await,
        _ => Ok(respond(core, 200, &caller.registered.body, None, Some(caller.token))),
    }
}

/// A client that has shown its registration access token. Only [`Caller::authenticate`] makes one.
struct Caller<'r> {
    registered: Loaded<ClientEntry>,
    management: Management,
    token: &'r str,
}

impl<'r> Caller<'r> {
    /// One answer for no such client, a client without self-management and a wrong token (threat
    /// RG-07): the token stands in the header, and the client in the address.
    async fn authenticate(core: &Core, http: &Request<'r>) -> Result<Self, RegistrationError> {
        let params = Params::parse(&[http.query.as_bytes()]);
        let text = match http.authorization() {
            Authorization::Bearer(text) => text,
            Authorization::Absent => return Err(RegistrationError::no_token()),
            _ => return Err(RegistrationError::bad_token()),
        };
        let token = Handle::decode(HandleKind::Registration, text);
        let token = token.ok_or_else(RegistrationError::bad_token)?;
        let id = params.one("client_id")?.and_then(|id| ClientId::new(id).ok());
        let id = id.ok_or_else(RegistrationError::bad_token)?;
        Self::of(core, &id, &token, text).await?.ok_or_else(RegistrationError::bad_token)
    }

    async fn of(
        core: &Core,
        id: &ClientId,
        token: &Handle,
        text: &'r str,
    ) -> Result<Option<Self>, RegistrationError> {
        let Some(registered) = record::find(core, id).await? else { return Ok(None) };
        let Some(management) = registered.body.management.clone() else { return Ok(None) };
        let genuine = management.token.same(token.whole_digest().as_bytes());
        let allowed = genuine && registered.body.client.enabled;
        Ok(allowed.then_some(Self { registered, management, token: text }))
    }

    /// The same once more, since somebody else has written in between.
    async fn again(self, core: &Core) -> Result<Self, RegistrationError> {
        let id = self.registered.body.client.id;
        let token = Handle::decode(HandleKind::Registration, self.token);
        let token = token.ok_or_else(RegistrationError::bad_token)?;
        Self::of(core, &id, &token, self.token).await?.ok_or_else(RegistrationError::bad_token)
    }
}

/// Replaces all that is registered: what is not sent is gone ([RFC 7592 §2.2]).
///
/// [RFC 7592 §2.2]: https://www.rfc-editor.org/rfc/rfc7592#section-2.2
async fn update(
    core: &Core,
    http: &Request<'_>,
    rules: &Registration,
    mut caller: Caller<'_>,
) -> Result<Reply, RegistrationError> {
    throttled(core, http).await?;
    let sent = Sent::parse(http)?;
    let now = core.clock.now();
    for _ in 0..ATTEMPTS {
        let change = Change::decide(core, http, rules, &sent, &caller, now).await?;
        if record::replace(core, &caller.registered, &change.after).await?.is_some() {
            let event = Event::new(What::ClientUpdated).client(&change.after.client.id);
            core.observer.observe(&event);
            let token = change.token.as_deref().unwrap_or(caller.token);
            return Ok(respond(core, 200, &change.after, change.secret.as_deref(), Some(token)));
        }
        caller = caller.again(core).await?;
    }
    Err(Reason::StoreFailed.into())
}

/// What an update makes of a registration, and what goes to the client with it.
struct Change {
    after: ClientEntry,
    secret: Option<String>,
    token: Option<String>,
}

impl Change {
    async fn decide(
        core: &Core,
        http: &Request<'_>,
        rules: &Registration,
        sent: &Sent,
        caller: &Caller<'_>,
        now: Timestamp,
    ) -> Result<Self, RegistrationError> {
        let before = &caller.registered.body;
        check_own_members(core, sent, &before.client).await?;
        let former = caller.management.statement.as_ref();
        let statement = sent.newer_statement(core, rules, former, now).await?;
        let asked = Asked {
            sent,
            statement: statement.as_ref(),
            before: Some(&before.client),
            purpose: caller.management.purpose.as_deref(),
            peer: http.peer,
        };
        let draft = Client { metadata: asked.metadata()?, ..before.client.clone() };
        let mut client = vet(core, rules, &asked, draft, Freshness::Refreshed, now).await?;
        let secret = provide_secret(core, rules, &mut client, now)?;
        client.check()?;
        let mut management = Management { statement, ..caller.management.clone() };
        let mut token = None;
        if rules.rotate_tokens {
            let fresh = Handle::random(HandleKind::Registration, &*core.entropy)?;
            management.token = fresh.whole_digest();
            token = Some(fresh.encode());
        }
        let management = Some(management);
        Ok(Self { after: ClientEntry { client, management, ..before.clone() }, secret, token })
    }
}

/// What the client has to say of itself, and what it must not ([RFC 7592 §2.2]).
///
/// [RFC 7592 §2.2]: https://www.rfc-editor.org/rfc/rfc7592#section-2.2
async fn check_own_members(
    core: &Core,
    sent: &Sent,
    client: &Client,
) -> Result<(), RegistrationError> {
    let refused = |text| Err(RegistrationError::member(Reason::MetadataInvalid, text));
    for (member, text) in [
        ("registration_access_token", "registration_access_token: must not be sent"),
        ("registration_client_uri", "registration_client_uri: must not be sent"),
        ("client_secret_expires_at", "client_secret_expires_at: must not be sent"),
        ("client_id_issued_at", "client_id_issued_at: must not be sent"),
    ] {
        if sent.has(member) {
            return refused(text);
        }
    }
    if sent.text("client_id") != Some(client.id.as_str()) {
        return refused("client_id: must be sent, and be the client's own");
    }
    if sent.has("client_secret") {
        let presented = sent.text("client_secret").unwrap_or_default();
        match secret::check(core, Some(client), presented).await {
            Ok(()) => {}
            Err(failure) if failure.reason.error() == ErrorCode::InvalidClient => {
                return refused("client_secret: must be the client's own, or not be sent");
            }
            Err(failure) => return Err(failure.into()),
        }
    }
    Ok(())
}

/// Forgets the client; with it end its grants, its tokens and its registration access token
/// ([RFC 7592 §2.3]).
///
/// [RFC 7592 §2.3]: https://www.rfc-editor.org/rfc/rfc7592#section-2.3
async fn delete(core: &Core, mut caller: Caller<'_>) -> Result<Reply, RegistrationError> {
    for _ in 0..ATTEMPTS {
        if record::remove(core, &caller.registered).await? {
            let event = Event::new(What::ClientDeleted);
            core.observer.observe(&event.client(&caller.registered.body.client.id));
            return Ok(Reply::empty(204).with_cors(Cors::Any));
        }
        caller = caller.again(core).await?;
    }
    Err(Reason::StoreFailed.into())
}
