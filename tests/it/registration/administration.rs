//! What a host does with clients while the provider runs.

use oidc_op::{
    AdministrationError, Client, ClientSecret, Duration, GrantType, InvalidMetadata, Subject,
};

use super::*;
use crate::support::{client, races::together};

fn id(name: &str) -> ClientId {
    ClientId::new(name).unwrap()
}

fn made(name: &str) -> Client {
    client(
        name,
        false,
        &["https://rp.example/cb"],
        &json!({ "grant_types": ["authorization_code", "refresh_token"] }),
    )
}

/// A client by what an administrator knows of it.
fn known(name: &str, secret: &str) -> Registered {
    Registered(json!({
        "client_id": name, "client_secret": secret, "redirect_uris": ["https://rp.example/cb"],
        "response_types": ["code"], "token_endpoint_auth_method": "client_secret_basic"
    }))
}

/// Without a registration endpoint too: the store is the host's.
fn plain() -> Op {
    let mut setup = setup();
    setup.config.registration = None;
    setup.build()
}

#[tokio::test]
async fn a_client_is_made_used_and_deleted() {
    let op = plain();
    let registered = op.provider.create_client(made("app")).await.unwrap();
    assert!(!registered.manages_itself());
    assert_eq!((registered.registered_at.unix(), registered.unused_until()), (1_800_000_000, None));
    let app = known("app", "app");
    let tokens = app.tokens(&op).await;
    assert_eq!(op.userinfo(&tokens.member("access_token")).await.status(), 200);
    op.provider.delete_client(&id("app")).await.unwrap();
    assert_eq!(op.userinfo(&tokens.member("access_token")).await.status(), 401);
    assert_eq!(app.refresh(&op, &tokens.member("refresh_token")).await.status(), 401);
    assert!(op.provider.registered_client(&id("app")).await.unwrap().is_none());
    assert!(matches!(
        op.provider.delete_client(&id("app")).await,
        Err(AdministrationError::Unknown)
    ));
}

/// Every other node knows at once.
#[tokio::test]
async fn nodes_agree() {
    let one = setup();
    let other = Setup { store: one.store.clone(), seed: 2, ..setup() }.build();
    let one = one.build();
    one.provider.create_client(made("app")).await.unwrap();
    assert!(known("app", "app").is_known_by(&other, "app").await);
    other.provider.update_client(&id("app"), |client| client.enabled = false).await.unwrap();
    assert!(!known("app", "app").is_known_by(&one, "app").await);
}

/// A name is taken once: by the host's own, by one of the store, also when many try at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_name_is_taken_once() {
    let op = plain();
    let taken = op.provider.create_client(made("conf-basic")).await;
    assert!(matches!(taken, Err(AdministrationError::Exists)), "the host's own");
    for round in 0..50 {
        let name = format!("app{round}");
        let answers = together((0..16).map(|_| {
            let (op, client) = (op.clone(), made(&name));
            async move { op.provider.create_client(client).await }
        }))
        .await;
        let made = answers.iter().filter(|answer| answer.is_ok()).count();
        assert_eq!(made, 1, "round {round}");
        let exists = |answer: &&Result<_, _>| matches!(answer, Err(AdministrationError::Exists));
        assert_eq!(answers.iter().filter(exists).count(), 15);
    }
}

/// The host's word comes first, also if the store had the name before.
#[tokio::test]
async fn the_hosts_own_come_first() {
    let mut without = setup();
    without.clients.clear();
    let store = without.store.clone();
    let without = without.build();
    let mut double = client("conf-basic", false, &["https://evil.example/cb"], &json!({}));
    double.secrets = vec![ClientSecret::new("another")];
    without.provider.create_client(double).await.unwrap();
    let op = Setup { store, ..setup() }.build();
    let double = known("conf-basic", "another");
    assert!(!double.is_known_by(&op, "another").await);
    assert!(double.is_known_by(&op, "conf-basic").await);
}

