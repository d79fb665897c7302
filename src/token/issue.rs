use crate::{
    claims::{Account, Target, Wanted},
    client::Client,
    error::{Failure, Reason},
    grant::{Grant, Origin},
    mint::{self, AccessTokenParts, Actor, Audience, IdTokenParts, StandsOn, id_token},
    provider::Core,
    token::TokenResponse,
    types::{Resource, Scope, Timestamp},
};

/// What a grant is to yield this time: decided, and not yet made.
pub(super) struct Issue<'i> {
    pub(super) client: &'i Client,
    pub(super) id: &'i [u8; 16],
    /// As it will be once this is committed.
    pub(super) grant: &'i Grant,
    pub(super) audience: Audience<'i>,
    /// What the access token carries.
    pub(super) scope: Scope,
    pub(super) nonce: Option<Box<str>>,
    pub(super) refresh_token: Option<String>,
}

/// What may be said of the person, and where.
pub(super) struct Said<'w> {
    id_token: Option<Wanted<'w>>,
    access_token: Option<Wanted<'w>>,
}

impl<'w> Said<'w> {
    /// Of a grant, in the tokens for an audience.
    pub(super) fn of(
        core: &'w Core,
        client: &'w Client,
        grant: &'w Grant,
        scope: &Scope,
        audience: &Audience<'w>,
    ) -> Self {
        let rules = &core.config.claims;
        let of = |target| Wanted::of(rules, client, scope, &grant.claims, target);
        let signs_in = matches!(grant.origin, Origin::Authorization | Origin::Password);
        let with_id_token = signs_in && scope.contains("openid");
        Self {
            id_token: with_id_token.then(|| of(Target::IdToken { access_token: true })),
            access_token: audience.jwt().map(|_| of(audience.target())),
        }
    }

    /// What the host is asked for.
    pub(super) fn ask(&self) -> Vec<&'w str> {
        let mut ask = self.id_token.as_ref().map(Wanted::ask).unwrap_or_default();
        for name in self.access_token.as_ref().map(Wanted::ask).unwrap_or_default() {
            if !ask.contains(&name) {
                ask.push(name);
            }
        }
        ask
    }
}

/// What an access token for these resources may be: the audience, and what of the granted scope means
/// something to it. Without resources it is for all that are granted; the provider itself needs no
/// grant but `openid` ([RFC 8707 §2.2]).
///
/// [RFC 8707 §2.2]: https://www.rfc-editor.org/rfc/rfc8707#section-2.2
pub(super) fn narrowed<'c>(
    core: &'c Core,
    client: &Client,
    grant: &Grant,
    (scope, resources): (&Scope, &[&str]),
) -> Result<(Audience<'c>, Scope), Reason> {
    let issuer = core.config.issuer.as_str();
    // A grant that names none is for the default one.
    let default = core.config.default_resource.as_ref().filter(|_| grant.resources.is_empty());
    let granted = |asked: &&str| {
        grant.resources.iter().chain(default).any(|resource| resource.as_str() == *asked)
            || (*asked == issuer && (grant.resources.is_empty() || grant.scope.contains("openid")))
    };
    if !resources.iter().all(granted) {
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
    let scope = audience.scope(scope);
    Ok((audience, scope))
}

impl Issue<'_> {
    /// Everything that can fail, before anything is written.
    pub(super) async fn mint(
        self,
        core: &Core,
        said: &Said<'_>,
        account: &Account,
        act: Option<Actor>,
        now: Timestamp,
    ) -> Result<TokenResponse, Failure> {
        // A token does not outlive its grant.
        let lifetime = self.audience.lifetime().min(self.grant.expires.since(now));
        let select = |wanted: &Option<Wanted<'_>>| {
            wanted.as_ref().map(|wanted| wanted.select(account)).unwrap_or_default()
        };
        let parts = AccessTokenParts {
            client: &self.client.id,
            of: StandsOn::Grant { id: *self.id, epoch: self.grant.access_epoch },
            grant: Some(self.grant),
            audience: &self.audience,
            scope: &self.scope,
            sub: self.grant.sub.as_str(),
            act,
            claims: select(&said.access_token),
            lifetime,
        };
        let access_token = mint::access_token(core, parts, now).await?;
        let id_token = match &said.id_token {
            None => None,
            Some(wanted) => {
                let parts = IdTokenParts {
                    access_token: Some(&access_token),
                    nonce: self.nonce.as_deref(),
                    claims: wanted.select(account),
                    ..IdTokenParts::default()
                };
                Some(id_token(core, self.client, self.grant, parts, now).await?)
            }
        };
        Ok(TokenResponse {
            access_token,
            expires_in: lifetime.whole_seconds(),
            refresh_token: self.refresh_token,
            id_token,
            issued_token_type: None,
            scope: self.scope,
        })
    }
}
