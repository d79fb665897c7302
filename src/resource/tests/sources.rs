//! Who is asked about a token, and what comes of it.

use super::*;

/// Which source a token goes to.
#[tokio::test]
async fn a_jwt_is_read_and_anything_else_is_asked_about() {
    let source = Scripted::saying(&json!({"sub": "bob"}));
    let token = jwt(&good());
    let both = by_keys().and_source(source.clone());
    assert_eq!(both.verify_token(&token).await.unwrap().subject(), Some("alice"));
    assert_eq!(reason(&both, "a.b.c").await, Some(BearerInvalid), "not asked about instead");
    assert!(source.asked().is_empty());
    assert_eq!(both.verify_token("opaque").await.unwrap().subject(), Some("bob"));
    assert_eq!(source.asked(), ["opaque"]);
    assert_eq!(by(&source).verify_token(&token).await.unwrap().subject(), Some("bob"));
    assert_eq!(source.asked(), [token], "a JWT too, if there are no keys");
    assert_eq!(reason(&by(&source), &"a".repeat(16 * 1024 + 1)).await, Some(BearerInvalid));
    assert!(source.asked().is_empty());
}

/// A fault is not the sender's: 503, and the operator learns why.
#[tokio::test]
async fn what_cannot_be_known_is_no_invalid_token() {
    let heard = Recorder::default();
    let inactive = Scripted(Ok(None), Arc::default());
    assert_eq!(reason(&by(&inactive), "opaque").await, Some(BearerInvalid));
    let broken = Scripted(Err("the cause"), Arc::default());
    let error = by(&broken).observer(heard.clone()).verify_token("opaque").await.unwrap_err();
    assert_eq!(error.reason(), Some(IssuerUnavailable));
    let reply = error.reply();
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("5")));
    assert!(!String::from_utf8(reply.body).unwrap().contains("cause"));
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.to_string(), "the cause");
    assert_eq!(heard.take(), [(crate::What::BearerRefused, Some(IssuerUnavailable))]);
}

/// Unknown `kid`: the keys are fetched once more, and only then.
#[tokio::test]
async fn keys_rotate() {
    let (old, new) = (published(&OTHERS), published(&KEYS));
    let token = jwt(&good());
    for (documents, found, asked) in [
        (&[Some(&*new)][..], None, &[false][..]),
        (&[Some(&old), Some(&new)], None, &[false, true]),
        (&[Some(&old), Some(&old)], Some(BearerInvalid), &[false, true]),
        (&[None], Some(IssuerUnavailable), &[false]),
        (&[Some(&old), None], Some(IssuerUnavailable), &[false, true]),
        (&[Some("<html>")], Some(IssuerUnavailable), &[false]),
        (&[Some(r#"{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}"#)], Some(IssuerUnavailable), &[false]),
        (&[Some(r#"{"keys":[]}"#), Some(&new)], None, &[false, true]),
    ] {
        let fetch = Rotating::new(documents);
        assert_eq!(reason(&fetch.verifier(), &token).await, found, "{documents:?}");
        assert_eq!(fetch.asked(), asked, "{documents:?}");
    }
    // what no key could help is refused without a word to the issuer
    let fetch = Rotating::new(&[Some(&new)]);
    let verifier = fetch.verifier();
    let id_token = jwt_by(&KEYS, &json!({"typ": "JWT"}), &good());
    assert_eq!(reason(&verifier, &id_token).await, Some(BearerInvalid));
    assert!(fetch.asked().is_empty());
    // nor does a bad signature, or an expired token, have them fetched again
    let expired = merged(good(), &json!({"exp": NOW.unix() - 1}));
    assert_eq!(reason(&verifier, &jwt(&expired)).await, Some(BearerExpired));
    assert_eq!(fetch.asked(), [false]);
}

/// RFC 7662 §4: for a moment, not beyond `exp`, and only what is active.
#[tokio::test]
async fn a_cache_remembers_what_is_active() {
    let members = json!({"sub": "alice", "exp": NOW.unix() + 15});
    let source = Scripted::saying(&members);
    let clock = TestClock::at(NOW);
    let cache = |keep, entries| {
        TokenCache::new(source.clone(), Duration::seconds(keep), entries).clock(clock.clone())
    };
    let ask = async |cache: &TokenCache, tokens: &[&str]| {
        for token in tokens {
            let said = cache.introspect(token).await.unwrap();
            assert_eq!(said.map(Value::Object), Some(members.clone()));
        }
        source.asked()
    };
    let short = cache(10, 2);
    assert_eq!(ask(&short, &["a", "a", "b", "a", "b"]).await, ["a", "b"]);
    assert_eq!(ask(&short, &["c", "c", "a"]).await, ["c", "c"], "there is no room");
    let long = cache(600, 2);
    assert_eq!(ask(&long, &["a", "a"]).await, ["a"]);
    assert_eq!(ask(&cache(600, 0), &["a", "a"]).await, ["a", "a"]);
    clock.advance(Duration::seconds(9));
    assert_eq!(ask(&short, &["a"]).await, [""; 0]);
    clock.advance(Duration::SECOND);
    assert_eq!(ask(&short, &["a", "c", "a"]).await, ["a", "c"], "and what is old makes room");
    clock.advance(Duration::seconds(4));
    assert_eq!(ask(&long, &["a"]).await, [""; 0]);
    clock.advance(Duration::SECOND);
    assert_eq!(ask(&long, &["a", "a"]).await, ["a", "a"], "not beyond the token's life");
    clock.advance(Duration::seconds(-60));
    assert_eq!(ask(&short, &["a"]).await, ["a"], "a clock that is set back prolongs nothing");

    for said in [Ok(None), Err("no")] {
        let source = Scripted(said, Arc::default());
        let cache = TokenCache::new(source.clone(), Duration::MINUTE, 9).clock(clock.clone());
        for _ in 0..2 {
            assert!(!matches!(cache.introspect("a").await, Ok(Some(_))));
        }
        assert_eq!(source.asked(), ["a", "a"]);
    }
}
