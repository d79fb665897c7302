//! Headless Chromium through the pages: `tests/peers/browser.mjs` and its `scenarios`. A failure
//! leaves a picture in `target/test-output/screenshots`.

use std::{net::TcpListener, path::Path};

use serde_json::{Value, json};

use super::{
    fixture::{self, ALICE, BOB, User, user},
    logout,
    peers::Script,
    server::{Server, Setup, output, tls},
    sign_up,
};

#[track_caller]
fn run(scenario: &str, who: User) {
    run_at(&Server::shared(), scenario, who);
}

#[track_caller]
fn run_at(server: &Server, scenario: &str, who: User) {
    run_with(server, scenario, who, &json!({}));
}

/// The same, and more that the scenario is given.
#[track_caller]
fn run_with(server: &Server, scenario: &str, who: User, more: &Value) {
    assert!(Path::new("/usr/bin/chromium").exists(), "chromium is missing: run tests/setup");
    let mut given = json!({
        "issuer": server.issuer,
        "clients": fixture::clients(),
        "user": user(who),
        "users": [user(ALICE), user(BOB)],
        "screenshots": output("screenshots"),
        "log": server.log_file(),
    });
    given.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
    Script::shared("browser.mjs").run(scenario, given);
}

/// A test for each scenario, by its name.
macro_rules! scenarios {
    ($($scenario:ident: $user:expr;)*) => {
        $(#[test] fn $scenario() { run(stringify!($scenario), $user); })*
    };
}

// scenarios/sign-in.mjs
scenarios! {
    sign_in: ALICE;
    wrong_password_then_right: BOB;
    without_javascript: ALICE;
    keyboard_only: BOB;
    consent_names_who_asks_for_what: ALICE;
    cancel: BOB;
    single_sign_on: ALICE;
    another_account: BOB;
    create_account: BOB;
    select_account: ALICE;
}

// scenarios/resubmission.mjs
scenarios! {
    back_button: ALICE;
    back_button_after_redemption: BOB;
    back_to_the_login_page: ALICE;
    reload: BOB;
    reload_after_a_wrong_password: ALICE;
    double_click: BOB;
    the_same_form_twice: ALICE;
    the_same_account_twice: BOB;
    two_tabs: BOB;
}

// scenarios/requests.mjs
scenarios! {
    prompt_login: ALICE;
    prompt_none: BOB;
    max_age: ALICE;
    form_post: BOB;
    form_post_without_javascript: ALICE;
    fragment: BOB;
    cross_site_post: ALICE;
    cross_site_post_of_a_stranger: BOB;
    hostile_text: ALICE;
}

// scenarios/front-channel.mjs
scenarios! {
    fragment_hybrid: ALICE;
    fragment_implicit: BOB;
    fragment_errors: ALICE;
    fragment_and_back: BOB;
    form_post_hybrid: ALICE;
    form_post_hybrid_without_javascript: BOB;
    form_post_errors: ALICE;
    form_post_errors_without_javascript: BOB;
    form_post_silently: ALICE;
    form_post_and_back: BOB;
    form_post_and_back_unredeemed: ALICE;
    form_post_and_back_without_javascript: BOB;
}

// scenarios/demo.mjs, scenarios/screenshots.mjs
scenarios! {
    demo_relying_party: ALICE;
    pictures: BOB;
}

// scenarios/sign-up.mjs

#[test]
fn sign_up() {
    run_at(&sign_up::verifying(), "sign_up", BOB);
}

#[test]
fn sign_up_double_click() {
    run_at(&sign_up::verifying(), "sign_up_double_click", BOB);
}

#[test]
fn sign_up_by_keyboard() {
    run_at(&sign_up::verifying(), "sign_up_by_keyboard", BOB);
}

// scenarios/sessions.mjs

/// Relying parties on other ports learn from the provider's frame that somebody has signed in or out. They are
/// all at one address, and so of one site: browsers keep the cookie from frames in pages of others.
#[test]
fn session_frame() {
    let server = Server::start_with("frame", "", |port, _| {
        format!(
            "issuer = \"http://127.0.0.1:{port}\"\nlisten = \"127.0.0.1:{port}\"\nstore = \"memory:\"\n\
             [policy]\nsession_management = true\n{}",
            fixture::tables()
        )
    });
    run_at(&server, "session_frame", ALICE);
}

// scenarios/logout.mjs

#[test]
fn front_channel_logout() {
    run_at(&logout::server(), "front_channel_logout", ALICE);
}

/// The relying parties are https servers on ports of their own, beside the provider.
#[test]
fn front_channel_logout_on_other_ports() {
    // Held until both are known, so that they differ.
    let free = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let ports = free.each_ref().map(|port| port.local_addr().unwrap().port());
    drop(free);
    let [shop, news] = ports.map(|port| format!("https://127.0.0.1:{port}"));
    let tables = logout::clients(&shop, &news);
    let server = Server::start(Setup { name: "ports", tables: &tables, ..Setup::default() });
    let (certificate, key) = tls();
    let more = json!({ "ports": ports, "tls": { "cert": certificate, "key": key } });
    run_with(&server, "front_channel_logout_on_other_ports", ALICE, &more);
}

#[test]
fn front_channel_logout_without_javascript() {
    run_at(&logout::server(), "front_channel_logout_without_javascript", BOB);
}

#[test]
fn logout_by_post() {
    run_at(&logout::server(), "logout_by_post", ALICE);
}

#[test]
fn logout_confirmed() {
    run_at(&logout::server(), "logout_confirmed", BOB);
}

#[test]
fn logout_without_a_way_back() {
    run_at(&logout::server(), "logout_without_a_way_back", ALICE);
}

/// Over TLS the cookies are bound to the host; everything else is the same.
#[test]
fn over_tls() {
    let server = Server::start(Setup { name: "tls", tls: true, ..Setup::default() });
    run_at(&server, "over_tls", ALICE);
}
