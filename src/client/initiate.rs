use url::Url;

use super::Client;
use crate::types::Issuer;

/// What a portal tells a client that is to begin a sign-in ([OIDC Core §4]).
///
/// [OIDC Core §4]: https://openid.net/specs/openid-connect-core-1_0.html#ThirdPartyInitiatedLogin
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoginInitiation {
    /// Who is expected to sign in.
    pub login_hint: Option<String>,
    /// Where the person is to end up; the client checks that it is one of its own pages.
    pub target_link_uri: Option<String>,
}

impl Client {
    /// The link by which a portal page starts a sign-in at this client; none if it has registered no
    /// `initiate_login_uri` ([OIDC Core §4]).
    ///
    /// ```
    /// use oidc_op::{Client, ClientId, ClientMetadata, Issuer, LoginInitiation, RedirectUri};
    ///
    /// let mut metadata = ClientMetadata::default();
    /// metadata.redirect_uris.push(RedirectUri::new("https://app.example/cb").unwrap());
    /// metadata.initiate_login_uri = Some("https://app.example/login?from=portal".into());
    /// let app = Client::public(ClientId::new("app").unwrap(), metadata).unwrap();
    ///
    /// let issuer = Issuer::new("https://id.example").unwrap();
    /// let mut login = LoginInitiation::default();
    /// login.login_hint = Some("alice".into());
    /// assert_eq!(
    ///     app.initiate_login(&issuer, &login).unwrap(),
    ///     "https://app.example/login?from=portal&iss=https%3A%2F%2Fid.example&login_hint=alice"
    /// );
    /// ```
    ///
    /// [OIDC Core §4]: https://openid.net/specs/openid-connect-core-1_0.html#ThirdPartyInitiatedLogin
    pub fn initiate_login(&self, issuer: &Issuer, login: &LoginInitiation) -> Option<String> {
        let mut url = Url::parse(self.metadata.initiate_login_uri.as_deref()?).ok()?;
        {
            let mut pairs = url.query_pairs_mut();
            pairs.append_pair("iss", issuer.as_str());
            for (name, value) in
                [("login_hint", &login.login_hint), ("target_link_uri", &login.target_link_uri)]
            {
                if let Some(value) = value {
                    pairs.append_pair(name, value);
                }
            }
        }
        Some(url.into())
    }
}
