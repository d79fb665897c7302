//! The token endpoint beyond codes, introspection and revocation, as clients see them.

use josekit::{
    jws::{ES256, JwsHeader},
    jwt::{self, JwtPayload},
};
use oidc_op::{Clock, SystemClock};
use reqwest::StatusCode;
use serde_json::{Value, json};
use totp_rs::{Builder, Secret};

use super::{
    fixture::{
        ALICE, BOB, HOUSE, LENIENT, MACHINE, ORDERS, ORDERS_API, OWNED, PARTNER, PARTNER_ISSUER,
        PUBLIC, REPORTS, Registered, STRANGER, STRICT, THIRD_PARTY, User, WEB, partner_key,
    },
    party::{self, VERIFIER, authorize, is_signed_in},
    server::{Server, Setup},
    visitor::{Page, Visitor},
};

/// What an endpoint answers to a client.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<u64>,
    pub(crate) json: Value,
}

impl Answer {
    /// A member of a success.
    #[track_caller]
    pub(crate) fn text(&self, member: &str) -> String {
        assert_eq!(self.status, 200, "{self:?}");
        self.json[member].as_str().unwrap_or_else(|| panic!("no {member}: {self:?}")).to_owned()
    }

    #[track_caller]
    pub(crate) fn is_error(&self, status: u16, error: &str) {
        assert_eq!((self.status, &self.json["error"]), (status, &error.into()), "{self:?}");
    }
}

/// Posts a form as a client; a confidential one authenticates as it has registered.
pub(crate) async fn post(
    server: &Server,
    path: &str,
    client: Registered,
    form: &[(&str, &str)],
) -> Answer {
    let mut form = form.to_vec();
    let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
    let mut request = party::http().post(server.url(path));
    match (client.auth, client.secret) {
        ("client_secret_basic", Some(secret)) => {
            let (id, secret): (String, String) = (encode(client.id), encode(secret));
            request = request.basic_auth(id, Some(secret));
        }
        (_, secret) => {
            form.push(("client_id", client.id));
            form.extend(secret.map(|secret| ("client_secret", secret)));
        }
    }
    let response = request.form(&form).send().await.unwrap();
    let retry_after = response.headers().get("retry-after");
    let retry_after = retry_after.map(|value| value.to_str().unwrap().parse().unwrap());
    let status = response.status().as_u16();
    if path != "/revoke" || status != 200 {
        assert_eq!(response.headers()["content-type"], "application/json", "{path}");
        assert_eq!(response.headers()["cache-control"], "no-store", "{path}");
    }
    let body = response.bytes().await.unwrap();
    Answer { status, retry_after, json: serde_json::from_slice(&body).unwrap_or(Value::Null) }
}

/// Signs in at a client, agrees, and redeems the code.
pub(crate) async fn tokens(
    server: &Server,
    visitor: &Visitor,
    client: Registered,
    user: User,
    more: &[(&str, &str)],
) -> Answer {
    let wanted = [&[("scope", "openid email offline_access")], more].concat();
    let page = visitor.open(authorize(client, &wanted)).await;
    let code = visitor.consent(page, user).await.code();
    redeem(server, client, &code, &[]).await
}

/// Redeems a code.
pub(crate) async fn redeem(
    server: &Server,
    client: Registered,
    code: &str,
    more: &[(&str, &str)],
) -> Answer {
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", WEB),
        ("code_verifier", VERIFIER),
    ];
    post(server, "/token", client, &[&form, more].concat()).await
}

pub(crate) async fn refresh(server: &Server, client: Registered, token: &str) -> Answer {
    let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
    post(server, "/token", client, &form).await
}

