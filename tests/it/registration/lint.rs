//! A look over the provider and its clients: each rule is found where it is broken, and nowhere else.

use std::collections::BTreeSet;

use oidc_op::{
    AssertionAudience, Client, ClientSecret, Duration, Finding, GrantType, InternalError, KeySet,
    LintRule, Resource, Rotation, Severity, SigningAlgorithm, Timestamp,
};

use super::*;
use crate::support::{client, keyed};

/// A provider at which nothing is to be found, but for what is done to it here.
fn clean() -> Setup {
    let mut setup = Setup::new();
    setup.clients = vec![app()];
    setup.secrets.storage = vec![Secret::new([7; 32]).unwrap()];
    setup
}

fn app() -> Client {
    client(
        "app",
        false,
        &["https://app.example/cb"],
        &json!({ "grant_types": ["authorization_code", "refresh_token"] }),
    )
}

fn with(members: &Value) -> Client {
    client("app", false, &["https://app.example/cb"], members)
}

async fn found(setup: Setup) -> Vec<Finding> {
    setup.build().provider.lint().await.unwrap()
}

fn rules(found: &[Finding]) -> BTreeSet<&'static str> {
    found.iter().map(|finding| finding.rule.code()).collect()
}

#[tokio::test]
async fn a_clean_provider_has_no_findings() {
    assert_eq!(found(clean()).await, []);
    let careful = |access| {
        let mut setup = clean();
        let mut registration = Registration::default();
        registration.access = access;
        setup.config.registration = Some(registration);
        setup
    };
    assert_eq!(found(careful(RegistrationAccess::InitialAccessToken)).await, []);
    // A policy decides: that is enough.
    let mut open = careful(RegistrationAccess::Open);
    open.config.registration.as_mut().unwrap().grant_types.push(GrantType::ClientCredentials);
    open.config.policy.client_documents = true;
    open.documents = Some(crate::support::Documents::default());
    let policy = super::policy::deciding(|_, _| Ok(oidc_op::RegistrationVerdict::Allow));
    let op = open.build_with(|builder| builder.registrations(policy));
    assert_eq!(op.provider.lint().await.unwrap(), []);
}

/// What breaks a rule: the setup, and whether the finding is of the client `app`.
fn broken(rule: LintRule) -> (Setup, bool) {
    let mut setup = clean();
    break_provider(rule, &mut setup);
    let own = breaking(rule);
    let of_client = own.is_some();
    if let Some(own) = own {
        setup.clients = vec![own];
    }
    (setup, of_client)
}

/// What breaks a rule of the provider, or what there must be for a client to break only one.
fn break_provider(rule: LintRule, setup: &mut Setup) {
    let registration = |access| {
        let mut registration = Registration::default();
        registration.access = access;
        registration
    };
    let config = &mut setup.config;
    match rule {
        LintRule::IssuerWithoutTls => {
            config.issuer = oidc_op::Issuer::new("http://localhost:8080").unwrap();
        }
        LintRule::PkceOptional => config.policy.require_pkce = false,
        LintRule::UnsignedAllowed | LintRule::UnsignedTokens => config.policy.unsigned = true,
        LintRule::AudienceOfEndpoint => {
            config.policy.assertion_audience = AssertionAudience::IssuerOrTokenEndpoint;
        }
        LintRule::LongAccessToken => {
            config.lifetimes.access_token = Duration::HOUR + Duration::SECOND;
        }
        LintRule::OpenRegistration => {
            config.registration = Some(registration(RegistrationAccess::Open));
        }
        LintRule::OpenDocuments => {
            config.policy.client_documents = true;
            setup.documents = Some(crate::support::Documents::default());
        }
        LintRule::RegisteredGrants => {
            let mut rules = registration(RegistrationAccess::InitialAccessToken);
            rules.grant_types.push(GrantType::ClientCredentials);
            config.registration = Some(rules);
        }
        LintRule::PasswordGrant | LintRule::PasswordGrantClosed => {
            setup.policies = Some(crate::support::Policies::default());
        }
        _ => {}
    }
}

