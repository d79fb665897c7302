use serde::Deserialize;

use super::{DroppedToken, Facts, Grant, Status, record, stands};
use crate::{
    claims::GrantedClaims,
    client::Client,
    error::Reason,
    mint::AccessToken,
    store::Readable,
    types::{Authentication, ClientId, Resource, Scope, Subject, Timestamp},
};

/// The part of a grant that its access tokens stand on: read at each use of one, and never written.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct GrantView {
    v: u16,
    pub(crate) client: ClientId,
    client_epoch: u32,
    pub(crate) subject: Subject,
    subject_epoch: i64,
    pub(crate) sub: Subject,
    pub(crate) auth: Authentication,
    pub(crate) scope: Scope,
    #[serde(default)]
    pub(crate) resources: Vec<Resource>,
    #[serde(default)]
    pub(crate) claims: GrantedClaims,
    access_epoch: u16,
    #[serde(default)]
    dropped: Vec<DroppedToken>,
    status: Status,
    pub(crate) expires: Timestamp,
}

impl Readable for GrantView {
    const SCHEMA: u16 = Grant::SCHEMA;

    fn schema(&self) -> u16 {
        self.v
    }
}

impl GrantView {
    /// Whether the grant still carries an access token of its own making.
    pub(crate) fn carries(&self, token: &AccessToken, epoch: u16, now: Timestamp) -> bool {
        let Self { status, access_epoch, expires, dropped, .. } = self;
        record::carries((*status, *access_epoch, *expires, dropped), token, epoch, now)
    }

    /// Whether client and subject still are what they were: access tokens are short, the rest bites when
    /// they end.
    pub(crate) fn stands(&self, client: &Client, facts: &Facts) -> Result<(), Reason> {
        stands::lightly(client, (self.client_epoch, self.subject_epoch), facts)
    }

    pub(crate) fn terms(&self) -> Terms<'_> {
        let Self { client, auth, scope, resources, .. } = self;
        Terms { client, auth, scope, resources }
    }
}

/// What a grant covers, and who has it: what its tokens are made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms<'g> {
    pub(crate) client: &'g ClientId,
    pub(crate) auth: &'g Authentication,
    pub(crate) scope: &'g Scope,
    pub(crate) resources: &'g [Resource],
}

impl Grant {
    pub(crate) fn terms(&self) -> Terms<'_> {
        let Self { client, auth, scope, resources, .. } = self;
        Terms { client, auth, scope, resources }
    }
}