pub(crate) async fn introspect(server: &Server, client: Registered, token: &str) -> Value {
    let answer = post(server, "/introspect", client, &[("token", token)]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json
}

/// What UserInfo answers to the bearer.
pub(crate) async fn userinfo(server: &Server, token: &str) -> StatusCode {
    let request = party::http().get(server.url("/userinfo")).bearer_auth(token);
    request.send().await.unwrap().status()
}

fn inactive() -> Value {
    json!({ "active": false })
}

/// RFC 6749 §6, RFC 9700 §4.14.2: each refresh token serves once; who uses one again ends all of it.
#[tokio::test]
async fn refresh_tokens_rotate_and_reuse_ends_them() {
    let server = Server::shared();
    let first = tokens(&server, &Visitor::new(&server), STRICT, ALICE, &[]).await;
    let second = refresh(&server, STRICT, &first.text("refresh_token")).await;
    assert_ne!(second.text("refresh_token"), first.text("refresh_token"));
    assert_ne!(second.text("access_token"), first.text("access_token"));
    assert_eq!(userinfo(&server, &second.text("access_token")).await, 200);
    // Another client's use changes nothing.
    let stolen = refresh(&server, LENIENT, &second.text("refresh_token")).await;
    stolen.is_error(400, "invalid_grant");
    let third = refresh(&server, STRICT, &second.text("refresh_token")).await;
    assert_eq!(userinfo(&server, &third.text("access_token")).await, 200);

    let reused = refresh(&server, STRICT, &first.text("refresh_token")).await;
    reused.is_error(400, "invalid_grant");
    let last = refresh(&server, STRICT, &third.text("refresh_token")).await;
    last.is_error(400, "invalid_grant");
    assert_eq!(userinfo(&server, &third.text("access_token")).await, 401);
}

/// `refresh = { rotation = "strict" }`: not even at once, as after a lost answer.
#[tokio::test]
async fn strict_rotation_knows_no_window() {
    let server = Server::shared();
    let first = tokens(&server, &Visitor::new(&server), STRICT, BOB, &[]).await;
    let second = refresh(&server, STRICT, &first.text("refresh_token")).await;
    let again = refresh(&server, STRICT, &first.text("refresh_token")).await;
    again.is_error(400, "invalid_grant");
    let last = refresh(&server, STRICT, &second.text("refresh_token")).await;
    last.is_error(400, "invalid_grant");
}

/// `refresh = { rotation = { window = … } }`: a lost answer can be asked for again.
#[tokio::test]
async fn a_window_gives_the_same_successor() {
    let server = Server::shared();
    let first = tokens(&server, &Visitor::new(&server), LENIENT, BOB, &[]).await;
    let token = first.text("refresh_token");
    let (one, other) =
        (refresh(&server, LENIENT, &token).await, refresh(&server, LENIENT, &token).await);
    assert_eq!(one.text("refresh_token"), other.text("refresh_token"));
    assert_eq!(refresh(&server, LENIENT, &one.text("refresh_token")).await.status, 200);
}

/// OIDC Core §11: the consent page says it in words, and whoever unticks it gives no refresh token; it
/// is not even offered for a client that cannot refresh.
#[tokio::test]
async fn access_while_away_can_be_kept_back() {
    const WORDS: &str = "Keep access while you are away";
    let server = Server::shared();
    let visitor = Visitor::new(&server);
    let asked = [("scope", "openid email offline_access"), ("prompt", "consent")];
    let login = visitor.open(authorize(STRICT, &asked)).await;
    let credentials = [("login", ALICE.0), ("password", ALICE.1)];
    let consent = visitor.submit(&login, "submit", &credentials).await;
    assert!(consent.body.contains(WORDS), "{}", consent.body);
    let code = visitor.submit(&consent, "submit", &[("scope", "email")]).await.code();
    let given = redeem(&server, STRICT, &code, &[]).await;
    assert_eq!(given.text("scope"), "openid email");
    assert_eq!(given.json.get("refresh_token"), None, "{given:?}");

    let consent = visitor.open(authorize(THIRD_PARTY, &asked)).await;
    assert!(consent.asks_consent() && !consent.body.contains(WORDS), "{}", consent.body);
}

/// RFC 6749 §4.4: there is no person in it, and no refresh token; the API hears of it, and nobody else.
#[tokio::test]
async fn a_client_acts_for_itself() {
    let server = Server::shared();
    let ask = [("grant_type", "client_credentials"), ("resource", ORDERS)];
    let given = post(&server, "/token", MACHINE, &ask).await;
    let token = given.text("access_token");
    assert_eq!(given.text("scope"), "orders:read orders:write");
    assert_eq!(given.json["expires_in"], 300);
    assert_eq!(given.json.get("refresh_token"), None);

    let said = introspect(&server, ORDERS_API, &token).await;
    for (member, value) in [
        ("active", json!(true)),
        ("sub", json!("machine")),
        ("client_id", json!("machine")),
        ("aud", json!(ORDERS)),
        ("scope", json!("orders:read orders:write")),
    ] {
        assert_eq!(said[member], value, "{member}: {said}");
    }
    assert_eq!(introspect(&server, THIRD_PARTY, &token).await, inactive());
    assert_eq!(introspect(&server, ORDERS_API, "garbage").await, inactive());
    let public = post(&server, "/introspect", PUBLIC, &[("token", &token)]).await;
    public.is_error(401, "invalid_client");

    // `client_secrets`: the one before is still accepted, others are not.
    let before = Registered { secret: Some("the-secret-before-5kQzT7vXw1"), ..MACHINE };
    assert_eq!(post(&server, "/token", before, &ask).await.status, 200);
    let wrong = Registered { secret: Some("the-secret-after-5kQzT7vXw1"), ..MACHINE };
    post(&server, "/token", wrong, &ask).await.is_error(401, "invalid_client");
    post(&server, "/token", THIRD_PARTY, &ask).await.is_error(400, "unauthorized_client");
}

/// `owner` and `permissions`: a client does no more than its owner may.
#[tokio::test]
async fn an_owner_bounds_a_client() {
    let server = Server::shared();
    let ask = [
        ("grant_type", "client_credentials"),
        ("resource", ORDERS),
        ("scope", "orders:read orders:write"),
    ];
    let given = post(&server, "/token", OWNED, &ask).await;
    assert_eq!(given.text("scope"), "orders:read");
}

fn password<'a>(username: &'a str, password: &'a str) -> [(&'a str, &'a str); 4] {
    let scope = ("scope", "openid email offline_access");
    [("grant_type", "password"), ("username", username), ("password", password), scope]
}

