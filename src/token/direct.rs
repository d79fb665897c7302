use super::{
    TokenResponse,
    consent::Said,
    issue::{Issue, Portion},
    refresh::{first_refresh_token, refresh_record},
};
use crate::{
    claims::{self, GrantedClaims, OFFLINE_ACCESS},
    client::{self, Client, GrantType},
    env::{Event, What},
    error::{Failure, Reason},
    grant::{ConsentBasis, Grant, Origin, Standings, Status},
    mint::Actor,
    provider::Core,
    secret::{Digest, random},
    session::{Standing, standing, subject_label},
    store::{Commit, Expect, Readable, Step},
    types::{Authentication, Resource, Scope, Subject, Timestamp},
};

/// A grant that begins at the token endpoint: no browser, no code.
pub(super) struct Direct {
    pub(super) origin: Origin,
    pub(super) subject: Subject,
    pub(super) auth: Authentication,
    /// When what it rests on was true; whatever has ended the person's grants since ends this one.
    pub(super) since: Timestamp,
    pub(super) consent: Basis,
    pub(super) scope: Scope,
    pub(super) resources: Vec<Resource>,
    /// Whether the client may renew its tokens, as far as its policy allows.
    pub(super) renewable: bool,
    pub(super) act: Option<Actor>,
    /// What must give no other grant; the grant's own record remembers it.
    pub(super) single: Option<SingleUse>,
}

/// What a direct grant rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Basis {
    /// The word of the host: nobody's consent is needed.
    Host,
    /// A client of the first party, or a consent that was given before.
    Given,
}

/// Something that gives one grant and no other.
pub(super) struct SingleUse {
    /// The hash of what it is: the id of the grant.
    id: [u8; 16],
    until: Timestamp,
}

impl SingleUse {
    /// Named by these parts, until it can be presented no more.
    pub(super) fn new(parts: &[&[u8]], until: Timestamp) -> Self {
        let mut framed = Vec::with_capacity(128);
        for part in parts {
            framed.extend_from_slice(&(part.len() as u64).to_be_bytes());
            framed.extend_from_slice(part);
        }
        let digest = Digest::of(&framed);
        Self { id: digest.as_bytes().first_chunk().copied().unwrap_or_default(), until }
    }
}

impl Direct {
    /// decide → mint → commit → respond, with one write.
    pub(super) async fn issue(
        self,
        core: &Core,
        client: &Client,
    ) -> Result<TokenResponse, Failure> {
        let now = core.clock.now();
        let id = match &self.single {
            Some(single) => single.id,
            None => random(&*core.entropy)?,
        };
        let used_twice = self.single.is_some();
        let (renewable, act) = (self.renewable, self.act.clone());
        let begun = self.begin(core, client, now).await?;
        let portion = Portion::of(core, client, begun.terms(), &begun.scope, &[])?;
        let refresh_token =
            if renewable { first_refresh_token(core, client, &begun, id)? } else { None };
        let refresh = refresh_token.as_ref().map(|token| refresh_record(core, token, now));
        let grant = begun.redeemed(now, now + portion.lifetime(), refresh);
        let issue = Issue {
            client,
            id: &id,
            grant: &grant,
            standings: Standings::Refresh,
            nonce: None,
            refresh_token: refresh_token.map(|token| token.encode()),
            act,
        };
        let response = issue.mint(core, portion, now).await?;
        client::used(core, client).await?;

        let key = Grant::key(&core.config.issuer, &id);
        let labels = [subject_label(&core.config.issuer, &grant.subject)];
        let expect = Expect::Absent { labels: &labels };
        let step = Step { key: &key, expect, body: &grant, keep_until: grant.expires };
        match core.commit(step, response).await? {
            Commit::Won(_, response) => {
                let event = Event::new(What::TokenIssued);
                core.observer.observe(&event.client(&client.id).subject(&grant.subject));
                Ok(response)
            }
            Commit::Lost if used_twice => Err(Reason::GrantAssertionReplayed.into()),
            // 128 random bits came up twice.
            Commit::Lost => Err(Reason::StoreFailed.into()),
        }
    }

    /// The grant before its first tokens. What the person keeps back from the client they keep back here
    /// too.
    async fn begin(self, core: &Core, client: &Client, now: Timestamp) -> Result<Grant, Failure> {
        let renewable = self.renewable && client.metadata.may(&GrantType::RefreshToken);
        // Access while the person is away, which nobody can use, is not granted.
        let scope = self.scope.retain(|token| renewable || token != OFFLINE_ACCESS);
        let standing = standing(core, &self.subject).await?;
        let subject_epoch = Standing::epoch(standing.as_ref());
        // In the same second it may have been before: whoever comes again a second later gets in.
        if subject_epoch > 0 && subject_epoch >= self.since.unix() {
            return Err(Reason::SubjectChanged.into());
        }
        let said = Said::load(core, client, &self.subject, now).await?;
        let consent = match self.consent {
            Basis::Host => ConsentBasis::Exempt,
            Basis::Given => said.basis(core, client, &scope, now)?,
        };
        Ok(Grant {
            v: Grant::SCHEMA,
            origin: self.origin,
            made: now,
            client: client.id.clone(),
            client_epoch: client.epoch,
            sub: claims::sub(core, client, &self.subject)?,
            subject: self.subject,
            subject_epoch,
            auth: self.auth,
            nonce: None,
            session: None,
            sid: None,
            consent,
            offline: scope.contains(OFFLINE_ACCESS),
            scope,
            resources: self.resources,
            claims: GrantedClaims { refused: said.refused(), ..GrantedClaims::default() },
            ticket: None,
            refresh: None,
            access_epoch: 0,
            dropped: Vec::new(),
            status: Status::Active,
            expires: self.single.map_or(now, |single| single.until),
        })
    }
}
