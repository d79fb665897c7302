//! What others see of the keys: nothing of their private parts.

use std::fmt::Write;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use oidc_op::{KeySet, SigningAlgorithm, Timestamp, store::StoreError};
use serde_json::Value;

use super::{Cluster, ROTATION};

const PRIVATE: [&str; 6] = ["d", "p", "q", "dp", "dq", "qi"];

/// Each private member of the set, in every spelling that one might come across.
fn spellings(keys: &KeySet) -> Vec<Vec<u8>> {
    let set: Value = serde_json::from_str(&keys.expose_json()).unwrap();
    let mut all = Vec::new();
    for jwk in set["keys"].as_array().unwrap() {
        for text in PRIVATE.iter().filter_map(|name| jwk[*name].as_str()) {
            let bytes = URL_SAFE_NO_PAD.decode(text).unwrap();
            let hex = |upper: bool| {
                bytes.iter().fold(String::new(), |mut hex, byte| {
                    let _ =
                        if upper { write!(hex, "{byte:02X}") } else { write!(hex, "{byte:02x}") };
                    hex
                })
            };
            all.extend([text.as_bytes().to_vec(), hex(true).into(), hex(false).into()]);
            for engine in [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD] {
                all.push(engine.encode(&bytes).into());
                all.push(engine.encode(text).into());
            }
            let numbers: Vec<_> = bytes.iter().map(u8::to_string).collect();
            all.extend([numbers.join(",").into(), numbers.join(", ").into(), bytes]);
        }
    }
    // Any sixteen bytes of one would be too much.
    all.into_iter().map(|spelling| spelling[spelling.len() / 4..][..16].to_vec()).collect()
}

fn holds(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// SL-04: a copy of the store gives nothing away, in any encoding.
#[tokio::test]
async fn sl_04_the_record_holds_no_private_member() {
    let mut cluster = Cluster::new();
    cluster.first = KeySet::generate(&SigningAlgorithm::ALL, Timestamp::from_unix(0)).unwrap();
    let keys = cluster.keys(1).await;
    for _ in 0..2 {
        let body = cluster.body();
        let sealed = serde_json::from_str::<Value>(&body).unwrap()["sealed"].clone();
        let bytes = URL_SAFE_NO_PAD.decode(sealed.as_str().unwrap()).unwrap();
        let spellings = spellings(&keys.keys());
        assert!(spellings.len() > 200, "{}", spellings.len());
        for spelling in &spellings {
            assert!(!holds(body.as_bytes(), spelling) && !holds(&bytes, spelling));
        }
        assert!(holds(keys.keys().expose_json().as_bytes(), &spellings[0]), "it would be found");
        // Long enough not to be there by chance.
        let plain = keys.keys().expose_json();
        for word in [r#""kty":"RSA""#, r#""kty":"EC""#, r#""crv":"Ed25519""#, r#""active_at":"#] {
            assert!(holds(plain.as_bytes(), word.as_bytes()), "{word} would be found");
            assert!(!holds(&bytes, word.as_bytes()), "{word}");
        }
        keys.rotate(SigningAlgorithm::ES256, ROTATION).await.unwrap();
    }
}

/// Two records of the same keys have nothing in common but the name of the secret.
#[tokio::test]
async fn sealing_is_never_the_same_twice() {
    let sealed = async |node| {
        let cluster = Cluster::new();
        cluster.keys(node).await;
        cluster.body()
    };
    let (one, other) = (sealed(1).await, sealed(2).await);
    let pairs = one.bytes().zip(other.bytes()).filter(|(a, b)| a == b);
    assert!(pairs.count() < one.len() / 16, "about one in 64 is the same by chance");
}

/// SL-05, P-11: neither `Debug` nor an error shows a key or a secret.
#[tokio::test]
async fn sl_05_nothing_prints_a_key() {
    let mut cluster = Cluster::new();
    let keys = cluster.keys(1).await;
    let mut printed = format!("{keys:?} {:#?} {:?}", keys, cluster.record(2));
    cluster.secrets = super::secrets(&[4]);
    let gone = cluster.record(3).open(&[]).await.unwrap_err();
    cluster.secrets = super::secrets(&[2]);
    write!(printed, "{gone} {gone:?}").unwrap();
    cluster.overwrite(cluster.body().replace("\"v\":1", "\"v\":9"), 1).await;
    let newer = cluster.record(4).open(&[]).await.unwrap_err();
    assert!(matches!(&newer, oidc_op::StoredKeysError::Store(StoreError::Unreadable(_))));
    write!(printed, "{newer} {newer:?}").unwrap();
    let sealed = cluster.body();
    for spelling in spellings(&keys.keys()) {
        assert!(!holds(printed.as_bytes(), &spelling));
    }
    assert!(!printed.contains(&sealed[40..60]));
    assert!(printed.contains("ES256") && printed.contains("id.example"), "{printed}");
}
