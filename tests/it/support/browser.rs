use std::{borrow::Cow, collections::BTreeMap};

use oidc_op::{
    Agreement, AuthorizeError, Interaction, Login, LogoutConfirmation, LogoutVerdict, Need,
    Outcome, PageError, Reason, Reply, Request, Scope, SignedOut, Subject, Verdict,
};
use serde_json::Value;

use super::{Op, decode, form};

/// What came back.
#[derive(Debug)]
pub(crate) enum Answer {
    Reply(Reply),
    Page(Box<Interaction>),
    Confirm(Box<LogoutConfirmation>),
    SignedOut(Box<SignedOut>),
    Elsewhere,
}

impl From<Outcome> for Answer {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Reply(reply) => Self::Reply(reply),
            Outcome::Interact(interaction) => Self::Page(interaction),
            Outcome::ConfirmLogout(confirmation) => Self::Confirm(confirmation),
            Outcome::SignedOut(signed_out) => Self::SignedOut(signed_out),
            Outcome::Elsewhere => Self::Elsewhere,
        }
    }
}

impl From<Result<Outcome, AuthorizeError>> for Answer {
    fn from(outcome: Result<Outcome, AuthorizeError>) -> Self {
        match outcome {
            Ok(outcome) => outcome.into(),
            Err(error) => Self::Reply(error.reply()),
        }
    }
}

impl From<Result<Outcome, PageError>> for Answer {
    fn from(outcome: Result<Outcome, PageError>) -> Self {
        outcome.map_err(AuthorizeError::from).into()
    }
}

impl Answer {
    #[track_caller]
    pub(crate) fn reply(&self) -> &Reply {
        match self {
            Self::Reply(reply) => reply,
            other => panic!("a reply was expected: {other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn page(&self) -> &Interaction {
        match self {
            Self::Page(interaction) => interaction,
            Self::Reply(reply) => panic!("a page was expected: {reply:?} {}", text(reply)),
            other => panic!("a page was expected: {other:?}"),
        }
    }

    /// The question whether to sign out.
    #[track_caller]
    pub(crate) fn confirmation(&self) -> &LogoutConfirmation {
        match self {
            Self::Confirm(confirmation) => confirmation,
            Self::Reply(reply) => panic!("a question was expected: {reply:?} {}", text(reply)),
            other => panic!("a question was expected: {other:?}"),
        }
    }

    /// A sign-out for the host to show.
    #[track_caller]
    pub(crate) fn signed_out(&self) -> &SignedOut {
        match self {
            Self::SignedOut(signed_out) => signed_out,
            Self::Reply(reply) => panic!("a sign-out was expected: {reply:?} {}", text(reply)),
            other => panic!("a sign-out was expected: {other:?}"),
        }
    }

    /// The page of a reply.
    #[track_caller]
    pub(crate) fn html(&self) -> String {
        text(self.reply())
    }

    pub(crate) fn status(&self) -> u16 {
        self.reply().status
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.reply().body).expect("JSON")
    }

    /// The `error` of a JSON answer.
    #[track_caller]
    pub(crate) fn error(&self) -> String {
        self.json()["error"].as_str().unwrap_or_else(|| panic!("{:?}", self.json())).to_owned()
    }

    /// A member of a JSON answer that is a string.
    #[track_caller]
    pub(crate) fn member(&self, name: &str) -> String {
        let json = self.json();
        json[name].as_str().unwrap_or_else(|| panic!("{name} in {json}")).to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.reply().header(name)
    }

    /// No verdict on anything: 503 and when to come again (RFC 9110 §10.2.3, §15.6.4).
    #[track_caller]
    pub(crate) fn is_unavailable(&self, what: &str) {
        let found = (self.status(), &*self.error());
        assert_eq!(found, (503, "temporarily_unavailable"), "{what}");
        assert_eq!(self.header("retry-after"), Some("5"), "{what}");
    }

    /// The parameters of a redirect, and where it leads without them.
    #[track_caller]
    pub(crate) fn redirect(&self) -> (String, BTreeMap<String, String>) {
        let location = self.header("location").unwrap_or_else(|| {
            panic!("a redirect was expected: {:?} {}", self.reply(), text(self.reply()))
        });
        assert_eq!(self.status(), 303, "RFC 9700 §4.12");
        let (to, parameters) = location.split_once(['?', '#']).unwrap_or((location, ""));
        let pairs = decode(parameters);
        let map: BTreeMap<_, _> = pairs.iter().cloned().collect();
        assert_eq!(map.len(), pairs.len(), "each parameter once: {location}");
        (to.to_owned(), map)
    }

    /// A parameter of a redirect.
    #[track_caller]
    pub(crate) fn parameter(&self, name: &str) -> String {
        let (_, parameters) = self.redirect();
        parameters.get(name).unwrap_or_else(|| panic!("{name} in {parameters:?}")).clone()
    }

    /// An error page: 4xx or 5xx, HTML, nowhere to go.
    #[track_caller]
    pub(crate) fn is_page_error(&self, reason: Reason) {
        let reply = self.reply();
        assert!(reply.status >= 400, "{reply:?}");
        assert_eq!(reply.header("location"), None);
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        assert!(text(reply).contains(reason.code()), "{} in {}", reason.code(), text(reply));
    }
}

fn text(reply: &Reply) -> String {
    String::from_utf8_lossy(&reply.body).into_owned()
}

/// A browser: it keeps cookies, and follows what the pages say.
#[derive(Clone)]
pub(crate) struct Browser {
    op: Op,
    pub(crate) cookies: BTreeMap<String, String>,
}

impl Browser {
    pub(crate) fn new(op: &Op) -> Self {
        Self { op: op.clone(), cookies: BTreeMap::new() }
    }

