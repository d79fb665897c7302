//! Clients of the store that are changed only if a check of the host's passes, and what else a host asks about
//! them.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    task::{Context, Poll, Waker},
};

use oidc_op::{
    AdministrationError, Client, ClientId, Duration, InitialAccess, Provider, Reason,
    RegisteredClient, Registration, Secret, Subject, store::Cursor,
};
use serde_json::json;

use crate::support::{Op, Setup, client};

fn id() -> ClientId {
    ClientId::new("app").unwrap()
}

fn subject(name: &str) -> Subject {
    Subject::new(name).unwrap()
}

/// Why something was not done.
#[derive(Debug)]
enum Refused {
    NotYours,
    Failed(AdministrationError),
}

impl From<AdministrationError> for Refused {
    fn from(error: AdministrationError) -> Self {
        Self::Failed(error)
    }
}

/// A provider at which clients register.
fn op(rules: Registration) -> Op {
    let mut setup = Setup::new();
    setup.config.registration = Some(rules);
    setup.secrets.storage = vec![Secret::new([7; 32]).unwrap()];
    setup.build()
}

/// The same with a client of carol's.
async fn carols() -> (Op, RegisteredClient) {
    let op = op(Registration::default());
    let mut app = client("app", false, &["https://app.example/cb"], &json!({}));
    app.owner = Some(subject("carol"));
    let made = op.provider.create_client(app).await.unwrap();
    (op, made)
}

fn is_carols(registered: &RegisteredClient) -> Result<(), Refused> {
    let yes = registered.client.owner == Some(subject("carol"));
    if yes { Ok(()) } else { Err(Refused::NotYours) }
}

/// What the store in memory answers at once.
fn at_once<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the store has made somebody wait"),
    }
}

fn give_to_dave(provider: &Provider) {
    let give = |client: &mut Client| client.owner = Some(subject("dave"));
    at_once(provider.update_client(&id(), give)).unwrap();
}

/// As [`is_carols`]; when it has passed for the first time, the client becomes dave's.
fn until_it_is_daves(
    provider: &Provider,
) -> impl FnMut(&RegisteredClient) -> Result<(), Refused> + Send {
    let (provider, asked) = (provider.clone(), Arc::new(AtomicU32::new(0)));
    move |registered| {
        let passed = is_carols(registered);
        if asked.fetch_add(1, Relaxed) == 0 {
            assert!(passed.is_ok());
            give_to_dave(&provider);
        }
        passed
    }
}

/// Between the check and the write, the client becomes somebody else's: nobody touches it.
#[tokio::test]
async fn the_check_holds_for_what_is_written_over() {
    for step in ["update", "delete", "secret", "token"] {
        let (op, _) = carols().await;
        let id = id();
        let checked = op.provider.checked_client(&id, until_it_is_daves(&op.provider));
        let refused = match step {
            "update" => {
                let disable = |client: &mut Client| {
                    client.enabled = false;
                    Ok(())
                };
                checked.update(disable).await.map(|_| ())
            }
            "delete" => checked.delete().await,
            "secret" => checked.rotate_secret(Duration::ZERO).await.map(|_| ()),
            _ => checked.rotate_registration_token().await.map(|_| ()),
        };
        assert!(matches!(refused, Err(Refused::NotYours)), "{step}: {refused:?}");
        let left = op.provider.registered_client(&id).await.unwrap().unwrap();
        assert_eq!(left.client.owner, Some(subject("dave")), "{step}");
        assert!(left.client.enabled && !left.manages_itself(), "{step}");
        assert_eq!(left.client.secrets[0].expires(), None, "{step}");
    }
}

/// If it still holds of what somebody else has left, it is done on that.
#[tokio::test]
async fn a_check_is_asked_anew() {
    let (op, _) = carols().await;
    let (id, mut asked) = (id(), 0);
    let provider = op.provider.clone();
    let check = |registered: &RegisteredClient| {
        asked += 1;
        if asked == 1 {
            let rename = |client: &mut Client| client.metadata.client_name = Some("New".into());
            at_once(provider.update_client(&registered.client.id, rename)).unwrap();
        }
        is_carols(registered)
    };
    let (written, secret) =
        op.provider.checked_client(&id, check).rotate_secret(Duration::ZERO).await.unwrap();
    assert_eq!((asked, secret.len()), (2, 64));
    assert_eq!(written.client.metadata.client_name.as_deref(), Some("New"));
}

/// Nothing is written of a change that refuses, and what it says is of what was written.
#[tokio::test]
async fn a_refused_change_is_not_written() {
    let (op, made) = carols().await;
    let id = id();
    let refuse = |client: &mut Client| {
        client.enabled = false;
        Err::<(), _>(Refused::NotYours)
    };
    let refused = op.provider.checked_client(&id, is_carols).update(refuse).await;
    assert!(matches!(refused, Err(Refused::NotYours)), "{refused:?}");
    let misfit = |client: &mut Client| {
        client.metadata.redirect_uris.clear();
        Ok(())
    };
    let refused = op.provider.checked_client(&id, is_carols).update(misfit).await;
    let invalid = matches!(refused, Err(Refused::Failed(AdministrationError::Invalid(_))));
    assert!(invalid, "{refused:?}");
    let left = op.provider.registered_client(&id).await.unwrap().unwrap();
    assert_eq!((left.version(), left.client.enabled), (made.version(), true));

    let rename = |client: &mut Client| {
        client.id = ClientId::new("other").unwrap();
        Ok(client.metadata.client_name.replace("New".into()))
    };
    let (written, before) =
        op.provider.checked_client(&id, is_carols).update(rename).await.unwrap();
    assert_eq!((before, written.client.id), (made.client.metadata.client_name, id));
    let nobody = ClientId::new("nobody").unwrap();
    let gone = op.provider.checked_client(&nobody, is_carols).delete().await;
    assert!(matches!(gone, Err(Refused::Failed(AdministrationError::Unknown))), "{gone:?}");
}

