//! Less than was granted, for once: scopes ([RFC 6749 §6]) and resources ([RFC 8707 §2.2]); and what the
//! ID token says ([OIDC Core §12.2]).
//!
//! [RFC 6749 §6]: https://www.rfc-editor.org/rfc/rfc6749#section-6
//! [RFC 8707 §2.2]: https://www.rfc-editor.org/rfc/rfc8707#section-2.2
//! [OIDC Core §12.2]: https://openid.net/specs/openid-connect-core-1_0.html#RefreshTokenResponse

use serde_json::{Value, json};

use crate::support::{ALICE, Ask, Browser, Op, Tokens, claims};

const A: &str = "https://a.example/";
const B: &str = "https://b.example/";

/// Narrow, then wide again: the grant stays as it was, with rotation and without.
#[tokio::test]
async fn narrowing_does_not_shrink_the_grant() {
    for client in ["refresh", "public-refresh", "fixed"] {
        let op = Op::new();
        let first = op.tokens_for(client, ALICE, "openid profile email offline_access", &[]).await;
        let mut token = first.refresh;
        let all = Some("email offline_access openid profile");
        for (asked, given, email, with_id_token) in [
            ("openid", Some("openid"), false, true),
            ("openid email", Some("email openid"), true, true),
            ("email", Some("email"), false, false),
            ("", all, true, true),
            ("email openid openid", Some("email openid"), true, true),
            ("profile email openid offline_access", all, true, true),
        ] {
            let scope: &[_] = if asked.is_empty() { &[] } else { &[("scope", asked)] };
            let answer = op.refresh_with(client, &token, scope).await;
            assert_eq!(answer.status(), 200, "{asked}: {}", answer.json());
            assert_eq!(sorted(&answer.json()["scope"]).as_deref(), given, "{asked}");
            let next = Tokens::of(client, &answer);
            assert_eq!(!next.id.is_empty(), with_id_token, "OIDC Core §3.1.2.1: {asked}");
            let userinfo = op.userinfo(&next.access).await;
            if with_id_token {
                assert_eq!(userinfo.json().get("email").is_some(), email, "{asked}");
            } else {
                assert_eq!(userinfo.error(), "insufficient_scope", "{asked}");
            }
            token = next.refresh;
        }
    }
}

/// The same with resources: one, the other, both again; and the issuer, where UserInfo is.
#[tokio::test]
async fn resources_narrow_and_widen() {
    for client in ["refresh", "public-refresh", "fixed"] {
        let op = Op::new();
        let scope = "openid email offline_access";
        let first = op.tokens_for(client, ALICE, scope, &[A, B]).await;
        assert_eq!(audience(&op, &first.access).await, json!([A, B]), "as granted");
        let mut token = first.refresh;
        for (asked, aud) in [
            (&[A][..], json!(A)),
            (&[B][..], json!(B)),
            (&[][..], json!([A, B])),
            (&[B, A][..], json!([B, A])),
            (&["https://id.example"][..], json!("https://id.example")),
            (&[][..], json!([A, B])),
        ] {
            let resources: Vec<_> = asked.iter().map(|name| ("resource", *name)).collect();
            let answer = op.refresh_with(client, &token, &resources).await;
            assert_eq!(answer.status(), 200, "{asked:?}: {}", answer.json());
            let next = Tokens::of(client, &answer);
            let found = audience(&op, &next.access).await;
            assert_eq!(names(&found), names(&aud), "{asked:?}");
            let opens = if names(&aud) == ["https://id.example"] { 200 } else { 401 };
            assert_eq!(op.userinfo(&next.access).await.status(), opens, "{asked:?}");
            token = next.refresh;
        }
    }
}

/// A repetition is a request of its own: the same successor, with an access token for what it asks.
#[tokio::test]
async fn a_repetition_may_ask_for_something_else() {
    let op = Op::new();
    let first = op.tokens("refresh", ALICE).await;
    let narrow = op.refresh_with("refresh", &first.refresh, &[("scope", "openid")]).await;
    let wide = op.refresh("refresh", &first.refresh).await;
    assert_eq!(narrow.member("refresh_token"), wide.member("refresh_token"));
    assert_eq!(narrow.json()["scope"], "openid");
    assert_eq!(sorted(&wide.json()["scope"]).as_deref(), Some("email offline_access openid"));
}

/// OIDC Core §12.2: the authentication that the grant stands on, not the one since; and no `nonce`, at
/// no generation, repeated or not.
#[tokio::test]
async fn the_id_token_tells_of_the_first_authentication() {
    for client in ["refresh", "public-refresh", "fixed"] {
        let op = Op::new();
        let ask = Ask::of(client, "code").with("scope", "openid offline_access");
        let mut browser = Browser::new(&op);
        let sent = browser.ask(&ask, ALICE).await;
        let first = Tokens::of(client, &op.exchange(&ask, sent.get("code")).await);
        let before = claims(&first.id);
        assert_eq!(before["nonce"], "n-0S6_WzA2Mj");
        op.wait(500);
        let again = ask.clone().with("prompt", "login");
        browser.ask(&again, ALICE).await;
        let mut tokens = first.clone();
        for _ in 0..3 {
            op.wait(100);
            let issued = tokens.refreshed(&op).await;
            let mut heard = vec![issued.clone()];
            if client == "refresh" {
                heard.push(tokens.refreshed(&op).await);
            }
            for after in heard {
                let after = claims(&after.id);
                for same in ["iss", "sub", "aud", "auth_time", "azp", "sid", "acr", "amr"] {
                    assert_eq!(before.get(same), after.get(same), "{client}: {same}");
                }
                assert!(after.get("nonce").is_none(), "{client}");
                let now = oidc_op::Clock::now(&op.clock).unix();
                assert_eq!(after["iat"], now, "{client}");
                assert_eq!(after["exp"], now + 600, "{client}");
            }
            tokens = issued;
        }
    }
}

/// What the host says of the person now, not what it said then.
#[tokio::test]
async fn claims_are_those_of_today() {
    let op = Op::new();
    let first = op.tokens("refresh", ALICE).await;
    let account = |email: &str| {
        let Value::Object(claims) = json!({"email": email}) else { unreachable!() };
        oidc_op::Account::active().claims(claims)
    };
    op.host.set(ALICE, account("new@example.org"));
    let next = first.refreshed(&op).await;
    assert_eq!(op.userinfo(&next.access).await.json()["email"], "new@example.org");
}

async fn audience(op: &Op, access: &str) -> Value {
    let token = op.provider.inspect(access).await.unwrap().expect("a good token");
    token["aud"].clone()
}

fn names(aud: &Value) -> Vec<&str> {
    let mut names: Vec<_> = match aud {
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        name => name.as_str().into_iter().collect(),
    };
    names.sort_unstable();
    names
}

fn sorted(scope: &Value) -> Option<String> {
    let mut words: Vec<_> = scope.as_str()?.split(' ').collect();
    words.sort_unstable();
    Some(words.join(" "))
}
