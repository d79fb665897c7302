//! A snapshot of the public API: what others build on, and which types it does not show.
//!
//! The listing is made from rustdoc's JSON, which the stable compiler writes only when told that it
//! is a nightly one. After a change on purpose: `PIN_API=1 cargo test --features full,test-util
//! public_api`.

use std::{path::Path, process::Command};

use public_api::Builder;

const SNAPSHOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/public_api.txt");

#[test]
fn the_public_api_is_pinned_and_shows_no_foreign_types() {
    // a target directory of its own, since the tests' one is in use
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("public-api");
    let output = Command::new(env!("CARGO"))
        .args(["rustdoc", "--quiet", "--lib", "--features", "full,test-util", "--target-dir"])
        .arg(&target)
        .args(["--", "-Z", "unstable-options", "--output-format", "json", "--cap-lints", "allow"])
        .env("RUSTC_BOOTSTRAP", "1")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let api = Builder::from_rustdoc_json(target.join("doc/oidc_op.json"))
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build()
        .unwrap();
    // in order of name, so that code can move from file to file
    let mut items: Vec<_> = api.items().map(|item| format!("{item}\n")).collect();
    items.sort();
    let listing = items.concat();

    for line in listing.lines().filter(|line| !line.contains("oidc_op::adapter::")) {
        for foreign in ["josekit::", "ring::", "http::", "axum::", "tower_service::", "openssl::"] {
            let found = line.match_indices(foreign).any(|(at, _)| {
                // `http::` is not the end of `oidc_op::adapter::http::`
                !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
            });
            let conversion = line.contains("for http::response::Response") // `From<Reply>`
                || line.contains("pub fn http::response::Response<B>::from")
                || line.contains("IntoResponse for oidc_op::")
                || line.contains("::into_response(self)")
                // the extractor, behind the feature `axum`
                || line.contains("FromRequestParts<S> for oidc_op::VerifiedToken")
                || line.contains("oidc_op::VerifiedToken::from_request_parts(");
            assert!(!found || conversion, "{foreign} in {line}");
        }
    }
    if std::env::var_os("PIN_API").is_some() {
        std::fs::write(SNAPSHOT, &listing).unwrap();
    }
    let pinned = std::fs::read_to_string(SNAPSHOT).unwrap_or_default();
    let only_in = |a: &str, b: &str| {
        a.lines()
            .filter(|line| !b.lines().any(|other| other == *line))
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert!(
        pinned == listing,
        "the public API has changed\ngone:\n{}\nnew:\n{}",
        only_in(&pinned, &listing),
        only_in(&listing, &pinned)
    );
}