/// Two states have two versions, however little differs, and one state has one, however it was read.
#[tokio::test]
async fn versions() {
    let (op, made) = carols().await;
    let mut seen = vec![*made.version()];
    let id = id();
    for step in 0..4 {
        match step {
            0 => drop(op.provider.rotate_client_secret(&id, Duration::ZERO).await.unwrap()),
            1 => drop(op.provider.rotate_registration_token(&id).await.unwrap()),
            2 => drop(op.provider.update_client(&id, |client| client.epoch += 1).await.unwrap()),
            _ => {
                op.provider.delete_client(&id).await.unwrap();
                op.provider.create_client(made.client.clone()).await.unwrap();
            }
        }
        let read = op.provider.registered_client(&id).await.unwrap().unwrap();
        let page = op.provider.registered_clients(None, 10).await.unwrap();
        assert_eq!(page.clients[0].version(), read.version());
        assert!(!seen.contains(read.version()), "{step}");
        seen.push(*read.version());
    }
    let mut check = None;
    let look = |registered: &RegisteredClient| {
        check = Some(*registered.version());
        Ok::<_, AdministrationError>(())
    };
    let change = |_: &mut Client| Ok(());
    let (written, ()) = op.provider.checked_client(&id, look).update(change).await.unwrap();
    assert_eq!(check.as_ref(), seen.last());
    let read = op.provider.registered_client(&id).await.unwrap().unwrap();
    assert_eq!(written.version(), read.version());
}

/// A new secret lives as long as those of the registration endpoint if the client could get another by itself.
#[tokio::test]
async fn rotated_secrets_expire_like_others() {
    let mut rules = Registration::default();
    rules.secret_lifetime = Some(Duration::HOUR);
    let op = op(rules);
    let app = client("app", false, &["https://app.example/cb"], &json!({}));
    op.provider.create_client(app).await.unwrap();
    let expires = async || {
        let id = id();
        let check = |_: &RegisteredClient| Ok::<_, AdministrationError>(());
        let rotated = op.provider.checked_client(&id, check).rotate_secret(Duration::ZERO).await;
        rotated.unwrap().0.client.secrets[0].expires().map(oidc_op::Timestamp::unix)
    };
    assert_eq!(expires().await, None);
    op.provider.rotate_registration_token(&id()).await.unwrap();
    assert_eq!(expires().await, Some(1_800_003_600));
}

/// What could never work is told before a client is made, member by member.
#[tokio::test]
async fn misfits_are_told() {
    let (op, made) = carols().await;
    assert_eq!(op.provider.misfits(&made.client), []);
    let mut app = made.client;
    app.metadata.id_token_signed_response_alg = "PS512".parse().unwrap();
    app.metadata.jwks_uri = Some("https://app.example/jwks".into());
    let found = op.provider.misfits(&app);
    let members: Vec<_> = found.iter().map(|misfit| misfit.member).collect();
    assert_eq!(members, ["id_token_signed_response_alg", "jwks_uri"]);
    assert_eq!(found[0].to_string(), "id_token_signed_response_alg: nothing signs with it here");
}

/// A cursor of somebody else's is the asker's mistake, and no fault of the store.
#[tokio::test]
async fn a_foreign_cursor_is_told_apart() {
    let (op, _) = carols().await;
    let foreign = Cursor(b"foreign".as_slice().into());
    let sub = subject("carol");
    let clients = op.provider.registered_clients(Some(&foreign), 10).await.map(|_| ());
    let grants = op.provider.grants(&sub, Some(&foreign), 10).await.map(|_| ());
    let consents = op.provider.consents(&sub, Some(&foreign), 10).await.map(|_| ());
    for refused in [clients, grants, consents] {
        assert_eq!(refused.unwrap_err().reason(), Reason::CursorUnfit);
    }
}

/// RFC 7591 §1.2: a token that nobody could ever use is not made.
#[tokio::test]
async fn useless_initial_access_is_refused() {
    let (op, _) = carols().await;
    let access = |uses, lifetime| {
        let mut access = InitialAccess::once(lifetime);
        access.uses = uses;
        access
    };
    for (uses, lifetime, useless) in [
        (Some(0), Duration::HOUR, true),
        (Some(1), Duration::ZERO, true),
        (Some(1), Duration::seconds(-1), true),
        (None, Duration::ZERO, true),
        (None, Duration::SECOND, false),
        (Some(1), Duration::SECOND, false),
    ] {
        let issued = op.provider.issue_initial_access(&access(uses, lifetime)).await;
        let refused = matches!(issued, Err(AdministrationError::Useless));
        assert_eq!((refused, issued.is_ok()), (useless, !useless), "{uses:?} {lifetime}");
    }
}
