use super::*;

/// One key for each algorithm that has one.
pub(super) static OWN: LazyLock<DecryptionKeys> = LazyLock::new(|| {
    let algorithms = KeyManagementAlgorithm::ALL.iter().copied();
    let asymmetric: Vec<_> = algorithms.filter(|algorithm| !algorithm.is_symmetric()).collect();
    DecryptionKeys::generate(&asymmetric).unwrap()
});

pub(super) static OWN_PUBLIC: LazyLock<Jwks> = LazyLock::new(|| Jwks::from_keys(OWN.published()));

pub(super) fn sealed(alg: KeyManagementAlgorithm, enc: ContentEncryption, plain: &[u8]) -> String {
    let to =
        if alg.is_symmetric() { EncryptTo::Secret(SECRET) } else { EncryptTo::Keys(&OWN_PUBLIC) };
    encrypt(plain, Some("JWT"), None, alg, enc, to).unwrap()
}

pub(super) fn open(text: &str) -> Result<Vec<u8>, JoseFault> {
    Jwe::parse(text)?.decrypt(Some(&OWN), &[b"another", SECRET])
}

fn header(text: &str) -> Value {
    let header = text.split('.').next().unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap()
}

#[test]
fn every_algorithm_round_trips() {
    for alg in KeyManagementAlgorithm::ALL {
        for enc in ContentEncryption::ALL {
            for plain in [&b""[..], b"x", &[7; 16], &[b'a'; 5000]] {
                let text = sealed(*alg, *enc, plain);
                assert!(is_jwe(&text));
                let jwe = Jwe::parse(&text).unwrap();
                assert_eq!((jwe.algorithm(), jwe.encryption()), (*alg, *enc));
                assert_eq!(jwe.content_type(), Some("JWT"));
                assert_eq!(jwe.kid().is_none(), alg.is_symmetric());
                let opened = jwe.decrypt(Some(&OWN), &[b"another", SECRET]);
                assert_eq!(opened.as_deref(), Ok(plain), "{alg} {enc}");

                // Nobody else.
                assert_eq!(jwe.decrypt(None, &[b"another"]), Err(JoseFault::Encryption));
                let own = Some(&*OWN).filter(|_| alg.is_symmetric());
                let secrets: &[&[u8]] = if alg.is_symmetric() { &[] } else { &[SECRET] };
                assert_eq!(jwe.decrypt(own, secrets), Err(JoseFault::Encryption));
            }
        }
    }
}

