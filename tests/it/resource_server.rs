//! An API behind an `AccessTokenVerifier`: keys from the provider, answers from its introspection
//! endpoint, and handlers on axum. RFC 6750, RFC 7662, RFC 9068.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use axum::{
    Router,
    extract::FromRequestParts,
    handler::Handler,
    http::{self, StatusCode},
};
use oidc_op::{
    AccessTokenVerifier, BearerError, ClientId, Fetch, FetchError, FetchRequest, Fetched,
    Introspection, Issuer, IssuerKeys, PostRequest, Reason, Resource, Signer, SigningAlgorithm,
    VerifiedToken,
};
use serde_json::{Value, json};

use crate::support::{ALICE, ALL_KEYS, Documents, Op, Setup, keys};

const NOW: i64 = 1_800_000_000;
const ORDERS: &str = "https://orders.example";
const JWKS_URI: &str = "https://id.example/jwks";

fn issuer() -> Issuer {
    Issuer::new("https://id.example").unwrap()
}

fn orders() -> Resource {
    Resource::new(ORDERS).unwrap()
}

/// RFC 9068 §2.2.
fn access_token() -> Value {
    json!({
        "iss": "https://id.example", "aud": [ORDERS], "sub": ALICE, "client_id": "app",
        "jti": "1", "iat": NOW, "exp": NOW + 600, "scope": "orders:read",
    })
}

/// As a client of the provider would get it, by the key of this algorithm.
async fn jwt(algorithm: SigningAlgorithm, typ: &str, claims: &Value) -> String {
    let key = ALL_KEYS.active(algorithm, oidc_op::Timestamp::from_unix(NOW)).unwrap();
    let header = json!({"alg": algorithm.as_str(), "typ": typ, "kid": &*key.kid});
    let input = format!("{}.{}", keys::b64(header.to_string()), keys::b64(claims.to_string()));
    let signature = ALL_KEYS.sign(&key, input.as_bytes()).await.unwrap();
    format!("{input}.{}", keys::b64(signature))
}

/// The provider's key set is all that an API needs to know of it, whatever it signs with.
#[tokio::test]
async fn tokens_by_every_key_that_the_provider_publishes() {
    let mut setup = Setup::full();
    setup.signer = Arc::new(ALL_KEYS.clone());
    let op = setup.build();
    let documents = Documents::default();
    let jwks = op.send("GET", "/jwks", "", &[], "").await;
    documents.put(JWKS_URI, jwks.reply().body.clone());
    let keys = IssuerKeys::at(JWKS_URI, documents.clone());
    let verifier = AccessTokenVerifier::by_keys(issuer(), orders(), keys).clock(op.clock.clone());
    for algorithm in SigningAlgorithm::ALL {
        let token = jwt(algorithm, "at+jwt", &access_token()).await;
        let token = verifier.verify_token(&token).await.unwrap();
        assert_eq!(token.subject(), Some(ALICE), "{algorithm}");
    }
    // tokens of clients, by keys of their own, are none; the provider is asked for newer keys
    documents.asked();
    let header = json!({"alg": "ES256", "typ": "at+jwt", "kid": "c-ec"});
    let by_client = keys::sign(&header, &access_token(), &*keys::signer("ES256", &keys::CLIENT_EC));
    let error = verifier.verify_token(&by_client).await.unwrap_err();
    assert_eq!(error.reason(), Some(Reason::BearerInvalid));
    assert_eq!(documents.asked(), [JWKS_URI.to_owned(), format!("{JWKS_URI} again")]);

    op.wait(600);
    let old = jwt(SigningAlgorithm::RS256, "at+jwt", &access_token()).await;
    let error = verifier.verify_token(&old).await.unwrap_err();
    assert_eq!(error.reason(), Some(Reason::BearerExpired));
}

/// TK-03: what the provider really issues besides access tokens does not pass.
#[tokio::test]
async fn tk_03_an_id_token_is_no_access_token() {
    let op = Op::new();
    let documents = Documents::default();
    documents.put(JWKS_URI, op.send("GET", "/jwks", "", &[], "").await.reply().body.clone());
    let id_token = op.redeem(&op.code().await).await.member("id_token");
    for resource in [ORDERS, "urn:conf-basic"] {
        let resource = Resource::new(resource).unwrap();
        let keys = IssuerKeys::at(JWKS_URI, documents.clone());
        let verifier =
            AccessTokenVerifier::by_keys(issuer(), resource, keys).clock(op.clock.clone());
        let error = verifier.verify_token(&id_token).await.unwrap_err();
        assert_eq!(error.reason(), Some(Reason::BearerInvalid));
    }
}

