//! Clients that describe themselves at an address of their own (OAuth Client ID Metadata Document).

use std::{collections::HashMap, sync::Mutex};

use async_trait::async_trait;
use oidc_op::{Fetch, FetchError, FetchRequest, Fetched, Reason, What};

use super::*;
use crate::support::keys::client_jwks;

const ID: &str = "https://app.example/client.json";
const SECTOR: &str = "https://app.example/sector.json";

/// What is on the web now: documents, and servers that do not answer in one way or another.
#[derive(Clone, Debug, Default)]
struct Web(Arc<Mutex<HashMap<String, Result<String, FetchError>>>>);

impl Web {
    fn put(&self, url: &str, document: &Value) {
        self.0.lock().unwrap().insert(url.into(), Ok(document.to_string()));
    }

    fn text(&self, url: &str, document: &str) {
        self.0.lock().unwrap().insert(url.into(), Ok(document.into()));
    }

    fn fail(&self, url: &str, error: FetchError) {
        self.0.lock().unwrap().insert(url.into(), Err(error));
    }
}

#[async_trait]
impl Fetch for Web {
    async fn get(&self, request: &FetchRequest<'_>) -> Result<Fetched, FetchError> {
        let found = self.0.lock().unwrap().get(request.url).cloned();
        let body = found.unwrap_or(Err(FetchError::Answer(404)))?;
        Ok(Fetched::new(body.into_bytes(), Some("application/json")))
    }
}

fn op() -> (Op, Web) {
    op_with(|_| ())
}

fn op_with(change: impl FnOnce(&mut Setup)) -> (Op, Web) {
    let mut setup = setup();
    setup.config.policy.client_documents = true;
    change(&mut setup);
    let web = Web::default();
    web.put(ID, &public(&json!({})));
    (setup.build_with(|builder| builder.fetch(web.clone())), web)
}

fn public(members: &Value) -> Value {
    let mut document = json!({
        "client_id": ID, "client_name": "App", "redirect_uris": ["https://app.example/cb"],
        "token_endpoint_auth_method": "none", "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"]
    });
    document.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    document
}

fn keyed() -> Value {
    public(&json!({ "token_endpoint_auth_method": "private_key_jwt", "jwks": client_jwks() }))
}

async fn is_unknown(op: &Op, id: &str, what: &str) {
    is_refused(op, id, (401, "invalid_client"), what).await;
}

/// There is no document of a client: whether there is another one, or nobody answers, is not said
/// (threat SS-08).
async fn is_undescribed(op: &Op, id: &str, what: &str) {
    is_refused(op, id, (503, "temporarily_unavailable"), what).await;
}

async fn is_refused(op: &Op, id: &str, (status, error): (u16, &str), what: &str) {
    let mut app = Registered(public(&json!({})));
    app.0["client_id"] = id.into();
    let page = Browser::new(op).authorize(&app.request()).await;
    assert_eq!(page.status(), 400, "{what}");
    page.is_page_error(Reason::ClientUnknown);
    let answer = app.redeem(op, "x").await;
    assert_eq!((answer.status(), &*answer.error()), (status, error), "{what}");
}

/// A public one, and one that proves with its keys who it is: all that any client does.
#[tokio::test]
async fn they_sign_people_in() {
    for document in [public(&json!({})), keyed()] {
        let (op, web) = op();
        web.put(ID, &document);
        let app = Registered(document);
        let mut browser = Browser::new(&op);
        let page = browser.authorize(&app.request()).await;
        let answer = browser.login(&page.page().token.clone(), ALICE).await;
        assert_eq!(
            answer.page().client.name(),
            "App",
            "people are asked, by the name that it says"
        );
        let answer = browser.follow(answer, ALICE).await;
        let tokens = app.redeem(&op, &answer.parameter("code")).await;
        assert_eq!(tokens.status(), 200, "{}", tokens.json());
        let access = tokens.member("access_token");
        assert_eq!(op.userinfo(&access).await.status(), 200);
        assert_eq!(op.introspect("rs1", &access).await.status(), 200);
        assert_eq!(app.refresh(&op, &tokens.member("refresh_token")).await.status(), 200);
        assert_eq!(app.post(&op, "/revoke", &[("token", &access)]).await.status(), 200);
        assert_eq!(op.userinfo(&access).await.status(), 401);
        // It is kept nowhere.
        assert!(op.provider.registered_clients(None, 10).await.unwrap().clients.is_empty());
    }
}

