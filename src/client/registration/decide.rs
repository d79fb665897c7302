//! What is registered, whether for the first time or anew: the same rules, in the same order.

use std::net::IpAddr;

use super::{
    Registration, RegistrationRequest, RegistrationVerdict, Statement, request::Sent, sector,
};
use crate::{
    client::{AuthMethod, Client, ClientMetadata, ClientSecret, fit, secret},
    error::{Failure, Reason, RegistrationError},
    provider::Core,
    types::Timestamp,
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
    now: Timestamp,
) -> Result<Client, RegistrationError> {
    client.metadata.check()?;
    offer(core, rules, &mut client.metadata);
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
            unused_until: own.unused_until,
            ..client
        };
    }
    client.metadata.check()?;
    if let Some(misfit) = fit::misfits(core, &client, now).first() {
        let text = format!("{}: {}", misfit.member, misfit.why);
        return Err(RegistrationError::member(Reason::MetadataInvalid, text));
    }
    sector::check(core, &client.metadata).await?;
    Ok(client)
}

/// Leaves out what is not offered to strangers, and the scopes that nobody knows ([RFC 7591 §2]: a
/// server may replace what was asked for, and its answer says so).
///
/// [RFC 7591 §2]: https://www.rfc-editor.org/rfc/rfc7591#section-2
fn offer(core: &Core, rules: &Registration, metadata: &mut ClientMetadata) {
    metadata
        .grant_types
        .retain(|grant_type| rules.grant_types.contains(grant_type) && core.supports(grant_type));
    let may = |grant_type| metadata.grant_types.contains(grant_type);
    let (code, implicit) =
        (may(&crate::GrantType::AuthorizationCode), may(&crate::GrantType::Implicit));
    metadata.response_types.retain(|response_type| {
        (code || !response_type.code()) && (implicit || !response_type.implicit())
    });
    if let Some(scope) = &mut metadata.scope {
        *scope = scope.intersection(&core.scopes);
    }
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
    let usable = |secret: &ClientSecret| secret.lives(now) && (!is_key || secret.key().is_some());
    client.secrets.retain(usable);
    let lasts = |secret: &ClientSecret| {
        let soon = rules.secret_lifetime.map_or(now, |lifetime| now + lifetime / 4);
        secret.expires().is_none_or(|expires| soon < expires)
    };
    if client.secrets.iter().any(lasts) {
        return Ok(None);
    }
    let (text, secret) = secret::generate(core, is_key)?;
    let secret = match rules.secret_lifetime {
        Some(lifetime) => secret.until(now + lifetime),
        None => secret,
    };
    client.secrets.insert(0, secret);
    client.secrets.truncate(2);
    Ok(Some(text))
}
