use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use url::Url;

use crate::{
    env::{Entropy, EntropyError},
    secret::{Digest, random},
    types::ClientId,
};

/// The session as this client may know it ([Front-Channel Logout §3], `sid`): another client's
/// differs, and neither leads back to the cookie.
///
/// [Front-Channel Logout §3]: https://openid.net/specs/openid-connect-frontchannel-1_0.html#OPLogout
pub(crate) fn sid(session: &Digest, client: &ClientId) -> Box<str> {
    let digest = Digest::of_parts(&[b"sid\0", session.as_bytes(), client.as_str().as_bytes()]);
    let (short, _) = digest.as_bytes().split_at(18);
    URL_SAFE_NO_PAD.encode(short).into()
}

/// Who is signed in at a browser, as anybody may know it: it is another one when somebody has signed in
/// or out, and leads back to nothing. Empty, if nobody is signed in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct BrowserState(String);

impl BrowserState {
    /// Of sessions, in whatever order.
    pub(crate) fn of(sessions: impl Iterator<Item = [u8; 32]>) -> Self {
        let mut sessions: Vec<_> = sessions.collect();
        if sessions.is_empty() {
            return Self::default();
        }
        sessions.sort_unstable();
        let digest = Digest::of_parts(&[b"state\0", sessions.as_flattened()]);
        let (short, _) = digest.as_bytes().split_at(18);
        Self(URL_SAFE_NO_PAD.encode(short))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The `session_state` of a client ([OIDC Session Management §3.2]), which the frame works out once
    /// more.
    ///
    /// [OIDC Session Management §3.2]: https://openid.net/specs/openid-connect-session-1_0.html#OPiframe
    pub(crate) fn for_client(
        &self,
        client: &ClientId,
        redirect_uri: &str,
        entropy: &dyn Entropy,
    ) -> Result<String, EntropyError> {
        let origin = Url::parse(redirect_uri).map(|uri| uri.origin().ascii_serialization());
        let salt = URL_SAFE_NO_PAD.encode(random::<9>(entropy)?);
        Ok(self.salted(client.as_str(), &origin.unwrap_or_default(), &salt))
    }

    fn salted(&self, client: &str, origin: &str, salt: &str) -> String {
        let text = format!("{client} {origin} {} {salt}", self.0);
        let hash = URL_SAFE_NO_PAD.encode(Digest::of(text.as_bytes()).as_bytes());
        format!("{hash}.{salt}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_who_is_there_and_not_in_which_order() {
        let of = |sessions: &[u8]| BrowserState::of(sessions.iter().map(|n| [*n; 32]));
        assert_eq!(of(&[]).as_str(), "");
        assert_eq!(of(&[1, 2]), of(&[2, 1]));
        assert_ne!(of(&[1, 2]), of(&[1]));
        assert_ne!(of(&[1]), of(&[2]));
    }

    /// By hand: `printf 'app https://app.example abc salt' | sha256sum`, in base64url.
    #[test]
    fn a_session_state_has_no_space_and_ends_with_its_salt() {
        let state = BrowserState("abc".into()).salted("app", "https://app.example", "salt");
        assert_eq!(state, "MYWF4RVB_XcFdAQEuDtyp7dMflU9o7za_Y3wxyNyYZc.salt");
        let unlike = [("other", "https://app.example"), ("app", "https://evil.example")];
        for (client, origin) in unlike {
            assert_ne!(BrowserState("abc".into()).salted(client, origin, "salt"), state);
        }
    }
}