/// A client without a proof is no client with keys.
#[tokio::test]
async fn keys_must_be_proven() {
    let (op, web) = op();
    web.put(ID, &keyed());
    let mut app = Registered(keyed());
    let code = app.code(&op).await;
    app.0["token_endpoint_auth_method"] = "none".into();
    assert_eq!(app.redeem(&op, &code).await.status(), 401);
    let mut own = Registered(keyed());
    own.0["client_id"] = "https://app.example/other.json".into();
    assert_eq!(own.redeem(&op, &code).await.status(), 503, "nothing is there");
}

/// §4: what is no document of this client.
#[tokio::test]
async fn documents_that_are_none() {
    let (op, web) = op();
    let own = |members: Value| public(&members).to_string();
    for (what, document) in [
        ("not JSON", "<html>".to_owned()),
        ("nothing", String::new()),
        ("a list", format!("[{}]", public(&json!({})))),
        ("two", format!("{0}{0}", public(&json!({})))),
        ("another's", own(json!({ "client_id": "https://app.example/other.json" }))),
        ("nearly its own", own(json!({ "client_id": "https://app.example/client.json/" }))),
        ("its own in capitals", own(json!({ "client_id": "https://APP.example/client.json" }))),
        ("nobody's", own(json!({ "client_id": null }))),
        (
            "client_id twice",
            format!("{{\"client_id\":\"{ID}\",{}", &public(&json!({})).to_string()[1..]),
        ),
        ("a secret", own(json!({ "client_secret": "shared" }))),
        ("the end of a secret", own(json!({ "client_secret_expires_at": 0 }))),
        ("basic", own(json!({ "token_endpoint_auth_method": "client_secret_basic" }))),
        ("post", own(json!({ "token_endpoint_auth_method": "client_secret_post" }))),
        ("a shared key", own(json!({ "token_endpoint_auth_method": "client_secret_jwt" }))),
        ("a key of a secret", own(json!({ "id_token_signed_response_alg": "HS256" }))),
        ("keys without keys", own(json!({ "token_endpoint_auth_method": "private_key_jwt" }))),
        ("no redirect", own(json!({ "redirect_uris": [] }))),
        ("an insecure redirect", own(json!({ "redirect_uris": ["http://app.example/cb"] }))),
        ("an algorithm without a key", own(json!({ "id_token_signed_response_alg": "PS512" }))),
        (
            "too deep",
            own(
                json!({ "x": serde_json::from_str::<Value>(&format!("{}{}", "[".repeat(40), "]".repeat(40))).unwrap() }),
            ),
        ),
    ] {
        web.text(ID, &document);
        is_undescribed(&op, ID, what).await;
        let seen = op.recorder.take();
        assert!(
            seen.contains(&(What::RegistrationRefused, Some(Reason::MetadataInvalid)))
                || seen.iter().any(|(what, _)| *what == What::RegistrationRefused),
            "{what}: {seen:?}"
        );
    }
    web.text(
        ID,
        &own(
            json!({ "token_endpoint_auth_method": null, "contacts": ["a@app.example"], "x": [1] }),
        ),
    );
    Registered(public(&json!({}))).tokens(&op).await;
}

/// Identifiers that are no address of a document: nothing is fetched for them.
#[tokio::test]
async fn identifiers_that_are_no_address() {
    let (op, web) = op();
    for id in [
        "http://app.example/client.json",
        "https://app.example",
        "https://app.example/",
        "https://app.example/client.json#x",
        "https://user@app.example/client.json",
        "https://app.example/./client.json",
        "https://app.example/a/../client.json",
        "https://app.example/a/%2e%2E/client.json",
        "HTTPS://app.example/client.json",
        "https://app.example:443/client.json",
        "ftp://app.example/client.json",
        "app.example/client.json",
    ] {
        let mut document = public(&json!({}));
        document["client_id"] = id.into();
        web.put(id, &document);
        is_unknown(&op, id, id).await;
    }
    for id in ["https://app.example:8443/client.json", "https://app.example/c?v=1"] {
        let mut document = public(&json!({}));
        document["client_id"] = id.into();
        web.put(id, &document);
        Registered(document).tokens(&op).await;
    }
}

