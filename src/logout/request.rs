use crate::{
    authorize::locales,
    error::Reason,
    types::RedirectUri,
    wire::{Params, host, with_parameters},
};

/// The one parameter of the crate's own: a form that the browser has sent once more, from our page.
const AGAIN: &str = "op_again";

/// What a client asks for when it sends a person here to sign out ([RP-Initiated Logout §2]). Nothing of
/// it is believed yet; what else there is, is ignored.
///
/// [RP-Initiated Logout §2]: https://openid.net/specs/openid-connect-rpinitiated-1_0.html#RPLogout
#[derive(Default)]
pub(super) struct LogoutRequest {
    pub(super) id_token_hint: Option<Box<str>>,
    pub(super) client_id: Option<Box<str>>,
    pub(super) logout_hint: Option<Box<str>>,
    pub(super) post_logout_redirect_uri: Option<Box<str>>,
    pub(super) state: Option<Box<str>>,
    pub(super) ui_locales: Vec<Box<str>>,
    /// Whether it says that it comes from our own page, so that a cookie would have come along.
    pub(super) again: bool,
}

impl LogoutRequest {
    /// Each parameter may occur once.
    pub(super) fn parse(params: &Params<'_>) -> Result<Self, Reason> {
        let one = |name| params.one(name).map(|value| value.map(Into::into));
        Ok(Self {
            id_token_hint: one("id_token_hint")?,
            client_id: one("client_id")?,
            logout_hint: one("logout_hint")?,
            post_logout_redirect_uri: one("post_logout_redirect_uri")?,
            state: one("state")?,
            ui_locales: locales(params, "ui_locales")?,
            again: params.one(AGAIN)?.is_some(),
        })
    }

    /// Its parameters, for our page that sends it again.
    pub(super) fn once_more(&self) -> Vec<(&'static str, String)> {
        let texts = [
            ("id_token_hint", &self.id_token_hint),
            ("client_id", &self.client_id),
            ("logout_hint", &self.logout_hint),
            ("post_logout_redirect_uri", &self.post_logout_redirect_uri),
            ("state", &self.state),
        ];
        let sent = texts.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
        let mut pairs: Vec<_> = sent.map(|(name, value)| (name, value.to_owned())).collect();
        if !self.ui_locales.is_empty() {
            pairs.push(("ui_locales", self.ui_locales.join(" ")));
        }
        pairs.push((AGAIN, "1".to_owned()));
        pairs
    }
}

/// The proven way on after a logout ([RP-Initiated Logout §3]): only [`verify`](Self::verify) makes one.
///
/// [RP-Initiated Logout §3]: https://openid.net/specs/openid-connect-rpinitiated-1_0.html#RedirectionAfterLogout
#[derive(Clone, Debug)]
pub(super) struct GoOn {
    pub(super) uri: Box<str>,
    pub(super) state: Option<Box<str>>,
}

impl GoOn {
    /// The address must be one that the client has registered, byte for byte; unlike a redirection
    /// endpoint on loopback with its port.
    pub(super) fn verify(
        registered: &[RedirectUri],
        uri: &str,
        state: Option<&str>,
    ) -> Result<Self, Reason> {
        if registered.iter().any(|known| known.as_str() == uri) {
            Ok(Self { uri: uri.into(), state: state.map(Into::into) })
        } else {
            Err(Reason::PostLogoutUriMismatch)
        }
    }

    /// The registered bytes, and the `state` as it came.
    pub(super) fn location(&self) -> String {
        let state = self.state.as_deref().map(|state| ("state", state));
        with_parameters(&self.uri, state.as_slice())
    }

    /// Whose address it is, for people.
    pub(super) fn host(&self) -> String {
        host(&self.uri)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str) -> Result<LogoutRequest, Reason> {
        LogoutRequest::parse(&Params::parse(&[query.as_bytes()]))
    }

    #[test]
    fn each_parameter_once_and_others_ignored() {
        let all = "id_token_hint=h&client_id=c&logout_hint=l&post_logout_redirect_uri=u&state=s\
                   &ui_locales=fr-CA+x&op_again=1";
        for pair in all.split('&') {
            let twice = parse(&format!("{all}&{pair}")).map(drop);
            assert_eq!(twice, Err(Reason::ParameterRepeated), "{pair}");
        }
        let request = parse(&format!("{all}&foo=1&foo=2&nonce=")).unwrap();
        assert!(request.again);
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(request.once_more())
            .finish();
        assert_eq!(form, all.replace("+x", ""));
        let nothing = parse("id_token_hint=&state=").unwrap();
        assert_eq!(nothing.once_more(), [(AGAIN, "1".to_owned())]);
    }

    /// RP-Initiated Logout §3; threat LO-02.
    #[test]
    fn only_what_is_registered() {
        let registered = ["https://c.example/out", "https://c.example/q?a=1", "http://127.0.0.1/x"]
            .map(|uri| RedirectUri::new(uri).unwrap());
        for (uri, ok) in [
            ("https://c.example/out", true),
            ("https://c.example/q?a=1", true),
            ("http://127.0.0.1/x", true),
            ("http://127.0.0.1:4711/x", false),
            ("https://c.example/out/", false),
            ("https://c.example/out?", false),
            ("https://c.example/out?foo=bar", false),
            ("https://c.example/out#", false),
            ("https://c.example/OUT", false),
            ("https://C.example/out", false),
            ("HTTPS://c.example/out", false),
            ("https://user@c.example/out", false),
            ("https://c.example:443/out", false),
            ("https://c.example/x/../out", false),
            ("https://c.example.evil.example/out", false),
            ("http://c.example/out", false),
            (" https://c.example/out", false),
        ] {
            assert_eq!(GoOn::verify(&registered, uri, None).is_ok(), ok, "{uri}");
        }
        let go_on = GoOn::verify(&registered, "https://c.example/q?a=1", Some("\r\n&=#")).unwrap();
        assert_eq!(go_on.location(), "https://c.example/q?a=1&state=%0D%0A%26%3D%23");
        assert_eq!(go_on.host(), "c.example");
    }
}