    /// The same browser at another node, or after a restart.
    pub(crate) fn at(self, op: &Op) -> Self {
        Self { op: op.clone(), ..self }
    }

    /// Visits the authorization endpoint.
    pub(crate) async fn authorize(&mut self, parameters: &[(&str, &str)]) -> Answer {
        let query = form(parameters);
        self.call("GET", &query, &[], "", None).await
    }

    /// Posts the request from the client's own page.
    pub(crate) async fn authorize_by_post(&mut self, query: &str, body: &str) -> Answer {
        self.call("POST", query, &[], body, None).await
    }

    /// Opens the page of an interaction again.
    pub(crate) async fn open(&mut self, token: &str) -> Answer {
        let request = self.headers(&[]);
        let headers: Vec<_> = request.iter().map(|(n, v)| (&**n, v.as_bytes())).collect();
        let request = Request::new("GET", "/interaction").headers(&headers);
        let answer = self.op.provider.interaction(request, token).await.into();
        self.keep(&answer);
        answer
    }

    /// Submits the page of an interaction.
    pub(crate) async fn submit(&mut self, token: &str, verdict: Verdict) -> Answer {
        self.submit_with(token, verdict, &[("origin", "https://id.example")]).await
    }

    pub(crate) async fn submit_with(
        &mut self,
        token: &str,
        verdict: Verdict,
        extra: &[(&str, &str)],
    ) -> Answer {
        let headers = self.headers(extra);
        let headers: Vec<_> = headers.iter().map(|(n, v)| (&**n, v.as_bytes())).collect();
        let request = Request::new("POST", "/interaction").headers(&headers);
        let answer = self.op.provider.resume(request, token, verdict).await.into();
        self.keep(&answer);
        answer
    }

    /// Comes back to an interaction from the site where they have signed in, as browsers do.
    pub(crate) async fn come_back(&mut self, token: &str, verdict: Verdict) -> Answer {
        self.come_back_by("GET", token, verdict).await
    }

    pub(crate) async fn come_back_by(
        &mut self,
        method: &str,
        token: &str,
        verdict: Verdict,
    ) -> Answer {
        let headers = self.headers(&[
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-dest", "document"),
        ]);
        let headers: Vec<_> = headers.iter().map(|(n, v)| (&**n, v.as_bytes())).collect();
        let request = Request::new(method, "/upstream/callback").headers(&headers);
        let answer = self.op.provider.resume_returning(request, token, verdict).await.into();
        self.keep(&answer);
        answer
    }

