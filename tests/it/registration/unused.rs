//! Floods: at most so many without a token, and who is never used is forgotten (RFC 7591 §5; RG-10).

use oidc_op::{Duration, InitialAccess, Reason};

use super::*;

const DAY: i64 = 86_400;

#[tokio::test]
async fn so_many_in_a_window_and_then_a_wait() {
    let op = setup_with(|rules| rules.cap = 3).build();
    for _ in 0..3 {
        assert_eq!(op.refused(&json!({})).await.0, 400, "what is refused does not count");
        op.register(&web()).await;
    }
    let answer = op.try_register(&web(), None).await;
    assert_eq!(answer.status(), 429);
    let wait: i64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=DAY).contains(&wait), "{wait}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));

    // Who has a token is not counted.
    let access = InitialAccess::once(Duration::DAY * 2);
    let token = op.provider.issue_initial_access(&access).await.unwrap();
    assert_eq!(op.try_register(&web(), Some(&token)).await.status(), 201);

    op.wait(wait - 1);
    assert_eq!(op.try_register(&web(), None).await.status(), 429);
    op.wait(1);
    assert_eq!(op.try_register(&web(), None).await.status(), 201, "as was said");
}

/// On all nodes together; and a cap that is lowered holds at once.
#[tokio::test]
async fn nodes_share_the_cap() {
    let store: Arc<dyn oidc_op::store::Store> = setup().store;
    let node = |seed, cap| {
        let setup = setup_with(|rules| rules.cap = cap);
        Setup { store: store.clone(), seed, ..setup }.build()
    };
    let (one, other, careful) = (node(1, 4), node(2, 4), node(3, 1));
    one.register(&web()).await;
    other.register(&web()).await;
    careful.register(&web()).await;
    assert_eq!(careful.try_register(&web(), None).await.status(), 429);
    assert_eq!(
        one.try_register(&web(), None).await.status(),
        429,
        "lowered once, lowered for this window"
    );
    assert_eq!(node(4, 0).try_register(&web(), None).await.status(), 429);
}

async fn page_of(op: &Op, client: &Registered) -> Answer {
    op.send("GET", "/authorize", &form(&client.request()), &[], "").await
}

/// Nobody has ever signed in to it: it is not there any more, on any endpoint, and then not in the store.
#[tokio::test]
async fn a_client_that_is_not_used_is_forgotten() {
    let setup = setup();
    let store = Arc::new(MemoryStore::with_clock(setup.clock.clone()));
    let op = Setup { store: store.clone(), ..setup }.build();
    let client = op.register(&web()).await;
    let id = client.client_id();
    let until = op.provider.registered_client(&id).await.unwrap().unwrap().unused_until();
    assert_eq!(until.unwrap().unix(), 1_800_000_000 + DAY);

    // None of this is a use: a page that nobody filled in, a wrong secret, its own management.
    op.wait(DAY - 1);
    assert!(matches!(page_of(&op, &client).await, Answer::Page(_)));
    assert!(!client.is_known_by(&op, "wrong").await);
    assert_eq!(client.read(&op).await.status(), 200);
    assert_eq!(client.put(&op, &json!({ "client_name": "Newer" })).await.status(), 200);

    op.wait(1);
    page_of(&op, &client).await.is_page_error(Reason::ClientUnknown);
    assert!(!client.is_known_by(&op, client.text("client_secret")).await);
    assert_eq!(client.read(&op).await.status(), 401);
    assert_eq!(client.put(&op, &json!({})).await.status(), 401);
    assert_eq!(client.manage(&op, "DELETE", &Value::Null).await.status(), 401);
    assert!(op.provider.registered_client(&id).await.unwrap().is_none());
    assert!(op.provider.registered_clients(None, 10).await.unwrap().clients.is_empty());

    op.wait(DAY);
    op.provider.work(100).await.unwrap();
    assert!(store.is_empty(), "neither its record nor any other is left");
}

/// Once used it is kept, and nobody counts its uses: one write in its life.
#[tokio::test]
async fn a_client_that_was_used_is_kept() {
    let none = json!({ "token_endpoint_auth_method": "none" });
    for (what, metadata) in [
        ("confidential", web()),
        ("public", web_with(&none)),
        ("implicit", implicit("id_token")),
        ("implicit with a token", implicit("id_token token")),
        ("no answer", web_with(&json!({ "response_types": ["none"], "grant_types": [] }))),
    ] {
        let (op, store) = faulty(setup());
        let client = op.register(&metadata).await;
        op.wait(DAY - 1);
        let mut browser = Browser::new(&op);
        let page = browser.authorize(&client.request()).await;
        assert_eq!(browser.follow(page, ALICE).await.status(), 303, "{what}");
        if what == "confidential" {
            store.reset();
            assert!(client.is_known_by(&op, client.text("client_secret")).await);
            assert_eq!(store.calls().writes(), 0, "{what}: it is used already");
        }
        op.wait(DAY * 400);
        op.provider.work(1_000).await.unwrap();
        assert!(matches!(page_of(&op, &client).await, Answer::Page(_)), "{what}");
        assert_eq!(client.read(&op).await.status(), 200, "{what}");
        let kept = op.provider.registered_client(&client.client_id()).await.unwrap().unwrap();
        assert_eq!(kept.unused_until(), None, "{what}");
    }
}

/// A stranger can authenticate as clients without number, so that only prolongs; one that was invited is
/// kept by it. The first half of the time needs no write.
#[tokio::test]
async fn to_authenticate_prolongs() {
    let (op, store) = faulty(setup());
    let stranger = op.register(&web()).await;
    let access = InitialAccess::once(Duration::DAY);
    let token = op.provider.issue_initial_access(&access).await.unwrap();
    let invited = Registered(op.try_register(&web(), Some(&token)).await.json());
    let known =
        async |client: &Registered| client.is_known_by(&op, client.text("client_secret")).await;
    assert!(known(&invited).await);
    store.reset();
    op.wait(DAY / 2 - 1);
    assert!(known(&stranger).await && known(&invited).await);
    assert_eq!(store.calls().writes(), 0);
    op.wait(1);
    assert!(known(&stranger).await);
    op.wait(DAY - 1);
    assert!(known(&stranger).await, "prolonged");
    op.wait(DAY);
    assert!(!known(&stranger).await, "and forgotten after all");
    op.wait(DAY * 400);
    assert!(known(&invited).await);
}

/// The time is the host's to choose; an update neither ends nor prolongs it.
#[tokio::test]
async fn the_time_is_configured() {
    let op = setup_with(|rules| rules.unused_lifetime = Duration::HOUR).build();
    let client = op.register(&web()).await;
    op.wait(1_800);
    assert_eq!(client.put(&op, &json!({})).await.status(), 200);
    op.wait(1_799);
    assert_eq!(client.read(&op).await.status(), 200);
    op.wait(1);
    assert_eq!(client.read(&op).await.status(), 401);
}

/// A client of an administrator's is there until somebody deletes it.
#[tokio::test]
async fn an_administrators_client_needs_no_use() {
    let op = setup().build();
    let made = crate::support::client("made", false, &["https://made.example/cb"], &json!({}));
    op.provider.create_client(made).await.unwrap();
    op.wait(DAY * 4_000);
    op.provider.work(1_000).await.unwrap();
    assert!(
        op.provider.registered_client(&ClientId::new("made").unwrap()).await.unwrap().is_some()
    );
}
