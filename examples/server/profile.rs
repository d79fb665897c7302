//! What a person's app reads and changes of that person, with an access token of theirs for this API.
//!
//! | route | scope | what |
//! |---|---|---|
//! | `GET /profile` | `profile:read` | `sub`, and everything that is said of them |
//! | `PATCH /profile` | `profile:write` | the claims that are named, anew; one that is null is said no more ([RFC 7396], of whole claims). Answers the same, or with 204 whoever may not see it |
//!
//! Nobody can be named: it is whoever the token is of. They write what `[profile]` lets them, in any language
//! (`name#de`), and never what shows who they are.
//!
//! read the token → look up the person → read the body → decide → write → answer.
//!
//! [RFC 7396]: https://www.rfc-editor.org/rfc/rfc7396

use std::sync::Arc;

use axum::{Router, extract::State, http::StatusCode, response::Response, routing::get};
use oidc_op::{AccessTokenVerifier, BearerError, Issuer, Provider, Subject, TracingObserver};
use serde_json::{Map, Value};
use tracing::info;

use crate::{
    App,
    config::{ConfigError, ProfileEntry},
    layers::{Capped, Received},
    manage::{
        answer::{self, Problem},
        body, claims,
    },
    users::{Change, User},
};

/// Lets see the profile.
pub(crate) const READ: &str = "profile:read";
/// Lets change it.
pub(crate) const WRITE: &str = "profile:write";

/// How much may be said of one person, in bytes of JSON.
const LONGEST: usize = 16 * 1024;

/// The API, where there is one.
#[derive(Debug)]
pub(crate) struct Profile {
    /// Where it is, the issuer's path included.
    pub(crate) base: String,
    verifier: AccessTokenVerifier,
    writable: Vec<String>,
}

impl Profile {
    pub(crate) fn new(
        issuer: &Issuer,
        entry: ProfileEntry,
        provider: &Provider,
    ) -> Result<Self, ConfigError> {
        let resource = entry.resource(issuer);
        let resource = resource.ok_or_else(|| ConfigError::new("profile.path: is none"))?;
        Ok(Self {
            base: format!("{}{}", issuer.path(), entry.path),
            verifier: AccessTokenVerifier::by_source(issuer.clone(), resource, provider.clone())
                .observer(TracingObserver),
            writable: entry.writable,
        })
    }

    /// The first of the claims that is not theirs to write.
    fn forbidden<'c>(&self, claims: &'c Map<String, Value>) -> Option<&'c str> {
        claims.keys().map(String::as_str).find(|name| {
            let plain = name.split_once('#').map_or(*name, |(plain, _)| plain);
            !self.writable.iter().any(|writable| writable == plain)
        })
    }
}

/// The routes, at this path.
pub(crate) fn routes(base: &str) -> Router<Arc<App>> {
    Router::new().route(base, get(show).patch(change))
}

async fn show(State(app): State<Arc<App>>, received: Received) -> Result<Response, Problem> {
    let (_, user, _) = app.theirs(&received, READ).await?;
    Ok(answer::json(StatusCode::OK, &shown(&user)))
}

async fn change(State(app): State<Arc<App>>, received: Received) -> Result<Response, Problem> {
    let (profile, user, may_see) = app.theirs(&received, WRITE).await?;
    let asked = body::object(&received)?;
    if let Some(name) = profile.forbidden(&asked) {
        let text = format!("{:?} is not yours to change", Capped(name));
        return Err(Problem::denied(text));
    }
    if let Some(text) = claims::change_finding(&asked) {
        return Err(Problem::request(text));
    }
    if is_too_long(&user.claims, &asked) {
        return Err(Problem::request("the profile is too long"));
    }
    let change = Change { claims: asked, ..Change::default() };
    let user = app.users.change(&user.subject, change)?;
    info!(sub = %user.subject, "profile changed");
    Ok(if may_see { answer::json(StatusCode::OK, &shown(&user)) } else { answer::done() })
}

/// Whether too much is said after the change. One that is too long already may become shorter.
fn is_too_long(before: &Map<String, Value>, asked: &Map<String, Value>) -> bool {
    let length = |claims: Map<String, Value>| Value::Object(claims).to_string().len();
    let mut after = before.clone();
    after.extend(asked.clone());
    after.retain(|_, value| !value.is_null());
    length(after) > LONGEST.max(length(before.clone()))
}

/// `sub`, and what is said of them.
fn shown(user: &User) -> Value {
    let mut profile = user.claims.clone();
    profile.insert("sub".into(), user.subject.as_str().into());
    profile.into()
}

impl App {
    /// The person whose token it is, if it is for this and covers the scope; and whether it lets see them.
    async fn theirs(
        &self,
        received: &Received,
        scope: &str,
    ) -> Result<(&Profile, Arc<User>, bool), Problem> {
        let profile = self.profile.as_ref().ok_or_else(Problem::not_found)?;
        let refused = |error: BearerError| Problem::said(&error.reply());
        let fields = received.fields();
        let request = received.request(&fields);
        let token = profile.verifier.verify(&request).await.map_err(refused)?;
        token.require(scope).map_err(refused)?;
        // A client and a person may have the same name, but only people were authenticated at some time.
        let subject = token.subject().filter(|_| token.auth_time().is_some());
        let user = subject.and_then(|sub| self.users.by_subject(&Subject::new(sub).ok()?));
        // Clients that know people by other names have none to ask for.
        let user = user.filter(|user| !user.disabled);
        let user = user.ok_or_else(|| Problem::denied("the token is not of a person here"))?;
        Ok((profile, user, token.scope().contains(READ)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Whoever said too much, when more was let, can say less.
    #[test]
    fn what_is_too_long_can_be_shortened() {
        let map = |claims: Value| claims.as_object().unwrap().clone();
        let text = |length: usize| "x".repeat(length);
        let (empty, full) = (map(json!({})), map(json!({ "name": text(LONGEST - 11) })));
        let more = map(json!({ "name": text(LONGEST), "nickname": text(99) }));
        for (before, asked, is_long) in [
            (&empty, json!({ "name": text(LONGEST - 11) }), false),
            (&empty, json!({ "name": text(LONGEST - 10) }), true),
            (&full, json!({ "nickname": "" }), true),
            (&full, json!({ "nickname": "x", "name": null }), false),
            (&full, json!({ "name#de": null }), false),
            (&more, json!({ "nickname": null }), false),
            (&more, json!({ "nickname": "x" }), false),
            (&more, json!({ "nickname": text(99) }), false),
            (&more, json!({ "nickname": text(100) }), true),
            (&more, json!({ "nickname": null, "name": text(LONGEST + 200) }), true),
        ] {
            let is = is_too_long(before, &map(asked.clone()));
            assert_eq!(is, is_long, "{} {}", before.len(), asked.to_string().len());
        }
    }
}
