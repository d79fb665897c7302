use serde_json::{Map, Value};

use super::{Registration, Statement};
use crate::{
    error::{Reason, RegistrationError},
    provider::Core,
    types::Timestamp,
    wire::{self, Request},
};

/// What a client has sent: the members of one JSON object, nothing of it believed yet.
pub(super) struct Sent {
    pub(super) members: Map<String, Value>,
}

impl Sent {
    /// Reads the body ([RFC 7591 §3.1]); a member that stands there twice is refused (threat RG-03).
    ///
    /// [RFC 7591 §3.1]: https://www.rfc-editor.org/rfc/rfc7591#section-3.1
    pub(super) fn parse(http: &Request<'_>) -> Result<Self, Reason> {
        let body = http.json()?;
        let members = wire::json_object(body).ok_or(Reason::RegistrationMalformed)?;
        Ok(Self { members })
    }

    /// The software statement, if there is one and somebody knows publishers.
    pub(super) async fn statement(
        &self,
        core: &Core,
        rules: &Registration,
        now: Timestamp,
    ) -> Result<Option<Statement>, RegistrationError> {
        self.newer_statement(core, rules, None, now).await
    }

    /// The same at an update. The one that was believed before goes on to hold if none is sent, or the
    /// same: its time may be over by now, but its publisher must still be trusted. Another one must be of
    /// that publisher too.
    pub(super) async fn newer_statement(
        &self,
        core: &Core,
        rules: &Registration,
        former: Option<&Statement>,
        now: Timestamp,
    ) -> Result<Option<Statement>, RegistrationError> {
        let Some(publishers) = &core.publishers else { return Ok(former.cloned()) };
        let publishers = &**publishers;
        let sent = match self.members.get("software_statement") {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.as_str()),
            Some(_) => return Err(Reason::StatementInvalid.into()),
        };
        match (sent, former) {
            (None, None) if rules.require_statement => Err(Reason::StatementMissing.into()),
            (None, None) => Ok(None),
            (Some(text), Some(former)) if text != former.text => {
                let newer = Statement::verify(core, publishers, text, Some(now)).await?;
                if newer.publisher() == former.publisher() {
                    Ok(Some(newer))
                } else {
                    Err(Reason::StatementUnapproved.into())
                }
            }
            (_, Some(former)) => {
                Ok(Some(Statement::verify(core, publishers, &former.text, None).await?))
            }
            (Some(text), None) => {
                Ok(Some(Statement::verify(core, publishers, text, Some(now)).await?))
            }
        }
    }

    /// A member that is text, and is there.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.members.get(name).and_then(Value::as_str)
    }

    /// Whether a member is there, and is not null.
    pub(super) fn has(&self, name: &str) -> bool {
        self.members.get(name).is_some_and(|value| !value.is_null())
    }
}
