//! Stored records: the JSON of this release is pinned, and what a newer release wrote is refused.

use oidc_op::{
    Agreement, AssertionAudience, Duration, InitialAccess, Issuer, KeyRecord, KeySet, Login,
    Resource, Rotation, Secret, Secrets, Subject, Verdict, store::Kind, test_util::SeededEntropy,
};

use serde_json::json;

use crate::{
    back_channel_logout, registration,
    support::{ALICE, Browser, Documents, Op, Setup},
};

/// Clock and randomness are fixed, so every byte is. A change here is a change of the schema: readers
/// ship a release before writers, and whatever narrows rights raises `v`.
#[tokio::test]
async fn the_json_of_this_release_is_pinned() {
    let (op, ledger) = Setup::new().build_on_ledger();
    let mut browser = Browser::new(&op);
    let mut request = Op::request();
    request.push(("resource", "https://api.example/"));
    let code = browser.code(&request, ALICE).await;
    let pending = ledger.body(Kind::Grant);
    op.redeem(&code).await;
    let redeemed = ledger.body(Kind::Grant);
    op.redeem(&code).await;
    let revoked = ledger.body(Kind::Grant);
    let alice = oidc_op::Subject::new(ALICE).unwrap();
    op.provider.revoke_all(&alice).await.unwrap();
    browser.authorize(&Op::request_with(&[("state", &"s".repeat(8_000))])).await;
    let interaction = ledger.body(Kind::Interaction);
    let members: Vec<_> = interaction.split(',').map(|m| m.split(':').next().unwrap()).collect();
    assert_eq!(members, ["{\"v\"", "\"digest\"", "\"sealed\""]);

    let (session, consent) = (ledger.body(Kind::Session), ledger.body(Kind::Consent));

    let claims =
        r#"{"userinfo":{"name#fr":null,"phone_number":null},"id_token":{"nickname":null}}"#;
    let request = Op::request_with(&[("claims", claims), ("claims_locales", "fr")]);
    let mut browser = Browser::new(&op);
    let answer = browser.authorize(&request).await;
    let answer = browser.login(&answer.page().token.clone(), ALICE).await;
    let mut agreement = Agreement::to_all(answer.page());
    agreement.claims.as_mut().unwrap().retain(|name| **name != *"phone_number");
    agreement.remember = true;
    browser.submit(&answer.page().token.clone(), Verdict::Consent(agreement)).await;

    // The key of RFC 8037 A.1.
    let keys = KeySet::from_json(
        r#"{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","active_at":1800000000}"#,
    );
    let issuer = Issuer::new("https://id.example").unwrap();
    let mut secrets = Secrets::default();
    secrets.storage.push(Secret::new([2; 32]).unwrap());
    let record = KeyRecord::new(ledger.clone(), &issuer, &secrets).unwrap().first(keys.unwrap());
    record.clock(op.clock.clone()).entropy(SeededEntropy::new(1)).open(&[]).await.unwrap();

    let single = ledger.body(Kind::Grant);
    let mut login = Login::new(Subject::new(ALICE).unwrap());
    login.claims.insert("name".into(), "Alice".into());
    let mut upstream = Browser::new(&op);
    let answer = upstream.authorize(&Op::request()).await;
    let token = answer.page().token.clone();
    upstream.submit(&token, Verdict::Login(login)).await;

    let registered = of_registration().await;
    let pinned = [
        ("grant, pending", pending),
        ("grant, redeemed", redeemed),
        ("grant, revoked", revoked),
        ("grant with single claims", single),
        ("grant with claims of the sign-in", ledger.body(Kind::Grant)),
        ("session", session),
        ("session with claims of the sign-in", ledger.body(Kind::Session)),
        ("consent", consent),
        ("consent to single claims", ledger.body(Kind::Consent)),
        ("standing", ledger.body(Kind::Standing)),
        ("keys", ledger.body(Kind::Keys)),
    ]
    .into_iter()
    .chain(registered)
    .chain(of_logout().await)
    .map(|(name, body)| format!("{name}\n{body}\n"))
    .collect::<Vec<_>>()
    .concat();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/schema.0.1.txt");
    if std::env::var_os("PIN_SCHEMA").is_some() {
        std::fs::write(file, &pinned).unwrap();
    }
    assert_eq!(pinned, std::fs::read_to_string(file).unwrap(), "see PIN_SCHEMA in this test");
}

/// The records of clients: one that has registered itself, one whose secret is a key and that came with a
/// token, the same once it has been used, and one of an administrator's; and those of who
/// may register.
async fn of_registration() -> Vec<(&'static str, String)> {
    let setup = registration::setup_with(|rules| rules.secret_lifetime = Some(Duration::DAY));
    let (op, ledger) = setup.build_on_ledger();
    op.register(&registration::web()).await;
    let window = ledger.body(Kind::Allowance);
    let registered = ledger.body(Kind::Client);
    let mut access = InitialAccess::once(Duration::DAY);
    access.purpose = Some("partner:acme".into());
    let token = op.provider.issue_initial_access(&access).await.unwrap();
    let issued = ledger.body(Kind::Allowance);
    let metadata = registration::web_with(&json!({
        "client_name": "App", "client_name#fr": "Appli", "scope": "openid email",
        "id_token_signed_response_alg": "HS256"
    }));
    let client = op.try_register(&metadata, Some(&token)).await;
    let (spent, sealed) = (ledger.body(Kind::Allowance), ledger.body(Kind::Client));
    let client = registration::Registered(client.json());
    assert!(client.is_known_by(&op, client.text("client_secret")).await);
    let used = ledger.body(Kind::Client);
    let mut made = crate::support::client("made", true, &["https://made.example/cb"], &json!({}));
    made.owner = Some(Subject::new(ALICE).unwrap());
    made.require_pkce = Some(true);
    made.assertion_audience = Some(AssertionAudience::CalledEndpoint);
    made.claims.deny.insert("email".into());
    made.refresh.rotation = Some(Rotation::Off);
    made.resources = Some(vec![Resource::new("https://api.example/").unwrap()]);
    op.provider.create_client(made).await.unwrap();
    vec![
        ("client, registered", registered),
        ("client, whose secret is a key", sealed),
        ("client, used", used),
        ("client of an administrator", ledger.body(Kind::Client)),
        ("allowance of a window", window),
        ("allowance of a token", issued),
        ("allowance of a token, used", spent),
    ]
}

