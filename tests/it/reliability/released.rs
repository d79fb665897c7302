//! A store as release 0.1 has left it, and what people and clients have in their hands from then. Every later
//! release reads it. Whatever a release newer than this one has written is refused with 503, and what it has
//! added beside is ignored.

use std::{collections::BTreeMap, sync::Arc};

use oidc_op::{
    Duration, InitialAccess, Issuer, KeyRecord, KeySet, Secret, Secrets, Subject, store::Kind,
    test_util::SeededEntropy,
};
use serde_json::json;

use super::{
    expiry::register,
    journal::{Journal, State},
    steps::setup,
};
use crate::support::{ALICE, Answer, Ask, BOB, Browser, Setup, client, redirect_uri};

const STORE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/reliability/store.0.1.json");
const GIVEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/reliability/given.0.1.json");

/// Bearer values by name; cookies as `cookie NAME`.
type Given = BTreeMap<String, String>;

fn wired(journal: &Arc<Journal>) -> Setup {
    let mut setup = setup(journal.clone());
    let members = json!({"backchannel_logout_uri": "https://told.example/logout"});
    let mut told = client("told", false, &[&redirect_uri("told")], &members);
    told.first_party = true;
    setup.clients.push(told);
    setup
}

fn ask() -> Ask {
    Ask::of("refresh", "code").with("scope", "openid email offline_access")
}

fn keys(journal: &Arc<Journal>, setup: &Setup) -> KeyRecord {
    let issuer = Issuer::new("https://id.example").unwrap();
    let mut secrets = Secrets::default();
    secrets.storage.push(Secret::new([2; 32]).unwrap());
    let record = KeyRecord::new(journal.clone(), &issuer, &secrets).unwrap();
    record.clock(setup.clock.clone()).entropy(SeededEntropy::new(3))
}

/// What 0.1 does before it is replaced.
async fn work_of_this_release() -> (Arc<Journal>, Given) {
    let journal = Journal::from(State::new());
    let op = wired(&journal).build();
    let mut given = Given::new();
    let mut keep = |name: &str, value: &str| drop(given.insert(name.to_owned(), value.to_owned()));
    let mut browser = Browser::new(&op);
    keep("code", browser.ask(&ask(), ALICE).await.get("code"));
    let spent = browser.quiet(&ask()).await.get("code").to_owned();
    assert_eq!(op.exchange(&ask(), &spent).await.status(), 200);
    keep("spent code", &spent);
    browser.cookies.iter().for_each(|(name, value)| keep(&format!("cookie {name}"), value));
    let revoked = op.tokens("refresh", BOB).await;
    op.provider.revoke_all(&Subject::new(BOB).unwrap()).await.unwrap();
    op.wait(1);
    let live = op.tokens("public-refresh", BOB).await;
    keep("revoked refresh token", &revoked.refresh);
    keep("refresh token", &live.refresh);
    keep("access token", &live.access);
    let large = ask().with("state", &"s".repeat(8_000));
    let mut asking = Browser::new(&op);
    keep("page", &asking.authorize(&large.pairs()).await.page().token);
    asking.cookies.iter().for_each(|(name, value)| keep(&format!("page cookie {name}"), value));
    for name in ["own token", "revoked own token"] {
        let answer = op.token_as("cc-client", &[("grant_type", "client_credentials")]).await;
        keep(name, &answer.member("access_token"));
        if name.starts_with("revoked") {
            op.revoke("cc-client", &answer.member("access_token")).await;
        }
    }
    let mut access = InitialAccess::once(Duration::DAY);
    access.uses = Some(10);
    keep("entry", &op.provider.issue_initial_access(&access).await.unwrap());
    let registered = register(&op, None).await.json();
    for name in ["client_id", "client_secret", "registration_access_token"] {
        keep(name, registered[name].as_str().unwrap());
    }
    let mut leaving = Browser::new(&op);
    leaving.ask(&Ask::of("told", "code"), ALICE).await.get("code");
    leaving.sign_out().await;
    let first =
        KeySet::generate(&[oidc_op::SigningAlgorithm::EdDSA], oidc_op::Timestamp::from_unix(0))
            .unwrap();
    let opened = keys(&journal, &wired(&journal)).first(first).open(&[]).await;
    drop(opened.unwrap());
    (journal, given)
}

/// What this release makes of it: each use by name, and what came of it.
async fn uses(journal: &Arc<Journal>, given: &Given) -> BTreeMap<&'static str, String> {
    let mut setup = wired(journal);
    setup.seed = 4;
    setup.clock.advance(Duration::seconds(2));
    let stored_keys = keys(journal, &setup).open(&[]).await;
    let op = setup.build();
    let text = |name: &str| &*given[name];
    let [mut browser, mut asking] = ["cookie ", "page cookie "].map(|prefix| {
        let mut browser = Browser::new(&op);
        let cookies = given.iter().filter_map(|(name, value)| {
            Some((name.strip_prefix(prefix)?.to_owned(), value.clone()))
        });
        browser.cookies.extend(cookies);
        browser
    });
    let mut told = BTreeMap::new();
    let mut tell = |name, answer: &Answer| drop(told.insert(name, summary(answer)));
    tell("session", &browser.authorize(&ask().with("prompt", "none").pairs()).await);
    tell("page", &asking.open(text("page")).await);
    tell("code", &op.exchange(&ask(), text("code")).await);
    tell("userinfo", &op.userinfo(text("access token")).await);
    tell("refresh", &op.refresh("public-refresh", text("refresh token")).await);
    tell("spent code", &op.exchange(&ask(), text("spent code")).await);
    tell("revoked", &op.refresh("refresh", text("revoked refresh token")).await);
    for name in ["own token", "revoked own token"] {
        let answer = op.introspect("cc-client", text(name)).await;
        if answer.status() == 200 {
            told.insert(name, answer.json()["active"].to_string());
        } else {
            told.insert(name, summary(&answer));
        }
    }
    let mut tell = |name, answer: &Answer| drop(told.insert(name, summary(answer)));
    let body = [("grant_type", "authorization_code"), ("code", "x")];
    tell("client", &op.token(text("client_id"), text("client_secret"), &body).await);
    let query = format!("client_id={}", text("client_id"));
    let bearer = format!("Bearer {}", text("registration_access_token"));
    let headers = [("authorization", &*bearer)];
    tell("registration", &op.send("GET", "/register", &query, &headers, "").await);
    tell("entry", &register(&op, Some(text("entry"))).await);
    told.insert("keys", if stored_keys.is_ok() { "200" } else { "503" }.into());
    let writes = journal.states().len();
    let worked = op.provider.work(100).await.is_ok();
    told.insert("logout", format!("{worked} {}", journal.states().len() > writes));
    told
}

