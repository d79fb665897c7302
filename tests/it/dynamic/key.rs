use std::sync::LazyLock;

use josekit::jwk::Jwk;
use serde_json::{Value, json};

use crate::support::keys::{sign, signer};

/// Making RSA keys is slow; these serve all tests.
static FIRST: LazyLock<Jwk> = LazyLock::new(|| Jwk::generate_rsa_key(2048).unwrap());
static SECOND: LazyLock<Jwk> = LazyLock::new(|| Jwk::generate_rsa_key(2048).unwrap());

/// A key that a client signs with, by RS256.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    jwk: Jwk,
    kid: Option<&'static str>,
}

impl Key {
    /// A key without a name: most modules have one of these.
    pub(crate) fn unnamed() -> Self {
        Self { jwk: FIRST.clone(), kid: None }
    }

    /// The same with a name.
    pub(crate) fn named(kid: &'static str) -> Self {
        Self { kid: Some(kid), ..Self::unnamed() }
    }

    /// Another key, with a name.
    pub(crate) fn another(kid: &'static str) -> Self {
        Self { jwk: SECOND.clone(), kid: Some(kid) }
    }

    /// What is published of it.
    pub(crate) fn set(&self) -> Value {
        let mut public = self.jwk.to_public_key().unwrap();
        public.set_algorithm("RS256");
        if let Some(kid) = self.kid {
            public.set_key_id(kid);
        }
        json!({ "keys": [Value::Object(public.into())] })
    }

    /// A JWT of these claims.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        let mut header = json!({ "alg": "RS256" });
        if let Some(kid) = self.kid {
            header["kid"] = kid.into();
        }
        sign(&header, claims, &*signer("RS256", &self.jwk))
    }
}