    /// Opens a page of a host that says who is signed in.
    pub(crate) async fn open_as(&mut self, token: &str, login: Option<Login>) -> Answer {
        let headers = self.headers(&[]);
        let headers: Vec<_> = headers.iter().map(|(n, v)| (&**n, v.as_bytes())).collect();
        let request = Request::new("GET", "/interaction").headers(&headers);
        self.op.provider.interaction_as(request, token, login).await.into()
    }

    /// Submits a page of a host that says who is signed in.
    pub(crate) async fn submit_as(
        &mut self,
        token: &str,
        verdict: Verdict,
        login: Option<Login>,
    ) -> Answer {
        let headers = self.headers(&[]);
        let headers: Vec<_> = headers.iter().map(|(n, v)| (&**n, v.as_bytes())).collect();
        let request = Request::new("POST", "/interaction").headers(&headers);
        self.op.provider.resume_as(request, token, verdict, login).await.into()
    }

    pub(crate) async fn login(&mut self, token: &str, who: &str) -> Answer {
        let login = Login::new(Subject::new(who).unwrap());
        self.submit(token, Verdict::Login(login)).await
    }

    /// Agrees to all that a page asks for.
    pub(crate) async fn agree_to_all(&mut self, page: &Interaction) -> Answer {
        let mut agreement = Agreement::to_all(page);
        agreement.remember = true;
        self.submit(&page.token, Verdict::Consent(agreement)).await
    }

    pub(crate) async fn agree(&mut self, token: &str, scope: &Scope, remember: bool) -> Answer {
        let mut agreement = Agreement::new(scope.clone());
        agreement.remember = remember;
        self.submit(token, Verdict::Consent(agreement)).await
    }

    /// Does whatever the pages ask, as this person, until the client is answered.
    pub(crate) async fn follow(&mut self, mut answer: Answer, who: &str) -> Answer {
        for _ in 0..5 {
            let Answer::Page(page) = &answer else { return answer };
            answer = match page.need {
                Need::Login | Need::CreateAccount => self.login(&page.token, who).await,
                Need::Consent => self.agree_to_all(page).await,
                _ => {
                    let verdict = Verdict::SelectAccount(Subject::new(who).unwrap());
                    self.submit(&page.token, verdict).await
                }
            };
        }
        panic!("the pages do not end");
    }

    /// The code that comes of a request.
    pub(crate) async fn code(&mut self, parameters: &[(&str, &str)], who: &str) -> String {
        let answer = self.authorize(parameters).await;
        self.follow(answer, who).await.parameter("code")
    }

    /// Comes to the logout endpoint.
    pub(crate) async fn end_session(&mut self, parameters: &[(&str, &str)]) -> Answer {
        self.send("GET", "/end_session", &form(parameters), &[], "", None).await
    }

    /// Is asked again whether to sign out.
    pub(crate) async fn open_confirmation(&mut self, token: &str) -> Answer {
        let headers = self.headers(&[]);
        let headers: Vec<_> = headers.iter().map(|(n, v)| (&**n, v.as_bytes())).collect();
        let request = Request::new("GET", "/logout").headers(&headers);
        let answer = self.op.provider.logout_confirmation(request, token).await.into();
        self.keep(&answer);
        answer
    }

    /// Says whether to sign out.
    pub(crate) async fn confirm(&mut self, token: &str, verdict: LogoutVerdict) -> Answer {
        self.confirm_with("POST", token, verdict, &[("origin", "https://id.example")]).await
    }

    pub(crate) async fn confirm_with(
        &mut self,
        method: &str,
        token: &str,
        verdict: LogoutVerdict,
        extra: &[(&str, &str)],
    ) -> Answer {
        let headers = self.headers(extra);
        let headers: Vec<_> = headers.iter().map(|(n, v)| (&**n, v.as_bytes())).collect();
        let request = Request::new(method, "/logout").headers(&headers);
        let answer = self.op.provider.logout(request, token, verdict).await.into();
        self.keep(&answer);
        answer
    }

    /// Any request to the authorization endpoint.
    pub(crate) async fn call(
        &mut self,
        method: &str,
        query: &str,
        extra: &[(&str, &str)],
        body: &str,
        cookies: Option<bool>,
    ) -> Answer {
        self.send(method, "/authorize", query, extra, body, cookies).await
    }

