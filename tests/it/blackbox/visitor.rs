//! A person at the server's pages: keeps cookies, follows redirects, fills in forms.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, Mutex},
};

use reqwest::{
    Client, ClientBuilder, Method, StatusCode, Url,
    cookie::{CookieStore, Jar},
    header::{ACCEPT_LANGUAGE, HeaderMap, HeaderName, HeaderValue},
    redirect::Policy,
};

use url::form_urlencoded::{Serializer, parse};

use super::{
    answer,
    html::{Form, forms},
    server::Server,
};

/// One browser, as far as HTTP sees it.
pub(crate) struct Visitor {
    http: Client,
    jar: Arc<Jar>,
    origin: Url,
    /// The providers that it meets: issuer and authorization endpoint.
    providers: Vec<(String, String)>,
    /// The `state` of each authorization request that was sent.
    states: Mutex<Vec<Option<String>>>,
}

/// What a request ended in: a page of the provider's, or an answer for a client.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) url: Url,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    /// The statuses of the redirects on the way.
    pub(crate) redirects: Vec<StatusCode>,
    /// The issuer whose page it is.
    issuer: String,
    /// The `state` of each authorization request that may have led here.
    states: Vec<Option<String>>,
}

/// A client without redirects or proxies; with compression off it sends no `Accept-Encoding`.
pub(crate) fn http() -> ClientBuilder {
    Client::builder().redirect(Policy::none()).no_proxy()
}

impl Visitor {
    pub(crate) fn new(server: &Server) -> Self {
        Self::build(server, http())
    }

    /// A visitor from another loopback address.
    pub(crate) fn from_address(server: &Server, address: impl Into<IpAddr>) -> Self {
        Self::build(server, http().local_address(address.into()))
    }

    /// A visitor whose browser says which languages they read.
    pub(crate) fn reading(server: &Server, languages: &'static str) -> Self {
        let languages = HeaderValue::from_static(languages);
        let headers = HeaderMap::from_iter([(ACCEPT_LANGUAGE, languages)]);
        Self::build(server, http().default_headers(headers))
    }

    fn build(server: &Server, http: ClientBuilder) -> Self {
        let jar = Arc::new(Jar::default());
        // No connection is kept, so that a server may start anew behind a visitor's back.
        let http = http.pool_max_idle_per_host(0);
        let http = http.cookie_provider(Arc::clone(&jar)).build().unwrap();
        let origin = server.issuer.parse().unwrap();
        let (issuer, endpoint) = (server.issuer.clone(), server.url("/authorize"));
        let providers = vec![(issuer, endpoint)];
        Self { http, jar, origin, providers, states: Mutex::default() }
    }

    /// The same, who meets another provider, or the same one with another authorization endpoint.
    pub(crate) fn knows(mut self, issuer: &str, authorization_endpoint: &str) -> Self {
        self.providers.retain(|(known, _)| known != issuer);
        self.providers.push((issuer.to_owned(), authorization_endpoint.to_owned()));
        // The longest comes first that an address begins with.
        self.providers.sort_by_key(|(issuer, _)| std::cmp::Reverse(issuer.len()));
        self
    }

    /// The cookies that are sent to the provider.
    pub(crate) fn cookies(&self) -> String {
        self.cookies_for(&self.origin)
    }

    /// The cookies that are sent to an address.
    pub(crate) fn cookies_for(&self, url: &Url) -> String {
        let cookies = self.jar.cookies(url);
        cookies.map(|cookies| cookies.to_str().unwrap().to_owned()).unwrap_or_default()
    }

    /// Opens an address and follows redirects, as far as the provider goes.
    pub(crate) async fn open(&self, url: impl AsRef<str>) -> Page {
        let url = self.origin.join(url.as_ref()).unwrap();
        self.follow(self.send(Method::GET, url, None, &[]).await).await
    }

    /// The same where no answer may come.
    #[cfg(any(feature = "postgres", feature = "redis"))]
    pub(crate) async fn try_open(&self, url: impl AsRef<str>) -> Option<Page> {
        let url = self.origin.join(url.as_ref()).unwrap();
        self.remember(&url, None);
        let response = self.http.get(url.clone()).send().await.ok()?;
        let (status, headers) = (response.status(), response.headers().clone());
        let states = self.states.lock().unwrap().clone();
        let body = response.text().await.ok()?;
        let issuer = self.issuer_of(&url);
        Some(Page { url, status, headers, body, redirects: Vec::new(), issuer, states })
    }

    /// Comes back from another site, as Chromium does it after a redirect there.
    pub(crate) async fn come_back(&self, url: Url) -> Page {
        let headers = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")];
        self.follow(self.send(Method::GET, url, None, &headers).await).await
    }

    /// Submits the form that has this button, with these values in its fields.
    pub(crate) async fn submit(&self, page: &Page, button: &str, values: &[(&str, &str)]) -> Page {
        let (url, body) = page.filled_in(button, values);
        // As Chromium does it from a page with `Referrer-Policy: no-referrer`.
        let headers = [("origin", "null"), ("sec-fetch-site", "same-origin")];
        self.follow(self.post(url, body, &headers).await).await
    }

    /// Sends a form, and follows nothing.
    pub(crate) async fn post(&self, url: Url, body: String, headers: &[(&str, &str)]) -> Page {
        self.send(Method::POST, url, Some(body), headers).await
    }

