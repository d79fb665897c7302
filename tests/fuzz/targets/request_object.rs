//! F-12: what a request object leaves of a request. The provider's own merge is compared with one
//! that is written here, from OIDC Core §6.1 and RFC 9101 §5.
//!
//! An input is a byte for the client, one for the way, a line of parameters to send beside the
//! object, and the object.

#![no_main]

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use libfuzzer_sys::fuzz_target;
use oidc_op::{
    AuthorizeError, Outcome, Reason, Request, RequestObjectMode,
    fuzzing::{Form, kept_request},
    store::contract::block_on,
};
use oidc_op_fuzz::{
    answer,
    op::{CHALLENGE, ISSUER, NOW, RECOGNISED, SECRET, provider, registered},
};
use ring::hmac;
use serde_json::{Map, Value, json};
use url::form_urlencoded;

type Pairs = Vec<(String, String)>;
type Object = Map<String, Value>;

const CLIENTS: [&str; 4] = ["mac", "plain", "any", "strict"];
const IN: &str = "https://object.example/in";
const OUT: &str = "https://object.example/out";

/// The bits of the second byte.
struct Way {
    /// Whether the request is good without an object.
    complete: bool,
    /// Whether the line is a part of the request.
    line: bool,
    mode: RequestObjectMode,
    object: Made,
}

enum Made {
    /// The bytes are the parameter.
    Raw,
    Unsigned,
    Signed,
    /// The bytes are members to change in an object that is good.
    Changed,
}

impl Way {
    fn of(byte: u8) -> Self {
        let jar = byte & 4 != 0;
        Self {
            complete: byte & 1 != 0,
            line: byte & 2 != 0,
            mode: if jar { RequestObjectMode::Jar } else { RequestObjectMode::Oidc },
            object: match (byte >> 3) & 3 {
                0 => Made::Raw,
                1 => Made::Unsigned,
                2 => Made::Signed,
                _ => Made::Changed,
            },
        }
    }
}

fn token(header: &Value, payload: &[u8]) -> String {
    let input = format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(payload));
    let signature = match header["alg"].as_str() {
        Some("HS256") => {
            let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
            BASE64.encode(hmac::sign(&key, input.as_bytes()))
        }
        _ => String::new(),
    };
    format!("{input}.{signature}")
}

fn good(client: &str) -> Object {
    let object = json!({
        "iss": client, "aud": ISSUER, "client_id": client, "exp": NOW + 60,
        "response_type": "code", "redirect_uri": IN, "scope": "openid", "state": "inside",
    });
    let Value::Object(object) = object else { unreachable!() };
    object
}

/// The `request` parameter, and the object in it if it was made of one.
fn made(client: &str, how: &Made, bytes: &[u8]) -> Option<(String, Option<Object>)> {
    let unsigned = json!({ "alg": "none" });
    let signed = json!({ "alg": "HS256", "typ": "oauth-authz-req+jwt" });
    let parsed = || serde_json::from_slice::<Object>(bytes).ok();
    Some(match how {
        Made::Raw => {
            let text = String::from_utf8_lossy(bytes).into_owned();
            let payload = text.split('.').nth(1).and_then(|part| BASE64.decode(part).ok());
            let object = payload.and_then(|payload| serde_json::from_slice(&payload).ok());
            (text, object)
        }
        Made::Unsigned => (token(&unsigned, bytes), parsed()),
        Made::Signed => (token(&signed, bytes), parsed()),
        Made::Changed => {
            let mut object = good(client);
            for (name, value) in parsed()? {
                // A good object can only lose a member by being told to.
                if value == "-" {
                    drop(object.remove(&name))
                } else {
                    drop(object.insert(name, value))
                }
            }
            let header = if client == "plain" { unsigned } else { signed };
            (token(&header, Value::Object(object.clone()).to_string().as_bytes()), Some(object))
        }
    })
}

