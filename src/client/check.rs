use url::Url;

use super::{ApplicationType, AuthMethod, ClientMetadata, Format, GrantType, SubjectType};
use crate::types::{JwsAlgorithm, KeyManagementAlgorithm, MacAlgorithm, RedirectUri, ResponseType};

/// Why metadata cannot be accepted; the text names the member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidMetadata {
    /// A client with a grant that redirects has nowhere to be redirected to.
    #[error("redirect_uris: at least one is needed by a grant type that redirects")]
    RedirectUrisMissing,
    /// More redirect URIs than anybody needs, or the same one twice.
    #[error("redirect_uris: at most 100, all different")]
    RedirectUris,
    /// A web client with a private-use scheme.
    #[error("redirect_uris: a private-use scheme needs application_type native")]
    NativeScheme,
    /// A web client that gets tokens through the browser at an address without TLS
    /// ([OIDC Dynamic Client Registration §2]).
    ///
    /// [OIDC Dynamic Client Registration §2]: https://openid.net/specs/openid-connect-registration-1_0.html#ClientMetadata
    #[error("redirect_uris: a web client of the implicit grant has https ones, not on localhost")]
    ImplicitRedirect,
    /// `response_types` and `grant_types` do not fit together.
    #[error(
        "response_types and grant_types do not fit together: code goes with authorization_code, \
         token and id_token with implicit; a client that never redirects has neither"
    )]
    ResponseAndGrant,
    /// Something that people are to click or see, or that is fetched, is not an https URL; one that is
    /// fetched has at most 512 characters.
    #[error("{0}: must be an https URL, of at most 512 characters if it is fetched")]
    Uri(&'static str),
    /// More request URIs than anybody needs.
    #[error("request_uris: at most 100")]
    RequestUris,
    /// Pairwise names need one sector, and the redirect URIs do not say which.
    #[error(
        "sector_identifier_uri: needed by pairwise subjects unless all redirect_uris have one host"
    )]
    Sector,
    /// `none` for a token that passes through the browser ([OIDC Core §2]).
    ///
    /// [OIDC Core §2]: https://openid.net/specs/openid-connect-core-1_0.html#IDToken
    #[error(
        "id_token_signed_response_alg: none is not for ID tokens that pass through the browser"
    )]
    UnsignedIdToken,
    /// `none` for an answer that is a JWT only to be signed.
    #[error("introspection_signed_response_alg: none is not for introspection")]
    UnsignedIntrospection,
    /// An `_enc` without its `_alg`.
    #[error("{0}: needs the _alg member beside it")]
    EncryptionAlg(&'static str),
    /// Signed request objects are demanded, and `none` is what they are signed with.
    #[error("request_object_signing_alg: none contradicts require_signed_request_object")]
    UnsignedRequestObject,
    /// A public key is needed, to encrypt to or to verify with.
    #[error("jwks or jwks_uri: needed by {0}")]
    KeysMissing(&'static str),
    /// Keys in two places ([RFC 7591 §2]).
    ///
    /// [RFC 7591 §2]: https://www.rfc-editor.org/rfc/rfc7591#section-2
    #[error("jwks and jwks_uri: one of them, not both")]
    KeysTwice,
    /// Assertions by an algorithm that the method does not have ([OIDC Core §9]).
    ///
    /// [OIDC Core §9]: https://openid.net/specs/openid-connect-core-1_0.html#ClientAuthentication
    #[error(
        "token_endpoint_auth_signing_alg: with the secret (HS256) for client_secret_jwt, with a key \
         (RS256, ES256) for private_key_jwt, and never none"
    )]
    AssertionAlgorithm,
    /// A secret for a public client, or none for one that proves with it who it is.
    #[error(
        "token_endpoint_auth_method: none is for clients without a secret, and they have only that \
         and private_key_jwt"
    )]
    SecretAndMethod,
    /// A use of the secret as a key needs the secret itself, not just its digest
    /// ([`ClientSecret::kept`](crate::ClientSecret::kept)).
    #[error(
        "{0}: the secret is the key here, so a client needs one as long as the algorithm's hash \
         (32 to 64 bytes), kept as it is; a public client has none"
    )]
    SecretNotKept(&'static str),
}