/// The client that breaks a rule, if it is one of clients.
fn breaking(rule: LintRule) -> Option<Client> {
    let changed = |change: &dyn Fn(&mut Client)| {
        let mut app = app();
        change(&mut app);
        app
    };
    let expiring = |at: i64| {
        let expires = Timestamp::from_unix(1_800_000_000 + at);
        changed(&|app| app.secrets = vec![ClientSecret::new("s").until(expires)])
    };
    let password = json!({ "grant_types": ["password"], "response_types": [] });
    Some(match rule {
        LintRule::Misfit => with(&json!({ "id_token_signed_response_alg": "PS512" })),
        LintRule::ImplicitTokens => with(&json!({
            "response_types": ["id_token token"], "grant_types": ["implicit"]
        })),
        LintRule::PkceNotRequired => changed(&|app| app.require_pkce = Some(false)),
        LintRule::PasswordGrant => {
            let mut app = with(&password);
            (app.first_party, app.password_grant) = (true, true);
            app
        }
        LintRule::PasswordGrantClosed => with(&password),
        LintRule::UnsignedTokens => with(&json!({ "id_token_signed_response_alg": "none" })),
        LintRule::LoopbackOfWebClient => client("app", false, &["http://127.0.0.1/cb"], &json!({})),
        LintRule::PrivateUseScheme => {
            let native = json!({ "application_type": "native" });
            client("app", true, &["com.example.app:/cb"], &native)
        }
        LintRule::SymmetricKeys => {
            let mut app = keyed("app", &json!({ "id_token_signed_response_alg": "HS256" }));
            app.metadata.jwks = None;
            app
        }
        LintRule::SecretsExpired => expiring(-1),
        LintRule::SecretExpires => expiring(6 * 86_400),
        LintRule::RotationOff => changed(&|app| app.refresh.rotation = Some(Rotation::Off)),
        LintRule::AudienceOfClient => changed(&|app| {
            app.assertion_audience = Some(AssertionAudience::IssuerOrTokenEndpoint);
        }),
        LintRule::UnknownResource => changed(&|app| {
            app.resources = Some(vec![Resource::new("https://nobody.example/").unwrap()]);
        }),
        _ => return None,
    })
}

/// One rule is broken, and that one is found, with its client and its severity; of the host's own clients
/// and of those of the store alike.
#[tokio::test]
async fn each_rule_is_found_where_it_is_broken() {
    for rule in LintRule::ALL {
        if matches!(rule, LintRule::SelfManagedFirstParty | LintRule::ClientUnreadable) {
            continue;
        }
        let (setup, of_client) = broken(*rule);
        let clients = setup.clients.clone();
        // the one that needs another
        let also = match rule {
            LintRule::UnsignedTokens => vec![LintRule::UnsignedAllowed.code()],
            _ => vec![],
        };
        let expected: BTreeSet<_> = also.into_iter().chain([rule.code()]).collect();
        let all = found(setup).await;
        assert_eq!(rules(&all), expected, "{rule:?}");
        let finding = all.iter().find(|finding| finding.rule == *rule).unwrap();
        let name = finding.client.as_ref().map(ClientId::as_str);
        assert_eq!(name, of_client.then_some("app"), "{rule:?}");
        let line = finding.to_string();
        for part in [rule.code(), rule.text(), rule.section(), &rule.severity().to_string()] {
            assert!(line.contains(part), "{part} in {line}");
        }
        assert!(!line.contains('\n'));
        if !of_client {
            continue;
        }
        let (mut setup, _) = broken(*rule);
        setup.clients.clear();
        let op = setup.build();
        for client in clients {
            op.provider.create_client(client).await.unwrap();
        }
        assert_eq!(rules(&op.provider.lint().await.unwrap()), expected, "{rule:?} in the store");
        // Who is disabled does no harm.
        let app = ClientId::new("app").unwrap();
        op.provider.update_client(&app, |client| client.enabled = false).await.unwrap();
        let left = op.provider.lint().await.unwrap();
        assert!(left.iter().all(|finding| finding.client.is_none()), "{rule:?}: {left:?}");
    }
}

/// It can change its own redirect URIs, and people are not asked.
#[tokio::test]
async fn a_client_of_the_first_party_that_manages_itself() {
    let op = clean().build();
    op.provider
        .create_client({
            let mut own = with(&json!({}));
            own.id = ClientId::new("own").unwrap();
            own.first_party = true;
            own
        })
        .await
        .unwrap();
    assert_eq!(op.provider.lint().await.unwrap(), []);
    op.provider.rotate_registration_token(&ClientId::new("own").unwrap()).await.unwrap();
    assert_eq!(
        rules(&op.provider.lint().await.unwrap()),
        BTreeSet::from(["self_managed_first_party"])
    );
}

