//! What an upstream provider says of a person: verified, asked for, and made claims of.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use oidc_op::{Acr, InvalidLogin, Login, Secret, Subject, Timestamp};
use openidconnect::{
    AccessToken, AccessTokenHash, ClaimsVerificationError, Nonce, OAuth2TokenResponse,
    SignatureVerificationError, TokenResponse,
    core::{CoreIdToken, CoreIdTokenClaims, CoreTokenResponse},
};
use ring::hmac;
use serde_json::{Map, Value};
use tracing::warn;

use super::{
    discovery::Discovered,
    failure::{Failure, Fault},
    transport::{CallError, Endpoints, Transport},
};
use crate::config::UpstreamEntry;

/// How far the clocks of two servers may be apart, in seconds.
const LEEWAY: i64 = 60;

/// An ID token that counts.
pub(super) struct Verified {
    pub(super) sub: String,
    time: Option<Timestamp>,
    amr: Vec<Box<str>>,
    claims: Value,
}

impl Verified {
    /// Everything that [OpenID Connect Core §3.1.3.7] and [§3.1.3.8] ask; the access token beside it is
    /// the one that it is about.
    ///
    /// [OpenID Connect Core §3.1.3.7]: https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation
    /// [§3.1.3.8]: https://openid.net/specs/openid-connect-core-1_0.html#CodeFlowTokenValidation
    pub(super) fn new(
        discovered: &Discovered,
        tokens: &CoreTokenResponse,
        nonce: &Nonce,
    ) -> Result<Self, Unverified> {
        let missing =
            || Failure::new(Fault::Malformed, "the token endpoint").because("no ID token");
        let id_token = tokens.id_token().ok_or_else(missing)?;
        let verifier = discovered.verifier();
        let claims = id_token.claims(&verifier, nonce)?;
        // Another audience beside us is refused above.
        if claims.authorized_party().is_some_and(|party| *party != *discovered.client.client_id()) {
            return Err(Failure::new(Fault::TokenAudience, "azp").into());
        }
        if let Some(hash) = claims.access_token_hash() {
            let (algorithm, key) = (id_token.signing_alg()?, id_token.signing_key(&verifier)?);
            let actual = AccessTokenHash::from_token(tokens.access_token(), algorithm, key);
            if actual.ok().as_ref() != Some(hash) {
                return Err(Failure::new(Fault::TokenSignature, "at_hash").into());
            }
        }
        Ok(Self::of(id_token, claims))
    }

    fn of(id_token: &CoreIdToken, claims: &CoreIdTokenClaims) -> Self {
        let methods = claims.auth_method_refs().into_iter().flatten();
        let methods = methods.map(|method| method.as_str());
        // They go into tokens of ours.
        let fit =
            |method: &&str| method.len() <= 32 && method.bytes().all(|b| b.is_ascii_graphic());
        Self {
            sub: claims.subject().as_str().to_owned(),
            time: claims.auth_time().map(|time| Timestamp::from_unix(time.timestamp())),
            amr: methods.filter(fit).take(8).map(Into::into).collect(),
            claims: payload(&id_token.to_string()).unwrap_or_default(),
        }
    }

    /// The sign-in is as fresh as it was asked to be ([OpenID Connect Core §3.1.2.1], `prompt` and `max_age`); a
    /// provider that does not say when it was owes that.
    ///
    /// [OpenID Connect Core §3.1.2.1]: https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest
    pub(super) fn must_be_since(&self, since: Option<Timestamp>) -> Result<(), Failure> {
        let Some(since) = since else { return Ok(()) };
        match self.time {
            Some(time) if time.unix().saturating_add(LEEWAY) >= since.unix() => Ok(()),
            _ => Err(Failure::new(Fault::TokenAuthTime, "the ID token")),
        }
    }
}

/// An ID token that does not count.
pub(super) enum Unverified {
    /// A key that was not there when the provider was last asked.
    UnknownKey,
    Failure(Failure),
}