#[tokio::test]
async fn what_does_not_fit_together_is_refused() {
    let op = plain();
    let mut broken = made("app");
    broken.metadata.redirect_uris.clear();
    let refused = op.provider.create_client(broken).await;
    assert!(matches!(
        refused,
        Err(AdministrationError::Invalid(InvalidMetadata::RedirectUrisMissing))
    ));
    op.provider.create_client(made("app")).await.unwrap();
    let refused =
        op.provider.update_client(&id("app"), |client| client.metadata.redirect_uris.clear()).await;
    assert!(matches!(refused, Err(AdministrationError::Invalid(_))));
    let refused = op.provider.update_client(&id("app"), |client| client.secrets.clear()).await;
    assert!(matches!(refused, Err(AdministrationError::Invalid(InvalidMetadata::SecretAndMethod))));
    let found = op.provider.registered_client(&id("app")).await.unwrap().unwrap();
    assert_eq!((found.client.metadata.redirect_uris.len(), found.client.secrets.len()), (1, 1));
    for unknown in ["nobody", "conf-basic"] {
        let answer = op.provider.update_client(&id(unknown), |_| ()).await;
        assert!(matches!(answer, Err(AdministrationError::Unknown)), "{unknown}");
        let answer = op.provider.rotate_client_secret(&id(unknown), Duration::HOUR).await;
        assert!(matches!(answer, Err(AdministrationError::Unknown)), "{unknown}");
        let answer = op.provider.rotate_registration_token(&id(unknown)).await;
        assert!(matches!(answer, Err(AdministrationError::Unknown)), "{unknown}");
    }
}

/// Everything that an administrator can set is kept.
#[tokio::test]
async fn all_of_a_client_is_kept() {
    let op = plain();
    let mut all = made("app");
    all.first_party = true;
    all.require_pkce = Some(false);
    all.assertion_audience = Some(oidc_op::AssertionAudience::default());
    all.claims.deny.insert("email".into());
    all.refresh.rotation = Some(oidc_op::Rotation::Off);
    all.resources = Some(vec![oidc_op::Resource::new("https://api.example/").unwrap()]);
    all.owner = Some(Subject::new(ALICE).unwrap());
    all.password_grant = true;
    all.secrets
        .push(ClientSecret::new("second").until(oidc_op::Timestamp::from_unix(1_900_000_000)));
    let created = op.provider.create_client(all).await.unwrap().client;
    let found = op.provider.registered_client(&id("app")).await.unwrap().unwrap().client;
    assert_eq!(format!("{found:?}"), format!("{created:?}"));
    assert_eq!(found.secrets[1].expires().unwrap().unix(), 1_900_000_000);
    assert!(found.first_party && found.password_grant && found.claims.deny.contains("email"));
    assert!(known("app", "second").is_known_by(&op, "second").await);
    // The identifier stays, whatever is done to it.
    let renamed =
        op.provider.update_client(&id("app"), |client| client.id = id("other")).await.unwrap();
    assert_eq!(renamed.client.id.as_str(), "app");
    assert!(op.provider.registered_client(&id("other")).await.unwrap().is_none());
}