/// RFC 6749 §4.3: by the user name, the e-mail address or the phone number; one answer for all that is
/// wrong; for no client but those that may.
#[tokio::test]
async fn clients_of_the_house_send_passwords() {
    let server = Server::shared();
    let mut given = None;
    for name in [BOB.0, "BOB", "bob@example.com", "+1 (555) 0101"] {
        let answer = post(&server, "/token", HOUSE, &password(name, BOB.1)).await;
        assert_eq!(userinfo(&server, &answer.text("access_token")).await, 200, "{name}");
        given = Some(answer);
    }
    let renewed = refresh(&server, HOUSE, &given.unwrap().text("refresh_token")).await;
    assert_eq!(userinfo(&server, &renewed.text("access_token")).await, 200);

    let wrong = post(&server, "/token", HOUSE, &password(BOB.0, "wrong")).await;
    wrong.is_error(400, "invalid_grant");
    let unknown = post(&server, "/token", HOUSE, &password("nobody", "wrong")).await;
    assert_eq!((unknown.status, unknown.json), (wrong.status, wrong.json));
    let strange = post(&server, "/token", STRANGER, &password(BOB.0, BOB.1)).await;
    strange.is_error(400, "unauthorized_client");
}

/// Whoever has a second factor sends a code, and none twice (RFC 6238 §5.2).
#[tokio::test]
async fn a_second_factor_is_asked_of_clients_too() {
    const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
    let tables = format!(
        "[[users]]\nusername = \"carol\"\npassword = \"a password\"\nsub = \"carol\"\n\
         totp = \"{SECRET}\"\n"
    );
    let server = Server::start(Setup { name: "otp", tables: &tables, ..Setup::default() });
    let codes = Builder::new().with_secret(Secret::try_from_base32(SECRET).unwrap());
    let now = u64::try_from(SystemClock.now().unix()).unwrap();
    let code = codes.build().unwrap().generate(now).to_string();
    let other = if code == "000000" { "000001" } else { "000000" };
    let base = password("carol", "a password");
    let with = |code| [&base[..], &[("otp", code)]].concat();
    for (form, status) in
        [(base.to_vec(), 400), (with(other), 400), (with(&*code), 200), (with(&*code), 400)]
    {
        let answer = post(&server, "/token", HOUSE, &form).await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
}

/// Threat UI-10: guesses by a client count with those at the sign-in page, for people and for names
/// that nobody has.
#[tokio::test]
async fn guessing_by_a_client_ends() {
    let tables = "[limits]\nlogin_failures = 3\nperiod = 3600\n";
    let server = Server::start(Setup { name: "guesses", tables, ..Setup::default() });
    for name in [ALICE.0, "nobody"] {
        for form in [&password(name, "wrong"); 3] {
            post(&server, "/token", HOUSE, form).await.is_error(400, "invalid_grant");
        }
        let refused = post(&server, "/token", HOUSE, &password(name, ALICE.1)).await;
        assert_eq!(refused.status, 429, "{name}: {refused:?}");
        assert!(refused.retry_after.is_some_and(|wait| wait > 60), "{refused:?}");
    }
    let by_mail = post(&server, "/token", HOUSE, &password("alice@example.com", ALICE.1)).await;
    assert_eq!(by_mail.status, 429, "one account has one count");
    let visitor = Visitor::new(&server);
    let login = visitor.open(authorize(THIRD_PARTY, &[])).await;
    let credentials = [("login", ALICE.0), ("password", ALICE.1)];
    let page = visitor.submit(&login, "submit", &credentials).await;
    assert_eq!(page.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(post(&server, "/token", HOUSE, &password(BOB.0, BOB.1)).await.status, 200);
}

/// RFC 7009 §2: an access token ends alone, a refresh token with all that came of it; what is somebody
/// else's stays, and the answer does not say so.
#[tokio::test]
async fn clients_give_tokens_back() {
    let server = Server::shared();
    let visitor = Visitor::new(&server);
    let given = tokens(&server, &visitor, LENIENT, ALICE, &[]).await;
    let (access, renewal) = (given.text("access_token"), given.text("refresh_token"));
    let revoke = async |client, token: &str| {
        let answer = post(&server, "/revoke", client, &[("token", token)]).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    };
    for (client, token) in [(STRICT, &*access), (STRICT, &*renewal), (LENIENT, "garbage")] {
        revoke(client, token).await;
        assert_eq!(introspect(&server, LENIENT, &access).await["active"], true);
    }
    revoke(LENIENT, &access).await;
    assert_eq!(introspect(&server, LENIENT, &access).await, inactive());
    let renewed = refresh(&server, LENIENT, &renewal).await;
    assert_eq!(userinfo(&server, &renewed.text("access_token")).await, 200);

    revoke(LENIENT, &renewed.text("refresh_token")).await;
    refresh(&server, LENIENT, &renewed.text("refresh_token")).await.is_error(400, "invalid_grant");
    assert_eq!(userinfo(&server, &renewed.text("access_token")).await, 401);
    assert!(is_signed_in(&visitor).await, "the session is another thing");
}

/// RFC 8693 §2, `[[exchange]]`: only what a rule names, and no more than the rule says.
#[tokio::test]
async fn an_api_exchanges_what_a_rule_allows() {
    const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
    let server = Server::shared();
    let scope = ("scope", "openid orders:read orders:write");
    let exchange = async |client: Registered, audience: &str| {
        let visitor = Visitor::new(&server);
        let wanted = [scope, ("resource", ORDERS), ("resource", REPORTS)];
        let page = visitor.open(authorize(client, &wanted)).await;
        let code = visitor.consent(page, ALICE).await.code();
        let given = redeem(&server, client, &code, &[("resource", ORDERS)]).await;
        let token = given.text("access_token");
        assert_eq!(introspect(&server, ORDERS_API, &token).await["active"], true);
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token", &*token),
            ("subject_token_type", ACCESS_TOKEN),
            ("audience", audience),
        ];
        post(&server, "/token", ORDERS_API, &form).await
    };
    let given = exchange(STRICT, REPORTS).await;
    assert_eq!(given.text("issued_token_type"), ACCESS_TOKEN);
    assert_eq!(given.text("scope"), "orders:read");
    let (head, claims) = decode(&given.text("access_token"));
    assert_eq!((&head["typ"], &head["alg"]), (&json!("at+jwt"), &json!("ES256")));
    for (member, value) in [
        ("iss", json!(server.issuer)),
        ("aud", json!(REPORTS)),
        ("client_id", json!("orders-api")),
        ("sub", json!("sub-of-alice")),
        ("scope", json!("orders:read")),
        ("email", json!("alice@example.com")),
    ] {
        assert_eq!(claims[member], value, "{member}: {claims}");
    }
    // No rule names this audience, nor this client's tokens (§2.2.2).
    exchange(STRICT, ORDERS).await.is_error(400, "invalid_request");
    exchange(LENIENT, REPORTS).await.is_error(400, "invalid_request");
}

/// The header and the claims of a JWT.
fn decode(jwt: &str) -> (Value, Value) {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let part = |at: usize| {
        let part = URL_SAFE_NO_PAD.decode(jwt.split('.').nth(at).unwrap()).unwrap();
        serde_json::from_slice(&part).unwrap()
    };
    (part(0), part(1))
}

/// RFC 7523 §2.1, `[[trusted_issuers]]`: the issuer's word counts for the people whom it may name, once.
#[tokio::test]
async fn a_trusted_issuer_vouches_for_its_people() {
    let server = Server::shared();
    let assertion = |issuer: &str, subject: &str, jti: &str| {
        let now = SystemClock.now().unix();
        let mut payload = JwtPayload::new();
        for (name, value) in [
            ("iss", json!(issuer)),
            ("sub", json!(subject)),
            ("aud", json!(server.issuer)),
            ("jti", json!(jti)),
            ("iat", json!(now)),
            ("exp", json!(now + 60)),
        ] {
            payload.set_claim(name, Some(value)).unwrap();
        }
        let signer = ES256.signer_from_jwk(partner_key()).unwrap();
        jwt::encode_with_signer(&payload, &JwsHeader::new(), &signer).unwrap()
    };
    let bearer = async |assertion: &str| {
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("assertion", assertion),
            ("scope", "openid email"),
        ];
        post(&server, "/token", PARTNER, &form).await
    };
    let good = assertion(PARTNER_ISSUER, "b.builder", "1");
    let given = bearer(&good).await;
    let token = given.text("access_token");
    let said = party::http().get(server.url("/userinfo")).bearer_auth(&token).send().await.unwrap();
    assert_eq!(said.json::<Value>().await.unwrap()["sub"], "sub-of-bob");
    for refused in [
        good,
        assertion(PARTNER_ISSUER, "sub-of-alice", "2"),
        assertion("https://stranger.example", "b.builder", "3"),
    ] {
        bearer(&refused).await.is_error(400, "invalid_grant");
    }
}

