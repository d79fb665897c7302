//! `grant_type=authorization_code` ([RFC 6749 §4.1.3], [OIDC Core §3.1.3]).
//!
//! [RFC 6749 §4.1.3]: https://www.rfc-editor.org/rfc/rfc6749#section-4.1.3
//! [OIDC Core §3.1.3]: https://openid.net/specs/openid-connect-core-1_0.html#TokenEndpoint

use super::{
    TokenResponse,
    issue::{Issue, Portion},
    refresh::{first_refresh_token, refresh_record},
};
use crate::{
    client::AuthenticatedClient,
    env::{Event, What},
    error::{Failure, Reason, TokenError},
    grant::{self, Grant, Standings, Status, Ticket, Why},
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
    if !ticket.is_pending() {
        return Check::Replay;
    }
    if ticket.expires <= now {
        return Check::Refuse(Reason::CodeExpired);
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
                    replayed(core, &key, Loaded { body: grant, version }, now).await?;
                    return Err(Reason::CodeReplayed.into());
                }
                Check::Redeem => {}
            }
            raced = true;
            let portion = Portion::of(core, client, grant.terms(), &grant.scope, &self.resources)?;
            let refresh_token = first_refresh_token(core, client, &grant, *code.id())?;
            let refresh = refresh_token.as_ref().map(|token| refresh_record(core, token, now));
            let nonce = grant.nonce.clone();
            let redeemed = grant.redeemed(now, now + portion.lifetime(), refresh);
            let issue = Issue {
                client,
                id: code.id(),
                grant: &redeemed,
                standings: Standings::All,
                nonce,
                refresh_token: refresh_token.map(|token| token.encode()),
                act: None,
            };
            let response = issue.mint(core, portion, now).await?;
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

/// Ends the grant because its code came back.
async fn replayed(
    core: &Core,
    key: &Key,
    loaded: Loaded<Grant>,
    now: Timestamp,
) -> Result<(), Failure> {
    if let Some(ended) = grant::revoke(core, key, loaded, Why::Replay, now).await? {
        let event = Event::new(What::CodeReplayed);
        core.observer.observe(&event.client(&ended.client).subject(&ended.subject));
    }
    Ok(())
}
