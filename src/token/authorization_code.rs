//! `grant_type=authorization_code` ([RFC 6749 §4.1.3], [OIDC Core §3.1.3]).
//!
//! [RFC 6749 §4.1.3]: https://www.rfc-editor.org/rfc/rfc6749#section-4.1.3
//! [OIDC Core §3.1.3]: https://openid.net/specs/openid-connect-core-1_0.html#TokenEndpoint

use super::TokenResponse;
use crate::{
    claims::{Account, Target, Wanted},
    client::AuthenticatedClient,
    env::{Event, What},
    error::{Failure, Reason, TokenError},
    grant::{Facts, Grant, Standings, Status, Ticket, TicketState, Why},
    mint::{AccessToken, IdTokenParts, id_token},
    provider::Core,
    secret::{Handle, HandleKind},
    store::{Commit, Expect, Key, Loaded, Step},
    types::Timestamp,
    wire::Params,
};

/// A code, and what proves the right to it.
pub(super) struct CodeRequest<'p> {
    code: &'p str,
    redirect_uri: Option<&'p str>,
    verifier: Option<&'p str>,
    resources: Vec<&'p str>,
}

impl<'p> CodeRequest<'p> {
    pub(super) fn parse(params: &'p Params<'_>) -> Result<Self, Reason> {
        Ok(Self {
            code: params.one("code")?.ok_or(Reason::CodeMissing)?,
            redirect_uri: params.one("redirect_uri")?,
            verifier: params.one("code_verifier")?,
            resources: params.all("resource").collect(),
        })
    }
}

/// What to do with a code.
#[derive(Debug, PartialEq, Eq)]
enum Check {
    /// Exchange it.
    Redeem,
    /// It has been exchanged before, and comes back with everything that is needed: revoke.
    Replay,
    /// Change nothing.
    Refuse(Reason),
}

/// The rules, in their order: a stolen code with the wrong client, redirect URI or verifier neither
/// burns the owner's nor revokes anything ([OAuth 2.1 §7.5.2]); a replay is found before its
/// expiry is.
///
/// [OAuth 2.1 §7.5.2]: https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1#section-7.5.2
fn check(
    grant: &Grant,
    code: &Handle,
    client: &AuthenticatedClient,
    request: &CodeRequest<'_>,
    now: Timestamp,
) -> Check {
    let Some(ticket) = grant.ticket_of(code) else { return Check::Refuse(Reason::CodeUnknown) };
    if grant.client != client.id {
        return Check::Refuse(Reason::CodeOfAnotherClient);
    }
    if let Err(reason) = request.fits(ticket) {
        return Check::Refuse(reason);
    }
    if grant.status != Status::Active {
        return Check::Refuse(Reason::GrantRevoked);
    }
    if ticket.state != TicketState::Pending {
        return Check::Replay;
    }
    if ticket.expires <= now {
        return Check::Refuse(Reason::CodeExpired);
    }
    let granted = |asked: &&str| grant.resources.iter().any(|resource| resource == *asked);
    if !request.resources.iter().all(granted) {
        return Check::Refuse(Reason::ResourceNotGranted);
    }
    Check::Redeem
}

