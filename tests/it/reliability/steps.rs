use std::sync::Arc;

use oidc_op::{Registration, RegistrationAccess, Scope, Secret, store::Store};
use serde_json::json;

use super::journal::{Journal, State};
use crate::support::{
    ALICE, Answer, Ask, Browser, DEVICE_KEY, Op, PARTNER, Setup, VERIFIER, keys::es256,
};

const NOW: i64 = 1_800_000_000;
const BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS: &str = "urn:ietf:params:oauth:token-type:access_token";
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A request that reads or writes records. A client's own tokens (`client_credentials`) need none until they
/// are revoked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Step {
    Code,
    PublicCode,
    /// Redeemed by a client that proves itself with an assertion.
    KeyedCode,
    Refresh,
    /// By a public client, whose tokens are good once.
    StrictRefresh,
    Password,
    Bearer,
    Exchange,
    Extension,
    Login,
    Consent,
    /// Answered in the front channel, without a page.
    Silent,
    /// To a client that the session has not been to.
    Visit,
    RevokeRefresh,
    RevokeAccess,
    RevokeOwn,
    Introspect,
    UserInfo,
    EndSession,
    Register,
}

/// What somebody has in their hands before a step.
#[derive(Clone)]
pub(super) struct Given {
    browser: Browser,
    ask: Ask,
    text: String,
    scope: Scope,
    /// How often it has been tried.
    tries: u32,
}

/// Everything that may be wired, at a place where anybody may register.
pub(super) fn setup(store: Arc<dyn Store>) -> Setup {
    let mut setup = Setup::full();
    let mut registration = Registration::default();
    registration.access = RegistrationAccess::Open;
    setup.config.registration = Some(registration);
    setup.secrets.storage = vec![Secret::new([7; 32]).unwrap()];
    setup.store = store;
    let policies = setup.policies.as_ref().unwrap();
    *policies.exchange.lock().unwrap() = Some(Scope::parse("openid email").unwrap());
    setup
}

/// A step's beginning: what is stored, and what is in somebody's hands.
pub(super) struct Beginning {
    pub(super) state: State,
    pub(super) given: Given,
}

impl Step {
    pub(super) const ALL: [Self; 20] = [
        Self::Code,
        Self::PublicCode,
        Self::KeyedCode,
        Self::Refresh,
        Self::StrictRefresh,
        Self::Password,
        Self::Bearer,
        Self::Exchange,
        Self::Extension,
        Self::Login,
        Self::Consent,
        Self::Silent,
        Self::Visit,
        Self::RevokeRefresh,
        Self::RevokeAccess,
        Self::RevokeOwn,
        Self::Introspect,
        Self::UserInfo,
        Self::EndSession,
        Self::Register,
    ];

    /// Whether it is good once: asked again, it is refused.
    pub(super) fn is_once(self) -> bool {
        matches!(
            self,
            Self::Code | Self::PublicCode | Self::KeyedCode | Self::StrictRefresh | Self::Bearer
        )
    }

    /// Whether it writes nothing.
    pub(super) fn reads(self) -> bool {
        // The child of a token is not remembered.
        matches!(self, Self::Exchange | Self::Introspect | Self::UserInfo)
    }

