//! "Your apps and devices".

use std::sync::Arc;

use askama::Template;
use axum::{http::StatusCode, response::Response};
use oidc_op::{
    Client, ClientId, GrantId, HeldConsent, HeldGrant, Resource, Scope, Session, SessionId,
};

use super::{ClientView, Site, clean, legible, words, words::Moment};
use crate::{apps::Held, known::Known};

/// What the page shows.
pub(crate) struct AppsView<'v> {
    pub(crate) person: &'v Known,
    pub(crate) held: &'v Held,
    pub(crate) notice: Option<&'v str>,
    /// What the person reads, best first.
    pub(crate) languages: &'v [Box<str>],
}

#[derive(Template)]
#[template(path = "apps.html", config = "examples/server/askama.toml")]
struct AppsPage<'p> {
    site: &'p Site,
    action: String,
    /// By which the form knows whose page it was.
    subject: &'p str,
    person: String,
    username: String,
    notice: Option<&'p str>,
    sessions: Vec<SessionView>,
    grants: Vec<GrantView<'p>>,
    consents: Vec<ConsentView<'p>>,
    more: bool,
}

/// A browser where the person is signed in.
struct SessionView {
    id: SessionId,
    device: String,
    /// It is this one.
    here: bool,
    began: Moment,
    used: Moment,
    apps: usize,
}

impl SessionView {
    fn new(session: &Session, here: Option<SessionId>) -> Self {
        Self {
            id: session.id,
            device: clean(session.device.as_deref().unwrap_or("A browser")),
            here: here == Some(session.id),
            began: Moment::new(session.began),
            used: Moment::new(session.used),
            apps: session.clients.len(),
        }
    }
}

/// An app or a device with access.
struct GrantView<'p> {
    id: GrantId,
    client: ClientView<'p>,
    scope: Vec<String>,
    resources: Vec<&'p str>,
    made: Moment,
    used: Moment,
    expires: Moment,
    /// It can renew its access.
    renewable: bool,
    /// It goes on without the person.
    away: bool,
}

/// An app that need not ask again.
struct ConsentView<'p> {
    id: &'p ClientId,
    client: ClientView<'p>,
    scope: Vec<String>,
    refused: Vec<String>,
    until: Moment,
}

impl Site {
    /// Where the page is.
    pub(crate) fn apps_page(&self) -> String {
        format!("{}/apps", self.base)
    }

    /// The page.
    pub(crate) fn apps_of(&self, view: &AppsView<'_>) -> Response {
        let AppsView { person, held, notice, languages } = view;
        let page = AppsPage {
            site: self,
            action: self.apps_page(),
            subject: person.subject.as_str(),
            person: clean(&person.name),
            username: clean(&person.called),
            notice: *notice,
            sessions: held.sessions.iter().map(|s| SessionView::new(s, held.here)).collect(),
            grants: held
                .grants
                .iter()
                .map(|(grant, c)| self.grant(grant, named(&grant.client, c.as_ref(), languages)))
                .collect(),
            consents: held
                .consents
                .iter()
                .map(|(held, c)| self.held(held, named(&held.client, c.as_ref(), languages)))
                .collect(),
            more: held.more,
        };
        self.page(StatusCode::OK, &page)
    }

    fn grant<'p>(&self, grant: &'p HeldGrant, client: ClientView<'p>) -> GrantView<'p> {
        GrantView {
            id: grant.id,
            client,
            scope: self.in_words(&grant.scope),
            resources: grant.resources.iter().map(Resource::as_str).collect(),
            made: Moment::new(grant.made),
            used: Moment::new(grant.used),
            expires: Moment::new(grant.expires),
            renewable: grant.renewable,
            away: grant.renewable && grant.offline,
        }
    }

    fn held<'p>(&self, held: &'p HeldConsent, client: ClientView<'p>) -> ConsentView<'p> {
        let claim =
            |name: &str| words::claim(name).map_or_else(|| legible(name), ToOwned::to_owned);
        ConsentView {
            id: &held.client,
            client,
            scope: self.in_words(&held.scope),
            refused: held.refused.iter().map(|name| claim(name)).collect(),
            until: Moment::new(held.until),
        }
    }

    /// What a scope means, token by token.
    fn in_words(&self, scope: &Scope) -> Vec<String> {
        let meaning = |token: &str| self.scopes.meaning(token).or_else(|| words::permission(token));
        let word = |token: &str| match words::scope(token) {
            Some(words) => words.title.to_owned(),
            None => meaning(token).unwrap_or(token).to_owned(),
        };
        scope.iter().map(word).collect()
    }
}

/// The client; by its identifier, if nothing else is known of it any more.
fn named<'c>(
    id: &'c ClientId,
    client: Option<&'c Arc<Client>>,
    languages: &[Box<str>],
) -> ClientView<'c> {
    client.map_or_else(|| ClientView::of_id(id), |client| ClientView::new(client, languages))
}