impl CodeRequest<'_> {
    /// The redirect URI as it was sent, and PKCE both ways ([RFC 7636 §4.6], [RFC 9700 §4.8.2]).
    ///
    /// [RFC 7636 §4.6]: https://www.rfc-editor.org/rfc/rfc7636#section-4.6
    /// [RFC 9700 §4.8.2]: https://www.rfc-editor.org/rfc/rfc9700#section-4.8.2
    fn fits(&self, ticket: &Ticket) -> Result<(), Reason> {
        if self.redirect_uri != Some(&*ticket.redirect_uri) {
            return Err(Reason::RedirectUriDiffers);
        }
        match (&ticket.challenge, self.verifier) {
            (None, None) => Ok(()),
            (Some(challenge), Some(verifier)) if challenge.verify(verifier) => Ok(()),
            (Some(_), Some(_)) => Err(Reason::VerifierWrong),
            (Some(_), None) => Err(Reason::VerifierMissing),
            (None, Some(_)) => Err(Reason::VerifierUnexpected),
        }
    }

    /// check → mint → commit → respond. Whoever loses a race to another redemption is refused
    /// without harm to the winner; whoever comes after it revokes.
    pub(super) async fn redeem(
        self,
        core: &Core,
        client: &AuthenticatedClient,
    ) -> Result<TokenResponse, TokenError> {
        let code = Handle::decode(HandleKind::Code, self.code).ok_or(Reason::CodeUnknown)?;
        let key = Grant::key(&core.config.issuer, code.id());
        let mut raced = false;
        for _ in 0..4 {
            let Loaded { body: grant, version } =
                core.load::<Grant>(&key).await?.ok_or(Reason::CodeUnknown)?;
            let now = core.clock.now();
            match check(&grant, &code, client, &self, now) {
                Check::Refuse(reason) => return Err(reason.into()),
                Check::Replay if raced => return Err(Reason::CodeRaced.into()),
                Check::Replay => {
                    revoke(core, &key, Loaded { body: grant, version }, now).await?;
                    return Err(Reason::CodeReplayed.into());
                }
                Check::Redeem => {}
            }
            raced = true;
            let wanted = wanted(core, client, &grant);
            let facts = Facts::load(core, &grant, Standings::All, &wanted.ask()).await?;
            grant.stands(client, &facts, Standings::All, now)?;
            let account = facts.account().ok_or(Reason::SubjectInactive)?;
            let response = mint(core, client, &grant, (code.id(), &wanted, &account), now).await?;
            let redeemed = grant.redeemed(now, core.config.lifetimes.access_token);
            let expect = Expect::Version(version);
            let step = Step { key: &key, expect, body: &redeemed, keep_until: redeemed.expires };
            if let Commit::Won(_, response) = core.commit(step, response).await? {
                let event = Event::new(What::CodeRedeemed);
                core.observer.observe(&event.client(&client.id).subject(&redeemed.subject));
                return Ok(response);
            }
        }
        Err(Reason::StoreFailed.into())
    }
}

/// What the ID token may say of the person.
fn wanted<'w>(core: &'w Core, client: &'w AuthenticatedClient, grant: &'w Grant) -> Wanted<'w> {
    let target = Target::IdToken { access_token: true };
    Wanted::of(&core.config.claims, client, &grant.scope, &grant.claims, target)
}

/// Everything that can fail, before anything is written.
async fn mint(
    core: &Core,
    client: &AuthenticatedClient,
    grant: &Grant,
    (id, wanted, account): (&[u8; 16], &Wanted<'_>, &Account),
    now: Timestamp,
) -> Result<TokenResponse, Failure> {
    let lifetime = core.config.lifetimes.access_token;
    let token = AccessToken { grant: *id, issued: now, lifetime, epoch: grant.access_epoch };
    let access_token = token.seal(core)?;
    let id_token = if grant.scope.contains("openid") {
        let claims = wanted.select(account);
        let parts =
            IdTokenParts { access_token: Some(&access_token), claims, ..IdTokenParts::default() };
        Some(id_token(core, client, grant, parts, now).await?)
    } else {
        None
    };
    Ok(TokenResponse {
        access_token,
        expires_in: lifetime.whole_seconds(),
        id_token,
        scope: grant.scope.clone(),
    })
}

/// Ends the grant because its code came back. Revoking wins: it retries, and says 503 rather than
/// claim a success that did not happen.
async fn revoke(
    core: &Core,
    key: &Key,
    mut loaded: Loaded<Grant>,
    now: Timestamp,
) -> Result<(), Failure> {
    for _ in 0..16 {
        if loaded.body.status != Status::Active {
            return Ok(());
        }
        let revoked = loaded.body.revoked(now, Why::Replay);
        let expect = Expect::Version(loaded.version);
        let step = Step { key, expect, body: &revoked, keep_until: revoked.expires };
        if let Commit::Won(..) = core.commit(step, ()).await? {
            let event = Event::new(What::CodeReplayed);
            core.observer.observe(&event.client(&revoked.client).subject(&revoked.subject));
            return Ok(());
        }
        match core.load(key).await? {
            Some(again) => loaded = again,
            None => return Ok(()),
        }
    }
    Err(Reason::StoreFailed.into())
}
