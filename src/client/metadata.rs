use serde::{Deserialize, Serialize};

use crate::types::{RedirectUri, ResponseType, Scope, SigningAlgorithm};

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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ClientMetadata {
    /// Where answers of the authorization endpoint may go.
    pub redirect_uris: Vec<RedirectUri>,
    /// How the client authenticates at the token endpoint.
    pub token_endpoint_auth_method: AuthMethod,
    /// The grants it may use.
    pub grant_types: Vec<GrantType>,
    /// The response types it may use.
    pub response_types: Vec<ResponseType>,
    /// Whether it runs on a web server or on the person's device.
    pub application_type: ApplicationType,
    /// Its name, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    /// Its home page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_uri: Option<String>,
    /// Its logo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo_uri: Option<String>,
    /// Its privacy policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_uri: Option<String>,
    /// Its terms of service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tos_uri: Option<String>,
    /// The scope it may ask for; everything that the provider supports if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// How to reach those responsible for it.
    pub contacts: Vec<String>,
    /// The algorithm that signs its ID tokens.
    pub id_token_signed_response_alg: SigningAlgorithm,
    /// The `max_age` that holds when a request names none, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_max_age: Option<u32>,
    /// Whether `auth_time` is to be in its ID tokens. It always is.
    pub require_auth_time: bool,
}

impl Default for ClientMetadata {
    fn default() -> Self {
        Self {
            redirect_uris: Vec::new(),
            token_endpoint_auth_method: AuthMethod::default(),
            grant_types: vec![GrantType::AuthorizationCode],
            response_types: vec![ResponseType::CODE],
            application_type: ApplicationType::default(),
            client_name: None,
            client_uri: None,
            logo_uri: None,
            policy_uri: None,
            tos_uri: None,
            scope: None,
            contacts: Vec::new(),
            id_token_signed_response_alg: SigningAlgorithm::RS256,
            default_max_age: None,
            require_auth_time: false,
        }
    }
}

/// How a client authenticates at the token endpoint ([RFC 7591 §2]).
///
/// [RFC 7591 §2]: https://www.rfc-editor.org/rfc/rfc7591#section-2
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AuthMethod {
    /// Not at all: a public client.
    None,
    /// With its secret in the `Authorization` header.
    #[default]
    ClientSecretBasic,
    /// With its secret in the body.
    ClientSecretPost,
}

impl AuthMethod {
    /// Every method, in the order in which metadata lists them.
    pub(crate) const ALL: [Self; 3] = [Self::ClientSecretBasic, Self::ClientSecretPost, Self::None];
}

/// A way to obtain tokens ([RFC 7591 §2]).
///
/// [RFC 7591 §2]: https://www.rfc-editor.org/rfc/rfc7591#section-2
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GrantType {
    /// With a code from the authorization endpoint.
    AuthorizationCode,
}

impl GrantType {
    /// Every grant, in the order in which metadata lists them.
    pub(crate) const ALL: [Self; 1] = [Self::AuthorizationCode];

    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "authorization_code" => Some(Self::AuthorizationCode),
            _ => None,
        }
    }
}

/// Where a client runs ([OIDC Dynamic Client Registration §2]).
///
/// [OIDC Dynamic Client Registration §2]: https://openid.net/specs/openid-connect-registration-1_0.html#ClientMetadata
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ApplicationType {
    /// On a web server.
    #[default]
    Web,
    /// On the person's device.
    Native,
}

/// Why metadata cannot be accepted; the text names the member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidMetadata {
    /// A client with a grant that redirects has nowhere to be redirected to.
    #[error("redirect_uris: at least one is needed by the grant type authorization_code")]
    RedirectUrisMissing,
    /// More redirect URIs than anybody needs, or the same one twice.
    #[error("redirect_uris: at most 100, all different")]
    RedirectUris,
    /// A web client with a private-use scheme.
    #[error("redirect_uris: a private-use scheme needs application_type native")]
    NativeScheme,
    /// `response_types` and `grant_types` do not fit together.
    #[error("response_types and grant_types do not fit together")]
    ResponseAndGrant,
    /// A response type that the provider does not have.
    #[error("response_types: only code is supported")]
    ResponseType,
    /// Something that people are to click or see is not an https URL.
    #[error("{0}: must be an https URL")]
    Uri(&'static str),
    /// A secret for a public client, or none for a confidential one.
    #[error("token_endpoint_auth_method: none is for clients without a secret, and only for them")]
    SecretAndMethod,
}

