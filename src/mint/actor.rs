use serde::{Deserialize, Serialize};

use crate::types::{ClientId, Subject};

/// Who acts for the person, and before them whom they act for ([RFC 8693 §4.1], `act`): the present
/// actor outside, earlier ones inside.
///
/// [RFC 8693 §4.1]: https://www.rfc-editor.org/rfc/rfc8693#section-4.1
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Actor {
    /// The actor's name: a person's, or that of a client that acts for itself.
    pub sub: Subject,
    /// The client that the actor's token was issued to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<ClientId>,
    /// Who acted before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Box<Actor>>,
}

impl Actor {
    /// Longer chains are refused: nobody can judge them.
    pub(crate) const MAX_DEPTH: usize = 4;

    /// This actor, after those who acted before.
    pub(crate) fn new(sub: Subject, client_id: Option<ClientId>, before: Option<Self>) -> Self {
        Self { sub, client_id, act: before.map(Box::new) }
    }

    /// How many acted.
    pub(crate) fn depth(&self) -> usize {
        1 + self.act.as_ref().map_or(0, |before| before.depth())
    }
}
