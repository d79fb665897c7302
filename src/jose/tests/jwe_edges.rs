use super::{
    jwe::{open, sealed},
    *,
};

/// The token with a header of another content; the rest stays.
fn with_header(text: &str, changes: &Value) -> String {
    let (header, rest) = text.split_once('.').unwrap();
    let header = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    format!("{}.{rest}", encode(with(header, changes).to_string()))
}

/// The token with one part replaced.
fn with_part(text: &str, index: usize, bytes: &[u8]) -> String {
    let part = encode(bytes);
    let mut parts: Vec<_> = text.split('.').collect();
    parts[index] = &part;
    parts.join(".")
}

fn part(text: &str, index: usize) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text.split('.').nth(index).unwrap()).unwrap()
}

/// RFC 7516 §4 and §5.2; threats JW-01, JW-03, JW-07, JW-08, JW-09.
#[test]
fn headers_that_are_refused() {
    let good = sealed(KeyManagementAlgorithm::EcdhEs, ContentEncryption::A128Gcm, b"x");
    let (malformed, unknown) = (JoseFault::Malformed, JoseFault::Algorithm);
    for (changes, expected) in [
        (json!({ "zip": "DEF" }), malformed),
        (json!({ "zip": "" }), malformed),
        (json!({ "crit": ["exp"], "exp": 1 }), malformed),
        (json!({ "crit": [] }), malformed),
        (json!({ "alg": null }), malformed),
        (json!({ "enc": null }), malformed),
        (json!({ "enc": 1 }), malformed),
        (json!({ "kid": 1 }), malformed),
        (json!({ "cty": [] }), malformed),
        (json!({ "typ": 1 }), malformed),
        (json!({ "enc": "A512GCM" }), unknown),
        (json!({ "enc": "a128gcm" }), unknown),
        (json!({ "enc": "none" }), unknown),
        (json!({ "alg": "RSA1_5" }), unknown),
        (json!({ "alg": "RS256" }), unknown),
        (json!({ "alg": "none" }), unknown),
        (json!({ "alg": "PBES2-HS256+A128KW", "p2c": 2_147_483_648_u32, "p2s": "AAAA" }), unknown),
    ] {
        let text = with_header(&good, &changes);
        assert_eq!(Jwe::parse(&text).err(), Some(expected), "{changes}");
    }
    for text in ["....", "a.b.c.d.e", &format!("{good}."), &format!("{good}="), &good[1..]] {
        assert_eq!(Jwe::parse(text).err(), Some(malformed), "{text}");
    }
}

/// RFC 7516 §4.1.3: a real bomb, 14 000 to 1; threat JW-07.
#[test]
fn nothing_is_inflated() {
    let mut header = josekit::jwe::JweHeader::new();
    header.set_content_encryption("A128GCM");
    header.set_compression("DEF");
    let enc = ContentEncryption::A128Gcm;
    let key = shared_secret::key(KeyManagementAlgorithm::Dir, enc, SECRET).unwrap();
    let encrypter = shared_secret::encrypter(KeyManagementAlgorithm::Dir, &key).unwrap();
    let bomb = josekit::jwe::serialize_compact(&vec![0; 8 << 20], &header, &*encrypter).unwrap();
    assert!(bomb.len() < 16 * 1024);
    assert_eq!(open(&bomb), Err(JoseFault::Malformed));
}

/// RFC 7516 §11.4 and §11.5; threat JW-09.
#[test]
fn lengths_that_are_wrong_fail_like_everything_else() {
    for alg in KeyManagementAlgorithm::ALL {
        for enc in ContentEncryption::ALL {
            let good = sealed(*alg, *enc, b"a plain text of some length");
            let refused = |index: usize, bytes: &[u8]| {
                let text = with_part(&good, index, bytes);
                assert_eq!(open(&text), Err(JoseFault::Encryption), "{alg} {enc} {index}");
            };
            for index in [1, 2, 3, 4] {
                let bytes = part(&good, index);
                for cut in (0..bytes.len()).filter(|cut| index != 1 || cut % 8 == 0 || *cut < 40) {
                    refused(index, &bytes[..cut]);
                }
                refused(index, &[bytes.as_slice(), &[0]].concat());
                refused(index, &[bytes.as_slice(), &[0; 16]].concat());
                refused(index, &vec![0xFF; bytes.len() + 8]);
                if !bytes.is_empty() {
                    refused(index, &vec![0; bytes.len()]);
                    refused(index, &vec![0xFF; bytes.len()]);
                }
            }
        }
    }
}

