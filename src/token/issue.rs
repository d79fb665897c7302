use time::Duration;

use super::TokenResponse;
use crate::{
    claims::{Account, Target, Wanted},
    client::Client,
    error::{Failure, Reason},
    grant::{Facts, Grant, Origin, Standings, Terms},
    mint::{self, AccessTokenParts, Actor, Audience, IdTokenParts, StandsOn, id_token},
    provider::Core,
    types::{Resource, Scope, Timestamp},
};

/// What is wanted of a grant this time: never more than it holds. Only [`Portion::of`] makes one.
pub(super) struct Portion<'c> {
    pub(super) audience: Audience<'c>,
    /// What is asked for.
    asked: Scope,
    /// What of that means something to the audience: what an access token carries.
    pub(super) carried: Scope,
}

impl<'c> Portion<'c> {
    /// The part of a grant that is for these resources. Without any it is for all that are granted; the
    /// provider itself needs no grant but `openid` ([RFC 8707 §2.2]).
    ///
    /// [RFC 8707 §2.2]: https://www.rfc-editor.org/rfc/rfc8707#section-2.2
    pub(super) fn of(
        core: &'c Core,
        client: &Client,
        grant: Terms<'_>,
        asked: &Scope,
        resources: &[&str],
    ) -> Result<Self, Reason> {
        let issuer = core.config.issuer.as_str();
        let granted = Audience::granted(&core.config, grant.resources);
        let may = |asked: &&str| {
            granted.contains(asked) || (*asked == issuer && grant.scope.contains("openid"))
        };
        if !resources.iter().all(may) {
            return Err(Reason::ResourceNotGranted);
        }
        let audience = if resources.is_empty() {
            Audience::of(&core.config, grant.resources.iter().map(Resource::as_str))?
        } else {
            Audience::of(&core.config, resources.iter().copied())?
        };
        if !audience.is_open_to(client) {
            return Err(Reason::ResourceNotAllowed);
        }
        let carried = audience.scope(asked);
        Ok(Self { audience, asked: asked.clone(), carried })
    }

    /// How long its access token may live.
    pub(super) fn lifetime(&self) -> Duration {
        self.audience.lifetime()
    }
}

/// What a grant yields this time: decided, and not yet made.
pub(super) struct Issue<'i> {
    pub(super) client: &'i Client,
    pub(super) id: &'i [u8; 16],
    /// As it will be once this is committed.
    pub(super) grant: &'i Grant,
    /// What it must stand on.
    pub(super) standings: Standings,
    pub(super) nonce: Option<Box<str>>,
    pub(super) refresh_token: Option<String>,
    pub(super) act: Option<Actor>,
}

/// What may be said of the person, and where.
struct Disclosure<'w> {
    id_token: Option<Wanted<'w>>,
    access_token: Option<Wanted<'w>>,
}

impl<'w> Disclosure<'w> {
    fn of(core: &'w Core, client: &'w Client, grant: &'w Grant, portion: &Portion<'w>) -> Self {
        let rules = &core.config.claims;
        let of = |scope, target| Wanted::of(rules, client, scope, &grant.claims, target);
        let signs_in = matches!(grant.origin, Origin::Authorization | Origin::Password);
        let with_id_token = signs_in && portion.asked.contains("openid");
        let in_id_token = Target::IdToken { access_token: true };
        let Portion { audience, asked, carried } = portion;
        Self {
            id_token: with_id_token.then(|| of(asked, in_id_token)),
            access_token: audience.jwt().map(|_| of(carried, audience.target())),
        }
    }

    /// What the host is asked for.
    fn ask(&self) -> Vec<&'w str> {
        let mut ask = self.id_token.as_ref().map(Wanted::ask).unwrap_or_default();
        for name in self.access_token.as_ref().map(Wanted::ask).unwrap_or_default() {
            if !ask.contains(&name) {
                ask.push(name);
            }
        }
        ask
    }
}

impl Issue<'_> {
    /// Whether the grant stands, and then everything else that can fail before anything is written:
    /// access token, ID token.
    pub(super) async fn mint(
        self,
        core: &Core,
        portion: Portion<'_>,
        now: Timestamp,
    ) -> Result<TokenResponse, Failure> {
        let Self { client, grant, standings, .. } = self;
        let said = Disclosure::of(core, client, grant, &portion);
        let facts = Facts::load(core, grant, standings, &said.ask()).await?;
        grant.stands(client, &facts, standings, now)?;
        let account = facts.account().ok_or(Reason::SubjectInactive)?;
        // A token does not outlive its grant.
        let lifetime = portion.lifetime().min(grant.expires.since(now));
        let access_token = {
            let parts = AccessTokenParts {
                client,
                of: StandsOn::Grant { id: *self.id, epoch: grant.access_epoch },
                grant: Some(grant.terms()),
                audience: &portion.audience,
                scope: &portion.carried,
                sub: grant.sub.as_str(),
                act: self.act.clone(),
                claims: select(said.access_token.as_ref(), &account),
                lifetime,
            };
            mint::access_token(core, parts, now).await?
        };
        let id_token = match &said.id_token {
            None => None,
            Some(wanted) => {
                let parts = IdTokenParts {
                    access_token: Some(&access_token),
                    nonce: self.nonce.as_deref(),
                    claims: wanted.select(&account),
                    ..IdTokenParts::default()
                };
                Some(id_token(core, client, grant, parts, now).await?)
            }
        };
        Ok(TokenResponse {
            refresh_token: self.refresh_token,
            id_token,
            ..TokenResponse::of_access_token(access_token, lifetime, portion.carried)
        })
    }
}

fn select(
    wanted: Option<&Wanted<'_>>,
    account: &Account,
) -> serde_json::Map<String, serde_json::Value> {
    wanted.map(|wanted| wanted.select(account)).unwrap_or_default()
}