impl From<Failure> for Unverified {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<ClaimsVerificationError> for Unverified {
    fn from(error: ClaimsVerificationError) -> Self {
        match error {
            ClaimsVerificationError::SignatureVerification(
                SignatureVerificationError::NoMatchingKey,
            ) => Self::UnknownKey,
            error => Self::Failure(Failure::id_token(&error)),
        }
    }
}

impl From<openidconnect::SignatureVerificationError> for Unverified {
    fn from(error: SignatureVerificationError) -> Self {
        ClaimsVerificationError::SignatureVerification(error).into()
    }
}

impl From<Unverified> for Failure {
    fn from(unverified: Unverified) -> Self {
        match unverified {
            Unverified::UnknownKey => {
                Self::new(Fault::TokenSignature, "the ID token").because("the key is not known")
            }
            Unverified::Failure(failure) => failure,
        }
    }
}

/// Asks for the rest, and makes claims of everything.
pub(super) async fn login(
    mut login: Login,
    entry: &UpstreamEntry,
    endpoints: &Endpoints<'_>,
    discovered: &Discovered,
    (verified, token): (Verified, &AccessToken),
) -> Result<Login, Failure> {
    let mut document = Map::new();
    if entry.userinfo {
        let endpoint = discovered.client.user_info_url();
        let endpoint = endpoint.ok_or_else(|| {
            Failure::new(Fault::Malformed, "UserInfo").because("there is no such endpoint")
        })?;
        let userinfo = userinfo(endpoints, endpoint, token, &verified.sub).await?;
        document.insert("userinfo".into(), userinfo);
    }
    if let Some(person) = &entry.person {
        let person = about(endpoints.http, &person.url, (token, &verified.sub)).await?;
        document.insert("person".into(), person);
    }
    document.insert("id_token".into(), verified.claims);
    login.time = verified.time;
    login.acr = entry.acr.as_ref().map(|acr| Acr::new(acr.as_str()));
    login.amr = verified.amr;
    let names: Vec<_> = entry.claims.claims().collect();
    login.claims = entry.claims.apply(&Value::Object(document), &names);
    login.claims.retain(|name, value| is_fit(&entry.name, name, value));
    let much =
        |error: InvalidLogin| Failure::new(Fault::Much, "its claims").because(error.to_string());
    login.check().map_err(much)?;
    Ok(login)
}

/// Whether a claim has the form that clients expect. What has not is left out, and logged by its name.
fn is_fit(upstream: &str, name: &str, value: &Value) -> bool {
    let finding =
        crate::manage::claims::finding(&Map::from_iter([(name.to_owned(), value.clone())]));
    if let Some(finding) = &finding {
        warn!(upstream, "left out: {finding}");
    }
    finding.is_none()
}

/// What UserInfo says, if it is about the same person ([OpenID Connect Core §5.3.2]).
///
/// [OpenID Connect Core §5.3.2]: https://openid.net/specs/openid-connect-core-1_0.html#UserInfoResponse
async fn userinfo(
    endpoints: &Endpoints<'_>,
    endpoint: &str,
    token: &AccessToken,
    sub: &str,
) -> Result<Value, Failure> {
    let at = "UserInfo";
    let answer = endpoints.get(endpoint, token.secret()).await;
    let answer = answer.map_err(|error| Failure::call(at, &error))?;
    if answer.status() != 200 {
        return Err(Failure::new(Fault::Refused, at).because(answer.status().to_string()));
    }
    let userinfo = object(answer.body()).ok_or_else(|| Failure::new(Fault::Malformed, at))?;
    if userinfo.get("sub").and_then(Value::as_str) != Some(sub) {
        return Err(Failure::new(Fault::UserInfoSubject, at));
    }
    Ok(userinfo)
}

/// What the Person API says. Whatever is wrong with it, without it nobody knows who this is.
async fn about(
    http: &Transport,
    address: &str,
    (token, sub): (&AccessToken, &str),
) -> Result<Value, Failure> {
    let failed = |cause: String| Failure::new(Fault::Person, "the Person API").because(cause);
    let call = |error: CallError| failed(crate::layers::chain(&error));
    let answer = http.get(address, token.secret()).await.map_err(call)?;
    if answer.status() != 200 {
        return Err(failed(answer.status().to_string()));
    }
    let person = object(answer.body()).ok_or_else(|| failed("not a JSON object".into()))?;
    if person.get("sub").is_some_and(|said| said != sub) {
        return Err(failed("it is about somebody else".into()));
    }
    Ok(person)
}

fn object(body: &[u8]) -> Option<Value> {
    serde_json::from_slice(body).ok().filter(Value::is_object)
}

fn payload(jwt: &str) -> Option<Value> {
    object(&URL_SAFE_NO_PAD.decode(jwt.split('.').nth(1)?).ok()?)
}

/// What the people of upstream providers are called here.
pub(super) struct Names(hmac::Key);

impl Names {
    /// By a secret that all nodes have and that never changes.
    pub(super) fn new(secret: &Secret) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret.expose()))
    }

    /// The name of an upstream's person: the same at each sign-in and nobody else's. Whoever can guess the
    /// `sub` there cannot tell by the name, without the secret.
    pub(super) fn subject(&self, entry: &UpstreamEntry, sub: &str) -> Result<Subject, Failure> {
        let mut context = hmac::Context::with_key(&self.0);
        // Nothing else that is made with the secret begins so.
        for part in ["upstream", entry.issuer.as_str(), sub] {
            context.update(part.as_bytes());
            context.update(&[0]);
        }
        let tag = URL_SAFE_NO_PAD.encode(context.sign());
        let unfit = |_| Failure::new(Fault::Malformed, "the ID token");
        Subject::new(format!("{}.{tag}", entry.name)).map_err(unfit)
    }
}

