//! What somebody wants a client to be: the members of the body, as the configuration reads them.

use oidc_op::ClientMetadata;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    config::{ClientMembers, ClientSettings},
    layers::Received,
    manage::{answer::Problem, body},
};

/// What an answer says besides, and nobody sets: it may come back.
const SAID: [&str; 6] = [
    "client_id_issued_at",
    "client_secret_expires_at",
    "static",
    "manages_itself",
    "unused_until",
    "registration_client_uri",
];

/// The members of the body.
pub(super) struct Draft {
    members: Map<String, Value>,
    /// Settings that are put back.
    reset: Vec<String>,
    /// By which name it is to be known.
    pub(super) id: Option<oidc_op::ClientId>,
    pub(super) enabled: Option<bool>,
}

impl Draft {
    pub(super) fn read(received: &Received) -> Result<Self, Problem> {
        let mut members = body::object(received)?;
        members.retain(|name, _| !SAID.contains(&name.as_str()));
        if members.keys().any(|name| matches!(&**name, "client_secret" | "client_secrets")) {
            return Err(Problem::metadata("client_secret: it is made here, and nowhere else"));
        }
        // RFC 7591 §2: null is as good as absent; of a setting, it says that there is to be none.
        let nulls = members.iter().filter(|(_, value)| value.is_null());
        let reset: Vec<_> = nulls.map(|(name, _)| name.clone()).collect();
        if let Some(unknown) = reset.iter().find(|name| !ClientMembers::is_member(name)) {
            let text = format_args!("{unknown}: a client has no such member");
            return Err(Problem::metadata(text));
        }
        members.retain(|_, value| !value.is_null());
        // One by one, so that the answer can name the member.
        for (name, value) in &members {
            let alone = Map::from_iter([(name.clone(), value.clone())]);
            ClientMembers::deserialize(Value::Object(alone))
                .map_err(|problem| Problem::metadata(format_args!("{name}: {problem}")))?;
        }
        let mut draft = Self { members, reset, id: None, enabled: None };
        let read = draft.parsed()?;
        draft.id = read.id;
        draft.enabled = draft.members.remove("enabled").and_then(|value| value.as_bool());
        Ok(draft)
    }

    fn parsed(&self) -> Result<ClientMembers, Problem> {
        ClientMembers::deserialize(Value::Object(self.members.clone())).map_err(Problem::metadata)
    }

    /// What it registers.
    pub(super) fn metadata(&self) -> Result<ClientMetadata, Problem> {
        Ok(self.parsed()?.metadata)
    }

    /// Writes what it sets.
    pub(super) fn write(&self, client: &mut oidc_op::Client) -> Result<(), Problem> {
        for name in &self.reset {
            ClientSettings::reset(client, name);
        }
        self.parsed()?.settings.write(client);
        Ok(())
    }
}
