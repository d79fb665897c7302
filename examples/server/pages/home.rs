//! The start page: the provider's own, or the demo relying party's; and on both, for whoever is
//! signed in, the applications to go to.

use askama::Template;
use axum::{http::StatusCode, response::Response};
use oidc_op::{Acr, Client, LoginInitiation};

use super::{ClientView, Site, clean, hash};
use crate::{
    config::ClientEntry,
    demo::{DEMO_SCOPES, RESPONSE_TYPES},
    known::Known,
};

/// The clients that can be told to begin a sign-in.
pub(super) fn apps(clients: &[ClientEntry]) -> Vec<Client> {
    let clients = clients.iter().map(|entry| &entry.0);
    let is_app = |c: &&Client| c.enabled && c.metadata.initiate_login_uri.is_some();
    clients.filter(is_app).cloned().collect()
}

impl Site {
    /// The start page of a provider without a demo.
    pub(crate) fn home(
        &self,
        person: Option<&Known>,
        signed_out: bool,
        languages: &[Box<str>],
    ) -> Response {
        let apps = self.apps_for(person, languages);
        let person = person.map(|person| clean(&person.name));
        self.page(StatusCode::OK, &HomePage { site: self, person, apps, signed_out })
    }

    /// The demo relying party's page.
    pub(crate) fn demo(&self, demo: DemoView<'_>) -> Response {
        let DemoView { login, person, problem, signed_out, languages } = demo;
        let apps = self.apps_for(person, languages);
        let person = person.map(|person| clean(&person.name));
        let page = DemoPage {
            site: self,
            login,
            person,
            apps,
            problem,
            signed_out,
            scopes: &DEMO_SCOPES,
            response_types: &RESPONSE_TYPES,
            second_factor: self.assurance.second_factor.as_ref().map(Acr::as_str),
        };
        self.page(StatusCode::OK, &page)
    }

    /// The page that sends on what stands in the fragment of its own address.
    pub(crate) fn fragment(&self) -> Response {
        let script = include_str!("../templates/fragment.js").trim_end();
        let policy = format!("{}; script-src '{}'", self.policy, hash(script));
        let action = format!("{}/demo/callback", self.base);
        Self::page_allowed(&policy, StatusCode::OK, &FragmentPage { site: self, action, script })
    }

    fn apps_for(&self, person: Option<&Known>, languages: &[Box<str>]) -> Vec<AppView<'_>> {
        let Some(person) = person else { return Vec::new() };
        let mut login = LoginInitiation::default();
        login.login_hint = person.local.then(|| person.called.clone());
        let link = |client| Client::initiate_login(client, &self.issuer, &login);
        let view =
            |app| Some(AppView { link: link(app)?, client: ClientView::new(app, languages) });
        self.apps.iter().filter_map(view).collect()
    }
}

/// An application to go to.
struct AppView<'c> {
    client: ClientView<'c>,
    link: String,
}

#[derive(Template)]
#[template(path = "home.html", config = "examples/server/askama.toml")]
struct HomePage<'p> {
    site: &'p Site,
    person: Option<String>,
    apps: Vec<AppView<'p>>,
    signed_out: bool,
}

#[derive(Template)]
#[template(path = "fragment.html", config = "examples/server/askama.toml")]
struct FragmentPage<'p> {
    site: &'p Site,
    action: String,
    script: &'static str,
}

#[derive(Template)]
#[template(path = "demo.html", config = "examples/server/askama.toml")]
struct DemoPage<'p> {
    site: &'p Site,
    login: Option<&'p LoginView>,
    person: Option<String>,
    apps: Vec<AppView<'p>>,
    problem: Option<&'p str>,
    signed_out: bool,
    scopes: &'p [&'static str],
    response_types: &'p [&'static str],
    /// The context class that a second factor satisfies.
    second_factor: Option<&'p str>,
}

/// What the demo relying party's page shows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DemoView<'v> {
    /// Who is signed in at the demo.
    pub(crate) login: Option<&'v LoginView>,
    /// Who is signed in at the provider.
    pub(crate) person: Option<&'v Known>,
    pub(crate) problem: Option<&'v str>,
    pub(crate) signed_out: bool,
    /// What the person reads, best first.
    pub(crate) languages: &'v [Box<str>],
}

/// What the demo relying party has learned.
#[derive(Clone, Debug)]
pub(crate) struct LoginView {
    pub(crate) name: String,
    pub(crate) initial: String,
    pub(crate) steps: Vec<&'static str>,
    /// The demo has an access token.
    pub(crate) bearer: bool,
    /// It has a refresh token.
    pub(crate) renewable: bool,
    pub(crate) tables: Vec<Table>,
}

impl LoginView {
    /// Shows the table, in the place of an earlier one.
    pub(crate) fn show(&mut self, table: Table) {
        match self.tables.iter_mut().find(|earlier| earlier.id == table.id) {
            Some(earlier) => *earlier = table,
            None => self.tables.push(table),
        }
    }
}

/// Members of a JSON object, for people.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) about: &'static str,
    pub(crate) rows: Vec<Row>,
}

/// One member.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) note: Option<String>,
}

impl Row {
    /// The name in pieces, between which a line may break.
    fn parts(&self) -> impl Iterator<Item = &str> {
        self.name.split_inclusive(['_', '.'])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    fn page(signed_in: bool, languages: &str) -> String {
        let mut settings = Settings::demo().unwrap();
        let app = |members: &str| {
            let text = format!(
                "client_id = \"a\"\nclient_name = \"<app>\"\nclient_secret = \"s\"\n{members}\n\
                 redirect_uris = [\"https://app.example/cb\"]\n"
            );
            toml::from_str::<ClientEntry>(&text).unwrap()
        };
        let uri = "initiate_login_uri = \"https://app.example/login\"\n\
                   \"client_name#fr\" = \"<Boutique>\"";
        settings.clients = vec![app(uri), app(""), app(&format!("{uri}\nenabled = false"))];
        let site = Site::new(&settings);
        let users = crate::users::Users::new(&settings.users, None).unwrap();
        let alice = users.by_subject(&settings.users[0].sub).filter(|_| signed_in);
        let alice = alice.map(|user| Known::user(&user));
        let person = alice.as_ref().map(|person| clean(&person.name));
        let languages: Vec<Box<str>> = languages.split_whitespace().map(Into::into).collect();
        let apps = site.apps_for(alice.as_ref(), &languages);
        HomePage { site: &site, person, apps, signed_out: false }.render().unwrap()
    }

    #[test]
    fn whoever_is_signed_in_finds_their_apps() {
        let html = page(true, "de");
        let link =
            "https://app.example/login?iss=http%3A%2F%2Flocalhost%3A8080&#38;login_hint=alice";
        assert_eq!(html.matches(link).count(), 1, "{html}");
        assert!(html.contains("&#60;app&#62;") && !html.contains("<app>"), "{html}");
        assert!(!page(false, "de").contains("app.example"));
        let html = page(true, "fr-CA de");
        assert!(html.contains("&#60;Boutique&#62;") && !html.contains("app&#62;"), "{html}");
    }

    #[test]
    fn the_script_is_what_its_hash_says() {
        let site = Site::new(&Settings::demo().unwrap());
        let response = site.fragment();
        let policy = response.headers()["content-security-policy"].to_str().unwrap();
        let script = include_str!("../templates/fragment.js").trim_end();
        assert!(policy.contains(&format!("script-src '{}'", hash(script))), "{policy}");
        let page = FragmentPage { site: &site, action: "/cb".into(), script };
        let html = page.render().unwrap();
        assert!(html.contains(&format!("<script>{script}</script>")), "{html}");
    }
}