/// RFC 7520 §5.4 and §5.5.
#[test]
fn vectors() {
    let text = "You can trust us to stick with you through thick and thin–to the bitter end. And you can \
                trust us to keep any secret of yours–closer than you keep it yourself. But you cannot \
                trust us to let you face trouble alone, and go off without a word. We are your friends, \
                Frodo.";
    let p384 = json!({
        "kty": "EC", "kid": "peregrin.took@tuckborough.example", "use": "enc", "crv": "P-384",
        "alg": "ECDH-ES+A128KW",
        "x": "YU4rRUzdmVqmRtWOs2OpDE_T5fsNIodcG8G5FWPrTPMyxpzsSOGaQLpe2FpxBmu2",
        "y": "A8-yxCHxkfBz3hKZfI1jUYMjUhsEveZ9THuwFjH2sCNdtksRJU7D5-SkgaFL1ETP",
        "d": "iTx2pk7wW-GqJkHcEkFQb2EFyYcO7RugmaW3mRrQVAOUiPommT0IdnYK2xDlZh-j",
    });
    let p256 = json!({
        "kty": "EC", "kid": "meriadoc.brandybuck@buckland.example", "use": "enc", "crv": "P-256",
        "alg": "ECDH-ES",
        "x": "Ze2loSV3wrroKUN_4zhwGhCqo3Xhu1td4QjeQ5wIVR0",
        "y": "HlLtdXARY_f55A3fnzQbPcm6hgr34Mp8p-nuzQCE0Zw",
        "d": "r_kHyZ-a06rmxM3yESK84r1otSg-aQcVStkRhA-iCM8",
    });
    let wrapped = "eyJhbGciOiJFQ0RILUVTK0ExMjhLVyIsImtpZCI6InBlcmVncmluLnRvb2tAdHVja2Jvcm91Z2guZXhhbXBsZSIsIm\
        VwayI6eyJrdHkiOiJFQyIsImNydiI6IlAtMzg0IiwieCI6InVCbzRrSFB3Nmtiang1bDB4b3dyZF9vWXpCbWF6LUdLRlp1NHhBRk\
        ZrYllpV2d1dEVLNml1RURzUTZ3TmROZzMiLCJ5Ijoic3AzcDVTR2haVkMyZmFYdW1JLWU5SlUyTW84S3BvWXJGRHI1eVBOVnRXNF\
        BnRXdaT3lRVEEtSmRhWTh0YjdFMCJ9LCJlbmMiOiJBMTI4R0NNIn0.0DJjBXri_kBcC46IkU5_Jk9BqaQeHdv2.mH-G2zVqgztUt\
        nW_.tkZuOO9h95OgHJmkkrfLBisku8rGf6nzVxhRM3sVOhXgz5NJ76oID7lpnAi_cPWJRCjSpAaUZ5dOR3Spy7QuEkmKx8-3RCMh\
        SYMzsXaEwDdXta9Mn5B7cCBoJKB0IgEnj_qfo1hIi-uEkUpOZ8aLTZGHfpl05jMwbKkTe2yK3mjF6SBAsgicQDVCkcY9BLluzx1R\
        mC3ORXaM0JaHPB93YcdSDGgpgBWMVrNU1ErkjcMqMoT_wtCex3w03XdLkjXIuEr2hWgeP-nkUZTPU9EoGSPj6fAS-bSz87RCPrxZ\
        dj_iVyC6QWcqAu07WNhjzJEPc4jVntRJ6K53NgPQ5p99l3Z408OUqj4ioYezbS6vTPlQ.WuGzxmcreYjpHGJoa17EBg";
    let agreed = "eyJhbGciOiJFQ0RILUVTIiwia2lkIjoibWVyaWFkb2MuYnJhbmR5YnVja0BidWNrbGFuZC5leGFtcGxlIiwiZXBrIjp7Im\
        t0eSI6IkVDIiwiY3J2IjoiUC0yNTYiLCJ4IjoibVBVS1RfYkFXR0hJaGcwVHBqanFWc1AxclhXUXVfdndWT0hIdE5rZFlvQSIsIn\
        kiOiI4QlFBc0ltR2VBUzQ2ZnlXdzVNaFlmR1RUMElqQnBGdzJTUzM0RHY0SXJzIn0sImVuYyI6IkExMjhDQkMtSFMyNTYifQ..yc\
        9N8v5sYyv3iGQT926IUg.BoDlwPnTypYq-ivjmQvAYJLb5Q6l-F3LIgQomlz87yW4OPKbWE1zSTEFjDfhU9IPIOSA9Bml4m7iDFw\
        A-1ZXvHteLDtw4R1XRGMEsDIqAYtskTTmzmzNa-_q4F_evAPUmwlO-ZG45Mnq4uhM1fm_D9rBtWolqZSF3xGNNkpOMQKF1Cl8i8w\
        jzRli7-IXgyirlKQsbhhqRzkv8IcY6aHl24j03C-AR2le1r7URUhArM79BY8soZU0lzwI-sD5PZ3l4NDCCei9XkoIAfsXJWmySPo\
        eRb2Ni5UZL4mYpvKDiwmyzGd65KqVw7MsFfI_K767G9C9Azp73gKZD0DyUn1mn0WW5LmyX_yJ-3AROq8p1WZBfG-ZyJ6195_JGG2\
        m9Csg.WCCkNa-x4BeB9hIDIfFuhg";
    for (jwk, token) in [(p384, wrapped), (p256, agreed)] {
        let keys = DecryptionKeys::from_json(&jwk.to_string()).unwrap();
        let opened = Jwe::parse(token).unwrap().decrypt(Some(&keys), &[]).unwrap();
        assert_eq!(str::from_utf8(&opened), Ok(text));
    }
}

/// OIDC Core §10.2, with the digests by coreutils.
#[test]
fn keys_from_a_secret() {
    let derived = |alg: KeyManagementAlgorithm, enc| {
        shared_secret::key(alg, enc, b"abc")
            .map(|key| key.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat())
    };
    let (sha256, sha384, sha512) = (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd\
         454d4423643ce80e2a9ac94fa54ca49f",
    );
    for (alg, enc, expected) in [
        (KeyManagementAlgorithm::A128Kw, ContentEncryption::A256CbcHs512, &sha256[..32]),
        (KeyManagementAlgorithm::A192GcmKw, ContentEncryption::A128Gcm, &sha256[..48]),
        (KeyManagementAlgorithm::A256Kw, ContentEncryption::A128Gcm, sha256),
        (KeyManagementAlgorithm::Dir, ContentEncryption::A128Gcm, &sha256[..32]),
        (KeyManagementAlgorithm::Dir, ContentEncryption::A192Gcm, &sha256[..48]),
        (KeyManagementAlgorithm::Dir, ContentEncryption::A256Gcm, sha256),
        (KeyManagementAlgorithm::Dir, ContentEncryption::A128CbcHs256, sha256),
        (KeyManagementAlgorithm::Dir, ContentEncryption::A192CbcHs384, sha384),
        (KeyManagementAlgorithm::Dir, ContentEncryption::A256CbcHs512, sha512),
    ] {
        assert_eq!(derived(alg, enc).as_deref(), Some(expected), "{alg} {enc}");
    }
    assert_eq!(derived(KeyManagementAlgorithm::EcdhEs, ContentEncryption::A128Gcm), None);
}