/// It is switched on by the host, and discovery says so.
#[tokio::test]
async fn off_by_default() {
    let find = |op: Op| async move {
        op.send("GET", "/.well-known/openid-configuration", "", &[], "").await.json()
    };
    let web = Web::default();
    web.put(ID, &public(&json!({})));
    let op = setup().build_with(|builder| builder.fetch(web));
    is_unknown(&op, ID, "off").await;
    assert_ne!(find(op).await["client_id_metadata_document_supported"], true);
    assert_eq!(find(op_with(|_| ()).0).await["client_id_metadata_document_supported"], true);
}

fn faults() -> Vec<FetchError> {
    vec![
        FetchError::failed("connection refused (10.1.2.3:443)"),
        FetchError::Answer(500),
        FetchError::Answer(503),
        FetchError::Busy,
    ]
}

/// A web server that is down ends no grant: it is 503 for who holds tokens, and a page without a word of
/// why for who asks for new ones.
#[tokio::test]
async fn the_document_cannot_be_had() {
    for document in [public(&json!({})), keyed()] {
        for fault in faults() {
            let what = format!("{fault:?}");
            let (op, web) = op();
            web.put(ID, &document);
            let app = Registered(document.clone());
            let tokens = app.tokens(&op).await;
            let (access, refresh) = (tokens.member("access_token"), tokens.member("refresh_token"));
            let code = app.code(&op).await;
            web.fail(ID, fault);
            for answer in [
                app.redeem(&op, &code).await,
                app.refresh(&op, &refresh).await,
                op.userinfo(&access).await,
                op.introspect("rs1", &access).await,
            ] {
                assert_eq!(
                    (answer.status(), answer.error()),
                    (503, "temporarily_unavailable".into()),
                    "{what}"
                );
                assert!(answer.header("retry-after").is_some(), "{what}");
                assert!(
                    !String::from_utf8_lossy(&answer.reply().body).contains("10.1.2.3"),
                    "{what}"
                );
            }
            let page = Browser::new(&op).authorize(&app.request()).await;
            page.is_page_error(Reason::ClientUnknown);
            assert_eq!(page.status(), 400, "{what}");
            // and when it is there again, nothing was lost
            web.put(ID, &document);
            assert_eq!(op.userinfo(&access).await.status(), 200, "{what}");
            assert_eq!(app.refresh(&op, &refresh).await.status(), 200, "{what}");
            assert_eq!(app.redeem(&op, &code).await.status(), 200, "{what}");
        }
    }
}

/// A person sees what they have given and can end it, whether or not the client's server answers.
#[tokio::test]
async fn grants_are_seen_while_the_document_cannot_be_had() {
    let (op, web) = op();
    let app = Registered(public(&json!({})));
    let access = app.tokens(&op).await.member("access_token");
    let host = op.register(&refreshing()).await;
    host.tokens(&op).await;
    let alice = oidc_op::Subject::new(ALICE).unwrap();
    for (fault, seen) in [(FetchError::Answer(503), 2), (FetchError::Answer(410), 1)] {
        web.fail(ID, fault);
        let grants = op.provider.grants(&alice, None, 10).await.unwrap().grants;
        assert_eq!(grants.len(), seen);
    }
    web.fail(ID, FetchError::Answer(503));
    let grants = op.provider.grants(&alice, None, 10).await.unwrap().grants;
    let own = grants.iter().find(|grant| grant.client.as_str() == ID).unwrap();
    assert!(op.provider.revoke_grant(&alice, own.id).await.unwrap());
    web.put(ID, &public(&json!({})));
    assert_eq!(op.userinfo(&access).await.status(), 401);
}

/// The same while only the document of its sector is missing: that is no word of the client's.
#[tokio::test]
async fn the_document_of_the_sector_cannot_be_had() {
    for fault in faults() {
        let what = format!("{fault:?}");
        let (op, web) = op();
        let document =
            public(&json!({ "subject_type": "pairwise", "sector_identifier_uri": SECTOR }));
        web.put(ID, &document);
        web.put(SECTOR, &json!(["https://app.example/cb"]));
        let app = Registered(document);
        let tokens = app.tokens(&op).await;
        let (access, refresh) = (tokens.member("access_token"), tokens.member("refresh_token"));
        web.fail(SECTOR, fault);
        assert_eq!(op.userinfo(&access).await.status(), 200, "{what}: what was decided holds");
        op.wait(60);
        assert_eq!(op.userinfo(&access).await.status(), 503, "{what}");
        assert_eq!(app.refresh(&op, &refresh).await.status(), 503, "{what}");
        web.put(SECTOR, &json!(["https://app.example/cb"]));
        assert_eq!(op.userinfo(&access).await.status(), 200, "{what}");
    }
}

