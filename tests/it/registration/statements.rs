//! Software statements (RFC 7591 §2.3, §3.1.1; RG-09).

use async_trait::async_trait;
use oidc_op::{Clock, HostError, Publishers, TrustedIssuer};

use super::*;
use crate::support::keys::{
    CLIENT_EC, CLIENT_RSA, client_jwks, es256, hs256, sign, signer, unsigned,
};

pub(crate) const DIRECTORY: &str = "https://directory.example";

/// One publisher, who signs with the keys of `client_jwks`.
#[derive(Debug)]
pub(crate) struct Directory;

#[async_trait]
impl Publishers for Directory {
    async fn publisher(&self, issuer: &str) -> Result<Option<TrustedIssuer>, HostError> {
        match issuer {
            DIRECTORY => {
                Ok(Some(TrustedIssuer::new(serde_json::from_value(client_jwks()).unwrap())))
            }
            "https://down.example" => Err("the directory does not answer".into()),
            _ => Ok(None),
        }
    }
}

pub(crate) fn op() -> Op {
    op_by(|_| ())
}

fn op_by(change: impl FnOnce(&mut Registration)) -> Op {
    setup_with(change).build_with(|builder| builder.publishers(Directory))
}

/// What a publisher says of its software.
pub(crate) fn stated(members: &Value) -> Value {
    let mut claims = json!({ "iss": DIRECTORY, "iat": 1_800_000_000, "software_id": "4NRB1" });
    claims.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    claims
}

/// RFC 7591 §2.3: what the statement says holds, whatever the client says of the same; §3.2.1: the
/// statement goes back as it came.
#[tokio::test]
async fn the_statement_stands_above_the_client() {
    let op = op();
    let statement = es256(&stated(&json!({
        "client_name": "Vouched", "redirect_uris": ["https://vouched.example/cb"], "scope": "openid"
    })));
    let client = op
        .register(&json!({
            "software_statement": statement, "client_name": "Mine", "client_name#fr": "Le mien",
            "redirect_uris": ["https://evil.example/cb"], "contacts": ["mary@rp.example"]
        }))
        .await;
    assert_eq!(client.text("client_name"), "Vouched");
    assert_eq!(
        client.0.get("client_name#fr"),
        None,
        "its name is what the publisher says, in every language"
    );
    assert_eq!(client.0["redirect_uris"], json!(["https://vouched.example/cb"]));
    assert_eq!((client.text("scope"), client.text("software_id")), ("openid", "4NRB1"));
    assert_eq!(client.0["contacts"], json!(["mary@rp.example"]), "of which it says nothing");
    assert_eq!(client.text("software_statement"), statement);
    assert_eq!(client.read(&op).await.member("software_statement"), statement);
    // Nor can it be said otherwise later: sent again, left out, after it has expired.
    for members in [
        json!({ "client_name": "Mine" }),
        json!({ "client_name": "Mine", "software_statement": null }),
        json!({ "client_name": "Mine", "software_statement": statement }),
    ] {
        let updated = client.put(&op, &members).await;
        assert_eq!(updated.member("client_name"), "Vouched", "{members}");
        assert_eq!(updated.json()["redirect_uris"], json!(["https://vouched.example/cb"]));
        assert_eq!(updated.member("software_statement"), statement);
    }
    let newer = es256(&stated(&json!({ "client_name": "Vouched 2" })));
    let updated = client.put(&op, &json!({ "software_statement": newer })).await;
    assert_eq!(
        (updated.member("client_name"), updated.member("software_statement")),
        ("Vouched 2".into(), newer)
    );
}