/// The boundaries of those that have one.
#[tokio::test]
async fn boundaries() {
    let at = |seconds: i64| {
        let mut setup = clean();
        setup.clients[0].secrets =
            vec![ClientSecret::new("s").until(Timestamp::from_unix(1_800_000_000 + seconds))];
        setup
    };
    let week = 7 * 86_400;
    for (seconds, expected) in [
        (0, Some("secrets_expired")),
        (1, Some("secret_expires")),
        (week, Some("secret_expires")),
        (week + 1, None),
    ] {
        assert_eq!(rules(&found(at(seconds)).await), expected.into_iter().collect(), "{seconds}");
    }
    // One that lasts is enough.
    let mut two = at(-1);
    two.clients[0].secrets.push(ClientSecret::new("t"));
    assert_eq!(found(two).await, []);
    let mut hour = clean();
    hour.config.lifetimes.access_token = Duration::HOUR;
    assert_eq!(found(hour).await, []);
    // A public client must always use PKCE, whatever stands there.
    let mut public = clean();
    public.clients = vec![client("app", true, &["https://app.example/cb"], &json!({}))];
    public.clients[0].require_pkce = Some(false);
    assert_eq!(found(public).await, []);
    // A native app has its loopback address.
    let mut native = clean();
    let loopback = json!({ "application_type": "native" });
    native.clients = vec![client("app", true, &["http://127.0.0.1/cb"], &loopback)];
    assert_eq!(found(native).await, []);
    // The provider itself is a resource.
    let mut own = clean();
    own.clients[0].resources = Some(vec![Resource::new("https://id.example").unwrap()]);
    assert_eq!(found(own).await, []);
}

/// Every misfit has the member that it is about.
#[tokio::test]
async fn misfits_name_their_member() {
    for (members, name) in [
        (json!({ "id_token_signed_response_alg": "PS512" }), "id_token_signed_response_alg"),
        (json!({ "userinfo_signed_response_alg": "PS512" }), "userinfo_signed_response_alg"),
        (
            json!({ "introspection_signed_response_alg": "PS512" }),
            "introspection_signed_response_alg",
        ),
        (json!({ "request_object_encryption_alg": "ECDH-ES" }), "request_object_encryption_alg"),
        (json!({ "subject_type": "pairwise" }), "subject_type"),
        (json!({ "jwks_uri": "https://app.example/jwks" }), "jwks_uri"),
        (json!({ "request_uris": ["https://app.example/ro"] }), "request_uris"),
        (json!({ "scope": "openid unknown" }), "scope"),
        (
            json!({ "grant_types": ["authorization_code", "https://nobody.example/grant"] }),
            "grant_types",
        ),
    ] {
        let mut setup = clean();
        setup.clients = vec![with(&members)];
        let found = found(setup).await;
        assert_eq!(found.len(), 1, "{members}: {found:?}");
        assert_eq!((found[0].rule, found[0].member), (LintRule::Misfit, Some(name)), "{members}");
        assert_eq!(found[0].rule.severity(), Severity::Error);
    }
    // A key that has been retired, for a client that was fine until then.
    let mut setup = clean();
    setup.clients = vec![with(&json!({ "id_token_signed_response_alg": "ES256" }))];
    assert_eq!(found(setup).await, []);
    let mut setup = clean();
    setup.signer =
        Arc::new(KeySet::generate(&[SigningAlgorithm::RS256], Timestamp::from_unix(0)).unwrap());
    setup.config.resources.clear();
    setup.clients = vec![with(&json!({ "id_token_signed_response_alg": "ES256" }))];
    assert_eq!(rules(&found(setup).await), BTreeSet::from(["misfit"]));
}

/// All clients are looked at, however many the store has.
#[tokio::test]
async fn many_clients() {
    let op = clean().build();
    for i in 0..230 {
        let mut app = with(&json!({}));
        app.id = ClientId::new(format!("app{i}")).unwrap();
        app.require_pkce = Some(false);
        op.provider.create_client(app).await.unwrap();
    }
    assert_eq!(op.provider.lint().await.unwrap().len(), 230);
}

/// A look that cannot be had says so, and not that all is well.
#[tokio::test]
async fn the_store_is_down() {
    let (op, store) = faulty(clean());
    store.fail_all(oidc_op::store::Fault::Refuse);
    let answer: Result<Vec<Finding>, InternalError> = op.provider.lint().await;
    assert_eq!(answer.unwrap_err().reason(), oidc_op::Reason::StoreFailed);
}
