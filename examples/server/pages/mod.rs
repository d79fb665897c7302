//! The pages: what is on them, and the header fields that every one of them carries.
//!
//! They work without scripts, but for the one to which a fragment comes, and load nothing but the
//! client's logo. Their one style sheet is allowed by its hash. There is no `form-action`: some browsers apply it to the redirect that follows a
//! form, and that leads to the client.

mod apps;
pub(crate) mod consent;
mod home;
mod logout;
mod sign_up;
mod upstream;
mod words;

use std::collections::HashSet;

use askama::Template;
use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use oidc_op::{ClaimRules, Client, ClientId, Interaction, Issuer, PageError, Reply};

pub(crate) use self::{
    apps::AppsView,
    home::{DemoView, LoginView, Row, Table},
    sign_up::{Filled, Problem},
    upstream::UpstreamProblem,
};
use crate::{
    assurance::Assurance,
    config::{Password, Scopes, Settings, SignUp},
    demo::CLIENT_ID,
    known::Known,
    sign_in::{Method, SignIn},
};

/// What every page knows.
#[derive(Debug)]
pub(crate) struct Site {
    style: &'static str,
    policy: String,
    issuer: Issuer,
    /// The provider as people see it.
    host: String,
    /// The path of the issuer, below which everything is.
    pub(crate) base: String,
    /// Whether there is a start page worth going to.
    has_home: bool,
    built_in: bool,
    demo_people: Vec<(String, String)>,
    /// Whether people sign in here, with a password.
    pub(crate) local: bool,
    /// The upstream providers that they sign in with.
    upstreams: Vec<String>,
    /// What is asked of people who create an account.
    pub(crate) sign_up: SignUp,
    scopes: Scopes,
    /// Which claims scopes of our own ask for.
    claim_rules: ClaimRules,
    pub(crate) assurance: Assurance,
    pub(crate) sign_in: SignIn,
    /// Where the signing keys are, below the issuer's path.
    jwks: String,
    /// Where people can go from the start page.
    apps: Vec<Client>,
    /// The clients whose names the operator has written down.
    named: HashSet<ClientId>,
}

impl Site {
    pub(crate) fn new(settings: &Settings) -> Self {
        let style = include_str!("../templates/style.css");
        let demo_people = settings.users.iter().filter_map(|user| match &user.password {
            Password::Plain(password) if settings.built_in => {
                Some((user.username.clone(), password.expose().to_owned()))
            }
            _ => None,
        });
        let issuer = &settings.issuer;
        Self {
            style,
            policy: format!(
                "default-src 'none'; style-src '{}'; img-src https: data:; base-uri 'none'; \
                 frame-ancestors 'none'",
                hash(style)
            ),
            issuer: issuer.clone(),
            host: host(issuer),
            base: issuer.path().to_owned(),
            has_home: settings.features.demo,
            built_in: settings.built_in,
            demo_people: demo_people.collect(),
            local: settings.sign_in.local,
            upstreams: settings.upstreams.iter().map(|entry| entry.name.clone()).collect(),
            sign_up: settings.sign_up.clone(),
            scopes: settings.scopes.clone(),
            claim_rules: settings.claims.rules.clone(),
            assurance: settings.assurance(),
            sign_in: settings.sign_in.clone(),
            jwks: settings.provider().paths.jwks,
            apps: home::apps(&settings.clients),
            named: settings.clients.iter().map(|entry| entry.0.id.clone()).collect(),
        }
    }

    /// The names and passwords that everybody may know.
    pub(crate) fn demo_people(&self) -> &[(String, String)] {
        &self.demo_people
    }

    /// Where an interaction is.
    pub(crate) fn interaction(&self, token: &str) -> String {
        format!("{}/interaction/{token}", self.base)
    }

    /// The login page. `again` is the name of who is signed in already.
    pub(crate) fn login(
        &self,
        interaction: &Interaction,
        again: Option<&str>,
        login: &str,
        refusal: Option<(StatusCode, &str)>,
    ) -> Response {
        let status = refusal.map_or(StatusCode::OK, |(status, _)| status);
        self.page(
            status,
            &LoginPage {
                site: self,
                client: self.asking(interaction),
                action: self.interaction(&interaction.token),
                again: again.map(clean),
                local: self.local,
                upstreams: &self.upstreams,
                login,
                error: refusal.map(|(_, text)| text),
                sign_up: self.sign_up.enabled,
                code: self.assurance.wants_second_factor(interaction),
                method: self.sign_in.method(&interaction.client, &interaction.scope),
            },
        )
    }