/// RFC 7517 §4.2 to §4.5.
#[test]
fn the_right_key_is_encrypted_to() {
    let (oaep, ecdh) = (KeyManagementAlgorithm::RsaOaep256, KeyManagementAlgorithm::EcdhEs);
    let enc = ContentEncryption::default();
    let rsa = |changes| with(rsa(), &changes);
    for (alg, keys, expected) in [
        (oaep, vec![], Err(JoseFault::Key)),
        (oaep, vec![p256(), ed25519()], Err(JoseFault::Key)),
        (oaep, vec![rsa(json!({ "kid": "s", "use": "sig" }))], Err(JoseFault::Key)),
        (oaep, vec![rsa(json!({ "kid": "s", "alg": "RS256" }))], Err(JoseFault::Key)),
        (oaep, vec![rsa(json!({ "kid": "o", "alg": "RSA-OAEP" }))], Err(JoseFault::Key)),
        (oaep, vec![rsa(json!({ "kid": "v", "key_ops": ["verify"] }))], Err(JoseFault::Key)),
        (oaep, vec![rsa(json!({ "kid": "d", "key_ops": ["unwrapKey"] }))], Err(JoseFault::Key)),
        (oaep, vec![rsa(json!({ "kid": "w", "key_ops": ["wrapKey"] }))], Ok(Some("w"))),
        (oaep, vec![rsa(json!({}))], Ok(None)),
        (
            oaep,
            vec![rsa(json!({ "kid": "a" })), rsa(json!({ "kid": "e", "use": "enc" }))],
            Ok(Some("e")),
        ),
        (oaep, vec![rsa(json!({ "kid": "a" })), rsa(json!({ "kid": "b" }))], Ok(Some("a"))),
        (oaep, vec![rsa(json!({ "kid": "e", "alg": "RSA-OAEP-256" }))], Ok(Some("e"))),
        (ecdh, vec![rsa(json!({})), ed25519()], Err(JoseFault::Key)),
        (ecdh, vec![with(p521(), &json!({ "kid": "p", "key_ops": [] }))], Ok(Some("p"))),
        (ecdh, vec![p256(), x25519()], Ok(Some("Bob"))),
    ] {
        let set = jwks(&keys);
        let found = encrypt(b"x", None, None, alg, enc, EncryptTo::Keys(&set));
        let kid = found.map(|text| header(&text)["kid"].as_str().map(str::to_owned));
        assert_eq!(kid, expected.map(|kid: Option<&str>| kid.map(str::to_owned)), "{set:?}");
    }
    let none = jwks(&[]);
    for (alg, to) in [
        (KeyManagementAlgorithm::Dir, EncryptTo::Keys(&none)),
        (KeyManagementAlgorithm::A128Kw, EncryptTo::Keys(&none)),
        (ecdh, EncryptTo::Secret(SECRET)),
        (oaep, EncryptTo::Secret(SECRET)),
    ] {
        assert_eq!(encrypt(b"x", None, None, alg, enc, to), Err(JoseFault::Algorithm));
    }
}

#[test]
fn the_header_says_what_is_needed_and_no_more() {
    let text = sealed(KeyManagementAlgorithm::Dir, ContentEncryption::A128Gcm, b"x");
    assert_eq!(header(&text), json!({ "alg": "dir", "enc": "A128GCM", "cty": "JWT" }));
    let (alg, enc) = (KeyManagementAlgorithm::EcdhEs, ContentEncryption::A256Gcm);
    let text = encrypt(b"x", None, None, alg, enc, EncryptTo::Keys(&jwks(&[x25519()]))).unwrap();
    let header = header(&text);
    assert_eq!(header["epk"]["crv"], "X25519");
    assert_eq!(header.as_object().unwrap().len(), 4, "{header}");
}

/// Threat JW-10: what is encrypted is not signed.
#[test]
fn an_encrypted_token_is_no_signed_one() {
    let alg = KeyManagementAlgorithm::EcdhEs;
    let text = sealed(alg, ContentEncryption::A128Gcm, br#"{"sub":"alice"}"#);
    assert_eq!(Jws::parse(&text).err(), Some(JoseFault::Malformed));
    assert!(is_jwe(&text) && !is_jwe(&hs256(&json!({}))));
    let inner = open(&text).unwrap();
    assert!(Jws::parse(str::from_utf8(&inner).unwrap()).is_err());
    // And a JWS is no JWE.
    assert_eq!(Jwe::parse(&hs256(&json!({}))).err(), Some(JoseFault::Malformed));
    // Nested as it should be, RFC 7519 §5.2.
    let nested = sealed(alg, ContentEncryption::A128Gcm, hs256(&json!({ "sub": "a" })).as_bytes());
    let inner = open(&nested).unwrap();
    assert!(with_secret(str::from_utf8(&inner).unwrap()).is_ok());
}

#[test]
fn secrets_are_not_printed() {
    let text = sealed(KeyManagementAlgorithm::Dir, ContentEncryption::A128Gcm, b"x");
    let printed = format!("{:?}", Jwe::parse(&text).unwrap());
    assert_eq!(printed, "Jwe { algorithm: Dir, encryption: A128Gcm, kid: None, .. }");
}
