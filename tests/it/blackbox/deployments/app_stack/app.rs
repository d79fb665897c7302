//! The app: where its answers go, what its backend takes an ID token for, and its user's own profile.

use openidconnect::{ClaimsVerificationError, Nonce, core::CoreIdToken};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    ADMIN_TOOL, APP, CLAIMED, Deployment, Judge, OPERATOR, SITE, SITE_AT, Stack, is_error, manages,
    party, redeems, shared, somebody,
};
use crate::support::claims;

const PRIVATE_USE: &str = "example.app-stack.app:/cb";
const NONCE: &str = "n-0S6_WzA2Mj";

/// RFC 8252 §7: a loopback address at any port, a scheme of the app's own, an address that it has claimed.
#[tokio::test]
async fn answers_come_to_the_app() {
    let stack = shared().await;
    let op = &stack.people;
    let jon = somebody(op, "jon").await;
    let visitor = op.visitor();
    for at in [
        "http://127.0.0.1/cb",
        "http://127.0.0.1:49152/cb",
        "http://[::1]:61023/cb",
        PRIVATE_USE,
        CLAIMED,
    ] {
        let page = visitor.open(op.request(APP, at, &[])).await;
        let page = visitor.consent(page, jon).await;
        let location = page.location().unwrap();
        assert!(location.as_str().starts_with(&format!("{at}?")), "{at}: {location}");
        let (status, tokens) = redeems(op, APP, at, &page.code()).await;
        assert_eq!(status, 200, "{at}: {tokens}");
        assert_eq!(claims(tokens["id_token"].as_str().unwrap())["aud"], APP);
    }
    for at in [
        "http://localhost:49152/cb",
        "http://127.0.0.1:49152/else",
        "http://192.168.0.1:49152/cb",
        "http://127.0.0.1:49152@evil.example/cb",
        "https://app.app-stack.example:8443/cb",
        "https://app.app-stack.example/cb/",
        "http://app.app-stack.example/cb",
        "example.app-stack.app:/else",
        "example.app-stack.app2:/cb",
    ] {
        let page = visitor.open(op.request(APP, at, &[])).await;
        assert!(page.status == 400 && !page.is_answer(), "{at}: {page:?}");
    }
}

/// RFC 7636, RFC 8252 §6: others on the device may see the code, and have nothing of it.
#[tokio::test]
async fn a_code_is_the_apps_own() {
    let stack = shared().await;
    let op = &stack.people;
    let kay = somebody(op, "kay").await;
    let visitor = op.visitor();
    let bare = [("code_challenge", ""), ("code_challenge_method", "")];
    is_error(&visitor.open(op.request(APP, PRIVATE_USE, &bare)).await, "invalid_request");
    let at = "http://127.0.0.1:49152/cb";
    let page = visitor.open(op.request(APP, at, &[])).await;
    let page = visitor.consent(page, kay).await;
    let code = page.code();
    let pairs = [
        ("grant_type", "authorization_code"),
        ("client_id", APP),
        ("code", &code),
        ("redirect_uri", at),
        ("code_verifier", "another-verifier-of-at-least-43-characters-1"),
    ];
    let request = party::http().post(op.endpoint("token_endpoint")).form(&pairs);
    let (status, refused) = super::sent(request).await;
    assert_eq!((status, &refused["error"]), (400, &json!("invalid_grant")), "another verifier");
    // RFC 8252 §8.6: who is called so may be somebody else, so people are asked again
    let page = visitor.open(op.request(APP, at, &[])).await;
    assert!(page.asks_consent(), "{page:?}");
    let page = visitor.consent(page, kay).await;
    let (status, refused) = redeems(op, APP, "http://127.0.0.1:49153/cb", &page.code()).await;
    assert_eq!((status, &refused["error"]), (400, &json!("invalid_grant")), "another port");
}

/// An ID token of the console's namesake at the staff's issuer: same `aud`, same `nonce`, even the same `sub`.
async fn of_the_other_realm(stack: &Stack) -> String {
    let client = json!({
        "client_id": APP, "client_name": "The app", "application_type": "native",
        "token_endpoint_auth_method": "none", "redirect_uris": [CLAIMED],
    });
    let admins = &stack.admins;
    let (status, made) = manages(admins, ADMIN_TOOL, Method::POST, "/clients", Some(&client)).await;
    assert_eq!(status, 201, "{made}");
    let visitor = stack.visitor();
    let page = visitor.open(admins.request(APP, CLAIMED, &[])).await;
    let page = visitor.consent(page, ("erin", "another-password")).await;
    let (status, tokens) = redeems(admins, APP, CLAIMED, &page.code()).await;
    assert_eq!(status, 200, "{tokens}");
    tokens["id_token"].as_str().unwrap().to_owned()
}