fn summary(answer: &Answer) -> String {
    let Answer::Reply(reply) = answer else { return "page".into() };
    match (reply.status, reply.header("location")) {
        (303, _) => answer.redirect().1.remove("error").unwrap_or_else(|| "303".into()),
        (status, _) => {
            let json: serde_json::Value = serde_json::from_slice(&reply.body).unwrap_or_default();
            let refused = json["error"].as_str().filter(|_| status < 500);
            refused.map_or_else(|| status.to_string(), str::to_owned)
        }
    }
}

/// What comes of it when all is read.
const READ: [(&str, &str); 14] = [
    ("client", "invalid_grant"),
    ("code", "200"),
    ("entry", "201"),
    ("keys", "200"),
    ("logout", "true true"),
    ("own token", "true"),
    ("page", "page"),
    ("refresh", "200"),
    ("registration", "200"),
    ("revoked", "invalid_grant"),
    ("revoked own token", "false"),
    ("session", "303"),
    ("spent code", "invalid_grant"),
    ("userinfo", "200"),
];

#[track_caller]
fn is_read(told: &BTreeMap<&'static str, String>) {
    let told: Vec<_> = told.iter().map(|(name, told)| (*name, &**told)).collect();
    assert_eq!(told, READ);
}

fn stored() -> (String, Given) {
    let given = std::fs::read_to_string(GIVEN).unwrap();
    (std::fs::read_to_string(STORE).unwrap(), serde_json::from_str(&given).unwrap())
}

/// Whoever pins the schema anew pins this too: `PIN_SCHEMA`. After a release, its files stay as they are.
#[tokio::test]
async fn what_0_1_has_stored_is_read() {
    if std::env::var_os("PIN_SCHEMA").is_some() {
        let (journal, given) = work_of_this_release().await;
        std::fs::write(STORE, journal.text()).unwrap();
        std::fs::write(GIVEN, serde_json::to_string_pretty(&given).unwrap() + "\n").unwrap();
    }
    let (text, given) = stored();
    for kind in Kind::ALL {
        assert!(text.contains(&format!("\"kind\": \"{}\"", kind.as_str())), "{kind:?}");
    }
    let journal = Journal::of_text(&text, |_, body| body.to_owned());
    let told = uses(&journal, &given).await;
    is_read(&told);
}

/// Members that this release does not know change nothing, whatever the kind.
#[tokio::test]
async fn what_is_unknown_in_a_record_is_ignored() {
    let (text, given) = stored();
    let journal = Journal::of_text(&text, |_, body| {
        assert!(body.starts_with("{\"v\":1,") || body == "{\"v\":1}", "{body}");
        body.replacen("{\"v\":1", "{\"v\":1,\"later\":{\"a\":[1,null]}", 1)
    });
    let told = uses(&journal, &given).await;
    is_read(&told);
}

/// RE-19: what a newer release has written is not guessed at: an outage for whoever needs it, for nobody else; and no
/// record is lost by it.
#[tokio::test]
async fn re_19_what_a_newer_release_has_written_is_refused() {
    for (kind, needed) in [
        (Kind::Grant, "code refresh revoked spent-code userinfo"),
        (Kind::Session, "code logout session"),
        (Kind::Consent, "code refresh revoked session"),
        (Kind::Standing, "refresh revoked userinfo"),
        (Kind::Interaction, "page"),
        (Kind::Client, "client registration"),
        (Kind::Allowance, "entry"),
        (Kind::Marker, "revoked-own-token"),
        (Kind::Keys, "keys"),
        (Kind::Logout, "logout"),
    ] {
        let (text, given) = stored();
        let journal = Journal::of_text(&text, |of, body| {
            if of == kind { body.replacen("{\"v\":1", "{\"v\":2", 1) } else { body.to_owned() }
        });
        let before = journal.state();
        let told = uses(&journal, &given).await;
        let changed: Vec<_> =
            told.iter().filter(|told| !READ.contains(&(*told.0, &**told.1))).collect();
        let names: Vec<_> = changed.iter().map(|(name, _)| name.replace(' ', "-")).collect();
        assert_eq!(names.join(" "), needed, "{kind:?}");
        for (name, found) in changed {
            let outage = match *name {
                "session" => "temporarily_unavailable",
                "logout" => "false false",
                _ => "503",
            };
            assert_eq!(found, outage, "{kind:?}: {name}");
        }
        let after = journal.state();
        for (key, entry) in before.iter().filter(|(key, _)| key.kind() == kind) {
            assert_eq!(after.get(key), Some(entry), "{kind:?}: untouched");
        }
    }
}