/// A session that has ended with somebody to be told, and what leads to it.
async fn of_logout() -> Vec<(&'static str, String)> {
    let mut setup = Setup::new();
    setup.clients = back_channel_logout::apps(2);
    // It gets, and does not post.
    setup.documents = Some(Documents::default());
    let (op, ledger) = setup.build_on_ledger();
    let mut browser = Browser::new(&op);
    back_channel_logout::visit(&mut browser, "app-0", ALICE).await;
    browser.sign_out().await;
    let (announced, ended) = (ledger.body(Kind::Logout), ledger.body(Kind::Session));
    ledger.take();
    op.provider.work(10).await.unwrap();
    let [leased, in_vain] = &ledger.take()[..] else { panic!("a lease, and what came of it") };
    vec![
        ("logout", announced),
        ("session, ended", ended),
        ("session, of which somebody tells", leased.body()),
        ("session, told of in vain", in_vain.body()),
    ]
}

/// The same of clients, and of who may register: 503 wherever they are needed, and nothing is lost.
#[tokio::test]
async fn newer_and_damaged_registrations_are_refused() {
    for (kind, from, to) in [
        (Kind::Client, "\"v\":1", "\"v\":2"),
        (Kind::Client, "\"v\":1", "\"v\":65535"),
        (Kind::Client, "{", "["),
        (Kind::Client, "\"digest\"", "\"quantum\""),
        (Kind::Client, "\"redirect_uris\":[", "\"redirect_uris\":[7,"),
        (Kind::Allowance, "\"v\":1", "\"v\":2"),
        (Kind::Allowance, "{", "["),
    ] {
        let (op, ledger) = registration::setup().build_on_ledger();
        let access = InitialAccess::once(Duration::DAY);
        let token = op.provider.issue_initial_access(&access).await.unwrap();
        let client = op.register(&registration::refreshing()).await;
        let tokens = client.tokens(&op).await;
        let (access, refresh) = (tokens.member("access_token"), tokens.member("refresh_token"));
        // Another node, which has not read it before.
        let setup = registration::setup();
        let node = Setup { store: ledger.clone(), seed: 2, ..setup }.build();
        ledger.misread(kind, None, from, to);
        let answers = if kind == Kind::Client {
            let page = Browser::new(&node).authorize(&client.request()).await;
            assert_eq!(page.status(), 503, "{to}");
            vec![
                client.read(&node).await,
                client.put(&node, &json!({})).await,
                client.manage(&node, "DELETE", &json!(null)).await,
                client.refresh(&node, &refresh).await,
                node.userinfo(&access).await,
            ]
        } else {
            vec![
                node.try_register(&registration::web(), None).await,
                node.try_register(&registration::web(), Some(&token)).await,
            ]
        };
        for (i, answer) in answers.iter().enumerate() {
            answer.is_unavailable(&format!("{kind:?} {to} {i}"));
        }
        ledger.read_well();
        assert_eq!(client.refresh(&node, &refresh).await.status(), 200, "nothing is lost");
        let late = node.try_register(&registration::web(), Some(&token)).await;
        assert_eq!(late.status(), 201, "nor is a use of the token");
    }
}

/// A newer schema is refused with 503, never misunderstood; so is a damaged record.
#[tokio::test]
async fn newer_and_damaged_records_are_refused() {
    for (kind, from, to) in [
        (Kind::Grant, "\"v\":1", "\"v\":2"),
        (Kind::Grant, "\"v\":1", "\"v\":65535"),
        (Kind::Grant, "{", "["),
        (Kind::Grant, "\"Pending\"", "\"Suspended\""),
        (Kind::Session, "\"v\":1", "\"v\":2"),
        (Kind::Consent, "\"v\":1", "\"v\":2"),
        (Kind::Standing, "\"v\":1", "\"v\":2"),
    ] {
        let (op, ledger) = Setup::new().build_on_ledger();
        let alice = oidc_op::Subject::new(ALICE).unwrap();
        op.provider.revoke_all(&alice).await.unwrap();
        op.wait(1);
        let mut browser = Browser::new(&op);
        let code = browser.code(&Op::request(), ALICE).await;
        ledger.misread(kind, None, from, to);
        let answer = op.redeem(&code).await;
        answer.is_unavailable(&format!("{kind:?} {to}"));
        if kind != Kind::Grant {
            let answer = browser.authorize(&Op::request()).await;
            assert_eq!(answer.parameter("error"), "temporarily_unavailable", "{kind:?}");
        }
        ledger.read_well();
        assert_eq!(op.redeem(&code).await.status(), 200, "{kind:?} {to}: nothing is lost");
    }
}

/// What an older reader does not know, it carries along unharmed: unknown members are ignored.
#[tokio::test]
async fn unknown_members_are_ignored() {
    let (op, ledger) = Setup::new().build_on_ledger();
    let code = op.code().await;
    ledger.misread(Kind::Grant, None, "{\"v\":1,", "{\"v\":1,\"later\":[1],");
    assert_eq!(op.redeem(&code).await.status(), 200);
}
