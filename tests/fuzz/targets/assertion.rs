//! F-11; threats CA-09, CA-11, GX-05: assertions, of clients about themselves and of an issuer about a person (RFC 7521, RFC 7523).
//! One that is correctly signed is believed exactly if header and claims, read here once more, are
//! right; once; and not if its text was changed after that.
//!
//! An input is a byte for who signs what, one for the way, and two lines of JSON: members to change in the
//! header and in the claims, `"-"` to take one out. By the way's bits the second line is the payload as it
//! is, or edits of the text.

#![no_main]

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use libfuzzer_sys::fuzz_target;
use oidc_op::{Signer, SigningAlgorithm, Subject, Timestamp};
use oidc_op_fuzz::{
    back::{ASSERTION, BEARER, FOREIGN, PARTNER, World, error, good_claims, input, secret, signed},
    edit::edited,
    op::{ISSUER, NOW},
};
use ring::hmac;
use serde_json::{Map, Value, json};

type Object = Map<String, Value>;

/// Who signs, and with what: a secret, or one of the keys.
struct Maker {
    client: &'static str,
    key: Option<SigningAlgorithm>,
    grant: bool,
}

const MAKERS: [Maker; 5] = [
    Maker { client: "mac", key: None, grant: false },
    Maker { client: "keyed", key: Some(SigningAlgorithm::ES256), grant: false },
    Maker { client: "keyed", key: Some(SigningAlgorithm::EdDSA), grant: false },
    Maker { client: "partner", key: Some(SigningAlgorithm::ES256), grant: true },
    Maker { client: "partner", key: Some(SigningAlgorithm::EdDSA), grant: true },
];

impl Maker {
    fn algorithm(&self) -> &'static str {
        self.key.map_or("HS256", |key| key.as_str())
    }

    fn sign(&self, header: &[u8], payload: &[u8]) -> String {
        let input = input(header, payload);
        match self.key {
            Some(algorithm) => signed(algorithm, &input),
            None => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, secret(self.client).as_bytes());
                format!("{input}.{}", BASE64.encode(hmac::sign(&key, input.as_bytes())))
            }
        }
    }

    fn kid(&self) -> Option<String> {
        let key = FOREIGN.active(self.key?, Timestamp::from_unix(NOW)).unwrap();
        Some(key.kid.to_string())
    }

    /// RFC 7515 §4.1, RFC 8725 §3.11: the right algorithm and key, nothing that must be understood and is
    /// not, and no other kind of JWT.
    fn is_header(&self, header: &Object) -> bool {
        let text = |name: &str| header.get(name).map(Value::as_str);
        let kind = |typ: &str| {
            let typ = typ.to_ascii_lowercase();
            let whole: &[&str] = if self.grant {
                &["jwt"]
            } else {
                &[
                    "jwt",
                    "application/jwt",
                    "client-authentication+jwt",
                    "application/client-authentication+jwt",
                ]
            };
            whole.contains(&&*typ)
        };
        text("alg") == Some(Some(self.algorithm()))
            && !header.contains_key("crit")
            && !header.contains_key("b64")
            && text("cty").is_none_or(|cty| cty.is_some())
            && text("typ").is_none_or(|typ| typ.is_some_and(kind))
            && text("kid").is_none_or(|kid| {
                kid.is_some_and(|kid| self.key.is_none() || Some(kid) == self.kid().as_deref())
            })
    }

    /// RFC 7523 §3.
    fn is_right(&self, claims: &Object) -> bool {
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        let whole = |value: &Value| value.to_string().parse::<i64>().ok();
        let time = |name: &str| {
            claims
                .get(name)
                .map(|value| whole(value).filter(|seconds| (0..=253_402_300_799).contains(seconds)))
        };
        // Absent is fine, mistyped is not.
        let past = |name: &str| {
            time(name).is_none_or(|time| time.is_some_and(|seconds| seconds <= NOW + 30))
        };
        let Some(Some(expires)) = time("exp") else { return false };
        let timely = expires > NOW
            && expires <= NOW + 3600 + 30
            && past("iat")
            && past("nbf")
            && time("iat").flatten().is_none_or(|issued| issued <= expires);
        let Some(aud) = claims.get("aud") else { return false };
        let jti = text("jti").is_some_and(|jti| !jti.is_empty());
        let whose = if self.grant {
            let token = format!("{ISSUER}/token");
            let one = aud
                .as_array()
                .map_or(Some(aud), |all| if all.len() == 1 { all.first() } else { None });
            text("iss") == Some(PARTNER)
                && text("sub").is_some_and(|sub| Subject::new(sub).is_ok())
                && one.is_some_and(|one| *one == ISSUER || *one == *token)
                && claims.get("jti").is_none_or(Value::is_string)
        } else {
            text("iss") == Some(self.client)
                && text("sub") == Some(self.client)
                && *aud == ISSUER
                && jti
        };
        timely && whose
    }

    /// Presents it; whether it was believed.
    fn present(&self, world: &World, path: &str, text: &str, with_id: bool) -> bool {
        if self.grant {
            let body = [("grant_type", BEARER), ("assertion", text), ("scope", "openid")];
            let reply = world.post("/token", Some(self.client), &body);
            if reply.status != 200 {
                assert!(["invalid_grant", "invalid_request"].contains(&&*error(&reply)));
            }
            return reply.status == 200;
        }
        let mut body = vec![
            ("client_assertion_type", ASSERTION),
            ("client_assertion", text),
            ("grant_type", "client_credentials"),
            ("token", "none"),
        ];
        if with_id {
            body.push(("client_id", self.client));
        }
        let reply = world.post(path, None, &body);
        if reply.status != 200 {
            assert_eq!(error(&reply), "invalid_client");
        }
        reply.status == 200
    }
}

