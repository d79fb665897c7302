//! Start and end of the server.

use std::{fs, os::unix::fs::PermissionsExt, sync::Arc, time::Duration};

use super::{
    fixture::{ALICE, FIRST_PARTY},
    party::{self, get, sign_in},
    raw::Raw,
    server::{Server, Setup, refuse},
    sign_up,
    visitor::Visitor,
};

const SOON: Duration = Duration::from_secs(10);

/// Both signals end it with code 0; connections that idle do not keep it.
#[tokio::test]
async fn signals_end_it_gracefully() {
    for signal in ["TERM", "INT"] {
        let mut server = Server::start(Setup { name: "signal", ..Setup::default() });
        let visitor = Visitor::new(&server);
        sign_in(&visitor, ALICE).await;
        let idle = Raw::connect(&server);
        assert!(server.signal(signal));
        assert_eq!(server.ended(SOON).code(), Some(0), "{signal}: {}", server.log());
        drop(idle);
    }
}

/// Threat RE-11: with a store in a file a restart forgets nobody: who is signed in is so still, a refresh
/// token works, and one that comes back after its use is known again, and ends its grant.
#[cfg(feature = "sqlite")]
#[tokio::test]
async fn re_11_a_restart_forgets_nothing() {
    use super::back_channel::{refresh, tokens};
    use super::fixture::STRICT;

    let setup = Setup { name: "durable", store: "sqlite:", ..Setup::default() };
    let server = Server::start(setup);
    let visitor = Visitor::new(&server);
    let given = tokens(&server, &visitor, STRICT, ALICE, &[]).await;
    let server = server.restarted("durable-again");
    assert!(party::is_signed_in(&visitor).await);
    let renewed = refresh(&server, STRICT, &given.text("refresh_token")).await;
    assert_eq!(renewed.status, 200);
    let server = server.restarted("durable-once-more");
    let reused = refresh(&server, STRICT, &given.text("refresh_token")).await;
    reused.is_error(400, "invalid_grant");
    let successor = refresh(&server, STRICT, &renewed.text("refresh_token")).await;
    successor.is_error(400, "invalid_grant");
    assert!(server.data().join("op.db").exists());
}

/// A request that is under way when the signal comes is still answered.
#[tokio::test]
async fn a_request_under_way_is_answered() {
    let mut server = Server::start(Setup { name: "under-way", ..Setup::default() });
    let visitor = Visitor::new(&server);
    let code = sign_in(&visitor, ALICE).await.code();
    let body = party::form(&[
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("client_id", FIRST_PARTY.id),
    ]);
    let (first, rest) = body.split_at(20);
    let mut raw = Raw::connect(&server);
    raw.write(format!(
        "POST /token HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n",
        body.len()
    ));
    // The server asks for the body, so it has the request.
    assert!(raw.read_head().starts_with("HTTP/1.1 100"));
    raw.write(first);
    assert!(server.signal("TERM"));
    server.stops_listening(SOON);
    raw.write(rest);
    let answer = raw.read();
    assert_eq!(answer.status(), 401, "{}", answer.text);
    assert!(answer.text.contains("invalid_client"), "{}", answer.text);
    assert_eq!(server.ended(SOON).code(), Some(0), "{}", server.log());
}

/// Keys and secrets are made once, for nobody else's eyes; the log says which and where.
#[tokio::test]
async fn keys_and_secrets_are_made_at_the_first_start() {
    let place = Arc::new(tempfile::tempdir().unwrap());
    let setup = Setup { name: "first-start", own_keys: true, ..Setup::default() };
    let first = Server::start_in(setup, &place);
    let keys = get(first.url("/jwks")).await.text().await.unwrap();
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(first.data()), 0o700);
    let mut made = Vec::new();
    for file in fs::read_dir(first.data()).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(path.clone()), 0o600, "{}", path.display());
        assert!(
            first.log().contains(path.to_str().unwrap()),
            "{}: {}",
            path.display(),
            first.log()
        );
        made.push((fs::read(&path).unwrap(), path));
    }
    assert!(made.len() >= 2, "{made:?}");
    drop(first);

    let second = Server::start_in(setup, &place);
    assert_eq!(get(second.url("/jwks")).await.text().await.unwrap(), keys);
    for (before, path) in made {
        assert_eq!(fs::read(&path).unwrap(), before, "{}", path.display());
    }
}

/// Without `--config` it is a demo, and says so loudly (threat SL-08): which passwords everybody may
/// know, and where to go. If somebody has its port, it says that.
#[tokio::test]
async fn the_demo_needs_no_configuration() {
    let mut server = match Server::demo() {
        Ok(server) => server,
        Err((code, said)) => {
            assert_eq!(code, Some(1), "{said}");
            assert!(said.contains("listen: 127.0.0.1:8080") && said.contains("in use"), "{said}");
            return;
        }
    };
    let log = server.log();
    let warning = log.lines().find(|line| line.contains("WARN"));
    assert!(warning.is_some_and(|line| line.contains("demo")), "{log}");
    assert!(log.contains("open http://localhost:8080/"), "{log}");
    for user in [("alice", "wonderland"), ("bob", "can-we-fix-it")] {
        let told = log.lines().any(|line| line.contains(user.0) && line.contains(user.1));
        assert!(told, "{user:?}: {log}");
        let visitor = Visitor::new(&server);
        let page = visitor.open("/demo/login").await;
        let home = visitor.consent(page, user).await;
        // Long names have places where they may break.
        let text = home.body.replace("<wbr>", "");
        for part in ["id=\"signed-in\"", "at_hash", "birthdate", "phone_number_verified", "address"]
        {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
    // Somebody new: what they give is verified, by a code that is in the log.
    let visitor = Visitor::new(&server);
    let page = visitor.open("/demo/login?prompt=create&scope=openid&scope=email").await;
    let waiting = sign_up::fill_in(&visitor, &page, "nina", "").await;
    let consent = sign_up::enter(&visitor, &waiting, &sign_up::code(&server, &waiting)).await;
    let home = visitor.submit(&consent, "submit", &[]).await;
    let text = home.body.replace("<wbr>", "");
    let verified = text.split("email_verified").nth(1).unwrap_or_default();
    assert!(verified.split("</tr>").next().unwrap().contains("true"), "{text}");
    assert!(server.signal("INT"));
    assert_eq!(server.ended(SOON).code(), Some(0));
}

/// One port, one server.
#[test]
fn a_port_that_is_taken_is_named() {
    let server = Server::shared();
    let config = format!(
        "issuer = \"http://localhost:1\"\nlisten = \"127.0.0.1:{}\"\ndata = \"{{data}}\"\n",
        server.port
    );
    let (code, said) = refuse(&config);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(&format!("listen: 127.0.0.1:{}", server.port)), "{said}");
}