/// The provider's introspection endpoint, as far as an API sees it.
#[derive(Clone, Debug)]
struct Endpoint {
    answer: Result<&'static str, u16>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Endpoint {
    fn saying(answer: Result<&'static str, u16>) -> Self {
        Self { answer, asked: Arc::default() }
    }

    fn verifier(&self, op: &Op) -> AccessTokenVerifier {
        let id = ClientId::new("orders api").unwrap();
        let source =
            Introspection::new("https://id.example/introspect", &id, "s3cret+/", self.clone());
        assert!(!format!("{source:?}").contains("s3cret"));
        AccessTokenVerifier::by_source(issuer(), orders(), source).clock(op.clock.clone())
    }
}

#[async_trait]
impl Fetch for Endpoint {
    async fn get(&self, _: &FetchRequest<'_>) -> Result<Fetched, FetchError> {
        unreachable!("an introspection is a POST")
    }

    async fn post(&self, request: &PostRequest<'_>) -> Result<Fetched, FetchError> {
        assert_eq!(request.url, "https://id.example/introspect");
        assert_eq!(request.content_type, "application/x-www-form-urlencoded");
        assert_eq!(request.accept, "application/json");
        // orders+api:s3cret%2B%2F
        assert_eq!(request.authorization, Some("Basic b3JkZXJzK2FwaTpzM2NyZXQlMkIlMkY="));
        self.asked.lock().unwrap().push(String::from_utf8(request.body.to_vec()).unwrap());
        match self.answer {
            Ok(body) => Ok(Fetched::new(body.as_bytes(), Some("application/json"))),
            Err(status) => Err(FetchError::Answer(status)),
        }
    }
}

/// RFC 7662 §2.
#[tokio::test]
async fn opaque_tokens_are_asked_about() {
    let op = Op::new();
    let endpoint = Endpoint::saying(Ok(
        r#"{"active":true,"sub":"alice","client_id":"app","scope":"orders:read","exp":1800000600,"iss":"https://id.example","aud":"https://orders.example"}"#,
    ));
    let verifier = endpoint.verifier(&op);
    let token = verifier.verify_token("a+/b==").await.unwrap();
    assert_eq!((token.subject(), token.client_id()), (Some(ALICE), Some("app")));
    assert!(token.require("orders:read").is_ok() && token.require("orders:write").is_err());
    let asked = endpoint.asked.lock().unwrap().clone();
    assert_eq!(asked, ["token=a%2B%2Fb%3D%3D&token_type_hint=access_token"]);
    op.wait(600);
    let error = verifier.verify_token("abc").await.unwrap_err();
    assert_eq!(error.reason(), Some(Reason::BearerExpired), "whatever the endpoint says");
}