    /// The page where an account is chosen, of those that are signed in at the browser.
    pub(crate) fn select(&self, interaction: &Interaction, accounts: &[&Known]) -> Response {
        self.page(
            StatusCode::OK,
            &SelectPage {
                site: self,
                client: self.asking(interaction),
                action: self.interaction(&interaction.token),
                accounts: accounts.iter().copied().map(Account::of).collect(),
            },
        )
    }

    /// A page that says what went wrong, in our words only.
    pub(crate) fn error(
        &self,
        status: StatusCode,
        title: &str,
        text: &str,
        advice: Option<&str>,
        code: &str,
    ) -> Response {
        self.page(status, &ErrorPage { site: self, title, text, advice, code })
    }

    /// The provider's own errors, on the same page.
    pub(crate) fn provider_error(&self, error: &PageError) -> Reply {
        let reason = error.reason();
        let text = format!("The request cannot go on: {}.", reason.description());
        let code = format!("{} · {}", reason.error(), reason.code());
        let page = ErrorPage { site: self, title: OOPS, text: &text, advice: None, code: &code };
        let mut reply = error.reply();
        if let Ok(body) = page.render() {
            reply.body = body.into_bytes();
            reply.headers.retain(|(name, _)| *name != "content-security-policy");
            reply.headers.push(("content-security-policy", self.policy.clone().into()));
        }
        reply
    }

    /// Whom a person is about to go back to. What others have said of themselves is shown together with
    /// where that is (threat RG-10).
    fn asking<'i>(&self, interaction: &'i Interaction) -> ClientView<'i> {
        let client = &interaction.client;
        let is_named = self.named.contains(&client.id) || client.id.as_str() == CLIENT_ID;
        let host = Some(interaction.return_host.as_str()).filter(|_| !is_named);
        ClientView { host, ..ClientView::of(interaction) }
    }

    fn page(&self, status: StatusCode, page: &impl Template) -> Response {
        Self::page_allowed(&self.policy, status, page)
    }

    /// A page that may do what this policy says.
    fn page_allowed(policy: &str, status: StatusCode, page: &impl Template) -> Response {
        match page.render() {
            Ok(html) => (status, fields(policy), Html(html)).into_response(),
            Err(error) => {
                tracing::error!(%error, "a page could not be rendered");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

/// What protects a page against being framed, cached, sniffed or talked about.
fn fields(policy: &str) -> [(HeaderName, HeaderValue); 5] {
    let value = HeaderValue::from_static;
    let policy = HeaderValue::from_str(policy);
    [
        (header::CONTENT_SECURITY_POLICY, policy.unwrap_or(value("default-src 'none'"))),
        (header::X_FRAME_OPTIONS, value("DENY")),
        (header::REFERRER_POLICY, value("no-referrer")),
        (header::CACHE_CONTROL, value("no-store")),
        (header::X_CONTENT_TYPE_OPTIONS, value("nosniff")),
    ]
}

/// The fixed sentence on every error page.
pub(crate) const OOPS: &str = "Oops! Something went wrong";

#[derive(Template)]
#[template(path = "login.html", config = "examples/server/askama.toml")]
struct LoginPage<'p> {
    site: &'p Site,
    client: ClientView<'p>,
    action: String,
    again: Option<String>,
    local: bool,
    upstreams: &'p [String],
    login: &'p str,
    error: Option<&'p str>,
    sign_up: bool,
    /// Whether a code is asked for as well.
    code: bool,
    /// What is asked for.
    method: Method,
}

#[derive(Template)]
#[template(path = "select.html", config = "examples/server/askama.toml")]
struct SelectPage<'p> {
    site: &'p Site,
    client: ClientView<'p>,
    action: String,
    accounts: Vec<Account>,
}

/// An account to choose.
struct Account {
    subject: String,
    name: String,
    initial: String,
    detail: String,
}

impl Account {
    fn of(person: &Known) -> Self {
        let name = clean(&person.name);
        Self {
            subject: person.subject.as_str().to_owned(),
            initial: initial(&name),
            name,
            detail: clean(person.email.as_ref().unwrap_or(&person.called)),
        }
    }
}

#[derive(Template)]
#[template(path = "error.html", config = "examples/server/askama.toml")]
struct ErrorPage<'p> {
    site: &'p Site,
    title: &'p str,
    text: &'p str,
    advice: Option<&'p str>,
    code: &'p str,
}