fn changed(object: &mut Object, changes: Object) {
    for (name, value) in changes {
        if value == "-" {
            object.remove(&name);
        } else {
            object.insert(name, value);
        }
    }
}

/// How deep it nests.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(all) => 1 + all.iter().map(depth).max().unwrap_or(0),
        Value::Object(all) => 1 + all.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

fuzz_target!(|data: &[u8]| {
    let [which, way, rest @ ..] = data else { return };
    let maker = &MAKERS[usize::from(*which) % MAKERS.len()];
    let at = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    let (line, bytes) = (&rest[..at], rest.get(at + 1..).unwrap_or_default());
    let with_id = way & 1 != 0;
    let (raw, edits) = (way & 2 != 0, way & 4 != 0);
    let path = ["/token", "/introspect", "/revoke", "/token"][usize::from(way >> 3 & 3)];

    let Value::Object(mut header) = json!({ "alg": maker.algorithm() }) else { unreachable!() };
    changed(&mut header, serde_json::from_slice(line).unwrap_or_default());
    let (iss, sub) = match maker.client {
        "partner" => (PARTNER, "alice"),
        client => (client, client),
    };
    let Value::Object(mut claims) = good_claims(iss, sub) else { unreachable!() };
    let payload = if raw {
        claims = serde_json::from_slice(bytes).unwrap_or_default();
        bytes.to_vec()
    } else {
        if !edits {
            changed(&mut claims, serde_json::from_slice(bytes).unwrap_or_default());
        }
        Value::Object(claims.clone()).to_string().into_bytes()
    };
    let header_text = Value::Object(header.clone()).to_string();
    let text = maker.sign(header_text.as_bytes(), &payload);

    let world = World::new();
    if edits && !raw {
        let other = edited(&text, bytes);
        if other != text {
            assert!(!maker.present(&world, path, &other, with_id), "{other}");
        }
    }
    // Whoever signs may say so: nothing else is known of the client without its name.
    let right = maker.is_header(&header) && maker.is_right(&claims);
    let believed = maker.present(&world, path, &text, with_id);
    assert!(right || !believed, "{header_text} {}", String::from_utf8_lossy(&payload));
    let deep = depth(&Value::Object(header)).max(depth(&Value::Object(claims))) > 16;
    // Raw JSON may repeat a member, which the reader here does not see.
    assert!(
        believed || !right || raw || deep || text.len() > 16 * 1024,
        "{header_text} {}",
        String::from_utf8_lossy(&payload)
    );
    assert!(!believed || !maker.present(&world, path, &text, with_id), "twice");
    assert!(!believed || !maker.present(&world, "/token", &text, !with_id), "elsewhere");
});