impl ClientMetadata {
    /// Checks that the members fit together ([RFC 7591 §2.1],
    /// [OIDC Dynamic Client Registration §2]).
    ///
    /// # Errors
    ///
    /// See [`InvalidMetadata`].
    ///
    /// [RFC 7591 §2.1]: https://www.rfc-editor.org/rfc/rfc7591#section-2.1
    /// [OIDC Dynamic Client Registration §2]: https://openid.net/specs/openid-connect-registration-1_0.html#ClientMetadata
    pub fn check(&self) -> Result<(), InvalidMetadata> {
        self.check_redirects()?;
        self.check_responses()?;
        self.check_uris()?;
        self.check_formats()?;
        self.check_authentication()?;
        if self.subject_type == SubjectType::Pairwise && self.sector().is_none() {
            return Err(InvalidMetadata::Sector);
        }
        Ok(())
    }

    fn check_redirects(&self) -> Result<(), InvalidMetadata> {
        let uris = &self.redirect_uris;
        let redirects = self.may(&GrantType::AuthorizationCode) || self.may(&GrantType::Implicit);
        if redirects && uris.is_empty() {
            return Err(InvalidMetadata::RedirectUrisMissing);
        }
        let repeated =
            uris.iter().enumerate().any(|(i, uri)| uris.iter().skip(i + 1).any(|u| u == uri));
        if uris.len() > 100 || repeated {
            return Err(InvalidMetadata::RedirectUris);
        }
        if self.application_type == ApplicationType::Web {
            if uris.iter().any(|uri| !uri.is_https() && !uri.is_http()) {
                return Err(InvalidMetadata::NativeScheme);
            }
            let on_localhost =
                |uri: &RedirectUri| host(uri.as_str()).as_deref() == Some("localhost");
            if self.may(&GrantType::Implicit)
                && uris.iter().any(|uri| !uri.is_https() || on_localhost(uri))
            {
                return Err(InvalidMetadata::ImplicitRedirect);
            }
        }
        Ok(())
    }

    /// Each response type goes with its grants, and each grant with a response type ([RFC 7591
    /// §2.1]).
    ///
    /// [RFC 7591 §2.1]: https://www.rfc-editor.org/rfc/rfc7591#section-2.1
    fn check_responses(&self) -> Result<(), InvalidMetadata> {
        let some =
            |carries: fn(ResponseType) -> bool| self.response_types.iter().copied().any(carries);
        let fit = some(ResponseType::code) == self.may(&GrantType::AuthorizationCode)
            && some(ResponseType::implicit) == self.may(&GrantType::Implicit);
        if fit { Ok(()) } else { Err(InvalidMetadata::ResponseAndGrant) }
    }

    fn check_uris(&self) -> Result<(), InvalidMetadata> {
        for (member, uri) in [
            ("client_uri", &self.client_uri),
            ("logo_uri", &self.logo_uri),
            ("policy_uri", &self.policy_uri),
            ("tos_uri", &self.tos_uri),
            ("initiate_login_uri", &self.initiate_login_uri),
            ("sector_identifier_uri", &self.sector_identifier_uri),
        ] {
            if uri.as_ref().is_some_and(|uri| !is_https_url(uri)) {
                return Err(InvalidMetadata::Uri(member));
            }
        }
        if self.request_uris.len() > 100 {
            return Err(InvalidMetadata::RequestUris);
        }
        // RFC 9101 §5.2: at most 512 characters.
        let fetched = |uri: &String| uri.len() <= 512 && is_https_url(uri);
        if !self.jwks_uri.iter().all(fetched) {
            return Err(InvalidMetadata::Uri("jwks_uri"));
        }
        if !self.request_uris.iter().all(fetched) {
            return Err(InvalidMetadata::Uri("request_uris"));
        }
        Ok(())
    }