/// A client, for people.
#[derive(Default)]
struct ClientView<'c> {
    name: String,
    initial: String,
    logo_uri: Option<&'c str>,
    client_uri: Option<&'c str>,
    policy_uri: Option<&'c str>,
    tos_uri: Option<&'c str>,
    /// Where people go back to, if its name alone says too little.
    host: Option<&'c str>,
}

impl<'c> ClientView<'c> {
    /// One of which nothing is known but this.
    fn of_id(id: &ClientId) -> Self {
        let name = clean(id.as_str());
        Self { initial: initial(&name), name, ..Self::default() }
    }

    /// The one that asks.
    fn of(interaction: &'c Interaction) -> Self {
        Self::new(&interaction.client, &interaction.hints.ui_locales)
    }

    /// In the first of these languages in which there is something of it.
    fn new(client: &'c Client, languages: &[Box<str>]) -> Self {
        let shown = client.localised(languages);
        let name = match clean(shown.name) {
            name if name.is_empty() => client.id.to_string(),
            name => name,
        };
        Self {
            initial: initial(&name),
            name,
            logo_uri: shown.logo_uri,
            client_uri: shown.client_uri,
            policy_uri: shown.policy_uri,
            tos_uri: shown.tos_uri,
            host: None,
        }
    }

    fn has_links(&self) -> bool {
        self.client_uri.is_some() || self.policy_uri.is_some() || self.tos_uri.is_some()
    }
}

/// A name that cannot pass for something else: legible, and no more than fits on a line or two
/// (threat UI-06).
pub(crate) fn clean(name: &str) -> String {
    let kept: String = legible(name).chars().take(80).collect();
    kept.trim().to_owned()
}

/// Text without control characters and without those that turn the direction of the text or take no
/// room.
fn legible(text: &str) -> String {
    let sly = |c: &char| {
        c.is_control()
            || matches!(*c, '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}'
                | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}'
                | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
    };
    text.chars().filter(|c| !sly(c)).collect()
}

/// The first letter of a name, to stand for a picture.
pub(crate) fn initial(name: &str) -> String {
    let letter = name.chars().find(|c| c.is_alphanumeric());
    letter.map_or_else(|| "?".to_owned(), |c| c.to_uppercase().collect())
}

/// How a Content-Security-Policy names this style sheet or script.
fn hash(text: &str) -> String {
    let hash = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    format!("sha256-{}", STANDARD.encode(hash))
}

fn host(issuer: &Issuer) -> String {
    let text = issuer.as_str();
    text.split_once("://").map_or(text, |(_, rest)| rest).trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Threat UI-06.
    #[test]
    fn names_cannot_turn_the_text_around() {
        for (name, shown) in [
            ("Shop", "Shop"),
            ("\u{202E}pohS\u{202C}", "pohS"),
            ("a\u{200B}b\u{2066}c\u{2069}\r\n\u{1b}[31m", "abc[31m"),
            ("  \u{FEFF}  ", ""),
            ("Bücher & <Söhne>", "Bücher & <Söhne>"),
        ] {
            assert_eq!(clean(name), shown, "{name:?}");
        }
        assert_eq!(clean(&"x".repeat(1000)).len(), 80);
        assert_eq!((initial("ärzte").as_str(), initial("…").as_str()), ("Ä", "?"));
    }

    #[test]
    fn the_style_sheet_is_what_its_hash_says() {
        let site = Site::new(&Settings::demo().unwrap());
        let page = SelectPage {
            site: &site,
            client: ClientView { name: "<b>".into(), ..ClientView::default() },
            action: String::new(),
            accounts: Vec::new(),
        };
        let html = page.render().unwrap();
        let style = html.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
        assert_eq!(style, site.style);
        assert!(!html.contains("<b>") && !html.contains(" style=") && !html.contains("<script"));
    }
}
