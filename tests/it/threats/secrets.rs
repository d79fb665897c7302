//! SL: secrets at rest, randomness, defaults. Logs are in `blackbox`, `Debug` in `redaction`.

use std::collections::HashSet;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use oidc_op::{
    Config, Entropy, EntropyError, Issuer, KeySet, Provider, Secret, Secrets, SigningAlgorithm,
    StaticClients, Timestamp, store::MemoryStore, test_util::SeededEntropy,
};

use crate::support::{ALICE, Browser, Op, Setup, VERIFIER, Write, host};

/// SL-01, SL-02: after a full run, nothing that anybody could present is in the store.
#[tokio::test]
async fn sl_01_sl_02_the_store_holds_nothing_to_present() {
    let (op, ledger) = Setup::full().build_on_ledger();
    let mut browser = Browser::new(&op);

    let large = "s".repeat(8_000);
    let answer = browser.authorize(&Op::request_with(&[("state", &large)])).await;
    let stored_interaction = answer.page().token.clone();
    let code = browser.follow(answer, ALICE).await.parameter("code");
    let answer = op.redeem(&code).await;
    let mut secrets = vec![
        code,
        stored_interaction,
        answer.member("access_token"),
        answer.member("id_token"),
        VERIFIER.to_owned(),
    ];
    secrets.extend(browser.cookies.values().cloned());
    secrets.extend(of_the_back_channel(&op).await);

    let dump: Vec<_> = ledger.take().iter().flat_map(Write::bytes).collect();
    let text = String::from_utf8_lossy(&dump);
    assert!(text.contains("\"client\":\"conf-basic\""), "the ledger works");
    for secret in &secrets {
        // the whole of it, and the part of it that is the secret
        let raw = URL_SAFE_NO_PAD.decode(secret).unwrap_or_default();
        // of a refresh token, the secret begins after its generation and its grant
        let secret_at = if raw.first() == Some(&21) { 23..55 } else { 17..raw.len().max(17) };
        let tail = raw.get(secret_at).unwrap_or_default();
        let hex = |bytes: &[u8]| {
            bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
        };
        for form in [secret.clone(), URL_SAFE_NO_PAD.encode(tail), STANDARD.encode(tail), hex(tail)]
        {
            assert!(form.is_empty() || !text.contains(&form), "{form}");
        }
        for window in [tail, raw.get(1..17).unwrap_or_default()] {
            let found = !window.is_empty() && dump.windows(window.len()).any(|w| w == window);
            assert!(!found, "raw bytes of {secret}");
        }
    }
    assert!(
        !text.contains("correct horse")
            && !text.contains("open sesame")
            && !text.contains("code_verifier")
    );
}

/// Every kind of token that comes without a browser, used and revoked, and everything that proves a
/// right to one.
async fn of_the_back_channel(op: &Op) -> Vec<String> {
    let first = op.tokens("refresh", ALICE).await;
    let second = first.refreshed(op).await;
    let own = op.token_as("cc-client", &[("grant_type", "client_credentials")]).await;
    let own = own.member("access_token");
    let password =
        [("grant_type", "password"), ("username", ALICE), ("password", "correct horse battery")];
    assert_eq!(op.token_as("password", &password).await.error(), "invalid_grant");
    let password =
        [("grant_type", "password"), ("username", ALICE), ("password", ALICE), ("scope", "openid")];
    let by_password = op.token_as("password", &password).await.member("access_token");
    for (client, token) in
        [("cc-client", &own), ("refresh", &second.access), ("refresh", &second.refresh)]
    {
        assert_eq!(op.revoke(client, token).await.status(), 200);
    }
    assert_eq!(op.refresh("refresh", &first.refresh).await.error(), "invalid_grant");
    vec![first.access, first.refresh, first.id, second.access, second.refresh, own, by_password]
}

/// A source of randomness that has none.
#[derive(Debug)]
struct Dry;

impl Entropy for Dry {
    fn fill(&self, _: &mut [u8]) -> Result<(), EntropyError> {
        Err(EntropyError)
    }
}

/// Everything that is handed out differs and looks random; a source that fails is an error, not a
/// weaker value.
#[tokio::test]
async fn sl_07_randomness() {
    let op = Setup { seed: 7, ..Setup::new() }.build();
    let mut browser = Browser::new(&op);
    browser.code(&Op::request(), ALICE).await;
    let mut seen = HashSet::new();
    let mut counts = [0_u32; 256];
    for _ in 0..10_000 {
        let code = browser.authorize(&Op::request()).await.parameter("code");
        let bytes = URL_SAFE_NO_PAD.decode(&code).unwrap();
        bytes[1..].iter().for_each(|byte| counts[usize::from(*byte)] += 1);
        assert!(code.len() == 64 && seen.insert(code));
    }
    // 470,000 bytes in 256 bins: 1836 each, give or take 43; eight of those are enough
    assert!(counts.iter().all(|count| (1_490..2_180).contains(count)), "{counts:?}");

    let setup = Setup::new();
    let provider = Provider::builder(setup.config)
        .store(setup.store)
        .clients(setup.clients.into_iter().collect::<StaticClients>())
        .accounts(setup.host)
        .signer(setup.signer)
        .secrets(setup.secrets)
        .clock(setup.clock)
        .entropy(Dry)
        .build()
        .unwrap();
    let op = Op { provider, ..op };
    let answer = Browser::new(&op).authorize(&Op::request()).await;
    assert_eq!(answer.parameter("error"), "server_error");
}

/// Nothing that must be secret or kept is made up by default.
#[test]
fn sl_08_nothing_is_made_up() {
    let config = || Config::new(Issuer::new("https://id.example").unwrap());
    let findings = |builder: oidc_op::ProviderBuilder| {
        builder.build().map(|_| ()).unwrap_err().findings().join("\n")
    };
    let all = findings(Provider::builder(config()));
    for needed in ["store", "clients", "accounts", "signer", "secrets.token"] {
        assert!(all.contains(needed), "{needed}: {all}");
    }
    let es256 = KeySet::generate(&[SigningAlgorithm::ES256], Timestamp::from_unix(0)).unwrap();
    let secret = Secret::random(&SeededEntropy::new(1)).unwrap();
    let mut config = config();
    config.lifetimes.code = oidc_op::Duration::minutes(11);
    config.paths.token = "token".into();
    let mut twice = Secrets::new(secret.clone());
    twice.token.push(secret);
    let several = findings(
        Provider::builder(config)
            .store(MemoryStore::new())
            .clients(StaticClients::default())
            .accounts(host())
            .signer(es256)
            .secrets(twice),
    );
    for found in ["lifetimes.code", "paths.token", "RS256", "same short name"] {
        assert!(several.contains(found), "{found}: {several}");
    }
}
