//! The revocation endpoint ([RFC 7009]).
//!
//! [RFC 7009]: https://www.rfc-editor.org/rfc/rfc7009

use crate::{
    client::{Client, authenticate},
    env::{Event, What},
    error::{Failure, Reason, TokenError},
    grant::{self, Generation, Grant, RefreshToken, Why},
    mint::{AccessToken, StandsOn},
    provider::Core,
    store::{Marked, mark},
    types::Timestamp,
    wire::{Reply, Request},
};

/// parse → authenticate → revoke → respond. A token that is unknown, or somebody else's, is answered like
/// one that was revoked, and nothing happens to it: whoever asks learns nothing of it ([RFC 7009 §2.2];
/// of another client's token §2.1 would have an error).
///
/// [RFC 7009 §2.2]: https://www.rfc-editor.org/rfc/rfc7009#section-2.2
pub(crate) async fn revoke(core: &Core, http: &Request<'_>) -> Result<Reply, TokenError> {
    let params = http.form()?.bounded()?;
    let client = authenticate(core, http, &params, &core.endpoints.revocation).await?;
    let token = params.one("token")?.ok_or(Reason::TokenMissing)?;
    let now = core.clock.now();
    // The hint is not needed: every kind of token says what it is.
    if let Some(token) = RefreshToken::decode(&core.keys, token) {
        refresh_token(core, &client, &token, now).await?;
    } else if let Some(token) = AccessToken::read(core, token) {
        access_token(core, &client, &token, now).await?;
    }
    Ok(Reply::empty(200))
}

/// Any genuine generation of a refresh token ends the grant, with all its tokens.
async fn refresh_token(
    core: &Core,
    client: &Client,
    token: &RefreshToken,
    now: Timestamp,
) -> Result<(), Failure> {
    let key = Grant::key(&core.config.issuer, token.grant());
    let Some(loaded) = core.load::<Grant>(&key).await? else { return Ok(()) };
    let grant = &loaded.body;
    let generation = grant.refresh.as_ref().map(|refresh| refresh.generation(token));
    let genuine = generation.is_some_and(|generation| generation != Generation::Unknown);
    if !genuine || grant.client != client.id {
        return Ok(());
    }
    if let Some(ended) = grant::revoke(core, &key, loaded, Why::Client, now).await? {
        let event = Event::new(What::GrantRevoked);
        core.observer.observe(&event.client(&ended.client).subject(&ended.subject));
    }
    Ok(())
}

/// An access token ends alone.
async fn access_token(
    core: &Core,
    client: &Client,
    token: &AccessToken,
    now: Timestamp,
) -> Result<(), Failure> {
    if token.expires() <= now {
        return Ok(());
    }
    let holder = token.details.cid.as_ref();
    let subject = match token.of {
        StandsOn::Client { .. } => {
            if holder != Some(&client.id) {
                return Ok(());
            }
            mark(core, Marked::Token(&token.id), token.expires()).await?;
            None
        }
        StandsOn::Grant { id, epoch } => {
            let key = Grant::key(&core.config.issuer, &id);
            let Some(loaded) = core.load::<Grant>(&key).await? else { return Ok(()) };
            let owner = &loaded.body.client;
            if holder.unwrap_or(owner) != &client.id || !loaded.body.carries(token, epoch, now) {
                return Ok(());
            }
            let subject = loaded.body.subject.clone();
            if client.id == *owner {
                if grant::drop_token(core, &key, loaded, token, now).await?.is_none() {
                    return Ok(());
                }
            } else {
                // An exchanged token leaves no trace in a grant that is another client's.
                mark(core, Marked::Token(&token.id), token.expires()).await?;
            }
            Some(subject)
        }
    };
    let event = Event::new(What::TokenRevoked).client(&client.id);
    core.observer.observe(&match &subject {
        Some(subject) => event.subject(subject),
        None => event,
    });
    Ok(())
}
