//! Several sign-ins of one browser at once.

use super::{
    CLASSIC, CLASSIC_AT, Delegation, EVERYTHING, GRACE, KEN, asks_script, grace, ken, shared,
};
use crate::{
    blackbox::visitor::{Page, Visitor},
    support::claims,
};

/// Agrees, and looks whether UserInfo says what it should of whoever has signed in.
async fn is_grace(all: &Delegation, visitor: &Visitor, page: &Page) {
    let answer = visitor.submit(page, "submit", &[]).await;
    let tokens = all.op.redeem(CLASSIC, CLASSIC_AT, &answer).await;
    let (status, said) = all.op.userinfo(tokens["access_token"].as_str().unwrap()).await;
    assert_eq!((status, &said), (200, &grace(&said["sub"])));
}

/// Each tab goes on with its own request, and its application hears of whoever signed in there: also if the
/// second is finished first.
#[tokio::test]
async fn each_tab_has_its_own_person() {
    let all = shared().await;
    let visitor = all.visitor();
    let classic = all.op.request(CLASSIC.0, CLASSIC_AT, &[("scope", EVERYTHING)]);
    let script = asks_script(&all.op, "id_token", &[]);
    let (first, second) = (visitor.open(&classic).await, visitor.open(&script).await);
    for page in [&first, &second] {
        all.at_the_upstream(page);
    }
    let signs_in = async |page: &Page, person: (&str, &str)| {
        let values = [("login", person.0), ("password", person.1)];
        let page = visitor.submit(page, "submit", &values).await;
        assert!(page.url.as_str().starts_with(all.op.issuer()) && page.asks_consent(), "{page:?}");
        page
    };
    let kens = signs_in(&second, KEN).await;
    let graces = signs_in(&first, GRACE).await;
    assert!(kens.body.contains("Script") && kens.body.contains("Ken"), "{}", kens.body);
    assert!(graces.body.contains("Grace Hopper"), "{}", graces.body);

    is_grace(&all, &visitor, &graces).await;
    let answer = visitor.submit(&kens, "submit", &[]).await.answer();
    let id_token = claims(&answer["id_token"]);
    assert_eq!(id_token["email"], ken(&id_token["sub"])["email"]);
}

/// The same person in two tabs, in the same moment.
#[tokio::test]
async fn two_tabs_in_the_same_moment() {
    let all = shared().await;
    let visitor = all.visitor();
    let request = all.op.request(CLASSIC.0, CLASSIC_AT, &[("scope", EVERYTHING)]);
    let (first, second) = (visitor.open(&request).await, visitor.open(&request).await);
    let values = [("login", GRACE.0), ("password", GRACE.1)];
    let (first, second) = tokio::join!(
        visitor.submit(&first, "submit", &values),
        visitor.submit(&second, "submit", &values),
    );
    for page in [first, second] {
        assert!(page.asks_consent(), "{page:?}");
        is_grace(&all, &visitor, &page).await;
    }
}
