//! What is registered, whether for the first time or anew: the same rules, in the same order.

use std::net::IpAddr;

use super::{
    Registration, RegistrationRequest, RegistrationVerdict, Statement, request::Sent, sector,
};
use crate::{
    client::{
        AuthMethod, Client, ClientMetadata, ClientSecret, GrantType, fit,
        keys::Freshness,
        secret::{self, MOST_SECRETS},
    },
    error::{Failure, Reason, RegistrationError},
    provider::Core,
    types::{ResponseType, Timestamp},
};

/// Everything that speaks about one registration.
pub(super) struct Asked<'a> {
    pub(super) sent: &'a Sent,
    pub(super) statement: Option<&'a Statement>,
    pub(super) before: Option<&'a Client>,
    pub(super) purpose: Option<&'a str>,
    pub(super) peer: Option<IpAddr>,
}

impl Asked<'_> {
    /// The metadata that result: what a publisher has vouched for stands above the client's own word
    /// ([RFC 7591 §2.3]).
    ///
    /// [RFC 7591 §2.3]: https://www.rfc-editor.org/rfc/rfc7591#section-2.3
    pub(super) fn metadata(&self) -> Result<ClientMetadata, RegistrationError> {
        let Some(statement) = self.statement else {
            return Ok(ClientMetadata::from_members(&self.sent.members)?);
        };
        let mut members = self.sent.members.clone();
        // What it says of `client_name`, it says instead of all that the client says of it.
        for name in statement.claims.keys() {
            let localised =
                |member: &String| member.split_once('#').is_some_and(|(base, _)| base == name);
            members.retain(|member, _| !localised(member));
        }
        members.extend(statement.claims.clone());
        Ok(ClientMetadata::from_members(&members)?)
    }
}

/// check → narrow to what is offered → policy → check what it has made of it → fit → sector.
pub(super) async fn decide(
    core: &Core,
    rules: &Registration,
    asked: &Asked<'_>,
    mut client: Client,
    sector: Freshness,
    now: Timestamp,
) -> Result<Client, RegistrationError> {
    client.metadata.check()?;
    client.metadata.check_names()?;
    offer(core, rules, &mut client.metadata)?;
    if let Some(policy) = &core.registrations {
        let request = RegistrationRequest {
            before: asked.before,
            purpose: asked.purpose,
            statement: asked.statement.map(|statement| &statement.claims),
            members: &asked.sent.members,
            peer: asked.peer,
        };
        let own = client.clone();
        obey(policy.decide(&request, &mut client).await?)?;
        client = Client {
            id: own.id,
            secrets: own.secrets,
            epoch: own.epoch,
            unused: own.unused,
            named_by: own.named_by,
            ..client
        };
    }
    client.metadata.check()?;
    if let Some(misfit) = fit::misfits(core, &client, now).first() {
        let text = format!("{}: {}", misfit.member, misfit.why);
        return Err(RegistrationError::member(Reason::MetadataInvalid, text));
    }
    sector::check(core, &client.metadata, sector).await?;
    Ok(client)
}

/// Leaves out what is not offered to strangers, and the scopes that nobody knows ([RFC 7591 §2]: a
/// server may replace what was asked for, and its answer says so).
///
/// [RFC 7591 §2]: https://www.rfc-editor.org/rfc/rfc7591#section-2
fn offer(
    core: &Core,
    rules: &Registration,
    metadata: &mut ClientMetadata,
) -> Result<(), RegistrationError> {
    use GrantType::{AuthorizationCode, Implicit};
    let (grants, types) = (&mut metadata.grant_types, &mut metadata.response_types);
    let asked = !grants.is_empty();
    grants.retain(|grant| rules.grant_types.contains(grant) && core.supports(grant));
    let (code, implicit) = (grants.contains(&AuthorizationCode), grants.contains(&Implicit));
    types.retain(|t| (code || !t.code()) && (implicit || !t.implicit()));
    // A grant whose last response type went with another grant is of no use.
    let some = |carries: fn(ResponseType) -> bool| types.iter().copied().any(carries);
    let (code, implicit) = (some(ResponseType::code), some(ResponseType::implicit));
    grants.retain(|grant| match grant {
        AuthorizationCode => code,
        Implicit => implicit,
        _ => true,
    });
    if asked && grants.iter().all(|grant| *grant == GrantType::RefreshToken) {
        let text = "grant_types: none of them is offered here";
        return Err(RegistrationError::member(Reason::MetadataInvalid, text));
    }
    if let Some(scope) = &mut metadata.scope {
        *scope = scope.intersection(&core.scopes);
    }
    Ok(())
}

fn obey(verdict: RegistrationVerdict) -> Result<(), RegistrationError> {
    match verdict {
        RegistrationVerdict::Allow => Ok(()),
        RegistrationVerdict::Deny => Err(Reason::RegistrationDenied.into()),
        RegistrationVerdict::RedirectUri => Err(RegistrationError::member(
            Reason::RedirectUriUnregistrable,
            "redirect_uris: not allowed here",
        )),
        RegistrationVerdict::Member(member) => Err(RegistrationError::member(
            Reason::MetadataInvalid,
            format!("{member}: not allowed here"),
        )),
        RegistrationVerdict::Statement => Err(Reason::StatementUnapproved.into()),
    }
}

/// Gives the client a secret if it needs one that it has not got: because it is new, because the old
/// one is to be a key now and is not kept, or ends soon. A public client never gets one.
pub(super) fn provide_secret(
    core: &Core,
    rules: &Registration,
    client: &mut Client,
    now: Timestamp,
) -> Result<Option<String>, Failure> {
    let method = client.metadata.token_endpoint_auth_method;
    let is_key = client.metadata.symmetric_uses().next().is_some();
    let proves = !matches!(method, AuthMethod::None | AuthMethod::PrivateKeyJwt);
    if method == AuthMethod::None || !(proves || is_key) {
        client.secrets.clear();
        return Ok(None);
    }
    client.secrets.retain(|secret| secret.lives(now) && (!is_key || secret.key().is_some()));
    if !is_key {
        // It was one, and what nobody needs is not kept.
        client.secrets = client.secrets.drain(..).map(ClientSecret::forgotten).collect();
    }
    let ends = rules.secret_lifetime.map(|lifetime| now + lifetime);
    let lasts = |secret: &ClientSecret| match (secret.expires(), rules.secret_lifetime) {
        (Some(expires), Some(lifetime)) => now + lifetime / 4 < expires,
        // From before secrets had a lifetime.
        (None, Some(_)) => false,
        (_, None) => true,
    };
    if client.secrets.iter().any(lasts) {
        return Ok(None);
    }
    let (text, fresh) = secret::generate(core, is_key)?;
    let until = |secret: ClientSecret| match (secret.expires(), ends) {
        (None, Some(ends)) => secret.until(ends),
        _ => secret,
    };
    let former = std::mem::take(&mut client.secrets);
    client.secrets = [fresh].into_iter().chain(former).map(until).take(MOST_SECRETS).collect();
    Ok(Some(text))
}
