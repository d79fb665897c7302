//! "Your apps and devices": where a person is signed in, what they have given to clients, and the buttons
//! that take it back.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use oidc_op::{
    Client, ClientId, Clients, HeldConsent, HeldGrant, InternalError, Reason, Session, SessionId,
    SignedOut, Subject,
};

use crate::{App, demo::found, layers::Received, pages::AppsView};

/// How much is asked for at once, and how often: nobody reads a longer page.
const AT_ONCE: u32 = 100;
const PAGES: usize = 5;

/// What a person has given, each with the client that has it, if that is still there.
#[derive(Default)]
pub(crate) struct Held {
    pub(crate) grants: Vec<(HeldGrant, Option<Arc<Client>>)>,
    pub(crate) consents: Vec<(HeldConsent, Option<Arc<Client>>)>,
    /// Their sessions, each with how many clients it was used for.
    pub(crate) sessions: Vec<Session>,
    /// The one of this browser.
    pub(crate) here: Option<SessionId>,
    /// There is more than the page shows.
    pub(crate) more: bool,
}

/// GET: the page; whoever is not signed in starts at the start page.
pub(crate) async fn show(State(app): State<Arc<App>>, received: Received) -> Response {
    let person = match app.person(&received).await {
        Ok(Some(person)) => person,
        // Perhaps it was this browser that they have signed out.
        Ok(None) if received.query().one("done") == "signed-out" => {
            return app.to_home("?signed-out");
        }
        Ok(None) => return app.to_home(""),
        Err(error) => return app.refuse(error.reason()),
    };
    let held = match app.held(&received, &person.subject).await {
        Ok(held) => held,
        Err(error) => return app.refuse(error.reason()),
    };
    let notice = match received.query().one("done") {
        "ended" => Some("The app has no access any more."),
        "signed-out" => Some("That browser must sign in again."),
        "withdrawn" => Some("The app must ask you again before it gets anything new."),
        _ => None,
    };
    let languages = &received.languages();
    app.site.apps_of(&AppsView { person: &person, held: &held, notice, languages })
}

/// POST: ends one grant or one session, takes one consent back, or ends everything everywhere.
pub(crate) async fn act(State(app): State<Arc<App>>, received: Received) -> Response {
    let Some(form) = received.form() else { return app.refuse(Reason::MediaType) };
    if !received.is_from(&app.issuer) {
        return app.refuse(Reason::CrossOrigin);
    }
    let subject = match app.person(&received).await {
        // Somebody else may have signed in since the page was shown.
        Ok(Some(person)) if person.subject.as_str() == form.one("person") => person.subject,
        Ok(_) => return app.to_home(""),
        Err(error) => return app.refuse(error.reason()),
    };
    let provider = &app.provider;
    let (outcome, done) = match form.one("action") {
        "end" => {
            let Ok(grant) = form.one("grant").parse() else {
                return app.refuse(Reason::VerdictUnfit);
            };
            (provider.revoke_grant(&subject, grant).await.map(drop), "ended")
        }
        "withdraw" => {
            let Ok(client) = ClientId::new(form.one("client")) else {
                return app.refuse(Reason::VerdictUnfit);
            };
            (provider.withdraw_consent(&subject, &client).await, "withdrawn")
        }
        "sign-out-of" => {
            let Ok(session) = form.one("session").parse() else {
                return app.refuse(Reason::VerdictUnfit);
            };
            match app.leave_here(&received, session).await {
                Ok(Some(signed_out)) => return app.signed_out(signed_out),
                Ok(None) => {
                    (provider.end_session_of(&subject, session).await.map(drop), "signed-out")
                }
                Err(error) => return app.refuse(error.reason()),
            }
        }
        "everywhere" => return app.end_everything(&received, &subject).await,
        _ => return app.refuse(Reason::VerdictUnfit),
    };
    match outcome {
        Ok(()) => found(&format!("{}?done={done}", app.site.apps_page()), None),
        Err(error) => app.refuse(error.reason()),
    }
}

impl App {
    async fn held(&self, received: &Received, subject: &Subject) -> Result<Held, InternalError> {
        let mut held = Held::default();
        let fields = received.fields();
        let accounts = self.provider.accounts(received.request(&fields)).await?;
        let here = accounts.iter().find(|session| session.subject == *subject);
        held.here = here.map(|session| session.id);
        let page = self.provider.sessions(subject, None, AT_ONCE).await?;
        (held.sessions, held.more) = (page.sessions, page.next.is_some());
        held.sessions.sort_by_key(|session| std::cmp::Reverse(session.used));
        let (mut after, mut pages) = (None, 0..PAGES);
        while pages.next().is_some() {
            let page = self.provider.grants(subject, after.as_ref(), AT_ONCE).await?;
            for grant in page.grants {
                let client = self.client(&grant.client).await;
                held.grants.push((grant, client));
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        held.more |= after.is_some();
        let page = self.provider.consents(subject, None, AT_ONCE).await?;
        for consent in page.consents {
            let client = self.client(&consent.client).await;
            held.consents.push((consent, client));
        }
        held.more |= page.next.is_some();
        held.grants.sort_by_key(|(grant, _)| std::cmp::Reverse(grant.used));
        held.consents
            .sort_by(|(one, _), (other, _)| one.client.as_str().cmp(other.client.as_str()));
        Ok(held)
    }

    /// The client, of the configuration or of the store.
    async fn client(&self, id: &ClientId) -> Option<Arc<Client>> {
        if let Some(client) = self.clients.client(id).await.ok().flatten() {
            return Some(client);
        }
        let registered = self.provider.registered_client(id).await.ok().flatten();
        registered.map(|registered| Arc::new(registered.client))
    }

    /// Signs out here, if it is this browser's only session that is to end.
    async fn leave_here(
        &self,
        received: &Received,
        session: SessionId,
    ) -> Result<Option<SignedOut>, InternalError> {
        let fields = received.fields();
        let accounts = self.provider.accounts(received.request(&fields)).await?;
        match &accounts[..] {
            [only] if only.id == session => {
                self.provider.sign_out(received.request(&fields)).await.map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Ends every session and grant of the person, and forgets this browser.
    async fn end_everything(&self, received: &Received, subject: &Subject) -> Response {
        let signed_out = match self.end_all_of(received, subject).await {
            Ok(signed_out) => signed_out,
            Err(error) => return self.refuse(error.reason()),
        };
        if let Some(demo) = &self.demo {
            demo.forget(received);
        }
        match signed_out {
            Some(signed_out) => self.signed_out(signed_out),
            None => self.to_home("?signed-out"),
        }
    }

    /// What to show at this browser; nothing, if other people are signed in here, who stay.
    async fn end_all_of(
        &self,
        received: &Received,
        subject: &Subject,
    ) -> Result<Option<SignedOut>, InternalError> {
        let (provider, fields) = (&self.provider, received.fields());
        provider.revoke_all(subject).await?;
        let accounts = provider.accounts(received.request(&fields)).await?;
        let mut signed_out = None;
        if accounts.iter().all(|session| session.subject == *subject) {
            // Before the others, so that the apps hear of it in frames as well.
            signed_out = Some(provider.sign_out(received.request(&fields)).await?);
        }
        provider.end_sessions_of(subject).await?;
        Ok(signed_out)
    }

    fn to_home(&self, query: &str) -> Response {
        found(&format!("{}/{query}", self.site.base), None)
    }
}
