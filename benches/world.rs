//! What the benches run against: a provider over a store with one confidential client
//! (`client_secret_basic`, PKCE S256), an API that takes JWTs, and people who are signed in and whose
//! consent is remembered.
//!
//! Everything about a person but their session cookie follows from their number, so that a client in
//! another process knows it too. All texts have the same length for every number.

use std::collections::HashMap;

use async_trait::async_trait;
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use oidc_op::{
    AccessTokenFormat, Account, Accounts, Agreement, Client, ClientId, ClientMetadata,
    ClientSecret, Clock, Config, Duration, GrantType, HostError, Issuer, JwtFormat, Login, Outcome,
    Provider, RedirectUri, Reply, Request, Resource, ResourceServer, ResponseType, Scope, Secret,
    Secrets, Signer, SigningAlgorithm, StaticClients, Subject, SystemEntropy, Verdict,
    store::Store,
};
use ring::digest::{SHA256, digest};
use serde_json::{Map, Value};

pub(crate) const REDIRECT_URI: &str = "https://rp.example/cb";
/// The API whose tokens are JWTs.
const API: &str = "https://api.example/";
/// What a client may have for itself there.
const API_SCOPE: &str = "orders:read";
/// A header of every form.
pub(crate) const FORM: (&str, &[u8]) = ("content-type", b"application/x-www-form-urlencoded");
const CLIENT_ID: &str = "relying-party";
/// As a parameter's value; it asks for no ID token.
const OFFLINE_SCOPE: &str = "profile%20offline_access";
const CLIENT_SECRET: &str = "b2R0eS1zZWNyZXQtb2YtMzItcmFuZG9tLWJ5dGVz";

/// A provider whose client gets ID tokens signed with this algorithm, as its API gets access tokens, and
/// `people` accounts.
pub(crate) fn provider(
    store: impl Store,
    signer: impl Signer,
    algorithm: SigningAlgorithm,
    people: usize,
    clock: impl Clock,
) -> Provider {
    let mut metadata = ClientMetadata::default();
    metadata.redirect_uris.push(RedirectUri::new(REDIRECT_URI).expect("it is exact"));
    metadata.id_token_signed_response_alg = algorithm.into();
    metadata.response_types.push(ResponseType::ID_TOKEN);
    metadata.grant_types.extend([
        GrantType::Implicit,
        GrantType::RefreshToken,
        GrantType::ClientCredentials,
    ]);
    metadata.introspection_signed_response_alg = Some(algorithm.into());
    let id = ClientId::new(CLIENT_ID).expect("it is printable");
    let client = Client::confidential(id, ClientSecret::new(CLIENT_SECRET), metadata);

    let mut config = Config::new(Issuer::new("https://id.example").expect("it is https"));
    // Long enough for a clock that `protocol` moves on by hours.
    config.lifetimes.session = Duration::days(3650);
    config.lifetimes.consent = Duration::days(3650);
    config.scopes = Scope::parse(API_SCOPE).expect("it is a scope");
    let mut api = ResourceServer::new(Resource::new(API).expect("it is absolute"));
    api.format = AccessTokenFormat::Jwt(JwtFormat::signed(algorithm));
    config.resources.push(api);
    Provider::builder(config)
        .store(store)
        .clients(StaticClients::from_iter([client.expect("the metadata fit")]))
        .accounts(People::new(people))
        .signer(signer)
        .secrets(Secrets::new(Secret::random(&SystemEntropy::new()).expect("there is entropy")))
        .clock(clock)
        .build()
        .expect("everything is there")
}

/// Signs a person in, has them agree to the client's request for good, and answers the `Cookie`
/// header of their browser from then on.
pub(crate) async fn settle(provider: &Provider, person: usize) -> String {
    let login = Login::new(Subject::new(subject(person)).expect("it is visible"));
    let cookies = provider.sign_in(Request::new("GET", "/"), &login).await.expect("it is stored");
    let session = name_and_value(&cookies[0].1);

    agree(provider, session, &authorize_query(person)).await;
    session.to_owned()
}

/// Has a person who is signed in agree to a request for good; the answer to the client.
async fn agree(provider: &Provider, session: &str, query: &str) -> Reply {
    let headers = [("cookie", session.as_bytes())];
    let request = Request::new("GET", "/authorize").query(query).headers(&headers);
    let outcome = provider.authorize(request).await.expect("the request is good");
    let Outcome::Interact(page) = outcome else { panic!("consent was not asked for") };

    let both = format!("{session}; {}", name_and_value(&page.headers[0].1));
    let headers = [("cookie", both.as_bytes())];
    let request = Request::new("POST", "/interaction").headers(&headers);
    let mut agreement = Agreement::new(page.scope.clone());
    agreement.remember = true;
    let verdict = Verdict::Consent(agreement);
    let outcome = provider.resume(request, &page.token, verdict).await.expect("it goes on");
    let Outcome::Reply(reply) = outcome else { panic!("consent was not enough") };
    reply
}

/// The tokens of a person who has been settled: an access token for UserInfo, and an ID token.
pub(crate) async fn tokens(provider: &Provider, session: &str, person: usize) -> Value {
    let query = authorize_query(person);
    let headers = [("cookie", session.as_bytes())];
    let request = Request::new("GET", "/authorize").query(&query).headers(&headers);
    let outcome = provider.authorize(request).await.expect("the request is good");
    let Outcome::Reply(reply) = outcome else { panic!("consent was not remembered") };
    redeem(provider, &reply, person).await
}

