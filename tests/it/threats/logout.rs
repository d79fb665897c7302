//! LO, UI: signing out at the wish of others.

use oidc_op::{LogoutVerdict, Reason};
use serde_json::json;

use crate::{
    logout::{OUT, going_on, id_token, is_protected, is_signed_out, setup, sid},
    support::{
        ALICE, Answer, Ask, BOB, Browser, Op, Sent, claims, client, form,
        keys::{self, b64, hs256, seal, sign},
        redirect_uri,
    },
};

async fn signed_in() -> (Op, Browser, String) {
    let op = setup().build();
    let mut browser = Browser::new(&op);
    let hint = id_token(&mut browser, "shop", ALICE).await;
    (op, browser, hint)
}

/// Without an ID token nothing ends, however the request comes and whatever it says.
#[tokio::test]
async fn lo_01_nobody_is_signed_out_unasked() {
    let (op, mut browser, _) = signed_in().await;
    let elsewhere = id_token(&mut Browser::new(&op), "shop", ALICE).await;
    let bobs = id_token(&mut Browser::new(&op), "shop", BOB).await;
    for request in [
        &[][..],
        &[("state", "x")],
        &[("client_id", "shop")],
        &[("client_id", "shop"), ("post_logout_redirect_uri", OUT)],
        &[("logout_hint", ALICE)],
        &[("id_token_hint", &*elsewhere), ("post_logout_redirect_uri", OUT)],
        &[("id_token_hint", &*bobs)],
        &[("op_again", "1")],
    ] {
        // an image, a link, a form: with whatever cookies the browser lets go along
        for (method, cookies) in [("GET", true), ("GET", false), ("POST", true), ("POST", false)] {
            let text = form(request);
            let (query, body) = if method == "GET" { (&*text, "") } else { ("", &*text) };
            let mut other = browser.clone();
            let site = [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")];
            let answer =
                other.send(method, "/end_session", query, &site, body, Some(cookies)).await;
            if cookies {
                answer.confirmation();
            }
            assert!(!is_signed_out(&mut browser).await, "{method} {cookies} {request:?}");
            assert_eq!(browser.cookies, other.cookies, "no cookie goes");
        }
    }
}

/// Only our own page says that a form comes again: elsewhere the browser has kept its cookies back, so that
/// nothing is known of who is signed in.
#[tokio::test]
async fn lo_01_others_cannot_say_that_it_comes_again() {
    let (op, mut browser, hint) = signed_in().await;
    op.recorder.take();
    let request =
        form(&[("id_token_hint", &hint), ("post_logout_redirect_uri", OUT), ("op_again", "1")]);
    let post = async |headers: &[(&str, &str)]| {
        browser.clone().send("POST", "/end_session", "", headers, &request, Some(false)).await
    };
    for headers in [
        &[("origin", "https://evil.example")][..],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")],
        &[("origin", "null"), ("sec-fetch-site", "cross-site")],
        &[("origin", "https://id.example"), ("sec-fetch-site", "cross-site")],
        &[("origin", "https://shop.example"), ("sec-fetch-site", "same-origin")],
    ] {
        let answer = post(headers).await;
        assert_eq!((answer.status(), answer.header("location")), (200, None), "{headers:?}");
        is_protected(&answer);
        let sent = Sent::of(&answer);
        assert_eq!(sent.to, "https://id.example/end_session", "{headers:?}");
        assert_eq!(sent.get("id_token_hint"), hint, "{headers:?}");
        assert_eq!(op.recorder.take(), [], "{headers:?}");
    }
    assert!(!is_signed_out(&mut browser.clone()).await);
    // what our page sends without a cookie is of somebody who has none
    let answer = post(&[("origin", "https://id.example"), ("sec-fetch-site", "same-origin")]).await;
    assert_eq!(answer.header("location"), Some(OUT));
    assert!(!is_signed_out(&mut browser).await);
}

/// The table of redirect URIs once more, with and without proof of who asks.
#[tokio::test]
async fn lo_02_no_open_redirect() {
    let (op, mut browser, hint) = signed_in().await;
    let evil = [
        "https://evil.example/",
        "https://shop.example/out?foo=bar",
        "https://shop.example/OUT",
        "https://SHOP.example/out",
        "https://shop.example/out/",
        "https://shop.example/out#x",
        "https://evil@shop.example/out",
        "https://shop.example@evil.example/out",
        "https://shop.example/out%00",
        "https://shop.example/out\r\nset-cookie: a=b",
        "http://shop.example/out",
        "//shop.example/out",
        "/out",
        "javascript:alert(1)",
        "https://shop.example/cb",
        "https://mute.example/out",
    ];
    for uri in evil {
        for (proof, reason) in [
            (&[("id_token_hint", &*hint)][..], Reason::PostLogoutUriMismatch),
            (&[("client_id", "shop")], Reason::PostLogoutUriMismatch),
            (&[("id_token_hint", &*hint), ("client_id", "shop")], Reason::PostLogoutUriMismatch),
            (&[], Reason::PostLogoutClientMissing),
            (&[("client_id", "nobody")], Reason::ClientUnknown),
        ] {
            let request = [proof, &[("post_logout_redirect_uri", uri), ("state", "x")]].concat();
            for mut browser in [browser.clone(), Browser::new(&op)] {
                let answer = browser.end_session(&request).await;
                answer.is_page_error(reason);
                is_protected(&answer);
                let html = answer.html();
                assert!(!html.contains("evil") && !html.contains("javascript:"), "{html}");
            }
        }
    }
    let twice = format!("post_logout_redirect_uri={OUT}&post_logout_redirect_uri={OUT}");
    let twice = format!("{}&{twice}", form(&[("id_token_hint", &hint)]));
    let answer = browser.send("GET", "/end_session", &twice, &[], "", None).await;
    answer.is_page_error(Reason::ParameterRepeated);
    assert!(!is_signed_out(&mut browser).await);
}

/// Each line is no ID token of this provider for this client: an error, and nothing ends.
#[tokio::test]
async fn lo_03_hints_that_are_none() {
    let (op, mut browser, hint) = signed_in().await;
    let parts: Vec<_> = hint.split('.').collect();
    let said = claims(&hint);
    let jwks = op.jwks().await;
    let keys = jwks["keys"].as_array().unwrap();
    let public = keys.iter().find(|key| key["alg"] == "RS256").unwrap();
    let mut of_bob = said.clone();
    of_bob["sub"] = BOB.into();
    let mut of_other = said.clone();
    of_other["iss"] = "https://other.example".into();
    let other = id_token(&mut browser.clone(), "mute", ALICE).await;
    let code = browser.ask(&Ask::of("shop", "code"), ALICE).await;
    let tokens = op.exchange(&Ask::of("shop", "code"), code.get("code")).await;
    let to = keys.iter().find(|key| key["alg"] == "ECDH-ES").unwrap();
    let sealed_junk = seal("junk", &json!({"cty": "JWT"}), to);
    let mac = json!({"alg": "HS256", "kid": public["kid"]});
    for (hint, what) in [
        (format!("{}.{}.{}", parts[0], parts[1], b64([7; 256])), "a wrong signature"),
        (keys::unsigned(&said), "none"),
        (format!("{}.{}.{}", b64(r#"{"alg":"none"}"#), parts[1], parts[2]), "none, signed"),
        (format!("{}.{}.", parts[0], parts[1]), "cut off"),
        (format!("{}.{}.{}", parts[0], b64(of_bob.to_string()), parts[2]), "tampered"),
        (keys::es256(&said), "signed by the client"),
        (keys::es256(&of_other), "of another issuer"),
        (sign(&mac, &said, &*hs256(public["n"].as_str().unwrap())), "the public key as secret"),
        (sign(&json!({"alg": "HS256"}), &said, &*hs256(keys::KEPT)), "a secret, not registered"),
        (tokens.member("access_token"), "an access token"),
        (sealed_junk, "encrypted junk"),
        ("x.y.z.a.b".into(), "five parts"),
        ("..".into(), "dots"),
        ("junk".into(), "junk"),
        (said.to_string(), "claims"),
        ("x".repeat(20_000), "long"),
        (format!("{}.{}.{}", parts[0], "A".repeat(18_000), parts[2]), "a long one"),
        (other.clone(), "another client's"),
    ] {
        for named in [true, false] {
            if what == "another client's" && !named {
                continue; // it is that client which sends the person
            }
            let mut request =
                vec![("id_token_hint", &*hint), ("post_logout_redirect_uri", OUT), ("state", "x")];
            request.extend(named.then_some(("client_id", "shop")));
            let answer = browser.end_session(&request).await;
            let reason = match what {
                "another client's" => Reason::LogoutClientDiffers,
                _ => Reason::LogoutHintInvalid,
            };
            let html = answer.html();
            assert!(html.contains(reason.code()), "{what} {named}: {html}");
            answer.is_page_error(reason);
            assert!(!is_signed_out(&mut browser).await, "{what}");
        }
    }
    // 1 MiB: not looked at
    let huge = form(&[("id_token_hint", &"x".repeat(1 << 20)), ("client_id", "shop")]);
    for (method, query, body) in [("GET", &*huge, ""), ("POST", "", &*huge)] {
        let answer = browser.send(method, "/end_session", query, &[], body, None).await;
        answer.is_page_error(Reason::BodyTooLarge);
    }
    // another client's ID token is its own proof, and no way to an address of this one
    let request = [("id_token_hint", &*other), ("post_logout_redirect_uri", OUT)];
    browser.end_session(&request).await.is_page_error(Reason::PostLogoutUriMismatch);
    assert!(!is_signed_out(&mut browser).await);
}

/// What ends with the session: single sign-on, codes, refresh tokens that are not for offline access.
#[tokio::test]
async fn lo_05_what_ends() {
    let mut setup = setup();
    for client in &mut setup.clients {
        client.refresh.online |= client.id.as_str() == "shop";
    }
    let op = setup.build();
    let mut browser = Browser::new(&op);
    let hint = id_token(&mut browser, "shop", ALICE).await;
    let ask = Ask::of("shop", "code");
    let refreshable = async |browser: &mut Browser, scope: &str| {
        let ask = ask.clone().with("scope", scope);
        let sent = browser.ask(&ask, ALICE).await;
        op.exchange(&ask, sent.get("code")).await.member("refresh_token")
    };
    let online = refreshable(&mut browser, "openid email").await;
    let offline = refreshable(&mut browser, "openid email offline_access").await;
    let code = browser.ask(&ask, ALICE).await.get("code").to_owned();
    let stale = browser.clone();
    browser.end_session(&[("id_token_hint", &hint)]).await.signed_out();

    assert!(is_signed_out(&mut browser).await);
    assert!(is_signed_out(&mut stale.clone()).await, "not the cookie alone is gone");
    assert_eq!(browser.accounts().await, [""; 0], "no remembered login");
    assert_eq!(op.exchange(&ask, &code).await.error(), "invalid_grant");
    assert_eq!(op.refresh("shop", &online).await.error(), "invalid_grant");
    assert_eq!(op.refresh("shop", &offline).await.status(), 200, "it works while they are away");
}

/// Hostile addresses of frames, many of them, and who may be loaded.
#[tokio::test]
async fn lo_08_frames() {
    let hostile = "https://hostile.example/bye?a=\"'><script>alert(1)</script>&amp;x";
    let mut setup = setup();
    let members = json!({
        "frontchannel_logout_uri": hostile, "frontchannel_logout_session_required": true
    });
    setup.clients.push(client("hostile", false, &[&redirect_uri("hostile")], &members));
    let op = setup.build();
    let mut browser = Browser::new(&op);
    let hint = id_token(&mut browser, "shop", ALICE).await;
    browser.ask(&Ask::of("hostile", "code"), ALICE).await;
    let answer = browser.end_session(&[("id_token_hint", &hint)]).await;
    let signed_out = answer.signed_out();
    assert!(signed_out.frames[1].starts_with(&format!("{hostile}&iss=")), "as it was registered");
    assert!(signed_out.frames[0].ends_with(&format!("&sid={}", sid(&hint))));
    let mut other = Browser::new(&op);
    let hint = id_token(&mut other, "shop", ALICE).await;
    other.ask(&Ask::of("hostile", "code"), ALICE).await;
    let request = [("id_token_hint", &*hint), ("post_logout_redirect_uri", OUT)];
    for answer in [Answer::Reply(signed_out.reply()), other.end_session(&request).await] {
        is_protected(&answer);
        let html = answer.html();
        assert!(!html.contains("<script>alert") && !html.contains("\"'>"), "{html}");
        let shut_in = "<iframe hidden sandbox=\"allow-scripts allow-same-origin allow-forms\" ";
        assert_eq!((html.matches("<iframe ").count(), html.matches(shut_in).count()), (2, 2));
        let (_, frames) = going_on(&answer);
        let last = frames[1].rsplit_once("&sid=").unwrap().0;
        assert!(last.ends_with("iss=https%3A%2F%2Fid.example"), "{frames:?}");
        let policy = answer.header("content-security-policy").unwrap();
        let sources = "frame-src https://shop.example https://hostile.example;";
        assert!(policy.contains(sources), "{policy}");
    }
    for uri in ["javascript:alert(1)", "http://shop.example/bye", "https://other.example/bye"] {
        let metadata = json!({
            "redirect_uris": [redirect_uri("shop")], "frontchannel_logout_uri": uri
        });
        let metadata: oidc_op::ClientMetadata = serde_json::from_value(metadata).unwrap();
        assert!(metadata.check().is_err(), "{uri}");
    }
}

/// Every page of a sign-out.
#[tokio::test]
async fn ui_01_pages_of_a_sign_out() {
    let (op, mut browser, hint) = signed_in().await;
    let mut pages = Vec::new();
    let body = form(&[("id_token_hint", &*hint)]);
    pages.push(browser.send("POST", "/end_session", "", &[], &body, Some(false)).await);
    pages.push(browser.end_session(&[("client_id", "nobody")]).await);
    let token = browser.end_session(&[]).await.confirmation().token.clone();
    let stayed = browser.confirm(&token, LogoutVerdict::Stay).await;
    pages.push(Answer::Reply(stayed.signed_out().reply()));
    let request = [("id_token_hint", &*hint), ("post_logout_redirect_uri", OUT)];
    pages.push(browser.end_session(&request).await);
    let nobody = Browser::new(&op).end_session(&[]).await;
    pages.push(Answer::Reply(nobody.signed_out().reply()));
    pages.iter().for_each(is_protected);
}

/// The form of the question, as other sites and other browsers might send it.
#[tokio::test]
async fn ui_02_forged_answers() {
    let (op, mut browser, _) = signed_in().await;
    let token = browser.end_session(&[]).await.confirmation().token.clone();
    let mut attacker = Browser::new(&op);
    attacker.sign_in(BOB).await;
    let theirs = attacker.end_session(&[]).await.confirmation().token.clone();
    let ours = [("origin", "https://id.example")];
    for verdict in [LogoutVerdict::SignOut, LogoutVerdict::SignOutAll] {
        for headers in [
            &[("origin", "https://evil.example")][..],
            &[("origin", "https://id.example:8443")],
            &[("origin", "null"), ("sec-fetch-site", "cross-site")],
            &[("origin", "null"), ("sec-fetch-site", "same-site")],
        ] {
            let answer = browser.confirm_with("POST", &token, verdict, headers).await;
            answer.is_page_error(Reason::CrossOrigin);
        }
        let answer = browser.confirm_with("GET", &token, verdict, &[]).await;
        answer.is_page_error(Reason::MethodNotAllowed);
        // the attacker's own question, in the victim's browser
        let answer = browser.confirm_with("POST", &theirs, verdict, &ours).await;
        answer.is_page_error(Reason::LogoutElsewhere);
        let answer = attacker.confirm_with("POST", &token, verdict, &ours).await;
        answer.is_page_error(Reason::LogoutElsewhere);
    }
    assert_eq!(browser.who().await.as_deref(), Some(ALICE));
    assert_eq!(attacker.who().await.as_deref(), Some(BOB));
}
