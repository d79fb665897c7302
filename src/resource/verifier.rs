use std::sync::Arc;

use super::{
    IssuerKeys, TokenSource, VerifiedToken,
    rules::{self, Expected, Form},
};
use crate::{
    env::{Clock, Event, Observer, SystemClock, What},
    error::{BearerError, Failure, Reason},
    jose::{Claims, Jwks, VerifyWith},
    types::{Issuer, Resource, SigningAlgorithm},
    wire::{Authorization, Params, Request},
};

/// The longest token that is looked at.
const LONGEST: usize = 16 * 1024;

/// Tells whether a request to an API carries a valid access token of a provider.
///
/// The API is a resource server: it is named by a [`Resource`], for which its clients ask
/// ([RFC 8707]) and which is the audience of its tokens. Tokens that are JWTs are verified by the
/// issuer's keys ([RFC 9068 §4]); opaque ones, and JWTs without keys at hand, by asking a
/// [`TokenSource`]. A verifier may do both. Clones share everything.
///
/// With the feature `axum`, [`VerifiedToken`] is an extractor.
///
/// ```
/// use oidc_op::{AccessTokenVerifier, Issuer, Jwks, Request, Resource};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let issuer = Issuer::new("https://id.example")?;
/// let orders = Resource::new("https://orders.example")?;
/// let keys = Jwks::from_json(r#"{"keys":[]}"#)?;
/// let verifier = AccessTokenVerifier::by_keys(issuer, orders, keys);
///
/// let error = verifier.verify(&Request::new("GET", "/orders")).await.unwrap_err();
/// let challenge = r#"Bearer realm="https://orders.example""#;
/// assert_eq!(error.reply().header("www-authenticate"), Some(challenge));
/// # Ok(())
/// # }
/// ```
///
/// # Security
///
/// A JWT that was revoked is good until it expires; an introspection knows. Tokens that are bound to
/// a key are refused: the proof that goes with them is not checked here.
///
/// [RFC 8707]: https://www.rfc-editor.org/rfc/rfc8707
/// [RFC 9068 §4]: https://www.rfc-editor.org/rfc/rfc9068#section-4
#[derive(Clone, Debug)]
pub struct AccessTokenVerifier {
    issuer: Issuer,
    resource: Resource,
    keys: Option<IssuerKeys>,
    source: Option<Arc<dyn TokenSource>>,
    algorithms: Arc<[SigningAlgorithm]>,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
}

impl AccessTokenVerifier {
    /// Tokens of this issuer for this API that are JWTs, by the issuer's keys.
    pub fn by_keys(issuer: Issuer, resource: Resource, keys: impl Into<IssuerKeys>) -> Self {
        Self::new(issuer, resource).and_keys(keys)
    }

    /// Tokens of this issuer for this API, by asking this source.
    pub fn by_source(issuer: Issuer, resource: Resource, source: impl TokenSource) -> Self {
        Self::new(issuer, resource).and_source(source)
    }

    fn new(issuer: Issuer, resource: Resource) -> Self {
        Self {
            issuer,
            resource,
            keys: None,
            source: None,
            algorithms: SigningAlgorithm::ALL.into(),
            clock: Arc::new(SystemClock),
            observer: Arc::new(()),
        }
    }

    /// And by the issuer's keys, if the token is a JWT.
    #[must_use]
    pub fn and_keys(self, keys: impl Into<IssuerKeys>) -> Self {
        Self { keys: Some(keys.into()), ..self }
    }

    /// And by asking this source, if the token is not a JWT.
    #[must_use]
    pub fn and_source(self, source: impl TokenSource) -> Self {
        Self { source: Some(Arc::new(source)), ..self }
    }

    /// Only JWTs that are signed with these algorithms; all of
    /// [`SigningAlgorithm::ALL`] unless told otherwise, never a secret or none
    /// ([RFC 8725 §3.1]).
    ///
    /// [RFC 8725 §3.1]: https://www.rfc-editor.org/rfc/rfc8725#section-3.1
    #[must_use]
    pub fn algorithms(self, algorithms: &[SigningAlgorithm]) -> Self {
        Self { algorithms: algorithms.into(), ..self }
    }