/// Whether it is a name that [`Names`] give.
pub(super) fn is_subject(name: &str, subject: &Subject) -> bool {
    let digest = subject.as_str().strip_prefix(name).and_then(|rest| rest.strip_prefix('.'));
    digest.is_some_and(|digest| {
        digest.len() == 43 && URL_SAFE_NO_PAD.decode(digest).is_ok_and(|bytes| bytes.len() == 32)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_of_different_providers_are_different_people() {
        let (one, other) = ("https://one.example", "https://other.example");
        let names = |byte: u8| Names::new(&Secret::new(vec![byte; 32]).unwrap());
        let by = |names: &Names, name: &str, issuer: &str, sub: &str| {
            let text = format!("name = {name:?}\nissuer = {issuer:?}\nclient_id = \"us\"");
            let entry = toml::from_str(&text).unwrap();
            names.subject(&entry, sub).ok().unwrap()
        };
        let ours = names(1);
        let named = |name: &str, issuer: &str, sub: &str| by(&ours, name, issuer, sub);
        let ada = named("main", one, "ada");
        assert_eq!(ada, named("main", one, "ada"));
        let others = [
            named("main", other, "ada"),
            named("else", one, "ada"),
            named("main", one, "Ada"),
            named("main", one, ""),
            by(&names(2), "main", one, "ada"),
        ];
        assert!(!others.contains(&ada));
        assert!(is_subject("main", &ada) && !is_subject("mai", &ada) && !is_subject("else", &ada));
        for text in ["main", "main.", "main.ada", "mainx", &ada.as_str()[..47]] {
            assert!(!is_subject("main", &Subject::new(text).unwrap()), "{text}");
        }
    }

    /// Core §3.1.2.1: whoever was to be asked again was.
    #[test]
    fn an_old_sign_in_does_not_do() {
        let verified = |time: Option<i64>| Verified {
            sub: "ada".into(),
            time: time.map(Timestamp::from_unix),
            amr: Vec::new(),
            claims: Value::Null,
        };
        for (since, time, fits) in [
            (None, Some(0), true),
            (Some(1_000), Some(1_000), true),
            (Some(1_000), Some(940), true),
            (Some(1_000), Some(939), false),
            (Some(1_000), None, false),
            (None, None, true),
        ] {
            let since = since.map(Timestamp::from_unix);
            assert_eq!(verified(time).must_be_since(since).is_ok(), fits, "{since:?} {time:?}");
        }
    }
}