/// The parameters that a member of an object stands for; none if it cannot be one.
fn parameters(name: &str, value: &Value) -> Option<Vec<String>> {
    Some(match value {
        Value::String(text) => vec![text.clone()],
        Value::Number(number) => vec![number.to_string()],
        Value::Object(_) if name == "claims" || name == "registration" => vec![value.to_string()],
        Value::Array(items) if name == "resource" => {
            items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<_>>()?
        }
        _ => return None,
    })
}

fn grouped(pairs: &[(String, String)]) -> BTreeMap<&str, Vec<&str>> {
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in pairs {
        groups.entry(name).or_default().push(value);
    }
    groups
}

fn read(text: &str) -> Pairs {
    form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

/// What must remain; none if the object cannot be a request.
fn merged(outer: &[(String, String)], object: &Object, mode: RequestObjectMode) -> Option<Pairs> {
    let outside = |name: &str| mode == RequestObjectMode::Oidc && !object.contains_key(name);
    let known = |name: &str| RECOGNISED.contains(&name);
    let mut pairs: Pairs =
        outer.iter().filter(|(name, _)| known(name) && outside(name)).cloned().collect();
    for (name, value) in object.iter().filter(|(name, _)| known(name)) {
        pairs.extend(parameters(name, value)?.into_iter().map(|value| (name.clone(), value)));
    }
    Some(pairs)
}

/// RFC 9101 §4, §10.8: whether the object is this client's, for this provider, for now, and no
/// other kind of JWT.
fn is_acceptable(object: &Object, client: &str, mode: RequestObjectMode) -> bool {
    let is = |name: &str, text: &str| object.get(name).is_none_or(|value| value == text);
    let audience = match object.get("aud") {
        None => true,
        Some(Value::Array(all)) => all.is_empty() || all.iter().any(|one| one == ISSUER),
        Some(one) => one == ISSUER,
    };
    let time = |name: &str| object.get(name).map(|value| value.as_i64().unwrap_or(-1));
    is("iss", client)
        && is("client_id", client)
        && (mode == RequestObjectMode::Oidc || object.contains_key("client_id"))
        && audience
        && object.get("sub").is_none_or(|sub| sub != client)
        && !object.contains_key("request")
        && !object.contains_key("request_uri")
        && time("exp").is_none_or(|exp| exp > NOW)
        && time("nbf").is_none_or(|nbf| (0..=NOW + 30).contains(&nbf))
        && time("iat").is_none_or(|iat| (0..=NOW + 30).contains(&iat))
}

/// The merge alone, of whatever is JSON.
fn merge(outer: &[(String, String)], object: &Object) {
    let Some(inner) = Form::of_object(object, &RECOGNISED) else { return };
    let encoded = form_urlencoded::Serializer::new(String::new()).extend_pairs(outer).finish();
    let together = Form::parse(&[encoded.as_bytes()]).overridden_by(inner);
    let kept = read(&together.keep(&RECOGNISED));
    if outer.len() <= 100 {
        let expected = merged(outer, object, RequestObjectMode::Oidc).expect("it was one");
        assert_eq!(grouped(&kept), grouped(&expected));
    }
    assert!(together.keep(&["request", "request_uri"]).is_empty());
}

fuzz_target!(|data: &[u8]| {
    let [client, way, rest @ ..] = data else { return };
    let client = CLIENTS[usize::from(*client) % CLIENTS.len()];
    let way = Way::of(*way);
    let at = rest.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let (line, bytes) = (&rest[..at], rest.get(at + 1..).unwrap_or_default());
    let Some((text, object)) = made(client, &way.object, bytes) else { return };

    let mut outer: Pairs = Vec::new();
    let mut push = |name: &str, value: &str| outer.push((name.to_owned(), value.to_owned()));
    push("client_id", client);
    if way.complete {
        push("response_type", "code");
        push("redirect_uri", OUT);
        push("scope", "openid read");
        push("state", "outside");
        push("code_challenge", CHALLENGE);
        push("code_challenge_method", "S256");
    }
    if way.line {
        outer.extend(form_urlencoded::parse(line).into_owned());
    }
    if let Some(object) = &object {
        merge(&outer, object);
    }

    // The provider keeps a request that comes by POST without a cookie: so one can see what it read.
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(&outer).append_pair("request", &text);
    let form = form.finish();
    let headers: [(&str, &[u8]); 1] = [("content-type", b"application/x-www-form-urlencoded")];
    let request = Request::new("POST", "/authorize").headers(&headers).body(form.as_bytes());
    let provider = provider(way.mode, true);
    let answer = block_on(provider.authorize(request));

    let mode = if client == "strict" { RequestObjectMode::Jar } else { way.mode };
    let outside = grouped(&outer);
    // Without any object, the parameters stand for themselves.
    let absent = text.is_empty() && !outside.contains_key("request");
    match answer {
        Ok(Outcome::Reply(reply)) => {
            let location = reply.header("location").expect("a request that is kept");
            let token = location.strip_prefix("https://id.example/authorize?op_continue=");
            let kept = kept_request(&provider, token.expect("back to the provider")).unwrap();
            let kept = read(&kept);
            let groups = grouped(&kept);
            assert_eq!(groups.get("client_id"), Some(&vec![client]), "{kept:?}");
            for (name, values) in &groups {
                assert!(RECOGNISED.contains(name), "{name}");
                assert!(values.len() == 1 || *name == "resource", "{name}: {values:?}");
            }
            // An object, whether raw or made, was there to be believed, or none was needed.
            assert!(!outside.contains_key("request_uri") || outside["request_uri"] == [""]);
            if absent {
                assert_ne!(client, "strict", "it must send an object");
                let expected = merged(&outer, &Object::new(), RequestObjectMode::Oidc).unwrap();
                assert_eq!(groups, grouped(&expected));
                return;
            }
            assert!(!outside.contains_key("request"), "two objects");
            let signed = matches!(way.object, Made::Signed | Made::Changed);
            assert!(signed || client == "plain", "an object without a signature: {text}");
            let object = object.expect("what was accepted is an object");
            assert!(is_acceptable(&object, client, mode), "{object:?}");
            let expected = merged(&outer, &object, mode).expect("only parameters");
            assert_eq!(groups, grouped(&expected));
        }
        Err(AuthorizeError::Page(error)) => {
            let reply = error.reply();
            answer::is_well_formed(&reply);
            assert!((400..500).contains(&reply.status), "{error:?}");
            assert_eq!(reply.header("location"), None);
        }
        Err(AuthorizeError::Redirect(error)) => {
            let sent = answer::sent(&error.reply(), &registered(client), ISSUER).unwrap();
            assert!(sent.one("code").is_none() && sent.one("error").is_some());
            use Reason::{
                ParameterRepeated, RequestObjectClaims, RequestObjectInvalid, RequestObjectMissing,
                RequestObjectTwice, RequestUriUnsupported,
            };
            let unresolved = matches!(
                error.reason(),
                RequestObjectClaims
                    | RequestObjectInvalid
                    | RequestObjectMissing
                    | RequestObjectTwice
                    | RequestUriUnsupported
            );
            if unresolved || absent {
                // The object has no word: the parameters beside it show the way.
                assert_eq!(outside.get("redirect_uri"), Some(&vec![&*sent.to]));
            } else if error.reason() != ParameterRepeated {
                let expected = merged(&outer, &object.expect("it was read"), mode).unwrap();
                let inside = grouped(&expected);
                assert_eq!(inside.get("redirect_uri"), Some(&vec![&*sent.to]));
                let state = inside.get("state").map(|values| values[0]);
                assert_eq!(sent.one("state"), state.filter(|state| !state.is_empty()));
            }
        }
        other => panic!("{other:?}"),
    }
});
