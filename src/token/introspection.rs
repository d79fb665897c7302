//! The introspection endpoint ([RFC 7662]), and its answers as JWTs ([RFC 9701]).
//!
//! [RFC 7662]: https://www.rfc-editor.org/rfc/rfc7662
//! [RFC 9701]: https://www.rfc-editor.org/rfc/rfc9701

use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    carried::{Carried, Carrier},
    client_credentials,
    refresh::is_usable,
};
use crate::{
    authorize,
    claims::Wanted,
    client::{AuthenticatedClient, Client, SubjectType, authenticate},
    error::{Failure, Reason, TokenError},
    grant::{Facts, Grant, RefreshToken, Standings},
    mint::{self, AccessToken, Actor, OneOrMore},
    provider::Core,
    types::{Acr, ClientId, Scope, Subject, Timestamp},
    wire::{Reply, Request},
};

/// The media type of an answer that is a JWT ([RFC 9701 §4]), and without its prefix the `typ` of that JWT.
///
/// [RFC 9701 §4]: https://www.rfc-editor.org/rfc/rfc9701#section-4
const JWT: &str = "application/token-introspection+jwt";

/// What is said of a token that is good ([RFC 7662 §2.2], [RFC 9470 §6.2]).
///
/// [RFC 7662 §2.2]: https://www.rfc-editor.org/rfc/rfc7662#section-2.2
/// [RFC 9470 §6.2]: https://www.rfc-editor.org/rfc/rfc9470#section-6.2
#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the registered members are what they are")]
struct Active<'a> {
    active: bool,
    iss: &'a str,
    client_id: &'a ClientId,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<OneOrMore<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a Scope>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    exp: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<&'a Acr>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    amr: &'a [Box<str>],
    #[serde(skip_serializing_if = "Option::is_none")]
    act: Option<&'a Actor>,
    #[serde(skip)]
    claims: Map<String, Value>,
}

/// The members of an answer, or none: exactly `{"active":false}`, whatever the reason.
pub(crate) type Answer = Option<Map<String, Value>>;

/// parse → authenticate → look → respond. A fault of the store is an error, never an inactive token.
pub(crate) async fn introspect(core: &Core, http: &Request<'_>) -> Result<Reply, TokenError> {
    let params = http.form()?.bounded()?;
    let client = authenticate(core, http, &params, &core.endpoints.introspection).await?;
    if client.is_public() {
        // RFC 7662 §2.1: some form of authorization, against scanning for tokens.
        return Err(Reason::IntrospectionOfPublicClient.into());
    }
    let token = params.one("token")?.ok_or(Reason::TokenMissing)?;
    let now = core.clock.now();
    let answer = look(core, Asker::Client(&client), token, now).await?;
    Ok(respond(core, http, &client, answer, now).await?)
}

/// Who asks about a token.
#[derive(Clone, Copy)]
pub(crate) enum Asker<'a> {
    /// A client: it hears of its own tokens, and, as a resource server, of those that are for it.
    Client(&'a Client),
    /// The host itself, which hears of all access tokens.
    Host,
}

/// What is said of a token, to this asker.
pub(crate) async fn look(
    core: &Core,
    asker: Asker<'_>,
    text: &str,
    now: Timestamp,
) -> Result<Answer, Failure> {
    if let Some(token) = AccessToken::read(core, text) {
        return of_access_token(core, asker, token, now).await;
    }
    let Asker::Client(client) = asker else { return Ok(None) };
    if let Some(token) = RefreshToken::decode(&core.keys, text) {
        return of_refresh_token(core, client, &token, now).await;
    }
    if core.config.policy.introspect_id_tokens {
        return of_id_token(core, client, text, now).await;
    }
    Ok(None)
}

async fn of_access_token(
    core: &Core,
    asker: Asker<'_>,
    token: AccessToken,
    now: Timestamp,
) -> Result<Answer, Failure> {
    let Some(carried) = Carried::find(core, token, now).await? else { return Ok(None) };
    let Some(audience) = carried.audience(core) else { return Ok(None) };
    // An API hears of what is for it, and of nothing else that the token is good for.
    let audience = match asker {
        Asker::Client(client) if client.id != carried.client.id => {
            let Some(own) = audience.of_server(&client.id) else { return Ok(None) };
            own
        }
        Asker::Client(_) | Asker::Host => audience,
    };
    let scope = match &carried.carrier {
        Carrier::Client => {
            let own = carried.scope(&audience);
            let nothing = own.is_empty();
            let scope = client_credentials::permitted(core, &carried.client, own).await?;
            // It was good for something, and is good for nothing now.
            if scope.is_empty() && !nothing {
                return Ok(None);
            }
            scope
        }
        Carrier::Grant { .. } => carried.scope(&audience),
    };
    let sub = carried.sub(core)?;
    let claims = match &carried.carrier {
        Carrier::Client => client_credentials::constants(core, &carried.client, &audience, &scope),
        Carrier::Grant { .. } => {
            let (rules, granted) = (&core.config.claims, carried.claims());
            let wanted = Wanted::of(rules, &carried.client, &scope, &granted, audience.target());
            let Some(account) = carried.account(core, &wanted.ask()).await? else {
                return Ok(None);
            };
            wanted.select(&account)
        }
    };
    let auth = carried.grant().map(|grant| &grant.auth);
    Ok(members(&Active {
        sub: Some(sub.as_ref().map_or(carried.client.id.as_str(), Subject::as_str)),
        aud: Some(OneOrMore(audience.names())),
        scope: Some(&scope).filter(|scope| !scope.is_empty()),
        token_type: Some("Bearer"),
        iat: Some(carried.token.issued),
        auth_time: auth.map(|auth| auth.time),
        acr: auth.and_then(|auth| auth.acr.as_ref()),
        amr: auth.map(|auth| &*auth.amr).unwrap_or_default(),
        act: carried.token.details.act.as_ref(),
        claims,
        ..Active::new(core, &carried.client.id, carried.token.expires())
    }))
}

