use serde::{Deserialize, Serialize};

use super::{ApplicationType, AuthMethod, GrantType, SubjectType};
use crate::{
    jose::Jwks,
    types::{
        Acr, ContentEncryption, JwsAlgorithm, KeyManagementAlgorithm, RedirectUri, ResponseType,
        Scope, SigningAlgorithm,
    },
};

macro_rules! metadata {
    (
        $(#[$doc:meta])* $name:ident
        defaulted { $($(#[$member_doc:meta])* $member:ident: $type:ty = $default:expr,)* }
        optional { $($(#[$optional_doc:meta])* $optional:ident: $inner:ty,)* }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$member_doc])* pub $member: $type,)*
            $(
                $(#[$optional_doc])*
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $optional: Option<$inner>,
            )*
        }

        impl $name {
            /// The members that are understood.
            pub const MEMBERS: &'static [&'static str] =
                &[$(stringify!($member),)* $(stringify!($optional),)*];
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($member: $default,)* $($optional: None,)* }
            }
        }
    };
}

metadata! {
    /// What a client registers about itself, by the names of [RFC 7591 §2] and
    /// [OIDC Dynamic Client Registration §2]. A missing member has the default that they give it.
    ///
    /// ```
    /// use oidc_op::ClientMetadata;
    ///
    /// let metadata: ClientMetadata = serde_json::from_str(
    ///     r#"{"redirect_uris": ["https://app.example/cb"], "client_name": "App"}"#,
    /// )
    /// .unwrap();
    /// assert_eq!(metadata.client_name.as_deref(), Some("App"));
    /// ```
    ///
    /// [RFC 7591 §2]: https://www.rfc-editor.org/rfc/rfc7591#section-2
    /// [OIDC Dynamic Client Registration §2]: https://openid.net/specs/openid-connect-registration-1_0.html#ClientMetadata
    ClientMetadata
    defaulted {
        /// Where answers of the authorization endpoint may go.
        redirect_uris: Vec<RedirectUri> = Vec::new(),
        /// How the client authenticates at the token endpoint.
        token_endpoint_auth_method: AuthMethod = AuthMethod::default(),
        /// The grants it may use.
        grant_types: Vec<GrantType> = vec![GrantType::AuthorizationCode],
        /// The response types it may use; `code` only, unless it says otherwise.
        response_types: Vec<ResponseType> = vec![ResponseType::CODE],
        /// Whether it runs on a web server or on the person's device.
        application_type: ApplicationType = ApplicationType::default(),
        /// How to reach those responsible for it.
        contacts: Vec<String> = Vec::new(),
        /// Whether it knows people by names of its own sector ([OIDC Core §8]).
        ///
        /// [OIDC Core §8]: https://openid.net/specs/openid-connect-core-1_0.html#SubjectIDTypes
        subject_type: SubjectType = SubjectType::default(),
        /// What secures its ID tokens; a key of the provider's, its own secret, or nothing.
        id_token_signed_response_alg: JwsAlgorithm = SigningAlgorithm::RS256.into(),
        /// Whether `auth_time` is to be in its ID tokens. It always is.
        require_auth_time: bool = false,
        /// The context classes that hold when a request names none, best first.
        default_acr_values: Vec<Acr> = Vec::new(),
        /// Where request objects may be fetched that its requests name by `request_uri`.
        request_uris: Vec<String> = Vec::new(),
        /// Whether each of its requests must be a signed request object ([RFC 9101 §10.5]).
        ///
        /// [RFC 9101 §10.5]: https://www.rfc-editor.org/rfc/rfc9101#section-10.5
        require_signed_request_object: bool = false,
    }
    optional {
        /// Its name, for people.
        client_name: String,
        /// Its home page.
        client_uri: String,
        /// Its logo.
        logo_uri: String,
        /// Its privacy policy.
        policy_uri: String,
        /// Its terms of service.
        tos_uri: String,
        /// Where a portal sends people who want to use it ([`Client::initiate_login`]).
        ///
        /// [`Client::initiate_login`]: crate::Client::initiate_login
        initiate_login_uri: String,
        /// The scope it may ask for; everything that the provider supports if absent.
        scope: Scope,
        /// Its public keys: those that sign its assertions and request objects, and those that its
        /// encrypted answers are for.
        jwks: Jwks,
        /// Where it publishes these keys instead; needs [`Fetch`](crate::Fetch).
        jwks_uri: String,
        /// What secures the assertions that it authenticates with; whatever goes with its method if
        /// absent.
        token_endpoint_auth_signing_alg: JwsAlgorithm,
        /// The document that lists its sector's redirect URIs; its host is the sector
        /// ([OIDC Core §8.1]). Nothing fetches it yet: whoever sets this vouches that it lists this
        /// client's.
        ///
        /// [OIDC Core §8.1]: https://openid.net/specs/openid-connect-core-1_0.html#PairwiseAlg
        sector_identifier_uri: String,
        /// How its ID tokens are encrypted; not at all if absent.
        id_token_encrypted_response_alg: KeyManagementAlgorithm,
        /// With what their content is encrypted; A128CBC-HS256 if absent.
        id_token_encrypted_response_enc: ContentEncryption,
        /// What secures UserInfo answers, which are then JWTs; plain JSON if absent.
        userinfo_signed_response_alg: JwsAlgorithm,
        /// How UserInfo answers are encrypted; not at all if absent.
        userinfo_encrypted_response_alg: KeyManagementAlgorithm,
        /// With what their content is encrypted; A128CBC-HS256 if absent.
        userinfo_encrypted_response_enc: ContentEncryption,
        /// What secures introspection answers that it asks for as JWTs ([RFC 9701 §6]); RS256 if
        /// absent.
        ///
        /// [RFC 9701 §6]: https://www.rfc-editor.org/rfc/rfc9701#section-6
        introspection_signed_response_alg: JwsAlgorithm,
        /// How these are encrypted; not at all if absent.
        introspection_encrypted_response_alg: KeyManagementAlgorithm,
        /// With what their content is encrypted; A128CBC-HS256 if absent.
        introspection_encrypted_response_enc: ContentEncryption,
        /// What secures its request objects; anything but `none` if absent.
        request_object_signing_alg: JwsAlgorithm,
        /// How its request objects are encrypted, if they are; in any way if absent.
        request_object_encryption_alg: KeyManagementAlgorithm,
        /// With what their content is encrypted; with anything if absent.
        request_object_encryption_enc: ContentEncryption,
        /// The `max_age` that holds when a request names none, in seconds.
        default_max_age: u32,
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7591 §2: what is registered can be read back.
    #[test]
    fn members_round_trip() {
        let json = r#"{
            "redirect_uris": ["https://c.example/cb"], "subject_type": "pairwise",
            "response_types": ["id_token code"], "grant_types": ["implicit", "authorization_code"],
            "id_token_signed_response_alg": "HS256", "userinfo_signed_response_alg": "none",
            "id_token_encrypted_response_alg": "dir", "id_token_encrypted_response_enc": "A128GCM"
        }"#;
        let metadata: ClientMetadata = serde_json::from_str(json).unwrap();
        assert_eq!(metadata.response_types[0].as_str(), "code id_token");
        let again = serde_json::to_value(&metadata).unwrap();
        assert_eq!(serde_json::from_value::<ClientMetadata>(again.clone()).unwrap(), metadata);
        let members = again.as_object().unwrap();
        assert!(members.keys().all(|name| ClientMetadata::MEMBERS.contains(&name.as_str())));
    }
}
