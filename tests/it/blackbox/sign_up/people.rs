//! One person who signs up: codes, slips, and everything twice.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{
    PASSWORD, another, code, codes, enter, fill_in, filled, form, has_account, problem, sent_to,
    userinfo, verifying,
};
use crate::blackbox::{
    party::is_signed_in,
    visitor::{Page, Visitor},
};

/// E-mail, then phone; then there is an account, and the client's request goes on.
#[tokio::test]
async fn an_account_with_both_verified() {
    let server = verifying();
    let visitor = Visitor::new(&server);
    let page = form(&visitor).await;
    let email = fill_in(&visitor, &page, "nora", "+1 (555) 01-77").await;
    assert_eq!(email.redirects, [StatusCode::SEE_OTHER]);
    assert_eq!(sent_to(&email), "n…@nora.example");
    assert!(!email.body.contains("nora@") && !email.body.contains(PASSWORD), "{}", email.body);
    assert!(!has_account(&server, "nora").await && !is_signed_in(&visitor).await);

    let first = code(&server, &email);
    let phone = enter(&visitor, &email, &first).await;
    assert_eq!(sent_to(&phone), "+15…77");
    assert!(!has_account(&server, "nora").await && !is_signed_in(&visitor).await);
    let second = code(&server, &phone);
    let (spaced, _) = second.split_at(3);
    let spaced = format!(" {spaced} {} ", &second[3..]);
    let answer = enter(&visitor, &phone, &spaced).await;
    let said = userinfo(&server, &answer).await;
    for (claim, value) in [
        ("name", json!("Nora Newcomer")),
        ("preferred_username", json!("nora")),
        ("email", json!("nora@nora.example")),
        ("email_verified", json!(true)),
        ("phone_number", json!("+15550177")),
        ("phone_number_verified", json!(true)),
    ] {
        assert_eq!(said[claim], value, "{claim}: {said}");
    }
    assert!(is_signed_in(&visitor).await);
    for login in ["nora", "NORA@nora.example", "+15550177"] {
        assert!(has_account(&server, login).await, "{login}");
    }
}

/// What is optional may be left out; then there is nothing to verify.
#[tokio::test]
async fn without_a_phone() {
    let server = verifying();
    let visitor = Visitor::new(&server);
    let page = form(&visitor).await;
    let wrong = fill_in(&visitor, &page, "olga", "0555 0177").await;
    assert!(problem(&wrong).contains("country code"), "{}", problem(&wrong));
    let email = fill_in(&visitor, &wrong, "olga", "").await;
    let answer = enter(&visitor, &email, &code(&server, &email)).await;
    let said = userinfo(&server, &answer).await;
    assert_eq!((&said["email_verified"], &said["phone_number"]), (&json!(true), &Value::Null));
    assert_eq!(said.get("phone_number_verified"), None);
}

/// Five wrong codes end a code; another one can be asked for. (How a code gets too old is told in
/// `examples/server/sign_up/tests.rs`, on a clock of its own.)
#[tokio::test]
async fn wrong_codes() {
    let server = verifying();
    let visitor = Visitor::new(&server);
    let page = form(&visitor).await;
    let mut page = fill_in(&visitor, &page, "petra", "").await;
    let right = code(&server, &page);
    for not_a_code in ["", "12345", "1234567", "abcdef"] {
        page = enter(&visitor, &page, not_a_code).await;
        assert!(problem(&page).contains("six digits"), "{}", problem(&page));
    }
    for by in [1, 1, 2, 3, 4] {
        page = enter(&visitor, &page, &another(&right, by)).await;
        assert!(problem(&page).contains("not the code"), "{by}: {}", problem(&page));
        assert_eq!(sent_to(&page), "p…@petra.example");
    }
    for code in [another(&right, 5), right] {
        page = enter(&visitor, &page, &code).await;
        assert!(problem(&page).contains("Ask for a new one"), "{}", problem(&page));
    }
    assert!(!has_account(&server, "petra").await && !is_signed_in(&visitor).await);
    let again = visitor.submit(&page, "again", &[]).await;
    assert!(again.body.contains("id=\"notice\" role=\"status\""), "{}", again.body);
    let answer = enter(&visitor, &again, &code(&server, &again)).await;
    assert!(answer.answer().contains_key("code"));
}