/// One that has expired meanwhile still holds for who was believed; it lets nobody in anew, and another one
/// that has expired is no better than none.
#[tokio::test]
async fn a_statement_that_has_expired_meanwhile() {
    let op = op_by(|rules| rules.require_statement = true);
    let claims = |name: &str| stated(&json!({ "client_name": name, "exp": 1_800_000_100 }));
    let (statement, other) = (es256(&claims("Vouched")), es256(&claims("Other")));
    let client = op.register(&web_with(&json!({ "software_statement": statement }))).await;
    op.wait(10_000);
    for members in [json!({}), json!({ "software_statement": statement })] {
        let updated = client.put(&op, &members).await;
        assert_eq!(updated.status(), 200, "{}", updated.json());
        assert_eq!(updated.member("client_name"), "Vouched");
    }
    let refused = client.put(&op, &json!({ "software_statement": other })).await;
    assert_eq!((refused.status(), refused.error()), (400, "invalid_software_statement".into()));
    let anew = op.refused(&web_with(&json!({ "software_statement": statement }))).await;
    assert_eq!(anew, (400, "invalid_software_statement".into()));
}

/// RG-09.
#[tokio::test]
async fn what_is_no_statement() {
    const INVALID: &str = "invalid_software_statement";
    const UNAPPROVED: &str = "unapproved_software_statement";
    let op = op();
    let now = op.clock.now().unix();
    let good = es256(&stated(&json!({})));
    let (start, signature) = good.rsplit_once('.').unwrap();
    let by_rsa = sign(
        &json!({ "alg": "RS256", "kid": "c-rsa" }),
        &stated(&json!({})),
        &*signer("RS256", &CLIENT_RSA),
    );
    assert_eq!(
        op.try_register(&web_with(&json!({ "software_statement": by_rsa })), None).await.status(),
        201
    );
    let public = CLIENT_EC.to_public_key().unwrap().to_string();
    let forged = josekit::jwk::Jwk::generate_ec_key(josekit::jwk::alg::ec::EcCurve::P256).unwrap();
    let forged = sign(
        &json!({ "alg": "ES256", "kid": "c-ec" }),
        &stated(&json!({})),
        &*signer("ES256", &forged),
    );
    for (what, statement, error) in [
        ("nothing", json!(""), INVALID),
        ("no JWT", json!("canary"), INVALID),
        ("a number", json!(7), INVALID),
        ("an object", json!({ "iss": DIRECTORY }), INVALID),
        ("a list", json!([good]), INVALID),
        ("alg none", json!(unsigned(&stated(&json!({})))), INVALID),
        ("another's key", json!(forged), INVALID),
        (
            "a broken signature",
            json!(format!("{start}.{}", signature.replace(|c: char| c.is_ascii_digit(), "A"))),
            INVALID,
        ),
        ("no signature", json!(format!("{start}.")), INVALID),
        ("two parts", json!(start), INVALID),
        (
            "signed with the public key",
            json!(sign(
                &json!({ "alg": "HS256", "kid": "c-ec" }),
                &stated(&json!({})),
                &*hs256(public)
            )),
            INVALID,
        ),
        (
            "another's word",
            json!(es256(&stated(&json!({ "iss": "https://evil.example" })))),
            UNAPPROVED,
        ),
        ("nobody's word", json!(es256(&json!({ "client_name": "x" }))), INVALID),
        ("iss is no text", json!(es256(&stated(&json!({ "iss": [DIRECTORY] })))), INVALID),
        ("expired", json!(es256(&stated(&json!({ "exp": now - 1_000 })))), INVALID),
        ("not yet", json!(es256(&stated(&json!({ "nbf": now + 1_000 })))), INVALID),
        ("from the future", json!(es256(&stated(&json!({ "iat": now + 100_000 })))), INVALID),
        (
            "for somebody else",
            json!(es256(&stated(&json!({ "aud": "https://other.example" })))),
            INVALID,
        ),
        (
            "one within another",
            json!(es256(&stated(&json!({ "software_statement": good })))),
            INVALID,
        ),
    ] {
        let metadata = web_with(&json!({ "software_statement": statement }));
        let answer = op.try_register(&metadata, None).await;
        assert_eq!((answer.status(), &*answer.error()), (400, error), "{what}");
        assert!(!answer.member("error_description").contains("canary"));
    }
    for (what, more) in [
        ("for us", json!({ "aud": "https://id.example" })),
        ("for us too", json!({ "aud": ["https://other.example", "https://id.example"] })),
        ("in time", json!({ "exp": now + 60, "nbf": now - 60 })),
    ] {
        let metadata = web_with(&json!({ "software_statement": es256(&stated(&more)) }));
        assert_eq!(op.try_register(&metadata, None).await.status(), 201, "{what}");
    }
}