    /// What its assertions are made with, and where its keys are ([OIDC Core §9], [RFC 7591 §2]).
    ///
    /// [OIDC Core §9]: https://openid.net/specs/openid-connect-core-1_0.html#ClientAuthentication
    /// [RFC 7591 §2]: https://www.rfc-editor.org/rfc/rfc7591#section-2
    fn check_authentication(&self) -> Result<(), InvalidMetadata> {
        if self.jwks.is_some() && self.jwks_uri.is_some() {
            return Err(InvalidMetadata::KeysTwice);
        }
        let method = self.token_endpoint_auth_method;
        if method == AuthMethod::PrivateKeyJwt && !self.has_keys() {
            return Err(InvalidMetadata::KeysMissing("token_endpoint_auth_method"));
        }
        let fits = match (method, self.token_endpoint_auth_signing_alg) {
            (_, Some(JwsAlgorithm::None)) => false,
            (AuthMethod::ClientSecretJwt, Some(alg)) => matches!(alg, JwsAlgorithm::Mac(_)),
            (AuthMethod::PrivateKeyJwt, Some(alg)) => matches!(alg, JwsAlgorithm::Signature(_)),
            // Nothing registered, or a method without assertions.
            _ => true,
        };
        if fits { Ok(()) } else { Err(InvalidMetadata::AssertionAlgorithm) }
    }

    /// Whether it has said what its public keys are, or where.
    fn has_keys(&self) -> bool {
        self.jwks.is_some() || self.jwks_uri.is_some()
    }

    fn check_formats(&self) -> Result<(), InvalidMetadata> {
        let through_browser = self.response_types.iter().any(|r| r.id_token());
        if through_browser && self.id_token_signed_response_alg == JwsAlgorithm::None {
            return Err(InvalidMetadata::UnsignedIdToken);
        }
        if self.introspection_signed_response_alg == Some(JwsAlgorithm::None) {
            return Err(InvalidMetadata::UnsignedIntrospection);
        }
        if self.require_signed_request_object
            && self.request_object_signing_alg == Some(JwsAlgorithm::None)
        {
            return Err(InvalidMetadata::UnsignedRequestObject);
        }
        for (member, alg, enc) in [
            (
                "id_token_encrypted_response_enc",
                self.id_token_encrypted_response_alg,
                self.id_token_encrypted_response_enc,
            ),
            (
                "userinfo_encrypted_response_enc",
                self.userinfo_encrypted_response_alg,
                self.userinfo_encrypted_response_enc,
            ),
            (
                "request_object_encryption_enc",
                self.request_object_encryption_alg,
                self.request_object_encryption_enc,
            ),
            (
                "introspection_encrypted_response_enc",
                self.introspection_encrypted_response_alg,
                self.introspection_encrypted_response_enc,
            ),
        ] {
            if enc.is_some() && alg.is_none() {
                return Err(InvalidMetadata::EncryptionAlg(member));
            }
        }
        let keys = self.has_keys();
        for (member, Format { encrypted, .. }) in [
            ("id_token_encrypted_response_alg", self.id_token_format()),
            ("userinfo_encrypted_response_alg", self.userinfo_format()),
            ("introspection_encrypted_response_alg", self.introspection_format()),
        ] {
            if encrypted.is_some_and(|(alg, _)| !alg.is_symmetric()) && !keys {
                return Err(InvalidMetadata::KeysMissing(member));
            }
        }
        let verified = matches!(self.request_object_signing_alg, Some(JwsAlgorithm::Signature(_)));
        if verified && !keys {
            return Err(InvalidMetadata::KeysMissing("request_object_signing_alg"));
        }
        Ok(())
    }

