//! What clients register about themselves: read, checked, written back.

mod check;
mod formats;
mod invalid;
mod localised;
mod logout;
mod read;
#[cfg(test)]
mod tests;
mod texts;
mod uris;

pub(crate) use formats::Format;
pub use invalid::InvalidMetadata;
pub use localised::{LocalisedClient, LocalisedMembers};
use serde::Serialize;
use serde_json::{Map, Value};

use self::read::Unread;
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
        #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$member_doc])* pub $member: $type,)*
            $(
                $(#[$optional_doc])*
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $optional: Option<$inner>,
            )*
            /// Those for people, in further languages and scripts: `client_name#fr` ([RFC 7591 §2.2]).
            ///
            /// [RFC 7591 §2.2]: https://www.rfc-editor.org/rfc/rfc7591#section-2.2
            #[serde(flatten)]
            pub localised: LocalisedMembers,
        }

        impl $name {
            /// The members that are understood, without those [in further languages](Self::localised);
            /// [`is_member`](Self::is_member) knows these too.
            pub const MEMBERS: &'static [&'static str] =
                &[$(stringify!($member),)* $(stringify!($optional),)*];

            /// Reads member by member, each that is absent with the default that it has by itself.
            fn read_each(members: &Map<String, Value>) -> Result<Self, Unread> {
                Ok(Self {
                    $($member: read::member(members, stringify!($member))?
                        .unwrap_or_else(|| $default),)*
                    $($optional: read::member(members, stringify!($optional))?,)*
                    localised: LocalisedMembers::read(members)?,
                })
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self {
                    $($member: $default,)*
                    $($optional: None,)*
                    localised: LocalisedMembers::default(),
                }
            }
        }
    };
}

metadata! {
    /// What a client registers about itself, by the names of [RFC 7591 §2] and
    /// [OIDC Dynamic Client Registration §2]. A missing member has the default that they give it.
    ///
    /// `serde` reads it as [`from_members`](Self::from_members) does, with errors for whoever wrote the
    /// text: they repeat what is wrong.
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
        /// Where people may be sent after they have signed out ([OIDC RP-Initiated Logout §3.1]).
        ///
        /// [OIDC RP-Initiated Logout §3.1]: https://openid.net/specs/openid-connect-rpinitiated-1_0.html#ClientMetadata
        post_logout_redirect_uris: Vec<RedirectUri> = Vec::new(),
        /// Whether its front-channel logout needs `iss` and `sid` ([OIDC Front-Channel Logout §2]).
        ///
        /// [OIDC Front-Channel Logout §2]: https://openid.net/specs/openid-connect-frontchannel-1_0.html#RPLogout
        frontchannel_logout_session_required: bool = false,
        /// Whether its logout tokens need a `sid` ([OIDC Back-Channel Logout §2.2]).
        ///
        /// [OIDC Back-Channel Logout §2.2]: https://openid.net/specs/openid-connect-backchannel-1_0.html#BCRegistration
        backchannel_logout_session_required: bool = false,
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
        /// ([OIDC Core §8.1]). A registration is checked against it; whoever makes a client otherwise
        /// vouches that it lists this one's.
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
        /// What signs people out at the client when it is loaded in an iframe
        /// ([OIDC Front-Channel Logout §2]).
        ///
        /// [OIDC Front-Channel Logout §2]: https://openid.net/specs/openid-connect-frontchannel-1_0.html#RPLogout
        frontchannel_logout_uri: String,
        /// Where logout tokens are posted to ([OIDC Back-Channel Logout §2.2]).
        ///
        /// [OIDC Back-Channel Logout §2.2]: https://openid.net/specs/openid-connect-backchannel-1_0.html#BCRegistration
        backchannel_logout_uri: String,
        /// Which software it is, whoever runs it ([RFC 7591 §2]).
        ///
        /// [RFC 7591 §2]: https://www.rfc-editor.org/rfc/rfc7591#section-2
        software_id: String,
        /// Which version of that software.
        software_version: String,
    }
}