/// A refresh token is nobody's business but its client's.
async fn of_refresh_token(
    core: &Core,
    client: &Client,
    token: &RefreshToken,
    now: Timestamp,
) -> Result<Answer, Failure> {
    let key = Grant::key(&core.config.issuer, token.grant());
    let Some(loaded) = core.load::<Grant>(&key).await? else { return Ok(None) };
    let grant = loaded.body;
    let Some(refresh) = &grant.refresh else { return Ok(None) };
    if !is_usable(core, &grant, token, client, now) {
        return Ok(None);
    }
    let facts = Facts::load(core, &grant, Standings::Refresh, &[]).await?;
    if grant.stands(client, &facts, Standings::Refresh, now).is_err() {
        return Ok(None);
    }
    Ok(members(&Active {
        sub: Some(grant.sub.as_str()),
        scope: Some(&grant.scope).filter(|scope| !scope.is_empty()),
        // Whoever takes any active token for an access token would take it for one.
        token_type: Some("refresh_token"),
        ..Active::new(core, &client.id, refresh.idle_until)
    }))
}

/// An ID token of the asker's own, where the policy says that it may ask. It says itself what there is
/// to say; but if the person is known by it, their account must be there, and nothing have ended since
/// what they had.
async fn of_id_token(
    core: &Core,
    client: &Client,
    text: &str,
    now: Timestamp,
) -> Result<Answer, Failure> {
    let Ok(token) = authorize::issued_id_token(core, client, text) else { return Ok(None) };
    // What the client can make itself, the provider does not vouch for.
    if token.expires <= now || !token.signed {
        return Ok(None);
    }
    if client.metadata.subject_type == SubjectType::Public {
        let facts = Facts::of_subject(core, &token.sub).await?;
        if !facts.subject_stands(token.issued.unix()) {
            return Ok(None);
        }
    }
    Ok(members(&Active {
        sub: Some(token.sub.as_str()),
        aud: Some(OneOrMore(vec![client.id.as_str()])),
        token_type: Some("id_token"),
        iat: Some(token.issued),
        auth_time: token.auth_time,
        acr: token.acr.as_ref(),
        amr: &token.amr,
        ..Active::new(core, &client.id, token.expires)
    }))
}

impl<'a> Active<'a> {
    fn new(core: &'a Core, client_id: &'a ClientId, exp: Timestamp) -> Self {
        Self {
            active: true,
            iss: core.config.issuer.as_str(),
            client_id,
            sub: None,
            aud: None,
            scope: None,
            token_type: None,
            exp,
            iat: None,
            auth_time: None,
            acr: None,
            amr: &[],
            act: None,
            claims: Map::new(),
        }
    }
}

/// What no host says of a token ([RFC 7662 §2.2]); the rest is reserved everywhere.
///
/// [RFC 7662 §2.2]: https://www.rfc-editor.org/rfc/rfc7662#section-2.2
const OWN: [&str; 2] = ["active", "token_type"];

fn members(active: &Active<'_>) -> Answer {
    let Ok(Value::Object(members)) = serde_json::to_value(active) else { return None };
    // What the host says never takes the place of what the provider says (threat TK-02).
    let mut all = active.claims.clone();
    all.retain(|name, _| !OWN.contains(&name.as_str()));
    all.extend(members);
    Some(all)
}

/// As JSON, or as a JWT for this very client if it says that it takes one ([RFC 9701 §5]).
///
/// [RFC 9701 §5]: https://www.rfc-editor.org/rfc/rfc9701#section-5
async fn respond(
    core: &Core,
    http: &Request<'_>,
    client: &AuthenticatedClient,
    answer: Answer,
    now: Timestamp,
) -> Result<Reply, Failure> {
    #[derive(Serialize)]
    struct Signed<'s> {
        iss: &'s str,
        aud: &'s ClientId,
        iat: Timestamp,
        token_introspection: Map<String, Value>,
    }

    let inactive = || Map::from_iter([("active".to_owned(), Value::Bool(false))]);
    let answer = answer.unwrap_or_else(inactive);
    let wants_jwt = http.header_all("accept").flat_map(|accept| accept.split(',')).any(|range| {
        let (range, parameters) = range.split_once(';').unwrap_or((range, ""));
        let refused = parameters.split(';').any(|parameter| {
            let weight = parameter.trim().strip_prefix("q=");
            weight.is_some_and(|weight| weight.trim_end_matches(['0', '.']).is_empty())
        });
        range.trim().eq_ignore_ascii_case(JWT) && !refused
    });
    if !wants_jwt {
        return Ok(Reply::json(200, &answer));
    }
    let iss = core.config.issuer.as_str();
    let signed = Signed { iss, aud: &client.id, iat: now, token_introspection: answer };
    let format = (client.metadata.introspection_format(), "token-introspection+jwt");
    let jwt = mint::for_client_as(core, client, format, &signed, now).await?;
    Ok(Reply::jwt_as(jwt, JWT))
}