/// The text with another letter at this place of one of its three parts.
fn spoiled(token: &str, part: usize, at: usize) -> String {
    let mut parts: Vec<_> = token.split('.').map(str::to_owned).collect();
    let other = if parts[part].as_bytes()[at] == b'A' { "B" } else { "A" };
    parts[part].replace_range(at..=at, other);
    parts.join(".")
}

/// OIDC Core §3.1.3.7: the app sends its ID token to its backend, which knows by `iss`, `sub`, `aud` and the
/// signature who has signed in, at which app, and who says so.
#[tokio::test]
async fn its_backend_checks_the_id_token() {
    use ClaimsVerificationError::{InvalidAudience, InvalidIssuer, SignatureVerification};

    let stack = shared().await;
    let op = &stack.people;
    let lea = somebody(op, "lea").await;
    let visitor = stack.visitor();
    let page = visitor.open(op.request(APP, CLAIMED, &[])).await;
    let page = visitor.consent(page, lea).await;
    let (_, tokens) = redeems(op, APP, CLAIMED, &page.code()).await;
    let right = tokens["id_token"].as_str().unwrap();
    let page = visitor.open(op.request(SITE.0, SITE_AT, &[])).await;
    let page = visitor.consent(page, lea).await;
    let sites = op.redeem(SITE, SITE_AT, &page).await;
    let sites = sites["id_token"].as_str().unwrap();
    let staffs = of_the_other_realm(&stack).await;

    let judge = Judge::of(op).await;
    let verifier = judge.verifier(APP);
    let nonce = Nonce::new(NONCE.to_owned());
    let token: CoreIdToken = right.parse().unwrap();
    let seen = token.claims(&verifier, &nonce).unwrap();
    let (_, person) = op.userinfo(tokens["access_token"].as_str().unwrap()).await;
    assert_eq!(person["sub"], seen.subject().as_str());
    assert_eq!((seen.issuer().as_str(), person["name"].as_str()), (op.issuer(), Some("lea")));

    let finding = |text: &str| {
        let token: CoreIdToken = text.parse().unwrap();
        token.claims(&verifier, &nonce).unwrap_err()
    };
    assert!(matches!(finding(&staffs), InvalidIssuer(_)), "{}", finding(&staffs));
    assert!(matches!(finding(sites), InvalidAudience(_)), "{}", finding(sites));
    for broken in [spoiled(right, 2, 20), swapped(right, sites)] {
        let found = finding(&broken);
        assert!(matches!(found, SignatureVerification(_)), "{found}");
    }
    // Whoever forgets to look at `iss` is saved by the keys, of which the two share none.
    let careless = judge.verifier(APP).require_issuer_match(false);
    let token: CoreIdToken = staffs.parse().unwrap();
    let found = token.claims(&careless, &nonce).unwrap_err();
    assert!(matches!(found, SignatureVerification(_)), "{found}");
    // and it is good where it comes from
    let own = Judge::of(&stack.admins).await;
    token.claims(&own.verifier(APP), &nonce).unwrap();
}

/// The claims of the one under the signature of the other one, which the same key has made.
fn swapped(one: &str, other: &str) -> String {
    let (claims, _) = one.rsplit_once('.').unwrap();
    let (_, signature) = other.rsplit_once('.').unwrap();
    format!("{claims}.{signature}")
}

/// An access token for the profile's API, with these scopes.
async fn for_the_profile(op: &Deployment, who: (&str, &str), scope: &str) -> Value {
    let resource = format!("{}/profile", op.issuer());
    let visitor = op.visitor();
    let more = [("scope", scope), ("resource", &resource)];
    let page = visitor.open(op.request(APP, PRIVATE_USE, &more)).await;
    let page = visitor.consent(page, who).await;
    let (status, tokens) = redeems(op, APP, PRIVATE_USE, &page.code()).await;
    assert_eq!(status, 200, "{tokens}");
    tokens
}