/// What the statement says is checked like what the client says.
#[tokio::test]
async fn a_statement_may_say_what_cannot_be() {
    let op = op();
    for (members, error) in [
        (json!({ "redirect_uris": ["http://evil.example/"] }), "invalid_redirect_uri"),
        (json!({ "jwks_uri": 7 }), "invalid_client_metadata"),
        (json!({ "id_token_signed_response_alg": "PS512" }), "invalid_client_metadata"),
    ] {
        let statement = es256(&stated(&members));
        assert_eq!(
            op.refused(&web_with(&json!({ "software_statement": statement }))).await,
            (400, error.into())
        );
    }
    // It has no say in what is nobody's to say.
    let statement = es256(&stated(&json!({
        "client_id": "conf-basic", "client_secret": "chosen", "first_party": true, "epoch": 1
    })));
    let client = op.register(&web_with(&json!({ "software_statement": statement }))).await;
    assert_ne!(client.id(), "conf-basic");
    assert!(!client.is_known_by(&op, "chosen").await);
}

#[tokio::test]
async fn where_a_statement_is_needed() {
    let op = op_by(|rules| rules.require_statement = true);
    for members in [json!({}), json!({ "software_statement": null })] {
        let refused = op.refused(&web_with(&members)).await;
        assert_eq!(refused, (400, "unapproved_software_statement".into()), "{members}");
    }
    let statement = es256(&stated(&json!({})));
    let client = op.register(&web_with(&json!({ "software_statement": statement }))).await;
    assert_eq!(client.put(&op, &json!({})).await.status(), 200);
}

/// RFC 7591 §2.3: who knows no publishers ignores statements; they are not answered as if they held.
#[tokio::test]
async fn nobody_knows_publishers() {
    let op = setup().build();
    for statement in
        [json!(es256(&stated(&json!({ "client_name": "Vouched" })))), json!("nonsense"), json!(7)]
    {
        let client = op.register(&web_with(&json!({ "software_statement": statement }))).await;
        assert_eq!(client.0.get("client_name"), None);
        assert_eq!(client.0.get("software_statement"), None);
    }
}

/// The directory is down: that is nobody's fault, and nothing is said of where.
#[tokio::test]
async fn publishers_that_cannot_be_asked() {
    let op = op();
    let statement = es256(&stated(&json!({ "iss": "https://down.example" })));
    let answer =
        op.try_register(&web_with(&json!({ "software_statement": statement })), None).await;
    assert_eq!((answer.status(), answer.error()), (500, "server_error".into()));
    assert!(!String::from_utf8_lossy(&answer.reply().body).contains("directory"));
}

/// The policy hears what the publisher says.
#[tokio::test]
async fn the_policy_is_told() {
    let policy = super::policy::deciding(|request, _| {
        let vouched = request.statement.and_then(|claims| claims.get("software_id"));
        let ok = vouched.and_then(Value::as_str) == Some("4NRB1");
        Ok(if ok {
            oidc_op::RegistrationVerdict::Allow
        } else {
            oidc_op::RegistrationVerdict::Statement
        })
    });
    let op = setup().build_with(|builder| builder.publishers(Directory).registrations(policy));
    assert_eq!(op.refused(&web()).await, (400, "unapproved_software_statement".into()));
    let statement = es256(&stated(&json!({})));
    let client = op.register(&web_with(&json!({ "software_statement": statement }))).await;
    assert_eq!(client.put(&op, &json!({})).await.status(), 200, "and goes on to hear it");
}