    /// What time it is; [`SystemClock`] unless told otherwise.
    #[must_use]
    pub fn clock(self, clock: impl Clock) -> Self {
        Self { clock: Arc::new(clock), ..self }
    }

    /// Who hears of refusals, and of what lies beneath them; nobody unless told otherwise. A request
    /// without token is none.
    #[must_use]
    pub fn observer(self, observer: impl Observer) -> Self {
        Self { observer: Arc::new(observer), ..self }
    }

    /// The API.
    pub fn resource(&self) -> &Resource {
        &self.resource
    }

    /// The token that the request carries in its `Authorization` field ([RFC 6750 §2.1]); one in the
    /// body is not looked for, and one in the query is refused ([RFC 9700 §4.3.2]).
    ///
    /// # Errors
    ///
    /// [`BearerError`], with its challenge; 503 if the issuer could not be asked.
    ///
    /// [RFC 6750 §2.1]: https://www.rfc-editor.org/rfc/rfc6750#section-2.1
    /// [RFC 9700 §4.3.2]: https://www.rfc-editor.org/rfc/rfc9700#section-4.3.2
    pub async fn verify(&self, request: &Request<'_>) -> Result<VerifiedToken, BearerError> {
        match presented(request) {
            Ok(token) => self.verify_token(token).await,
            Err(error) => Err(self.refused(error)),
        }
    }

    /// A token that came in another way: as the metadata of an RPC, in the first message of a
    /// connection.
    ///
    /// # Errors
    ///
    /// As those of [`verify`](Self::verify).
    pub async fn verify_token(&self, token: &str) -> Result<VerifiedToken, BearerError> {
        self.check(token).await.map_err(|failure| self.refused(failure.into()))
    }

    async fn check(&self, token: &str) -> Result<VerifiedToken, Failure> {
        if token.len() > LONGEST {
            return Err(Reason::BearerInvalid.into());
        }
        let (claims, form) = match (&self.keys, &self.source) {
            (Some(keys), _) if is_jwt(token) => {
                let jws = rules::read(token, &self.algorithms)?;
                let verify = |keys: &Jwks| {
                    jws.clone().verify(VerifyWith::Keys(&keys.valid_at(self.clock.now())))
                };
                (keys.verify(verify).await?, Form::Jwt)
            }
            (_, Some(source)) => {
                let asked = source.introspect(token).await;
                // Whatever kept the source from answering, the token may be a good one.
                let unavailable =
                    |error| Failure { reason: Reason::IssuerUnavailable, ..Failure::from(error) };
                let members = asked.map_err(unavailable)?.ok_or(Reason::BearerInvalid)?;
                (Claims::verified(members), Form::Introspected)
            }
            // As when a client forgets to say which resource its token is for.
            _ => {
                let cause = "it is no JWT, and nobody is there to be asked about it";
                return Err(Failure::caused(Reason::BearerInvalid, cause));
            }
        };
        let (issuer, resource) = (&self.issuer, &self.resource);
        // As late as can be: whoever was asked may have taken a while.
        rules::judge(claims, form, Expected { issuer, resource, now: self.clock.now() })
    }

    /// As this API refuses it; the operator hears of it.
    fn refused(&self, error: BearerError) -> BearerError {
        if let Some(failure) = error.failure() {
            let event = Event::new(What::BearerRefused);
            self.observer.observe(&event.refused(failure.reason, failure.cause.as_deref()));
        }
        error.at(self.resource.as_str())
    }
}

/// The one token of a request.
fn presented<'r>(request: &Request<'r>) -> Result<&'r str, BearerError> {
    if Params::parse(&[request.query.as_bytes()]).all("access_token").next().is_some() {
        return Err(Reason::BearerInQuery.into());
    }
    match request.authorization() {
        Authorization::Bearer(token) => Ok(token),
        Authorization::Malformed => Err(Reason::BearerMalformed.into()),
        // Another scheme is as good as none (RFC 6750 §3.1).
        _ => Err(BearerError::ABSENT),
    }
}

/// Three parts, as the compact form has; opaque tokens have no dots.
fn is_jwt(token: &str) -> bool {
    token.bytes().filter(|byte| *byte == b'.').take(3).count() == 2
}
