use super::{
    ApplicationType, AuthMethod, ClientMetadata, GrantType, InvalidMetadata, SubjectType, uris,
};
use crate::types::{JwsAlgorithm, RedirectUri, ResponseType};

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
        self.check_texts()?;
        self.check_redirects()?;
        self.check_responses()?;
        self.check_uris()?;
        self.check_logout()?;
        self.check_formats()?;
        self.check_authentication()?;
        if self.subject_type == SubjectType::Pairwise && self.sector().is_none() {
            return Err(InvalidMetadata::Sector);
        }
        Ok(())
    }

    fn check_redirects(&self) -> Result<(), InvalidMetadata> {
        let uris = &self.redirect_uris;
        let redirects = self.may(&GrantType::AuthorizationCode)
            || self.may(&GrantType::Implicit)
            || !self.response_types.is_empty();
        if redirects && uris.is_empty() {
            return Err(InvalidMetadata::RedirectUrisMissing);
        }
        if !uris::few_and_different(uris) {
            return Err(InvalidMetadata::RedirectUris);
        }
        if self.application_type == ApplicationType::Web {
            if uris.iter().any(uris::is_private_use) {
                return Err(InvalidMetadata::NativeScheme);
            }
            let on_localhost =
                |uri: &RedirectUri| uris::host(uri.as_str()).as_deref() == Some("localhost");
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

    /// What its assertions are made with, and where its keys are ([OIDC Core §9], [RFC 7591 §2]).
    ///
    /// [OIDC Core §9]: https://openid.net/specs/openid-connect-core-1_0.html#ClientAuthentication
    /// [RFC 7591 §2]: https://www.rfc-editor.org/rfc/rfc7591#section-2
    fn check_authentication(&self) -> Result<(), InvalidMetadata> {
        if self.jwks.is_some() && self.jwks_uri.is_some() {
            return Err(InvalidMetadata::KeysTwice);
        }
        let method = self.token_endpoint_auth_method;
        let signing = self.token_endpoint_auth_signing_alg;
        let fits = match (method, signing) {
            (_, Some(JwsAlgorithm::None)) => false,
            (AuthMethod::ClientSecretJwt, Some(alg)) => matches!(alg, JwsAlgorithm::Mac(_)),
            (AuthMethod::PrivateKeyJwt, Some(alg)) => matches!(alg, JwsAlgorithm::Signature(_)),
            // Nothing registered, or a method without assertions.
            _ => true,
        };
        if !fits {
            return Err(InvalidMetadata::AssertionAlgorithm);
        }
        if method == AuthMethod::PrivateKeyJwt && !self.has_key_of(signing) {
            return Err(InvalidMetadata::KeysMissing("token_endpoint_auth_method"));
        }
        // What the token endpoint refuses to whoever has not proven who it is (threat RG-04).
        let authenticated = [GrantType::ClientCredentials, GrantType::TokenExchange];
        if method == AuthMethod::None && authenticated.iter().any(|grant| self.may(grant)) {
            return Err(InvalidMetadata::PublicClient);
        }
        Ok(())
    }

    /// The host that stands for all clients of its sector ([OIDC Core §8.1]); none if the metadata
    /// do not say.
    ///
    /// [OIDC Core §8.1]: https://openid.net/specs/openid-connect-core-1_0.html#PairwiseAlg
    pub(crate) fn sector(&self) -> Option<String> {
        if let Some(uri) = &self.sector_identifier_uri {
            return uris::host(uri);
        }
        // Only of an https address somebody can prove to be the owner.
        let host = |uri: &RedirectUri| if uri.is_https() { uris::host(uri.as_str()) } else { None };
        let mut hosts = self.redirect_uris.iter().map(host);
        let first = hosts.next()??;
        hosts.all(|host| host.as_ref() == Some(&first)).then_some(first)
    }

    pub(crate) fn may(&self, grant_type: &GrantType) -> bool {
        self.grant_types.contains(grant_type)
    }
}