    fn client(self) -> &'static str {
        match self {
            Self::PublicCode | Self::StrictRefresh => "public-refresh",
            Self::KeyedCode => "conf-pkjwt",
            Self::Silent => "hybrid",
            Self::Login | Self::Consent => "conf-basic",
            Self::Visit => "first-party",
            _ => "refresh",
        }
    }

    fn ask(self) -> Ask {
        let ask = Ask::of(
            self.client(),
            if self == Self::Silent { "code id_token token" } else { "code" },
        );
        match self {
            Self::Code | Self::PublicCode | Self::Refresh | Self::StrictRefresh => {
                ask.with("scope", "openid email offline_access")
            }
            Self::Visit => ask.with("redirect_uri", "https://first.example/cb"),
            _ => ask,
        }
    }

    pub(super) async fn begin(self) -> Beginning {
        let journal = Journal::from(State::new());
        let op = setup(journal.clone()).build();
        let (mut browser, ask) = (Browser::new(&op), self.ask());
        let mut scope = Scope::parse("openid").unwrap();
        let mut text = String::new();
        match self {
            Self::Code | Self::PublicCode | Self::KeyedCode => {
                text = browser.ask(&ask, ALICE).await.get("code").into();
            }
            Self::Refresh | Self::StrictRefresh | Self::RevokeRefresh => {
                text = op.tokens(self.client(), ALICE).await.refresh;
            }
            Self::Exchange | Self::RevokeAccess | Self::Introspect | Self::UserInfo => {
                text = op.tokens(self.client(), ALICE).await.access;
            }
            Self::RevokeOwn => {
                let answer =
                    op.token_as("cc-client", &[("grant_type", "client_credentials")]).await;
                text = answer.member("access_token");
            }
            Self::Login => text.clone_from(&browser.authorize(&ask.pairs()).await.page().token),
            Self::Consent => {
                let page = browser.authorize(&ask.pairs()).await.page().token.clone();
                let answer = browser.login(&page, ALICE).await;
                text.clone_from(&answer.page().token);
                scope = answer.page().scope.clone();
            }
            Self::Silent => drop(browser.ask(&ask, ALICE).await),
            Self::Visit => drop(browser.ask(&Step::Silent.ask(), ALICE).await),
            Self::EndSession => {
                let ask = Step::Silent.ask();
                text = browser.ask(&ask, ALICE).await.get("id_token").into();
            }
            Self::Password | Self::Bearer | Self::Extension | Self::Register => {}
        }
        let given = Given { browser, ask, text, scope, tries: 0 };
        Beginning { state: journal.state(), given }
    }

    /// Asks for it. Whoever tries again says the same, but for an assertion, which is always new.
    pub(super) async fn act(self, op: &Op, given: &mut Given) -> Answer {
        given.tries += 1;
        let Given { ask, text, scope, tries, .. } = given.clone();
        let mut browser = given.browser.clone().at(op);
        let token = |body: &'static [(&'static str, &'static str)], client| async move {
            op.token_as(client, body).await
        };
        let answer = match self {
            Self::Code | Self::PublicCode => op.exchange(&ask, &text).await,
            Self::KeyedCode => redeem_with_key(op, &ask, &text, tries).await,
            Self::Refresh | Self::StrictRefresh => op.refresh(self.client(), &text).await,
            Self::Password => {
                let body = &[
                    ("grant_type", "password"),
                    ("username", ALICE),
                    ("password", ALICE),
                    ("scope", "openid offline_access"),
                ];
                token(body, "password").await
            }
            Self::Bearer => {
                let word = json!({
                    "iss": PARTNER, "sub": "partner:alice", "aud": "https://id.example",
                    "iat": NOW, "exp": NOW + 60, "jti": "one"
                });
                let assertion = es256(&word);
                let body =
                    [("grant_type", BEARER), ("assertion", &*assertion), ("scope", "openid")];
                op.token_as("trusted", &body).await
            }
            Self::Exchange => {
                let body = [
                    ("grant_type", EXCHANGE),
                    ("subject_token", &*text),
                    ("subject_token_type", ACCESS),
                ];
                op.token_as("exchanger", &body).await
            }
            Self::Extension => {
                let body =
                    &[("grant_type", DEVICE_KEY), ("device", ALICE), ("scope", "openid email")];
                token(body, "device").await
            }
            Self::Login => browser.login(&text, ALICE).await,
            Self::Consent => browser.agree(&text, &scope, true).await,
            Self::Silent => browser.authorize(&ask.with("prompt", "none").pairs()).await,
            Self::Visit => browser.authorize(&ask.pairs()).await,
            Self::RevokeRefresh | Self::RevokeAccess => op.revoke("refresh", &text).await,
            Self::RevokeOwn => op.revoke("cc-client", &text).await,
            Self::Introspect => op.introspect("refresh", &text).await,
            Self::UserInfo => op.userinfo(&text).await,
            Self::EndSession => browser.end_session(&[("id_token_hint", &text)]).await,
            Self::Register => {
                let body = json!({"redirect_uris": ["https://rp.example/cb"]}).to_string();
                let json = [("content-type", "application/json")];
                op.send("POST", "/register", "", &json, &body).await
            }
        };
        given.browser = browser;
        answer
    }
}

async fn redeem_with_key(op: &Op, ask: &Ask, code: &str, tries: u32) -> Answer {
    let assertion = es256(&json!({
        "iss": "conf-pkjwt", "sub": "conf-pkjwt", "aud": "https://id.example", "iat": NOW,
        "exp": NOW + 60, "jti": tries.to_string()
    }));
    let body = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", ask.value("redirect_uri").unwrap()),
        ("code_verifier", VERIFIER),
        ("client_assertion_type", ASSERTION),
        ("client_assertion", &assertion),
    ];
    op.post("/token", &crate::support::form(&body), &[]).await
}
