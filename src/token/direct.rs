use super::{
    TokenResponse,
    issue::{Issue, Said, narrowed},
    refresh::{first_refresh_token, refresh_record},
};
use crate::{
    claims::{self, GrantedClaims, OFFLINE_ACCESS},
    client::{Client, GrantType},
    error::{Failure, Reason},
    grant::{ConsentBasis, Facts, Grant, Origin, Standings, Status},
    mint::Actor,
    provider::Core,
    secret::random,
    session::{Standing, standing, subject_label},
    store::{Commit, Expect, Step, Stored},
    types::{Authentication, Resource, Scope, Subject},
};

/// A grant that begins at the token endpoint: no browser, no code.
pub(super) struct Direct {
    pub(super) origin: Origin,
    pub(super) subject: Subject,
    pub(super) auth: Authentication,
    pub(super) consent: ConsentBasis,
    pub(super) scope: Scope,
    pub(super) resources: Vec<Resource>,
    /// Whether the client may renew its tokens, as far as its policy allows.
    pub(super) renewable: bool,
    pub(super) act: Option<Actor>,
}

impl Direct {
    /// mint → commit → respond, with one write.
    pub(super) async fn issue(
        self,
        core: &Core,
        client: &Client,
    ) -> Result<TokenResponse, Failure> {
        let now = core.clock.now();
        let issuer = &core.config.issuer;
        let may_renew = self.renewable && client.metadata.may(&GrantType::RefreshToken);
        // Access while the person is away, which nobody can use, is not granted.
        let scope = self.scope.retain(|token| may_renew || token != OFFLINE_ACCESS);
        let subject_epoch = Standing::epoch(standing(core, &self.subject).await?.as_ref());
        let begun = Grant {
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
            consent: self.consent,
            offline: scope.contains(OFFLINE_ACCESS),
            scope,
            resources: self.resources,
            claims: GrantedClaims::default(),
            ticket: None,
            refresh: None,
            access_epoch: 0,
            dropped: Vec::new(),
            status: Status::Active,
            expires: now,
        };
        let id = random(&*core.entropy)?;
        let (audience, carried) = narrowed(core, client, &begun, (&begun.scope, &[]))?;
        let refresh_token =
            if may_renew { first_refresh_token(core, client, &begun, id)? } else { None };
        let refresh = refresh_token.as_ref().map(|token| refresh_record(core, token, now));
        let grant = begun.redeemed(now, now + audience.lifetime(), refresh);

        let said = Said::of(core, client, &grant, &grant.scope, &audience);
        let facts = Facts::load(core, &grant, Standings::Refresh, &said.ask()).await?;
        grant.stands(client, &facts, Standings::Refresh, now)?;
        let account = facts.account().ok_or(Reason::SubjectInactive)?;
        let issue = Issue {
            client,
            id: &id,
            grant: &grant,
            audience,
            scope: carried,
            nonce: None,
            refresh_token: refresh_token.map(|token| token.encode()),
        };
        let response = issue.mint(core, &said, &account, self.act, now).await?;

        let key = Grant::key(issuer, &id);
        let labels = [subject_label(issuer, &grant.subject)];
        let expect = Expect::Absent { labels: &labels };
        let step = Step { key: &key, expect, body: &grant, keep_until: grant.expires };
        match core.commit(step, response).await? {
            Commit::Won(_, response) => Ok(response),
            // 128 random bits came up twice.
            Commit::Lost => Err(Reason::StoreFailed.into()),
        }
    }
}
