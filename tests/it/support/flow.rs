//! The response types, and what comes of each.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Answer, Browser, CHALLENGE, Op, VERIFIER, clients::redirect_uri, keys};

/// A response type, and the fixture that may use it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flow {
    pub(crate) response_type: &'static str,
    pub(crate) client: &'static str,
}

pub(crate) const FLOWS: [Flow; 8] = [
    Flow { response_type: "code", client: "conf-basic" },
    Flow { response_type: "id_token", client: "implicit" },
    Flow { response_type: "id_token token", client: "implicit" },
    Flow { response_type: "code id_token", client: "hybrid" },
    Flow { response_type: "code token", client: "hybrid" },
    Flow { response_type: "code id_token token", client: "hybrid" },
    Flow { response_type: "none", client: "none-type" },
    Flow { response_type: "token", client: "implicit" },
];

impl Flow {
    pub(crate) fn has(self, word: &str) -> bool {
        self.response_type.split(' ').any(|w| w == word)
    }

    pub(crate) fn ask(self) -> Ask {
        Ask::of(self.client, self.response_type)
    }

    /// Where its answers go unless the request says otherwise (Multiple Response Types §2.1, §5).
    pub(crate) fn place(self) -> Place {
        if self.has("token") || self.has("id_token") { Place::Fragment } else { Place::Query }
    }
}

/// An authorization request.
#[derive(Clone, Debug)]
pub(crate) struct Ask(pub(crate) Vec<(String, String)>);

impl Ask {
    pub(crate) fn of(client: &str, response_type: &str) -> Self {
        let ask = Self(Vec::new())
            .with("client_id", client)
            .with("redirect_uri", &redirect_uri(client))
            .with("response_type", response_type)
            .with("scope", "openid profile email")
            .with("state", "af0ifjsldkj")
            .with("nonce", "n-0S6_WzA2Mj");
        if response_type.contains("code") {
            ask.with("code_challenge", CHALLENGE).with("code_challenge_method", "S256")
        } else {
            ask
        }
    }

    /// With a parameter, or (empty) without it.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.0.retain(|(known, _)| known != name);
        if !value.is_empty() {
            self.0.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    pub(crate) fn pairs(&self) -> Vec<(&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value)).collect()
    }

    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }
}

/// How an answer travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Query,
    Fragment,
    Form,
}

impl Place {
    /// The `response_mode` that puts it there.
    pub(crate) fn mode(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Fragment => "fragment",
            Self::Form => "form_post",
        }
    }
}

/// An answer to the client, as the client reads it.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) place: Place,
    pub(crate) to: String,
    pub(crate) parameters: BTreeMap<String, String>,
}

impl Sent {
    /// Reads a redirect, or the form that posts itself.
    #[track_caller]
    pub(crate) fn of(answer: &Answer) -> Self {
        if let Some(location) = answer.header("location") {
            let place = if location.contains('#') { Place::Fragment } else { Place::Query };
            let (to, parameters) = answer.redirect();
            return Self { place, to, parameters };
        }
        let html = String::from_utf8(answer.reply().body.clone()).unwrap();
        assert_eq!(answer.status(), 200, "{html}");
        let between = |text: &str, start: &str| -> Option<(String, String)> {
            let (_, rest) = text.split_once(start)?;
            let (value, rest) = rest.split_once('"')?;
            Some((unescaped(value), rest.to_owned()))
        };
        let (to, mut rest) = between(&html, "<form method=\"post\" action=\"").expect("a form");
        let mut parameters = BTreeMap::new();
        while let Some((name, after)) = between(&rest, "<input type=\"hidden\" name=\"") {
            let (value, after) = between(&after, " value=\"").unwrap();
            assert_eq!(parameters.insert(name, value), None, "each parameter once");
            rest = after;
        }
        Self { place: Place::Form, to, parameters }
    }

    #[track_caller]
    pub(crate) fn get(&self, name: &str) -> &str {
        self.parameters.get(name).unwrap_or_else(|| panic!("{name} in {self:?}"))
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        self.parameters.keys().map(|name| &**name).collect()
    }

    /// An error, where it belongs, with `state` and `iss` and nothing that grants anything.
    #[track_caller]
    pub(crate) fn is_error(&self, error: &str, place: Place, state: Option<&str>, what: &str) {
        let found = self.parameters.get("error").map(String::as_str);
        assert_eq!(found, Some(error), "{what}: {self:?}");
        assert_eq!(self.place, place, "{what}: {self:?}");
        assert_eq!(self.get("iss"), "https://id.example", "{what}");
        assert_eq!(self.parameters.get("state").map(String::as_str), state, "{what}");
        for name in self.names() {
            let known = ["error", "error_description", "state", "iss"].contains(&name);
            assert!(known, "{what}: {name} in an error");
        }
    }
}

/// What a parser of HTML makes of an attribute.
fn unescaped(attribute: &str) -> String {
    [("&#13;", "\r"), ("&#10;", "\n"), ("&quot;", "\""), ("&#39;", "'"), ("&lt;", "<")]
        .iter()
        .fold(attribute.to_owned(), |text, (from, to)| text.replace(from, to))
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

impl Browser {
    /// Sends a request, and does what the pages ask.
    pub(crate) async fn ask(&mut self, ask: &Ask, who: &str) -> Sent {
        let answer = self.authorize(&ask.pairs()).await;
        Sent::of(&self.follow(answer, who).await)
    }

    /// Sends a request that no page may interrupt.
    pub(crate) async fn quiet(&mut self, ask: &Ask) -> Sent {
        Sent::of(&self.authorize(&ask.pairs()).await)
    }
}

impl Op {
    pub(crate) async fn jwks(&self) -> Value {
        self.send("GET", "/jwks", "", &[], "").await.json()
    }

    /// Redeems a code of a request, with the client's secret if it has one.
    pub(crate) async fn exchange(&self, ask: &Ask, code: &str) -> Answer {
        let client = ask.value("client_id").unwrap();
        let confidential = Self::has_kept_secret(client);
        let secret = if confidential { keys::KEPT } else { client };
        let body = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", ask.value("redirect_uri").unwrap()),
            ("code_verifier", VERIFIER),
        ];
        if client.starts_with("public") {
            return self.token_as(client, &body).await;
        }
        self.token(client, secret, &body).await
    }

    /// Whether a fixture was made by `keyed`.
    fn has_kept_secret(client: &str) -> bool {
        ["jar", "ro", "hs256", "keyed"].iter().any(|name| client.starts_with(name))
    }
}