/// RFC 7518 §4.6.1 and §4.7.1; threat JW-09.
#[test]
fn parameters_of_the_key_are_checked() {
    let enc = ContentEncryption::A128CbcHs256;
    for alg in [KeyManagementAlgorithm::EcdhEs, KeyManagementAlgorithm::EcdhEsA256Kw] {
        let good = sealed(alg, enc, b"x");
        let header: Value = serde_json::from_slice(&part(&good, 0)).unwrap();
        let epk = |changes| json!({ "epk": with(header["epk"].clone(), &changes) });
        for changes in [
            json!({ "epk": null }),
            json!({ "epk": "x" }),
            json!({ "epk": {} }),
            json!({ "epk": [] }),
            json!({ "epk": p256() }),
            json!({ "epk": p521() }),
            json!({ "epk": x25519() }),
            json!({ "epk": rsa() }),
            json!({ "apu": 1 }),
            json!({ "apu": "=" }),
            json!({ "apv": "a+b" }),
            json!({ "apv": "QWxpY2U" }),
            epk(json!({ "x": null })),
            epk(json!({ "y": null })),
            epk(json!({ "y": header["epk"]["x"] })),
            epk(json!({ "x": encode([0; 32]), "y": encode([0; 32]) })),
            epk(json!({ "x": encode([0xFF; 32]) })),
            epk(json!({ "x": "AQ" })),
            epk(json!({ "x": "", "y": "" })),
            epk(json!({ "x": encode([1; 64]) })),
            epk(json!({ "x": 1 })),
            epk(json!({ "crv": "P-384" })),
            epk(json!({ "crv": "secp256k1" })),
            epk(json!({ "crv": null })),
            epk(json!({ "kty": "OKP" })),
            json!({ "kid": "unknown" }),
        ] {
            let text = with_header(&good, &changes);
            assert_eq!(open(&text), Err(JoseFault::Encryption), "{alg} {changes}");
        }
    }
    let good = sealed(KeyManagementAlgorithm::A128GcmKw, enc, b"x");
    for changes in [
        json!({ "iv": null }),
        json!({ "iv": "" }),
        json!({ "iv": encode([0; 16]) }),
        json!({ "iv": 1 }),
        json!({ "tag": null }),
        json!({ "tag": "" }),
        json!({ "tag": encode([0; 1]) }),
        json!({ "tag": encode([0; 15]) }),
        json!({ "tag": encode([0; 16]) }),
        json!({ "tag": [] }),
    ] {
        let text = with_header(&good, &changes);
        assert_eq!(open(&text), Err(JoseFault::Encryption), "{changes}");
    }
}

/// RFC 7748 §6.1: points of small order give a shared secret of zeros.
#[test]
fn small_points_agree_on_nothing() {
    // Bob of RFC 7748 §6.1, whom RFC 8037 A.6 took over without the private part.
    let bob = with(
        x25519(),
        &json!({ "alg": "ECDH-ES", "d": "XasIfmJKikt54X-Lg4AO5m87sSkmGLb9HC-LJ_-I4Os" }),
    );
    let own = DecryptionKeys::from_json(&bob.to_string()).unwrap();
    let (alg, enc) = (KeyManagementAlgorithm::EcdhEs, ContentEncryption::A256Gcm);
    let text = encrypt(b"x", None, None, alg, enc, EncryptTo::Keys(&jwks(&[x25519()]))).unwrap();
    let open = |text: &str| Jwe::parse(text)?.decrypt(Some(&own), &[]);
    assert_eq!(open(&text).as_deref(), Ok(&b"x"[..]));
    let mut one = [0; 32];
    one[0] = 1;
    for small in [[0; 32], one] {
        let epk = json!({ "kty": "OKP", "crv": "X25519", "x": encode(small) });
        assert_eq!(open(&with_header(&text, &json!({ "epk": epk }))), Err(JoseFault::Encryption));
        let keys = jwks(&[with(x25519(), &json!({ "x": encode(small) }))]);
        let refused = encrypt(b"x", None, None, alg, enc, EncryptTo::Keys(&keys));
        assert_eq!(refused, Err(JoseFault::Encryption));
    }
}