impl ClientMetadata {
    /// The members that are understood.
    pub const MEMBERS: [&'static str; 15] = [
        "redirect_uris",
        "token_endpoint_auth_method",
        "grant_types",
        "response_types",
        "application_type",
        "client_name",
        "client_uri",
        "logo_uri",
        "policy_uri",
        "tos_uri",
        "scope",
        "contacts",
        "id_token_signed_response_alg",
        "default_max_age",
        "require_auth_time",
    ];

    /// Checks that the members fit together ([RFC 7591 §2.1]).
    ///
    /// # Errors
    ///
    /// See [`InvalidMetadata`].
    ///
    /// [RFC 7591 §2.1]: https://www.rfc-editor.org/rfc/rfc7591#section-2.1
    pub fn check(&self) -> Result<(), InvalidMetadata> {
        let uris = &self.redirect_uris;
        let by_code = self.grant_types.contains(&GrantType::AuthorizationCode);
        if by_code && uris.is_empty() {
            return Err(InvalidMetadata::RedirectUrisMissing);
        }
        let repeated =
            uris.iter().enumerate().any(|(i, uri)| uris.iter().skip(i + 1).any(|u| u == uri));
        if uris.len() > 100 || repeated {
            return Err(InvalidMetadata::RedirectUris);
        }
        let private_use = |uri: &RedirectUri| {
            !uri.is_https()
                && !uri.as_str().get(..5).is_some_and(|s| s.eq_ignore_ascii_case("http:"))
        };
        if self.application_type == ApplicationType::Web && uris.iter().any(private_use) {
            return Err(InvalidMetadata::NativeScheme);
        }
        if self.response_types.iter().any(|r| *r != ResponseType::CODE) {
            return Err(InvalidMetadata::ResponseType);
        }
        if self.response_types.iter().any(|r| r.code()) != by_code {
            return Err(InvalidMetadata::ResponseAndGrant);
        }
        for (member, uri) in [
            ("client_uri", &self.client_uri),
            ("logo_uri", &self.logo_uri),
            ("policy_uri", &self.policy_uri),
            ("tos_uri", &self.tos_uri),
        ] {
            if uri.as_ref().is_some_and(|uri| !is_https_url(uri)) {
                return Err(InvalidMetadata::Uri(member));
            }
        }
        Ok(())
    }
}

/// What a page may safely link to or load (threat RU-11).
fn is_https_url(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, 0x21..=0x7E))
        && url::Url::parse(text).is_ok_and(|url| url.scheme() == "https" && url.has_host())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(json: &str) -> Result<(), String> {
        let metadata: ClientMetadata = serde_json::from_str(json).map_err(|e| e.to_string())?;
        metadata.check().map_err(|e| e.to_string())
    }

    /// RFC 7591 §2, §2.1; threats RU-11, RU-15.
    #[test]
    fn contradictions_are_named() {
        let ok = r#"{"redirect_uris":["https://c.example/cb"]}"#;
        assert_eq!(metadata(ok), Ok(()));
        for (json, names) in [
            ("{}", "redirect_uris"),
            (r#"{"redirect_uris":[]}"#, "redirect_uris"),
            (
                r#"{"redirect_uris":["https://c.example/cb","https://c.example/cb"]}"#,
                "redirect_uris",
            ),
            (r#"{"redirect_uris":["http://c.example/cb"]}"#, "loopback"),
            (r#"{"redirect_uris":["com.example.app:/cb"]}"#, "native"),
            (r#"{"redirect_uris":[1]}"#, "string"),
            (r#"{"redirect_uris":["https://c.example/cb"],"response_types":["id_token"]}"#, "code"),
            (r#"{"redirect_uris":["https://c.example/cb"],"response_types":[]}"#, "grant_types"),
            (r#"{"redirect_uris":["https://c.example/cb"],"logo_uri":"javascript:x"}"#, "logo_uri"),
            (
                r#"{"redirect_uris":["https://c.example/cb"],"policy_uri":"http://c.example"}"#,
                "policy_uri",
            ),
        ] {
            let error = metadata(json).unwrap_err();
            assert!(error.contains(names), "{json}: {error}");
        }
    }

    #[test]
    fn members_are_all_named() {
        let filled = ClientMetadata {
            client_name: Some(String::new()),
            client_uri: Some(String::new()),
            logo_uri: Some(String::new()),
            policy_uri: Some(String::new()),
            tos_uri: Some(String::new()),
            scope: Some(Scope::default()),
            default_max_age: Some(1),
            ..ClientMetadata::default()
        };
        let json = serde_json::to_value(&filled).unwrap();
        let members: Vec<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, ClientMetadata::MEMBERS);
    }
}
