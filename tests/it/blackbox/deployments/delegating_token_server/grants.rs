//! What each client may ask for, and what nobody may.

use std::fs;

use super::{CLASSIC, CLASSIC_AT, EVERYTHING, FILE, GRACE, SCRIPT, SCRIPT_AT, is_error, shared};
use crate::blackbox::{
    deployments::{files, sent},
    party,
    server::refuse,
};

/// OIDC Core §3.1.2.6, RFC 6749 §4.1.2.1: what a client has not registered is `unauthorized_client`, what the
/// service has not got `unsupported_response_type`; both before anybody is sent to sign in.
#[tokio::test]
async fn response_types() {
    let all = shared().await;
    let visitor = all.visitor();
    for (client, redirect_uri) in [(CLASSIC.0, CLASSIC_AT), (SCRIPT, SCRIPT_AT)] {
        for (response_type, whose) in [
            ("code", CLASSIC.0),
            ("id_token", SCRIPT),
            ("id_token token", SCRIPT),
            ("token", SCRIPT),
            ("code id_token", "nobody's"),
            ("code token", "nobody's"),
            ("code id_token token", "nobody's"),
            ("none", "nobody's"),
        ] {
            let more = [("response_type", response_type)];
            let page = visitor.open(all.op.request(client, redirect_uri, &more)).await;
            if whose == client {
                all.at_the_upstream(&page);
            } else if whose == "nobody's" {
                is_error(&page, "unsupported_response_type");
            } else {
                is_error(&page, "unauthorized_client");
            }
        }
    }
}

/// RFC 6749 §5.2: the same at the token endpoint.
#[tokio::test]
async fn grant_types() {
    let all = shared().await;
    let visitor = all.visitor();
    let request = all.op.request(CLASSIC.0, CLASSIC_AT, &[("scope", EVERYTHING)]);
    let page = all.sign_in(&visitor, &request, GRACE).await;
    let code = visitor.submit(&page, "submit", &[]).await.code();
    let redeems = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", CLASSIC_AT),
        ("code_verifier", party::VERIFIER),
    ];
    let itself = [("grant_type", "client_credentials")];
    let refreshes = [("grant_type", "refresh_token"), ("refresh_token", "of-somebodys-own")];
    let script = async |pairs: &[(&str, &str)]| {
        let all_pairs = [pairs, &[("client_id", SCRIPT)]].concat();
        let request = party::http().post(all.op.endpoint("token_endpoint"));
        sent(request.form(&all_pairs)).await
    };
    for (status, refused) in [
        script(&redeems).await,
        script(&refreshes).await,
        script(&itself).await,
        all.op.post("token_endpoint", CLASSIC, &itself).await,
    ] {
        assert_eq!((status, &*refused["error"].to_string()), (400, "\"unauthorized_client\""));
    }
    let (status, tokens) = all.op.post("token_endpoint", CLASSIC, &redeems).await;
    assert_eq!(status, 200, "the attempt has used up nothing: {tokens}");
}

/// A client that would be hybrid is refused at the start, with the line that says so.
#[test]
fn hybrid_in_the_file() {
    let path = files().into_iter().find(|path| path.file_stem().unwrap() == FILE).unwrap();
    let text = fs::read_to_string(path).unwrap();
    let grants = "grant_types = [\"authorization_code\", \"refresh_token\"]";
    let hybrid = "grant_types = [\"authorization_code\", \"implicit\"]\n\
                  response_types = [\"code\", \"code id_token\"]";
    assert_eq!(text.matches(grants).count(), 1);
    let text = text.replace(grants, hybrid);
    let line = 1 + text.lines().position(|line| line.contains("[\"code\", \"code id_")).unwrap();
    let (code, said) = refuse(&text);
    assert_eq!((code, said.trim_end().lines().count()), (Some(2), 1), "{said}");
    let place = format!("server.toml: line {line}, column ");
    let why = "clients[0].response_types: code id_token is not among response_types";
    assert!(said.contains(&place) && said.contains(why), "line {line}: {said}");
}