    /// The members that use the client's secret as a key, with the least size that it must have.
    pub(crate) fn symmetric_uses(&self) -> impl Iterator<Item = (&'static str, usize)> {
        let assertions =
            (self.token_endpoint_auth_method == AuthMethod::ClientSecretJwt).then(|| {
                let least = JwsAlgorithm::Mac(MacAlgorithm::HS256);
                self.token_endpoint_auth_signing_alg.unwrap_or(least)
            });
        let macs = [
            ("token_endpoint_auth_method", assertions),
            ("id_token_signed_response_alg", Some(self.id_token_signed_response_alg)),
            ("userinfo_signed_response_alg", self.userinfo_signed_response_alg),
            ("request_object_signing_alg", self.request_object_signing_alg),
            ("introspection_signed_response_alg", self.introspection_signed_response_alg),
        ];
        let macs = macs.into_iter().filter_map(|(member, alg)| match alg? {
            JwsAlgorithm::Mac(mac) => Some((member, mac.secret_size())),
            _ => None,
        });
        let wraps = [
            ("id_token_encrypted_response_alg", self.id_token_encrypted_response_alg),
            ("userinfo_encrypted_response_alg", self.userinfo_encrypted_response_alg),
            ("request_object_encryption_alg", self.request_object_encryption_alg),
            ("introspection_encrypted_response_alg", self.introspection_encrypted_response_alg),
        ];
        let wraps = wraps
            .into_iter()
            .filter(|(_, alg)| alg.is_some_and(KeyManagementAlgorithm::is_symmetric));
        macs.chain(wraps.map(|(member, _)| (member, 32)))
    }

    /// The host that stands for all clients of its sector ([OIDC Core §8.1]); none if the metadata
    /// do not say.
    ///
    /// [OIDC Core §8.1]: https://openid.net/specs/openid-connect-core-1_0.html#PairwiseAlg
    pub(crate) fn sector(&self) -> Option<String> {
        if let Some(uri) = &self.sector_identifier_uri {
            return host(uri);
        }
        // Only of an https address somebody can prove to be the owner.
        let host = |uri: &RedirectUri| if uri.is_https() { host(uri.as_str()) } else { None };
        let mut hosts = self.redirect_uris.iter().map(host);
        let first = hosts.next()??;
        hosts.all(|host| host.as_ref() == Some(&first)).then_some(first)
    }

    pub(crate) fn may(&self, grant_type: &GrantType) -> bool {
        self.grant_types.contains(grant_type)
    }
}

fn host(uri: &str) -> Option<String> {
    Url::parse(uri).ok()?.host_str().map(ToOwned::to_owned)
}