    /// Sends one request, and follows nothing.
    pub(crate) async fn send(
        &self,
        method: Method,
        url: Url,
        form: Option<String>,
        headers: &[(&str, &str)],
    ) -> Page {
        self.remember(&url, form.as_deref());
        let mut request = self.http.request(method, url.clone());
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            request = request.header(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        if let Some(form) = form {
            request =
                request.header("content-type", "application/x-www-form-urlencoded").body(form);
        }
        let response = request.send().await.unwrap();
        Page {
            issuer: self.issuer_of(&url),
            url,
            status: response.status(),
            headers: response.headers().clone(),
            body: response.text().await.unwrap(),
            redirects: Vec::new(),
            states: self.states.lock().unwrap().clone(),
        }
    }

    fn remember(&self, url: &Url, form: Option<&str>) {
        let address = url.as_str().split(['?', '#']).next().unwrap_or_default();
        if self.providers.iter().any(|(_, endpoint)| endpoint == address) {
            let pairs = url.query_pairs().chain(parse(form.unwrap_or_default().as_bytes()));
            let state =
                pairs.into_iter().find(|(name, value)| name == "state" && !value.is_empty());
            self.states.lock().unwrap().push(state.map(|(_, value)| value.into_owned()));
        }
    }

    /// Logs in and agrees, whichever of it the pages ask.
    pub(crate) async fn consent(&self, mut page: Page, user: (&str, &str)) -> Page {
        for _ in 0..4 {
            if page.is_answer() || !(page.asks_password() || page.asks_consent()) {
                return page;
            }
            let values = [("login", user.0), ("password", user.1)];
            let values = if page.asks_password() { &values[..] } else { &[] };
            page = self.submit(&page, "submit", values).await;
        }
        panic!("the pages do not end: {page:?}")
    }

    async fn follow(&self, mut page: Page) -> Page {
        for _ in 0..10 {
            let Some(location) = page.location().filter(|location| self.is_ours(location)) else {
                return page;
            };
            let mut redirects = std::mem::take(&mut page.redirects);
            redirects.push(page.status);
            page = self.send(Method::GET, location, None, &[]).await;
            page.redirects = redirects;
        }
        panic!("the redirects do not end")
    }

    fn is_ours(&self, url: &Url) -> bool {
        let origins = self.providers.iter().filter_map(|(issuer, _)| Url::parse(issuer).ok());
        origins.map(|issuer| issuer.origin()).any(|origin| origin == url.origin())
    }

    fn issuer_of(&self, url: &Url) -> String {
        let issuers = self.providers.iter().map(|(issuer, _)| issuer);
        issuers.into_iter().find(|i| url.as_str().starts_with(*i)).cloned().unwrap_or_default()
    }
}

impl Page {
    /// Where a redirect leads.
    pub(crate) fn location(&self) -> Option<Url> {
        let location = self.headers.get("location")?.to_str().unwrap();
        Some(self.url.join(location).unwrap())
    }

    /// Whether it is a redirect to a client.
    pub(crate) fn is_answer(&self) -> bool {
        self.headers.contains_key("location")
    }

    /// The parameters of a redirect to a client, which are as they must be.
    #[track_caller]
    pub(crate) fn answer(&self) -> BTreeMap<String, String> {
        let location = self.location().unwrap_or_else(|| panic!("not an answer: {self:?}"));
        answer::read(&location, &self.issuer, &self.states)
            .unwrap_or_else(|problem| panic!("{problem}: {location}"))
    }

    #[track_caller]
    pub(crate) fn code(&self) -> String {
        let mut answer = self.answer();
        answer.remove("code").unwrap_or_else(|| panic!("no code: {answer:?}"))
    }

    pub(crate) fn asks_password(&self) -> bool {
        self.body.contains("name=\"password\"")
    }

    pub(crate) fn asks_consent(&self) -> bool {
        self.body.contains("name=\"scope\"")
    }

    /// The value of a header field that comes once.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next()?;
        assert_eq!(values.next(), None, "{name} comes twice");
        Some(value.to_str().unwrap())
    }

    /// The form that has this button.
    #[track_caller]
    pub(crate) fn form(&self, button: &str) -> Form {
        let mut forms = forms(&self.body).into_iter();
        forms
            .find(|form| form.buttons.iter().any(|b| b.id == button))
            .unwrap_or_else(|| panic!("no button #{button}: {} {}", self.status, self.body))
    }

    /// The form that has this button, ready to be sent.
    #[track_caller]
    pub(crate) fn filled_in(&self, button: &str, values: &[(&str, &str)]) -> (Url, String) {
        let form = self.form(button);
        let pressed = form.buttons.iter().find(|b| b.id == button).unwrap();
        let mut fields = form.fields.clone();
        if !pressed.name.is_empty() {
            fields.push((pressed.name.clone(), pressed.value.clone()));
        }
        for (name, value) in values {
            fields.retain(|(n, _)| n != name);
            fields.push(((*name).to_owned(), (*value).to_owned()));
        }
        assert_eq!(form.method.to_ascii_lowercase(), "post");
        (self.url.join(&form.action).unwrap(), {
            Serializer::new(String::new()).extend_pairs(fields).finish()
        })
    }
}