/// The old secret is good for as long as was said, and never for longer than it was to be.
#[tokio::test]
async fn secrets_rotate_with_an_overlap() {
    let op = plain();
    op.provider.create_client(made("app")).await.unwrap();
    let app = known("app", "app");
    let second = op.provider.rotate_client_secret(&id("app"), Duration::HOUR).await.unwrap();
    assert!(app.is_known_by(&op, "app").await && app.is_known_by(&op, &second).await);
    op.wait(1_800);
    let third = op.provider.rotate_client_secret(&id("app"), Duration::DAY).await.unwrap();
    op.wait(1_799);
    assert!(app.is_known_by(&op, "app").await, "to its end");
    op.wait(1);
    assert!(
        !app.is_known_by(&op, "app").await,
        "and not a second longer for the rotation after it"
    );
    assert!(app.is_known_by(&op, &second).await && app.is_known_by(&op, &third).await);
    let fourth = op.provider.rotate_client_secret(&id("app"), Duration::ZERO).await.unwrap();
    assert!(!app.is_known_by(&op, &second).await && !app.is_known_by(&op, &third).await);
    assert!(app.is_known_by(&op, &fourth).await);
    // However often it is done, few are good at once, the newest among them.
    let mut last = fourth;
    for _ in 0..20 {
        last = op.provider.rotate_client_secret(&id("app"), Duration::DAY).await.unwrap();
    }
    assert!(app.is_known_by(&op, &last).await);
    let found = op.provider.registered_client(&id("app")).await.unwrap().unwrap();
    assert!(found.client.secrets.len() <= 4, "{}", found.client.secrets.len());
    let negative =
        op.provider.rotate_client_secret(&id("app"), Duration::seconds(-5)).await.unwrap();
    assert!(app.is_known_by(&op, &negative).await && !app.is_known_by(&op, &last).await);
}

#[tokio::test]
async fn who_has_no_use_for_a_secret_gets_none() {
    let op = plain();
    op.provider
        .create_client(client("app", true, &["https://rp.example/cb"], &json!({})))
        .await
        .unwrap();
    let refused = op.provider.rotate_client_secret(&id("app"), Duration::HOUR).await;
    assert!(matches!(refused, Err(AdministrationError::Invalid(InvalidMetadata::SecretAndMethod))));
    assert!(
        op.provider.registered_client(&id("app")).await.unwrap().unwrap().client.secrets.is_empty()
    );
}

/// A secret that is a key needs a storage secret; without one nothing is stored.
#[tokio::test]
async fn a_key_needs_a_storage_secret() {
    let mut setup = setup();
    setup.config.registration = None;
    setup.secrets.storage.clear();
    let op = setup.build();
    op.provider.create_client(made("app")).await.unwrap();
    let keyed = crate::support::keyed("keyed", &json!({ "id_token_signed_response_alg": "HS256" }));
    let refused = op.provider.create_client(keyed).await;
    assert!(matches!(refused, Err(AdministrationError::Internal(_))), "{refused:?}");
    assert!(op.provider.registered_client(&id("keyed")).await.unwrap().is_none());
}

/// The secret is the key, of a client that an administrator has made, and after a rotation the new one is.
#[tokio::test]
async fn a_key_rotates() {
    let op = plain();
    let keyed = crate::support::keyed("hs", &json!({ "id_token_signed_response_alg": "HS256" }));
    op.provider.create_client(keyed).await.unwrap();
    let mut app = known("hs", keys::KEPT);
    app.0["redirect_uris"] = json!([crate::support::redirect_uri("hs")]);
    let signed_by = |id_token: String, secret: &str| {
        let (input, signature) = id_token.rsplit_once('.').unwrap();
        keys::b64(keys::hs256(secret).sign(input.as_bytes()).unwrap()) == signature
    };
    assert!(signed_by(app.tokens(&op).await.member("id_token"), keys::KEPT));
    let second = op.provider.rotate_client_secret(&id("hs"), Duration::HOUR).await.unwrap();
    assert!(signed_by(app.tokens(&op).await.member("id_token"), &second));
}

/// One that takes the name of a deleted one inherits nothing: no grant, no token, no code.
#[tokio::test]
async fn a_name_that_is_used_again() {
    let op = plain();
    op.provider.create_client(made("app")).await.unwrap();
    let app = known("app", "app");
    let tokens = app.tokens(&op).await;
    let code = app.code(&op).await;
    let (access, refresh) = (tokens.member("access_token"), tokens.member("refresh_token"));
    op.provider.delete_client(&id("app")).await.unwrap();
    op.provider.create_client(made("app")).await.unwrap();
    assert_eq!(op.userinfo(&access).await.status(), 401);
    assert_eq!(op.introspect("rs1", &access).await.json(), json!({ "active": false }));
    assert_eq!(app.refresh(&op, &refresh).await.error(), "invalid_grant");
    assert_eq!(app.redeem(&op, &code).await.error(), "invalid_grant");
    app.tokens(&op).await;
}

