//! What is registered, whether for the first time or anew: rules, each of them plain.

use std::net::IpAddr;

use super::{Registration, RegistrationVerdict, Statement, request::Sent};
use crate::{
    client::{Client, ClientMetadata, GrantType, fit},
    error::{Reason, RegistrationError},
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

/// Leaves out what is not offered to strangers, and the response types and scopes that nobody knows ([RFC 7591 §2]: a
/// server may replace what was asked for, and its answer says so).
///
/// [RFC 7591 §2]: https://www.rfc-editor.org/rfc/rfc7591#section-2
pub(super) fn offer(
    core: &Core,
    rules: &Registration,
    metadata: &mut ClientMetadata,
) -> Result<(), RegistrationError> {
    use GrantType::{AuthorizationCode, Implicit};
    let (grants, types) = (&mut metadata.grant_types, &mut metadata.response_types);
    let asked = !grants.is_empty();
    let known = |t: &ResponseType| core.config.response_types.contains(t);
    let unknown = !types.is_empty() && !types.iter().any(known);
    types.retain(known);
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
        let text = if unknown {
            "response_types: none of them is offered here"
        } else {
            "grant_types: none of them is offered here"
        };
        return Err(RegistrationError::member(Reason::MetadataInvalid, text));
    }
    if let Some(scope) = &mut metadata.scope {
        *scope = scope.intersection(&core.scopes);
    }
    Ok(())
}

/// What the policy has said.
pub(super) fn obey(verdict: RegistrationVerdict) -> Result<(), RegistrationError> {
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

/// Whether it could work here.
pub(super) fn fits(core: &Core, client: &Client, now: Timestamp) -> Result<(), RegistrationError> {
    let Some(misfit) = fit::misfits(core, client, now).into_iter().next() else { return Ok(()) };
    let reason = match misfit.member {
        "redirect_uris" => Reason::RedirectUriUnregistrable,
        _ => Reason::MetadataInvalid,
    };
    Err(RegistrationError::member(reason, misfit.to_string()))
}