/// One that is gone is unknown, and what stood on it is void.
#[tokio::test]
async fn the_document_is_gone() {
    for fault in [
        FetchError::Answer(404),
        FetchError::Answer(410),
        FetchError::TooLarge,
        FetchError::Refused("it is inside"),
    ] {
        let (op, web) = op();
        let app = Registered(public(&json!({})));
        let tokens = app.tokens(&op).await;
        web.fail(ID, fault.clone());
        assert_eq!(op.userinfo(&tokens.member("access_token")).await.status(), 401, "{fault:?}");
        assert_eq!(
            app.refresh(&op, &tokens.member("refresh_token")).await.error(),
            "temporarily_unavailable"
        );
        is_undescribed(&op, ID, "gone").await;
    }
}

/// What the document says now holds now.
#[tokio::test]
async fn the_document_changes() {
    let (op, web) = op();
    let app = Registered(public(&json!({})));
    let tokens = app.tokens(&op).await;
    web.put(ID, &public(&json!({ "redirect_uris": ["https://app.example/2"] })));
    Browser::new(&op).authorize(&app.request()).await.is_page_error(Reason::RedirectUriMismatch);
    assert_eq!(app.refresh(&op, &tokens.member("refresh_token")).await.status(), 200);
    web.put(ID, &keyed());
    assert_eq!(
        app.refresh(&op, &tokens.member("refresh_token")).await.status(),
        401,
        "it has to prove itself now"
    );
}

/// Nobody can be put in the place of a client of the host's or of the store by an address.
#[tokio::test]
async fn other_clients_come_first() {
    let (op, _) = op();
    let mut own = crate::support::client("x", false, &["https://host.example/cb"], &json!({}));
    own.id = ClientId::new(ID).unwrap();
    op.provider.create_client(own).await.unwrap();
    let app = Registered(public(&json!({})));
    Browser::new(&op).authorize(&app.request()).await.is_page_error(Reason::RedirectUriMismatch);
}

/// The host's policy decides about them as about everybody; one that cannot tell ends nothing.
#[tokio::test]
async fn the_policy_decides() {
    let mode = Arc::new(Mutex::new("allow"));
    let told = mode.clone();
    let policy = super::policy::deciding(move |request, client| {
        assert!(
            request.before.is_none()
                && request.purpose.is_none()
                && request.members.contains_key("client_name")
        );
        match *told.lock().unwrap() {
            "deny" => Ok(oidc_op::RegistrationVerdict::Deny),
            "fail" => Err("no connection".into()),
            _ => {
                client.claims.deny.insert("email".into());
                Ok(oidc_op::RegistrationVerdict::Allow)
            }
        }
    });
    let mut setup = setup();
    setup.config.policy.client_documents = true;
    let web = Web::default();
    web.put(ID, &public(&json!({})));
    let op = setup.build_with(|builder| builder.fetch(web).registrations(policy));
    let app = Registered(public(&json!({})));
    let access = app.tokens(&op).await.member("access_token");
    assert_eq!(op.userinfo(&access).await.json().get("email"), None);
    *mode.lock().unwrap() = "fail";
    op.wait(60);
    assert!(op.userinfo(&access).await.status() >= 500);
    *mode.lock().unwrap() = "deny";
    assert_eq!(op.userinfo(&access).await.status(), 401);
    is_undescribed(&op, ID, "denied").await;
}

/// What is not offered to strangers is not offered to them either; without a registration endpoint the
/// rules are the careful ones.
#[tokio::test]
async fn the_rules_hold_for_documents() {
    for registration in [true, false] {
        let (op, web) = op_with(|setup| {
            if !registration {
                setup.config.registration = None;
            }
        });
        let mut document = keyed();
        document["grant_types"] = json!(["authorization_code", "client_credentials"]);
        web.put(ID, &document);
        let app = Registered(document);
        assert_eq!(
            app.post(&op, "/token", &[("grant_type", "client_credentials")]).await.error(),
            "unauthorized_client"
        );
        app.tokens(&op).await;
    }
}