/// Raising the epoch ends the grants that there are, and none after it.
#[tokio::test]
async fn an_epoch_ends_grants() {
    let op = plain();
    op.provider.create_client(made("app")).await.unwrap();
    let app = known("app", "app");
    let tokens = app.tokens(&op).await;
    let raise = |client: &mut Client| client.epoch = client.epoch.wrapping_add(1);
    op.provider.update_client(&id("app"), raise).await.unwrap();
    assert_eq!(op.userinfo(&tokens.member("access_token")).await.status(), 401);
    assert_eq!(app.refresh(&op, &tokens.member("refresh_token")).await.error(), "invalid_grant");
    app.tokens(&op).await;
}

/// The owner bounds what a client does for itself, and can be changed.
#[tokio::test]
async fn owners() {
    let op = plain();
    let mut machine = made("app");
    machine.metadata.grant_types.push(GrantType::ClientCredentials);
    op.provider.create_client(machine).await.unwrap();
    let app = known("app", "app");
    let acting = [("grant_type", "client_credentials")];
    assert_eq!(app.post(&op, "/token", &acting).await.status(), 200);
    let bob = Some(Subject::new(crate::support::BOB).unwrap());
    op.provider.update_client(&id("app"), |client| client.owner = bob.clone()).await.unwrap();
    assert_eq!(app.post(&op, "/token", &acting).await.status(), 200);
    op.host.disable(crate::support::BOB);
    assert!(
        app.post(&op, "/token", &acting).await.status() >= 400,
        "the owner's account is not active"
    );
}

/// Pages of the clients of the store: all of them, each once.
#[tokio::test]
async fn listing_in_pages() {
    let op = setup().build();
    let mut names: Vec<String> = (0..7).map(|i| format!("app{i}")).collect();
    for name in &names {
        op.provider.create_client(made(name)).await.unwrap();
    }
    let registered = op.register(&web()).await;
    names.push(registered.id().to_owned());
    names.sort();
    for limit in [1, 2, 3, 100] {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = op.provider.registered_clients(after.as_ref(), limit).await.unwrap();
            assert!(page.clients.len() <= limit as usize);
            found.extend(page.clients.iter().map(|client| client.client.id.as_str().to_owned()));
            let Some(next) = page.next else { break };
            after = Some(next);
        }
        found.sort();
        assert_eq!(found, names, "{limit}");
    }
}

/// Two issuers share a store, and know nothing of each other's clients and tokens.
#[tokio::test]
async fn issuers_share_a_store() {
    let one = setup();
    let mut two = setup();
    two.store = one.store.clone();
    two.seed = 2;
    two.config.issuer = oidc_op::Issuer::new("https://other.example").unwrap();
    let (one, two) = (one.build(), two.build());
    let client = one.register(&web()).await;
    assert!(two.provider.registered_client(&client.client_id()).await.unwrap().is_none());
    assert!(two.provider.registered_clients(None, 10).await.unwrap().clients.is_empty());
    assert_eq!(client.read(&two).await.status(), 401);
    let access = oidc_op::InitialAccess::once(Duration::HOUR);
    let token = one.provider.issue_initial_access(&access).await.unwrap();
    assert_eq!(two.try_register(&web(), Some(&token)).await.status(), 401);
}

/// A secret for the host's own use is long and never the same.
#[tokio::test]
async fn fresh_secrets() {
    let op = plain();
    let (secret, text) = op.provider.new_secret().unwrap();
    let (_, other) = op.provider.new_secret().unwrap();
    assert!(text.len() >= 43 && text != other);
    let mut app = made("app");
    app.secrets = vec![secret];
    op.provider.create_client(app).await.unwrap();
    assert!(known("app", &text).is_known_by(&op, &text).await);
}