/// RFC 7662 §2.2, §4. Who cannot be asked has said nothing of the token.
#[tokio::test]
async fn only_a_clear_answer_is_one() {
    let op = Op::new();
    let (invalid, unavailable) = (Reason::BearerInvalid, Reason::IssuerUnavailable);
    for (answer, found) in [
        (Ok(r#"{"active":true}"#), None),
        (Ok(r#"{"active":false}"#), Some(invalid)),
        (Ok(r#"{"active":false,"sub":"alice"}"#), Some(invalid)),
        (Ok(r#"{"active":true,"iss":"https://evil.example"}"#), Some(invalid)),
        (Ok(r#"{"active":true,"aud":"https://a.example"}"#), Some(Reason::BearerAudience)),
        (Ok(r#"{"active":true,"exp":1800000000}"#), Some(Reason::BearerExpired)),
        (Ok(r#"{"active":"true"}"#), Some(unavailable)),
        (Ok(r#"{"active":1}"#), Some(unavailable)),
        (Ok(r#"{"sub":"alice"}"#), Some(unavailable)),
        (Ok(r#"{"active":false,"active":true}"#), Some(unavailable)),
        (Ok("[true]"), Some(unavailable)),
        (Ok(""), Some(unavailable)),
        (Err(401), Some(unavailable)),
        (Err(503), Some(unavailable)),
    ] {
        let verified = Endpoint::saying(answer).verifier(&op).verify_token("abc").await;
        assert_eq!(verified.err().and_then(|error| error.reason()), found, "{answer:?}");
    }
    // who can only fetch
    let id = ClientId::new("orders").unwrap();
    let source = Introspection::new("https://id.example/introspect", &id, "", Documents::default());
    let verifier = AccessTokenVerifier::by_source(issuer(), orders(), source);
    let error = verifier.verify_token("abc").await.unwrap_err();
    assert_eq!(error.reason(), Some(unavailable));
}

async fn list(token: VerifiedToken) -> Result<String, BearerError> {
    token.require("orders:read")?;
    Ok(format!("the orders of {}", token.subject().unwrap_or("nobody")))
}

async fn create(token: VerifiedToken) -> Result<StatusCode, BearerError> {
    token.require("orders:write")?;
    Ok(StatusCode::CREATED)
}

async fn greet(token: Option<VerifiedToken>) -> String {
    format!("hello {}", token.as_ref().and_then(VerifiedToken::subject).unwrap_or("stranger"))
}

/// Status, challenge and body.
async fn answer(response: http::Response<axum::body::Body>) -> (u16, String, String) {
    let status = response.status().as_u16();
    let challenge = response.headers().get("www-authenticate");
    let challenge = challenge.map_or("", |value| value.to_str().unwrap()).to_owned();
    let body = axum::body::to_bytes(response.into_body(), 4096).await.unwrap();
    (status, challenge, String::from_utf8(body.to_vec()).unwrap())
}

fn sent(token: Option<&str>) -> http::Request<axum::body::Body> {
    let mut request = http::Request::get("/orders");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    request.body(axum::body::Body::empty()).unwrap()
}

#[tokio::test]
async fn handlers_on_axum() {
    let op = Op::new();
    let keys = serde_json::from_value::<oidc_op::Jwks>(keys::client_jwks()).unwrap();
    let verifier = AccessTokenVerifier::by_keys(issuer(), orders(), keys).clock(op.clock.clone());
    let _: Router = Router::new()
        .route("/orders", axum::routing::get(list).post(create))
        .route("/", axum::routing::get(greet))
        .with_state(verifier.clone());
    let header = json!({"alg": "ES256", "typ": "at+jwt", "kid": "c-ec"});
    let token = keys::sign(&header, &access_token(), &*keys::signer("ES256", &keys::CLIENT_EC));
    let realm = "Bearer realm=\"https://orders.example\"";

    let listed = answer(list.call(sent(Some(&token)), verifier.clone()).await).await;
    assert_eq!(listed, (200, String::new(), "the orders of alice".to_owned()));
    let listed = answer(list.call(sent(None), verifier.clone()).await).await;
    assert_eq!(listed, (401, realm.to_owned(), String::new()));
    let (status, challenge, body) =
        answer(list.call(sent(Some("nonsense")), verifier.clone()).await).await;
    assert_eq!(status, 401);
    assert!(challenge.starts_with(&format!("{realm}, error=\"invalid_token\"")), "{challenge}");
    assert!(body.contains("\"error\":\"invalid_token\""), "{body}");
    let (status, challenge, _) =
        answer(create.call(sent(Some(&token)), verifier.clone()).await).await;
    assert_eq!(status, 403);
    assert!(challenge.ends_with(", scope=\"orders:write\""), "{challenge}");

    for (token, greeting) in [(None, Some("hello stranger")), (Some(&*token), Some("hello alice"))]
    {
        let (status, _, body) = answer(greet.call(sent(token), verifier.clone()).await).await;
        assert_eq!((status, Some(&*body)), (200, greeting));
    }
    let (status, ..) = answer(greet.call(sent(Some("nonsense")), verifier.clone()).await).await;
    assert_eq!(status, 401, "a wrong one is not as good as none");
}

/// A state with more in it than the verifier.
#[tokio::test]
async fn the_verifier_may_be_a_part_of_the_state() {
    #[derive(Clone)]
    struct App {
        verifier: AccessTokenVerifier,
    }
    impl axum::extract::FromRef<App> for AccessTokenVerifier {
        fn from_ref(app: &App) -> Self {
            app.verifier.clone()
        }
    }
    let verifier = Endpoint::saying(Ok(r#"{"active":true}"#)).verifier(&Op::new());
    let (mut parts, _) = sent(Some("abc")).into_parts();
    let app = App { verifier };
    let token = <VerifiedToken as FromRequestParts<_>>::from_request_parts(&mut parts, &app).await;
    assert_eq!(token.unwrap().subject(), None);
}