/// The tokens of a person who has been settled and now agrees to access while they are away: an access
/// token and a refresh token, and no ID token.
pub(crate) async fn offline_tokens(provider: &Provider, session: &str, person: usize) -> Value {
    let query = authorize_query(person).replace("openid%20profile%20email", OFFLINE_SCOPE);
    let reply = agree(provider, session, &query).await;
    redeem(provider, &reply, person).await
}

async fn redeem(provider: &Provider, reply: &Reply, person: usize) -> Value {
    let code = reply.header("location").and_then(code_of).expect("there is a code");
    let (form, basic) = (token_form(code, &verifier(person)), basic());
    let headers = [FORM, ("authorization", basic.as_bytes())];
    let request = Request::new("POST", "/token").headers(&headers).body(form.as_bytes());
    let reply = provider.token(request).await.expect("the code is good");
    serde_json::from_slice(&reply.body).expect("it is JSON")
}

fn name_and_value(set_cookie: &str) -> &str {
    set_cookie.split(';').next().unwrap_or_default()
}

/// The subject of a person.
pub(crate) fn subject(person: usize) -> String {
    format!("person-{person:012}")
}

/// The query of a person's authorization request.
pub(crate) fn authorize_query(person: usize) -> String {
    let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier(person).as_bytes()));
    format!(
        "response_type=code&client_id={CLIENT_ID}&redirect_uri=https%3A%2F%2Frp.example%2Fcb\
         &scope=openid%20profile%20email&state={}&nonce={}&code_challenge={challenge}\
         &code_challenge_method=S256",
        scramble("state", person),
        scramble("nonce", person),
    )
}

/// The query of a person's request for an ID token and nothing else, with claims in it.
#[allow(dead_code, reason = "one bench of the two asks for it")]
pub(crate) fn implicit_query(person: usize) -> String {
    format!(
        "response_type=id_token&client_id={CLIENT_ID}&redirect_uri=https%3A%2F%2Frp.example%2Fcb\
         &scope=openid%20profile%20email&state={}&nonce={}",
        scramble("state", person),
        scramble("nonce", person),
    )
}

/// The PKCE verifier of a person's request.
pub(crate) fn verifier(person: usize) -> String {
    scramble("verifier", person)
}

/// The body of the token request for a code.
pub(crate) fn token_form(code: &str, verifier: &str) -> String {
    format!(
        "grant_type=authorization_code&code={code}\
         &redirect_uri=https%3A%2F%2Frp.example%2Fcb&code_verifier={verifier}"
    )
}

/// The body with which the client asks for an opaque token of its own.
pub(crate) fn client_form() -> String {
    format!("grant_type=client_credentials&scope={API_SCOPE}")
}

/// The body with which the client asks for a JWT of its own, for the API.
pub(crate) fn client_jwt_form() -> String {
    format!("{}&resource=https%3A%2F%2Fapi.example%2F", client_form())
}

/// The body that uses a refresh token, which ends it.
pub(crate) fn refresh_form(token: &str) -> String {
    format!("grant_type=refresh_token&refresh_token={token}")
}

/// The body that asks about a token or revokes it, and ends with it.
pub(crate) fn about_form(token: &str) -> String {
    format!("token={token}")
}

/// A token of such an answer.
pub(crate) fn token_of<'t>(tokens: &'t Value, name: &str) -> &'t str {
    tokens[name].as_str().expect("there is one")
}

/// The `Authorization` header of the client.
pub(crate) fn basic() -> String {
    format!("Basic {}", STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}")))
}

/// The code of an answer to the client.
pub(crate) fn code_of(location: &str) -> Option<&str> {
    location.split_once("?code=")?.1.split('&').next().filter(|code| !code.is_empty())
}

/// 43 characters that look random.
fn scramble(purpose: &str, person: usize) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, format!("{purpose} {person}").as_bytes()))
}

/// The host's accounts: a map in memory, from which the wanted claims are copied.
#[derive(Debug)]
struct People(HashMap<String, Map<String, Value>>);

impl People {
    fn new(count: usize) -> Self {
        let claims = |person: usize| {
            [
                ("name", format!("Ada Example {person:012}").into()),
                ("preferred_username", format!("ada{person:012}").into()),
                ("email", format!("ada{person:012}@mail.example").into()),
                ("email_verified", true.into()),
            ]
            .map(|(name, value): (&str, Value)| (name.to_owned(), value))
        };
        Self((0..count).map(|n| (subject(n), Map::from_iter(claims(n)))).collect())
    }
}

#[async_trait]
impl Accounts for People {
    async fn account(
        &self,
        subject: &Subject,
        wanted: &[&str],
    ) -> Result<Option<Account>, HostError> {
        Ok(self.0.get(subject.as_str()).map(|known| {
            let claims = known.iter().filter(|(name, _)| wanted.contains(&name.as_str()));
            Account::active()
                .claims(claims.map(|(name, value)| (name.clone(), value.clone())).collect())
        }))
    }
}
