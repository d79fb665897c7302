//! A sign-in and its refresh, in which every part is looked at.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    checks::{self, Asked, IdToken},
    party::{ISSUER, NONCE, Party, Registered, STATE, passed},
};
use crate::support::{ALICE, Answer, Ask, Browser};

/// What came of a sign-in, or of a refresh.
#[derive(Debug, Default)]
pub(crate) struct SignedIn {
    /// The claims of the ID Token that passed through the browser.
    pub(crate) front: Option<Value>,
    /// The token endpoint's answer.
    pub(crate) tokens: Option<Value>,
    /// The claims of its ID Token.
    pub(crate) back: Option<Value>,
}

impl SignedIn {
    pub(crate) fn sub(&self) -> &str {
        let claims = self.back.as_ref().or(self.front.as_ref()).unwrap();
        claims["sub"].as_str().unwrap()
    }

    /// A member of the token endpoint's answer.
    pub(crate) fn token(&self, member: &str) -> &str {
        let token = self.tokens.as_ref().and_then(|tokens| tokens[member].as_str());
        token.unwrap_or_else(|| panic!("{member} in {:?}", self.tokens))
    }
}

/// What came along with an ID Token, and how.
#[derive(Clone, Copy)]
struct Beside<'b> {
    access_token: Option<&'b str>,
    code: Option<&'b str>,
    nonce: Option<&'b str>,
    front: bool,
}

impl Party {
    /// The parameters that the browser brings back, once the person has done what the pages ask.
    pub(crate) async fn answer(&self, client: &Registered, ask: &Ask) -> BTreeMap<String, String> {
        let mut browser = Browser::new(&self.op);
        let answer = browser.authorize(&ask.pairs()).await;
        let answer = browser.follow(answer, ALICE).await;
        assert_eq!(answer.status(), 303, "{:?}", answer.reply());
        let asked = Asked {
            issuer: ISSUER,
            response_type: self.response_type,
            state: STATE,
            redirect_uri: client.redirect_uri(),
        };
        passed(checks::authorization(answer.header("location").unwrap(), &asked))
    }

    /// A whole sign-in.
    pub(crate) async fn sign_in(&self, client: &Registered) -> SignedIn {
        self.sign_in_by(client, &self.ask(client)).await
    }

    /// The same, with this request.
    pub(crate) async fn sign_in_by(&self, client: &Registered, ask: &Ask) -> SignedIn {
        let answer = self.answer(client, ask).await;
        let get = |name: &str| answer.get(name).map(String::as_str);
        let (code, access_token) = (get("code"), get("access_token"));
        let mut done = SignedIn::default();
        if let Some(token) = get("id_token") {
            let beside = Beside { access_token, code, nonce: Some(NONCE), front: true };
            done.front = Some(self.id_token(client, token, beside).await);
        }
        let userinfo = match access_token {
            Some(token) => Some(self.op.userinfo(token).await),
            None => None,
        };
        if let Some(code) = code {
            let answer = self.token(client, &Self::redemption(client, code)).await;
            let tokens = passed(checks::tokens(&answer));
            done.back = Some(self.back(client, &tokens, Some(code), Some(NONCE)).await);
            done.tokens = Some(tokens);
        }
        if let Some(answer) = userinfo {
            self.userinfo(client, &answer, done.sub()).await;
        }
        if let (Some(front), Some(back)) = (&done.front, &done.back) {
            for name in ["iss", "sub"] {
                assert_eq!(front[name], back[name], "OIDC Core §3.3.3.6: {name}");
            }
        }
        done
    }

    /// Refreshes as the suite does, with the scope or without; the ID Token tells the same story
    /// (OIDC Core §12.2).
    pub(crate) async fn refresh(
        &self,
        client: &Registered,
        before: &SignedIn,
        scope: Option<&str>,
    ) -> SignedIn {
        let refresh_token = before.token("refresh_token");
        let mut body = vec![("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
        body.extend(scope.map(|scope| ("scope", scope)));
        // So that what is made then is not of the same second.
        self.op.wait(1);
        let tokens = passed(checks::tokens(&self.token(client, &body).await));
        assert_ne!(tokens["access_token"], before.token("access_token"));
        let after = self.back(client, &tokens, None, None).await;
        let former = before.back.as_ref().unwrap();
        for name in ["iss", "sub", "aud", "auth_time", "azp"] {
            assert_eq!(after[name], former[name], "{name}");
        }
        assert!(after["iat"].as_i64() > former["iat"].as_i64(), "{after}");
        SignedIn { front: None, tokens: Some(tokens), back: Some(after) }
    }

    /// Looks at what the token endpoint has answered, and at what its access token opens; answers the
    /// claims of the ID Token.
    async fn back(
        &self,
        client: &Registered,
        tokens: &Value,
        code: Option<&str>,
        nonce: Option<&str>,
    ) -> Value {
        let get = |name: &str| tokens[name].as_str().unwrap_or_else(|| panic!("{name}: {tokens}"));
        let access_token = Some(get("access_token"));
        let beside = Beside { access_token, code, nonce, front: false };
        let claims = self.id_token(client, get("id_token"), beside).await;
        let answer = self.op.userinfo(get("access_token")).await;
        self.userinfo(client, &answer, claims["sub"].as_str().unwrap()).await;
        claims
    }

    async fn id_token(&self, client: &Registered, token: &str, beside: Beside<'_>) -> Value {
        let Beside { access_token, code, nonce, front } = beside;
        let alg = client.answer["id_token_signed_response_alg"].as_str().unwrap_or("RS256");
        let (jwks, audience, now) = (&self.op.jwks().await, client.id(), self.now());
        let wanted =
            IdToken { jwks, issuer: ISSUER, audience, alg, now, nonce, access_token, code, front };
        passed(checks::id_token(token, &wanted))
    }

    /// UserInfo, in the form that the client has registered for.
    async fn userinfo(&self, client: &Registered, answer: &Answer, sub: &str) {
        if client.answer.get("userinfo_signed_response_alg").is_none() {
            passed(checks::userinfo(answer, sub));
            return;
        }
        let jwks = self.op.jwks().await;
        passed(checks::signed_userinfo(answer, sub, (&jwks, ISSUER, client.id())));
    }
}