/// The app shows and changes the profile of whoever uses it, and other clients hear of it; nobody else's, and
/// nothing that shows who they are.
#[tokio::test]
async fn its_users_own_profile() {
    let stack = shared().await;
    let op = &stack.people;
    let (mia, ned) = (somebody(op, "mia").await, somebody(op, "ned").await);
    let url = format!("{}/profile", op.issuer());
    let asked = async |method, token: &str, body: Option<Value>| {
        op.with_token(method, &url, token, body.as_ref()).await
    };
    let both = "openid profile:read profile:write";
    let tokens = for_the_profile(op, mia, both).await;
    let token = tokens["access_token"].as_str().unwrap();
    let neds = for_the_profile(op, ned, both).await;
    let neds = neds["access_token"].as_str().unwrap();

    let (status, before) = asked(Method::GET, token, None).await;
    assert_eq!((status, &before["name"]), (200, &json!("mia")), "{before}");
    assert_eq!(before["sub"], claims(tokens["id_token"].as_str().unwrap())["sub"]);
    let change = json!({ "name": "Mia Moon", "zoneinfo": "Europe/Oslo" });
    let (status, after) = asked(Method::PATCH, token, Some(change)).await;
    assert_eq!((status, &after["name"]), (200, &json!("Mia Moon")), "{after}");
    assert_eq!(asked(Method::GET, token, None).await, (200, after));
    assert_eq!(asked(Method::GET, neds, None).await.1["name"], "ned");
    let visitor = op.visitor();
    let page = visitor.open(op.request(SITE.0, SITE_AT, &[])).await;
    let page = visitor.consent(page, mia).await;
    let site = op.redeem(SITE, SITE_AT, &page).await;
    let site = site["access_token"].as_str().unwrap();
    let (_, person) = op.userinfo(site).await;
    assert_eq!((&person["name"], &person["zoneinfo"]), (&json!("Mia Moon"), &json!("Europe/Oslo")));

    for denied in [
        json!({ "email": "m@elsewhere.example" }),
        json!({ "email_verified": true }),
        json!({ "phone_number": "+15550199" }),
        json!({ "sub": "erin-1f0c" }),
        json!({ "name": "M", "preferred_username": "ned" }),
    ] {
        let (status, said) = asked(Method::PATCH, token, Some(denied)).await;
        assert_eq!((status, &said["error"]), (403, &json!("access_denied")), "{said}");
    }
    assert_eq!(op.userinfo(site).await.1["name"], "Mia Moon", "nothing by halves");

    let reads = for_the_profile(op, mia, "openid profile:read").await;
    let reads = reads["access_token"].as_str().unwrap();
    assert_eq!(asked(Method::GET, reads, None).await.0, 200);
    let request = party::http().patch(&url).bearer_auth(reads).json(&json!({ "name": "M" }));
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 403);
    let challenge = answer.headers()["www-authenticate"].to_str().unwrap();
    for part in ["Bearer ", "error=\"insufficient_scope\"", "scope=\"profile:write\""] {
        assert!(challenge.contains(part), "{part}: {challenge}");
    }

    // what is not for it: the provider's own, and what no client of the web has
    assert_eq!(op.userinfo(token).await.0, 401, "a token for the profile alone");
    assert_eq!(asked(Method::GET, site, None).await.0, 401, "a token for the provider");
    let neds_sub = asked(Method::GET, neds, None).await.1["sub"].as_str().unwrap().to_owned();
    let (status, _) = op.with_token(Method::GET, &format!("{url}/{neds_sub}"), token, None).await;
    assert_eq!(status, 404, "nobody can be named");
    let more = [("scope", "openid email profile:write"), ("resource", &*url)];
    let page = visitor.open(op.request(SITE.0, SITE_AT, &more)).await;
    let page = visitor.consent(page, mia).await;
    let narrowed = op.redeem(SITE, SITE_AT, &page).await;
    assert!(!narrowed["scope"].to_string().contains("profile:"), "{narrowed}");
    let narrowed = narrowed["access_token"].as_str().unwrap();
    for method in [Method::GET, Method::PATCH] {
        let body = (method == Method::PATCH).then(|| json!({ "name": "M" }));
        let (status, said) = asked(method, narrowed, body).await;
        assert_eq!((status, &said["error"]), (403, &json!("insufficient_scope")), "{said}");
    }
    let pairs = [("grant_type", "client_credentials"), ("resource", &*url)];
    let (status, own) = op.post("token_endpoint", OPERATOR, &pairs).await;
    assert_eq!(status, 200, "{own}");
    let own = own["access_token"].as_str().unwrap();
    assert_eq!(asked(Method::GET, own, None).await.0, 403, "a client's own");
}
