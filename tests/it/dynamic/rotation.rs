//! New keys: the provider's, and a client's.

use std::{
    collections::BTreeSet,
    sync::{Arc, OnceLock},
};

use oidc_op::{
    Clock, Duration, FetchPolicy, KeyRecord, KeyRotation, Signer,
    SigningAlgorithm::{ES256, RS256},
    StoredKeys,
    store::contract::block_on,
};
use serde_json::json;

use super::{WITH_CODE, checks, key::Key, party::passed, refresh, run};
use crate::support::Setup;

/// Keys that an operator exchanges while the provider runs.
fn stored_keys(setup: &Setup) -> StoredKeys {
    let record =
        KeyRecord::new(Arc::clone(&setup.store), &setup.config.issuer, &setup.secrets).unwrap();
    block_on(record.clock(setup.clock.clone()).open(&[RS256, ES256])).unwrap()
}

/// OIDC Core §10.1.1: the new key is there beside the old one, before and after it signs.
#[tokio::test]
async fn oidcc_server_rotate_keys() {
    let opened = OnceLock::new();
    let stored = |setup: &mut Setup, _: &mut FetchPolicy| {
        setup.signer = Arc::new(opened.get_or_init(|| stored_keys(setup)).clone());
    };
    run(&["code"], "private_key_jwt", stored, async |party| {
        let client = party.register().await;
        let (party, keys) = (&*party, opened.get().unwrap());
        let names = async || -> BTreeSet<String> {
            let set = party.op.jwks().await;
            passed(checks::keys(&set));
            let keys = set["keys"].as_array().unwrap().iter();
            keys.map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
        };
        let signs = || keys.active(RS256, party.op.clock.now()).unwrap().kid.to_string();
        let (before, old) = (names().await, signs());
        let announce = party.op.provider.config().lifetimes.metadata_cache;
        keys.rotate(RS256, KeyRotation::new(announce, Duration::DAY)).await.unwrap();

        let after = names().await;
        assert!(after.is_superset(&before), "what was there still is");
        let fresh: Vec<_> = after.difference(&before).collect();
        assert_eq!(fresh.len(), 1, "and a new one: {after:?}");
        party.sign_in(&client).await;
        assert_eq!(signs(), old, "which is only announced yet");

        party.op.wait(announce.whole_seconds());
        assert_eq!(signs(), *fresh[0]);
        party.sign_in(&client).await;
        assert_eq!(names().await, after, "the old one can still be checked with");
    })
    .await;
}

/// The suite gives 60 seconds between two looks at a client's keys.
const SUITE_WAITS: Duration = Duration::MINUTE;

/// OIDC Core §10.1.1: an unknown `kid` has the provider look again, as soon as it may.
#[tokio::test]
async fn oidcc_refresh_token_rp_key_rotation() {
    assert!(FetchPolicy::default().refresh_after < SUITE_WAITS);
    let at_once = |policy: &mut FetchPolicy| policy.refresh_after = Duration::ZERO;
    run(
        &WITH_CODE,
        "private_key_jwt",
        |_, policy| at_once(policy),
        async |party| {
            let key = Key::named("k1");
            let uri = party.site.put_json("/jwks", &key.set());
            let members = json!({ "jwks": null, "jwks_uri": uri });
            let mut client = refresh::register(party, key, &members).await;
            let done = refresh::sign_in(party, &client).await;
            assert_eq!(party.site.hits("/jwks"), 1);

            client.key = Key::another("k2");
            party.site.put_json("/jwks", &client.key.set());
            let done = party.refresh(&client, &done, None).await;
            assert_eq!(party.site.hits("/jwks"), 2);
            party.refresh(&client, &done, None).await;
            assert_eq!(party.site.hits("/jwks"), 2, "what is known needs no look");
        },
    )
    .await;
}
