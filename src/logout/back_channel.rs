use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;
use time::Duration;

use crate::{
    claims,
    client::{Client, Format},
    error::Failure,
    mint,
    provider::Core,
    secret::{Digest, random},
    session,
    types::{JwsAlgorithm, SigningAlgorithm, Subject, Timestamp},
};

/// How long a logout token is good; the specification recommends at most two minutes.
const LIFETIME: Duration = Duration::minutes(2);

/// The claims of a logout token ([OIDC Back-Channel Logout §2.4]), in the order in which they are written.
/// There is no `nonce`, so that it can never pass for an ID token.
///
/// [OIDC Back-Channel Logout §2.4]: https://openid.net/specs/openid-connect-backchannel-1_0.html#LogoutToken
#[derive(Serialize)]
struct LogoutToken<'t> {
    iss: &'t str,
    sub: &'t Subject,
    aud: &'t str,
    iat: Timestamp,
    exp: Timestamp,
    jti: String,
    events: Events,
    sid: &'t str,
}

#[derive(Default, Serialize)]
struct Events {
    #[serde(rename = "http://schemas.openid.net/event/backchannel-logout")]
    logout: Nothing,
}

/// `{}`.
#[derive(Default, Serialize)]
struct Nothing {}

/// Tells a client that this session of the person has ended; a new token for each attempt, so that none
/// looks like a replay.
pub(super) async fn logout_token(
    core: &Core,
    client: &Client,
    subject: &Subject,
    session: &Digest,
    now: Timestamp,
) -> Result<String, Failure> {
    let claims = LogoutToken {
        iss: core.config.issuer.as_str(),
        sub: &claims::sub(core, client, subject)?,
        aud: client.id.as_str(),
        iat: now,
        exp: now + LIFETIME,
        jti: URL_SAFE_NO_PAD.encode(random::<24>(&*core.entropy)?),
        events: Events::default(),
        sid: &session::sid(session, &client.id),
    };
    mint::for_client_as(core, client, (format(client), mint::LOGOUT_TOKEN), &claims, now).await
}

/// As the client's ID tokens are secured, but never unsigned: then with the default (§2.6 step 3).
fn format(client: &Client) -> Format {
    let format = client.metadata.id_token_format();
    if format.signed == Some(JwsAlgorithm::None) {
        return Format { signed: Some(SigningAlgorithm::RS256.into()), ..format };
    }
    format
}
