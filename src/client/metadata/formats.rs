use super::{AuthMethod, ClientMetadata, InvalidMetadata};
use crate::{
    jose::Jwks,
    types::{
        ContentEncryption, JwsAlgorithm, KeyManagementAlgorithm, MacAlgorithm, SigningAlgorithm,
    },
};

impl ClientMetadata {
    /// How its ID tokens are secured.
    pub(crate) fn id_token_format(&self) -> Format {
        Format {
            signed: Some(self.id_token_signed_response_alg),
            encrypted: Format::encryption(
                self.id_token_encrypted_response_alg,
                self.id_token_encrypted_response_enc,
            ),
        }
    }

    /// How its UserInfo answers are secured.
    pub(crate) fn userinfo_format(&self) -> Format {
        Format {
            signed: self.userinfo_signed_response_alg,
            encrypted: Format::encryption(
                self.userinfo_encrypted_response_alg,
                self.userinfo_encrypted_response_enc,
            ),
        }
    }

    /// How introspection answers that are JWTs are secured.
    pub(crate) fn introspection_format(&self) -> Format {
        let signed = self.introspection_signed_response_alg;
        Format {
            signed: Some(signed.unwrap_or_else(|| SigningAlgorithm::RS256.into())),
            encrypted: Format::encryption(
                self.introspection_encrypted_response_alg,
                self.introspection_encrypted_response_enc,
            ),
        }
    }

    /// Nothing unsigned where somebody could change it, nothing encrypted without a key.
    pub(super) fn check_formats(&self) -> Result<(), InvalidMetadata> {
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
        for (member, Format { encrypted, .. }) in [
            ("id_token_encrypted_response_alg", self.id_token_format()),
            ("userinfo_encrypted_response_alg", self.userinfo_format()),
            ("introspection_encrypted_response_alg", self.introspection_format()),
        ] {
            let to_a_key = encrypted.map(|(alg, _)| alg).filter(|alg| !alg.is_symmetric());
            if to_a_key.is_some_and(|alg| !self.has_keys(|keys| keys.receives(alg))) {
                return Err(InvalidMetadata::KeysMissing(member));
            }
        }
        let alg = self.request_object_signing_alg;
        if matches!(alg, Some(JwsAlgorithm::Signature(_))) && !self.has_key_of(alg) {
            return Err(InvalidMetadata::KeysMissing("request_object_signing_alg"));
        }
        Ok(())
    }

    /// Whether there is a key that may have signed with this algorithm, or with any if none is named.
    pub(super) fn has_key_of(&self, alg: Option<JwsAlgorithm>) -> bool {
        let named = |known: &SigningAlgorithm| alg.is_none_or(|alg| alg == (*known).into());
        self.has_keys(|keys| {
            SigningAlgorithm::ALL.iter().filter(|a| named(a)).any(|a| keys.verifies(*a))
        })
    }

    /// Whether it has said what its public keys are, and one of them will do; or where they are.
    fn has_keys(&self, will_do: impl Fn(&Jwks) -> bool) -> bool {
        self.jwks_uri.is_some() || self.jwks.as_ref().is_some_and(will_do)
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
}

/// How an answer to a client is secured: signed, encrypted, or first the one and then the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Format {
    pub(crate) signed: Option<JwsAlgorithm>,
    pub(crate) encrypted: Option<(KeyManagementAlgorithm, ContentEncryption)>,
}

impl Format {
    fn encryption(
        alg: Option<KeyManagementAlgorithm>,
        enc: Option<ContentEncryption>,
    ) -> Option<(KeyManagementAlgorithm, ContentEncryption)> {
        alg.map(|alg| (alg, enc.unwrap_or_default()))
    }
}