/// The demo's own page: it renews its tokens, asks about them, and gives them back.
#[tokio::test]
async fn the_demo_shows_what_becomes_of_tokens() {
    let server = Server::shared();
    let visitor = Visitor::new(&server);
    let login = visitor.open("/demo/login").await;
    let consent = visitor.submit(&login, "submit", &[("login", ALICE.0), ("password", ALICE.1)]);
    let consent = consent.await;
    assert!(consent.body.contains("Keep access while you are away"), "{}", consent.body);
    let home = visitor.submit(&consent, "submit", &[]).await;
    let table = |page: &Page, id: &str| {
        let after = page.body.split(&format!("<table id=\"{id}\">")).nth(1).unwrap_or_default();
        after.split("</table>").next().unwrap().replace("<wbr>", "")
    };
    let before = table(&home, "tokens");
    assert!(before.contains("refresh_token"), "{before}");

    let renewed = visitor.submit(&home, "refresh", &[]).await;
    let after = table(&renewed, "tokens");
    assert!(after.contains("refresh_token") && after != before, "{after}");
    let asked = visitor.submit(&renewed, "introspect", &[]).await;
    assert!(table(&asked, "introspection").contains("<code>true</code>"), "{}", asked.body);
    let revoked = visitor.submit(&asked, "revoke", &[]).await;
    assert!(table(&revoked, "introspection").contains("<code>false</code>"), "{}", revoked.body);
    let refused = visitor.submit(&revoked, "refresh", &[]).await;
    assert!(refused.body.contains("id=\"error\""), "{}", refused.body);

    // Not for other sites, and not without the demo's cookie.
    let (url, body) = asked.filled_in("introspect", &[]);
    let crossing = [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")];
    let crossed = visitor.post(url.clone(), body.clone(), &crossing).await;
    assert!(matches!(crossed.status.as_u16(), 400 | 403), "{crossed:?}");
    let stranger = Visitor::new(&server);
    assert_eq!(stranger.post(url, body, &[("sec-fetch-site", "same-origin")]).await.status, 400);
}

/// What is wired is listed, and what is listed is there.
#[tokio::test]
async fn the_metadata_list_the_back_channel() {
    let server = Server::shared();
    let metadata = party::get(server.url("/.well-known/openid-configuration")).await;
    let metadata: Value = metadata.json().await.unwrap();
    for (member, path) in
        [("introspection_endpoint", "/introspect"), ("revocation_endpoint", "/revoke")]
    {
        assert_eq!(metadata[member], server.url(path), "{member}");
    }
    for grant_type in [
        "refresh_token",
        "client_credentials",
        "password",
        "urn:ietf:params:oauth:grant-type:token-exchange",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
    ] {
        let listed = metadata["grant_types_supported"].as_array().unwrap();
        assert!(listed.contains(&grant_type.into()), "{grant_type}: {listed:?}");
    }
    let scopes = metadata["scopes_supported"].as_array().unwrap();
    assert!(scopes.contains(&"offline_access".into()) && scopes.contains(&"orders:read".into()));
}