    /// Any request.
    pub(crate) async fn send(
        &mut self,
        method: &str,
        path: &str,
        query: &str,
        extra: &[(&str, &str)],
        body: &str,
        cookies: Option<bool>,
    ) -> Answer {
        let mut headers = self.headers(extra);
        if cookies == Some(false) {
            headers.retain(|(name, _)| name != "cookie");
        }
        if method == "POST" {
            headers.push(("content-type".into(), "application/x-www-form-urlencoded".into()));
        }
        let headers: Vec<_> = headers.iter().map(|(n, v)| (&**n, &**v)).collect();
        let answer = self.op.send(method, path, query, &headers, body).await;
        self.keep(&answer);
        answer
    }

    fn headers(&self, extra: &[(&str, &str)]) -> Vec<(String, String)> {
        let cookies: Vec<_> = self.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
        let mut headers = vec![("cookie".to_owned(), cookies.join("; "))];
        headers.extend(extra.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())));
        headers
    }

    /// Who is signed in here.
    pub(crate) async fn who(&self) -> Option<String> {
        let headers = self.headers(&[]);
        let headers: Vec<_> = headers.iter().map(|(n, v)| (&**n, v.as_bytes())).collect();
        let request = Request::new("GET", "/").headers(&headers);
        let session = self.op.provider.session(request).await.unwrap();
        session.map(|session| session.subject.as_str().to_owned())
    }

    /// Everybody who is signed in here, the current one first.
    pub(crate) async fn accounts(&self) -> Vec<String> {
        let headers = self.headers(&[]);
        let headers: Vec<_> = headers.iter().map(|(n, v)| (&**n, v.as_bytes())).collect();
        let request = Request::new("GET", "/").headers(&headers);
        let sessions = self.op.provider.accounts(request).await.unwrap();
        sessions.iter().map(|session| session.subject.as_str().to_owned()).collect()
    }

    /// Signs in on a page of the host's own.
    pub(crate) async fn sign_in(&mut self, who: &str) {
        let headers = self.headers(&[]);
        let headers: Vec<_> = headers.iter().map(|(n, v)| (&**n, v.as_bytes())).collect();
        let request = Request::new("POST", "/sign-in").headers(&headers);
        let login = Login::new(Subject::new(who).unwrap());
        let cookies = self.op.provider.sign_in(request, &login).await.unwrap();
        self.keep_all(&cookies);
    }

    pub(crate) async fn sign_out(&mut self) -> SignedOut {
        let headers = self.headers(&[]);
        let headers: Vec<_> = headers.iter().map(|(n, v)| (&**n, v.as_bytes())).collect();
        let request = Request::new("POST", "/sign-out").headers(&headers);
        let signed_out = self.op.provider.sign_out(request).await.unwrap();
        self.keep_all(&signed_out.headers);
        signed_out
    }

    /// Keeps the cookies of an answer.
    pub(crate) fn keep(&mut self, answer: &Answer) {
        match answer {
            Answer::Reply(reply) => self.keep_all(&reply.headers),
            Answer::Page(interaction) => self.keep_all(&interaction.headers),
            Answer::SignedOut(signed_out) => self.keep_all(&signed_out.headers),
            Answer::Confirm(_) | Answer::Elsewhere => {}
        }
    }

    fn keep_all(&mut self, headers: &[(&'static str, Cow<'static, str>)]) {
        for (_, value) in headers.iter().filter(|(name, _)| *name == "set-cookie") {
            let (pair, attributes) = value.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            let wanted = match name {
                // For scripts in frames; it opens nothing.
                "__Host-op_state" => ["Path=/", "Secure", "SameSite=None", ""],
                _ => ["Path=/", "Secure", "SameSite=Lax", "HttpOnly"],
            };
            for attribute in wanted {
                assert!(attributes.contains(attribute), "SE-01: {attribute} in {attributes}");
            }
            assert!(!attributes.contains("Domain"), "SE-01: {attributes}");
            assert!(name.starts_with("__Host-"), "SE-01: {name}");
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}
