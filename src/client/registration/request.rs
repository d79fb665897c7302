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
        let Some(publishers) = &core.publishers else { return Ok(None) };
        match self.members.get("software_statement") {
            None | Some(Value::Null) if rules.require_statement => {
                Err(Reason::StatementMissing.into())
            }
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => {
                Ok(Some(Statement::verify(core, &**publishers, text, now).await?))
            }
            Some(_) => Err(Reason::StatementInvalid.into()),
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
