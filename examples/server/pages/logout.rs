//! The pages of a sign-out: the question, and that it is done.

use askama::Template;
use axum::{http::StatusCode, response::Response};
use oidc_op::{LogoutConfirmation, Reply, SignedOut, Subject};

use super::{Account, ClientView, Site, hash};
use crate::{demo::CLIENT_ID, known::Known};

#[derive(Template)]
#[template(path = "logout.html", config = "examples/server/askama.toml")]
struct LogoutPage<'p> {
    site: &'p Site,
    action: String,
    client: Option<ClientView<'p>>,
    /// Whom it is about.
    account: Option<Account>,
    /// Who is signed in as well.
    others: Vec<Account>,
}

#[derive(Template)]
#[template(path = "signed_out.html", config = "examples/server/askama.toml")]
struct SignedOutPage<'p> {
    site: &'p Site,
    /// Nobody wanted to sign out.
    stays: bool,
    /// Somebody else is still signed in.
    others: bool,
    client: Option<ClientView<'p>>,
    /// Where to go on.
    link: Option<&'p str>,
    frames: &'p [String],
}

impl Site {
    /// Where people are asked whether to sign out.
    pub(crate) fn confirmation(&self, token: &str) -> String {
        format!("{}/logout/{token}", self.base)
    }

    /// The question.
    pub(crate) fn confirm_logout(&self, asked: &LogoutConfirmation, people: &[Known]) -> Response {
        // The first one is whom it is about, whether the directory knows them or not.
        let known = |account: &Subject| {
            people.iter().find(|person| person.subject == *account).map(Account::of)
        };
        let client = asked.client.as_ref().map(|client| {
            let is_named = self.named.contains(&client.id) || client.id.as_str() == CLIENT_ID;
            let host = asked.return_host.as_deref().filter(|_| !is_named);
            ClientView { host, ..ClientView::new(client, &asked.ui_locales) }
        });
        let page = LogoutPage {
            site: self,
            action: self.confirmation(&asked.token),
            client,
            account: asked.accounts.first().and_then(known),
            others: asked.accounts.iter().skip(1).filter_map(known).collect(),
        };
        self.page(StatusCode::OK, &page)
    }

    /// What became of it. The page may load what the provider says, and our own style.
    pub(crate) fn provider_sign_out(&self, signed_out: &SignedOut) -> Reply {
        let page = SignedOutPage {
            site: self,
            stays: signed_out.ended.is_empty() && !signed_out.remaining.is_empty(),
            others: !signed_out.remaining.is_empty(),
            client: signed_out.client.as_ref().map(|c| ClientView::new(c, &signed_out.ui_locales)),
            link: signed_out.redirect.as_deref(),
            frames: &signed_out.frames,
        };
        let Ok(body) = page.render() else { return signed_out.reply() };
        let policy = signed_out.content_security_policy();
        let policy = format!("{policy}; style-src '{}'; img-src data:", hash(self.style));
        Reply::html(200, body).with("content-security-policy", policy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    /// Threat LO-08.
    #[test]
    fn frames_stay_attributes() {
        let site = Site::new(&Settings::demo().unwrap());
        let frames = ["https://a.example/?x=\"><script>alert(1)</script>".to_owned()];
        let page = SignedOutPage {
            site: &site,
            stays: false,
            others: false,
            client: None,
            link: Some("https://a.example/?a=1&b=\"'"),
            frames: &frames,
        };
        let html = page.render().unwrap();
        assert!(!html.contains("<script") && html.matches("<iframe").count() == 1, "{html}");
        assert!(html.contains("Sign-out success"), "{html}");
    }
}