/// Three codes go to one address within an hour, whoever asks for them, and a new one ends the old.
#[tokio::test]
async fn few_codes_for_one_address() {
    let server = verifying();
    let visitor = Visitor::new(&server);
    let page = form(&visitor).await;
    let first = fill_in(&visitor, &page, "quinn", "").await;
    let second = visitor.submit(&first, "again", &[]).await;
    // The same button of the same page, twice: one code.
    let second_too = visitor.submit(&first, "again", &[]).await;
    assert_eq!(sent_to(&second), sent_to(&second_too));
    assert_eq!(codes(&server, sent_to(&first)).len(), 2);
    let third = visitor.submit(&second, "again", &[]).await;
    let [old, older, newest] = &codes(&server, sent_to(&first))[..] else { panic!("not three") };
    for refused in [old, older].into_iter().filter(|code| *code != newest) {
        assert!(problem(&enter(&visitor, &third, refused).await).contains("not the code"));
    }
    let refused = visitor.submit(&third, "again", &[]).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((3500..=3600).contains(&wait), "{wait}");
    assert!(problem(&refused).contains("Three codes"), "{}", problem(&refused));

    let elsewhere = Visitor::new(&server);
    let page = form(&elsewhere).await;
    let other = filled("quinn2", "Quinn@Quinn.Example", "");
    let refused = elsewhere.submit(&page, "submit", &other).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS, "{}", refused.body);
    assert!(problem(&refused).contains("Three codes"), "{}", problem(&refused));
    assert!(refused.body.contains("value=\"Quinn@Quinn.Example\""), "nothing is typed twice");
    assert_eq!(codes(&server, sent_to(&third)).len(), 3);
    // The last one is still good.
    let answer = enter(&visitor, &third, newest).await;
    assert!(answer.answer().contains_key("code"));
}

/// Every form may be sent twice, and every page be loaded again: one account, one code for the client.
#[tokio::test]
async fn everything_twice() {
    let server = verifying();
    let visitor = Visitor::new(&server);
    let page = form(&visitor).await;
    let (first, second) = tokio::join!(
        fill_in(&visitor, &page, "rosa", "+1 555 0178"),
        fill_in(&visitor, &page, "rosa", "+1 555 0178")
    );
    assert_eq!(sent_to(&first), sent_to(&second));
    assert_eq!(codes(&server, sent_to(&first)).len(), 1);
    let reloaded = visitor.open(first.url.as_str()).await;
    assert_eq!(reloaded.form("submit").action, first.form("submit").action);

    let (email_code, number) = (code(&server, &first), "+15…78");
    let (phone, too) =
        tokio::join!(enter(&visitor, &first, &email_code), enter(&visitor, &reloaded, &email_code));
    assert_eq!((sent_to(&phone), sent_to(&too)), (number, number));
    assert_eq!(codes(&server, number).len(), 1);
    let phone_code = code(&server, &phone);
    // The page before, again: it goes on where it was.
    assert_eq!(sent_to(&enter(&visitor, &first, &email_code).await), number);
    let (answer, too) =
        tokio::join!(enter(&visitor, &phone, &phone_code), enter(&visitor, &phone, &phone_code));
    assert_eq!(answer.code(), too.code());
    // Back again: the account is there, and the request, which wanted one to be created, can go on.
    let back = visitor.open(phone.url.as_str()).await;
    assert!(problem(&back).contains("there already"), "{}", problem(&back));
    let too = visitor.submit(&back, "submit", &[("password", PASSWORD)]).await;
    assert_eq!(answer.code(), too.code());
    let sub = userinfo(&server, &answer).await["sub"].as_str().unwrap().to_owned();
    let created = format!("account created sub={sub}");
    assert_eq!(server.log().matches(&created).count(), 1, "{}", server.log());
}

/// From the page of the code back to the form: what was filled in is there, and what is verified stays so.
#[tokio::test]
async fn a_slip_can_be_corrected() {
    let server = verifying();
    let visitor = Visitor::new(&server);
    let page = form(&visitor).await;
    let email = fill_in(&visitor, &page, "sara", "+1 555 0199").await;
    let phone = enter(&visitor, &email, &code(&server, &email)).await;
    assert!(phone.body.contains("id=\"change\""), "{}", phone.body);
    let change = phone.url.as_str().split('?').next().unwrap().to_owned() + "?page=create";
    let change = visitor.open(&change).await;
    for part in ["value=\"sara\"", "value=\"sara@sara.example\"", "value=\"+15550199\""] {
        assert!(change.body.contains(part), "{part}: {}", change.body);
    }
    assert!(!change.body.contains(PASSWORD));
    let right = fill_in(&visitor, &change, "sara", "+1 555 0179").await;
    assert_eq!(sent_to(&right), "+15…79", "the address need not be verified twice");
    let answer = enter(&visitor, &right, &code(&server, &right)).await;
    assert_eq!(userinfo(&server, &answer).await["phone_number"], "+15550179");
    assert_eq!(codes(&server, "s…@sara.example").len(), 1);

    // Another e-mail address is verified anew.
    let visitor = Visitor::new(&server);
    let page = form(&visitor).await;
    let email = fill_in(&visitor, &page, "tara", "+1 555 0180").await;
    let phone = enter(&visitor, &email, &code(&server, &email)).await;
    let other = filled("tara", "mallory@tara.example", "+1 555 0180");
    let other = visitor.submit(&change_of(&visitor, &phone).await, "submit", &other).await;
    assert_eq!(sent_to(&other), "m…@tara.example");
}

/// The form of a sign-up under way, by its link.
async fn change_of(visitor: &Visitor, page: &Page) -> Page {
    let action = page.form("submit").action;
    visitor.open(format!("{action}?page=create")).await
}
