//! Signatures verify with the published key of their algorithm, and with no other.

use super::*;

/// RFC 7515 A.2: RSASSA-PKCS1-v1_5 is deterministic.
#[test]
fn rs256_as_in_rfc_7515() {
    let keys = load(&[rsa()]).unwrap();
    let key = keys.active(SigningAlgorithm::RS256, NOW).unwrap();
    let input = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9l\
                 eGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    assert_eq!(
        URL_SAFE_NO_PAD.encode(sign(&keys, &key, input.as_bytes()).unwrap()),
        "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5\
         jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb\
         1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QO\
         YEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
    );
}

/// RFC 8037 A.1, A.3 and A.4: Ed25519 is deterministic.
#[test]
fn eddsa_as_in_rfc_8037() {
    let keys = load(&[ed25519()]).unwrap();
    let key = keys.active(SigningAlgorithm::EdDSA, NOW).unwrap();
    assert_eq!(&*key.kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    let input = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    assert_eq!(
        URL_SAFE_NO_PAD.encode(sign(&keys, &key, input).unwrap()),
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    );
}

#[test]
fn every_algorithm_verifies_with_its_published_key_and_no_other() {
    assert_eq!(EVERY.published(NOW).len(), SigningAlgorithm::ALL.len());
    signs_for(&EVERY, &EVERY);
    let other = KeySet::generate(&[SigningAlgorithm::ES256], NOW).unwrap();
    let key = EVERY.active(SigningAlgorithm::ES256, NOW).unwrap();
    let signature = sign(&EVERY, &key, b"input").unwrap();
    let PublishedKey { jwk, .. } = other.published(NOW).remove(0);
    assert!(verifier(SigningAlgorithm::ES256, &jwk).verify(b"input", &signature).is_err());
}

/// RFC 7518 §3.4: r and s have a fixed length, also where they begin with zeros.
#[test]
fn ecdsa_signatures_have_a_fixed_length() {
    for PublishedKey { key, jwk, .. } in EVERY.published(NOW) {
        let length = match key.algorithm {
            SigningAlgorithm::ES256 | SigningAlgorithm::ES256K | SigningAlgorithm::EdDSA => 64,
            SigningAlgorithm::ES384 => 96,
            SigningAlgorithm::ES512 => 132,
            _ => continue,
        };
        let verifier = verifier(key.algorithm, &jwk);
        for n in 0..100_u8 {
            let signature = sign(&EVERY, &key, &[n]).unwrap();
            assert_eq!(signature.len(), length, "{}", key.algorithm);
            verifier.verify(&[n], &signature).unwrap();
        }
    }
}

#[test]
fn a_key_signs_with_its_own_algorithm_only() {
    let key = EVERY.active(SigningAlgorithm::RS256, NOW).unwrap();
    for wrong in [
        SigningKey::new(key.kid, SigningAlgorithm::PS256),
        SigningKey::new("nobody", SigningAlgorithm::RS256),
    ] {
        let result = sign(&EVERY, &wrong, b"input");
        assert!(matches!(result, Err(SignError::NoKey(alg)) if alg == wrong.algorithm));
    }
}

#[test]
fn an_algorithm_that_is_named_twice_gets_one_key() {
    let twice = [SigningAlgorithm::EdDSA, SigningAlgorithm::EdDSA];
    assert_eq!(KeySet::generate(&twice, NOW).unwrap().published(NOW).len(), 1);
}