/// What a page may safely link to or load, and what may be fetched (threat RU-11).
fn is_https_url(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, 0x21..=0x7E))
        && Url::parse(text).is_ok_and(|url| url.scheme() == "https" && url.has_host())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check(members: &Value) -> Result<(), String> {
        let mut json = json!({"redirect_uris": ["https://c.example/cb"]});
        json.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        let metadata: ClientMetadata = serde_json::from_value(json).map_err(|e| e.to_string())?;
        metadata.check().map_err(|e| e.to_string())
    }

    const JWKS_URI: &str = "https://c.example/jwks";

    fn assertions(method: &str, alg: &str) -> Value {
        json!({
            "token_endpoint_auth_method": method, "token_endpoint_auth_signing_alg": alg,
            "jwks_uri": JWKS_URI
        })
    }

    fn implicit(redirect_uri: &str) -> Value {
        json!({"redirect_uris": [redirect_uri], "response_types": ["id_token"], "grant_types": ["implicit"]})
    }

    /// RFC 7591 §2, §2.1, OIDC Registration §2; threats RU-11, RU-15.
    #[test]
    fn contradictions_are_named() {
        assert_eq!(check(&json!({})), Ok(()));
        let twice = json!(["https://c.example/cb", "https://c.example/cb"]);
        for (members, names) in [
            (json!({"redirect_uris": []}), "redirect_uris"),
            (json!({"redirect_uris": twice}), "redirect_uris"),
            (json!({"redirect_uris": ["http://c.example/cb"]}), "loopback"),
            (json!({"redirect_uris": ["com.example.app:/cb"]}), "native"),
            (json!({"redirect_uris": [1]}), "string"),
            (implicit("http://127.0.0.1/cb"), "implicit"),
            (implicit("https://localhost/cb"), "implicit"),
            (json!({"response_types": ["id_token"]}), "grant_types"),
            (json!({"response_types": ["code", "code token"]}), "grant_types"),
            (json!({"grant_types": ["authorization_code", "implicit"]}), "response_types"),
            (json!({"response_types": []}), "grant_types"),
            (json!({"response_types": ["code code"]}), "response type"),
            (json!({"logo_uri": "javascript:x"}), "logo_uri"),
            (json!({"policy_uri": "http://c.example"}), "policy_uri"),
            (json!({"initiate_login_uri": "http://c.example"}), "initiate_login_uri"),
            (json!({"request_uris": ["http://c.example"]}), "request_uris"),
            (
                json!({"subject_type": "pairwise", "redirect_uris": ["https://a.example/", "https://b.example/"]}),
                "sector",
            ),
            (
                json!({"id_token_encrypted_response_enc": "A128GCM"}),
                "id_token_encrypted_response_enc",
            ),
            (json!({"id_token_encrypted_response_alg": "RSA-OAEP"}), "jwks"),
            (json!({"id_token_encrypted_response_alg": "RSA1_5"}), "algorithm"),
            (json!({"request_object_signing_alg": "ES256"}), "jwks"),
            (json!({"introspection_encrypted_response_alg": "ECDH-ES"}), "jwks"),
            (
                json!({"introspection_encrypted_response_enc": "A128GCM"}),
                "introspection_encrypted_response_enc",
            ),
            (json!({"introspection_signed_response_alg": "none"}), "introspection"),
            (json!({"token_endpoint_auth_method": "private_key_jwt"}), "jwks or jwks_uri"),
            (json!({"jwks_uri": JWKS_URI, "jwks": {"keys": []}}), "not both"),
            (json!({"jwks_uri": "http://c.example/jwks"}), "jwks_uri"),
            (json!({"jwks_uri": format!("{JWKS_URI}{}", "x".repeat(512))}), "jwks_uri"),
            (assertions("private_key_jwt", "HS256"), "auth_signing_alg"),
            (assertions("private_key_jwt", "none"), "auth_signing_alg"),
            (assertions("client_secret_jwt", "ES256"), "auth_signing_alg"),
            (assertions("client_secret_basic", "none"), "auth_signing_alg"),
            (json!({"token_endpoint_auth_method": "tls_client_auth"}), "variant"),
            (
                json!({"request_object_signing_alg": "none", "require_signed_request_object": true}),
                "request_object_signing_alg",
            ),
            (
                json!({"response_types": ["code id_token"], "grant_types": ["authorization_code", "implicit"], "id_token_signed_response_alg": "none"}),
                "none",
            ),
        ] {
            let error = check(&members).unwrap_err();
            assert!(error.contains(names), "{members}: {error}");
        }
    }

    /// OIDC Core §9, RFC 7591 §2: keys by reference are as good as keys by value.
    #[test]
    fn keys_may_be_elsewhere() {
        for members in [
            assertions("private_key_jwt", "ES256"),
            assertions("client_secret_jwt", "HS512"),
            assertions("client_secret_basic", "ES256"),
            json!({"jwks_uri": JWKS_URI, "id_token_encrypted_response_alg": "RSA-OAEP"}),
            json!({"jwks_uri": JWKS_URI, "request_object_signing_alg": "ES256"}),
        ] {
            assert_eq!(check(&members), Ok(()), "{members}");
        }
    }

    /// OIDC Core §8.1.
    #[test]
    fn sectors() {
        for (members, sector) in [
            (json!({}), Some("c.example")),
            (
                json!({"redirect_uris": ["https://a.example/1", "https://a.example:444/2"]}),
                Some("a.example"),
            ),
            (json!({"redirect_uris": ["https://a.example/", "https://b.example/"]}), None),
            (json!({"sector_identifier_uri": "https://s.example/file.json"}), Some("s.example")),
            (json!({"application_type": "native", "redirect_uris": ["com.example.app:/cb"]}), None),
            (json!({"redirect_uris": ["com.example.app://bank.example/cb"]}), None),
            (json!({"redirect_uris": ["http://127.0.0.1/cb"]}), None),
        ] {
            let mut json = json!({"redirect_uris": ["https://c.example/cb"]});
            json.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
            let metadata: ClientMetadata = serde_json::from_value(json).unwrap();
            assert_eq!(metadata.sector().as_deref(), sector, "{members}");
        }
    }
}
