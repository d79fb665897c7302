use url::form_urlencoded;

use crate::{
    client::{self, Client},
    config::Policy,
    error::Reason,
    types::{Issuer, ResponseMode, ResponseType},
    wire::{Params, Reply, form_post, host, separator},
};

/// The proven way back to the client: where, how, and the `state` to give back.
///
/// Only [`verify`](Self::verify) makes one, so an answer to a redirect URI that the client has not
/// registered cannot be written down.
#[derive(Clone, Debug)]
pub(crate) struct ReturnTo {
    uri: Box<str>,
    mode: ResponseMode,
    state: Option<Box<str>>,
    /// Who is signed in at the browser, for this client ([OIDC Session Management §2]); success and error
    /// have it alike.
    ///
    /// [OIDC Session Management §2]: https://openid.net/specs/openid-connect-session-1_0.html#CreatingUpdatingSessions
    session_state: Option<Box<str>>,
    issuer: Issuer,
}

impl ReturnTo {
    /// Verifies the redirect URI ([RFC 9700 §2.1]: byte for byte) and settles the response mode. A
    /// repeated parameter is ambiguous and leads nowhere.
    ///
    /// One that the policy keeps from such clients counts as not registered.
    ///
    /// A wrong response mode is settled as the default of the response type here, so that the error
    /// can be reported; the validation refuses it.
    ///
    /// [RFC 9700 §2.1]: https://www.rfc-editor.org/rfc/rfc9700#section-2.1
    pub(crate) fn verify(
        client: &Client,
        params: &Params<'_>,
        issuer: &Issuer,
        policy: Policy,
    ) -> Result<Self, Reason> {
        let uri = params.one("redirect_uri")?.ok_or(Reason::RedirectUriMissing)?;
        let registered = client.metadata.redirect_uris.iter();
        let mut registered = registered.filter(|known| known.matches(uri));
        if !registered.any(|known| client::may_redirect(policy, client, known)) {
            return Err(Reason::RedirectUriMismatch);
        }
        let response_type =
            params.one("response_type").ok().flatten().and_then(ResponseType::parse);
        let default = response_type.map_or(ResponseMode::Query, ResponseType::default_mode);
        let asked = params.one("response_mode")?.and_then(ResponseMode::parse);
        // Tokens never travel in a query (Multiple Response Types §2.1).
        let mode = match asked {
            Some(ResponseMode::Query) | None => default,
            Some(mode) => mode,
        };
        Ok(Self {
            uri: uri.into(),
            mode,
            state: params.one("state")?.map(Into::into),
            session_state: None,
            issuer: issuer.clone(),
        })
    }

    /// With what the client is told of who is signed in.
    pub(super) fn tell_session_state(&mut self, state: String) {
        self.session_state = Some(state.into());
    }

    /// The redirect URI, as the request sent it.
    pub(crate) fn uri(&self) -> &str {
        &self.uri
    }

    /// The `state` to give back.
    pub(crate) fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// Who gets the answer, for showing to people: the host, or the scheme of an app.
    pub(crate) fn host(&self) -> String {
        host(&self.uri)
    }

    /// Sends the answer, with `state` as it came and `iss` ([RFC 9207 §2]).
    ///
    /// [RFC 9207 §2]: https://www.rfc-editor.org/rfc/rfc9207#section-2
    pub(crate) fn send(&self, answer: &[(&str, &str)]) -> Reply {
        let state = self.state.as_deref().map(|state| ("state", state));
        let session = self.session_state.as_deref().map(|state| ("session_state", state));
        let parameters = answer.iter().copied().chain(state).chain(session);
        match self.mode {
            ResponseMode::FormPost => {
                let issuer = ("iss", self.issuer.as_str());
                form_post(&self.uri, &parameters.chain([issuer]).collect::<Vec<_>>())
            }
            ResponseMode::Query => {
                Reply::see_other(self.location(separator(&self.uri), parameters))
            }
            ResponseMode::Fragment => Reply::see_other(self.location("#", parameters)),
        }
    }

    /// The registered bytes as they are, then the parameters, then `iss`.
    fn location<'p>(
        &self,
        separator: &str,
        parameters: impl Iterator<Item = (&'p str, &'p str)>,
    ) -> String {
        let mut location = String::with_capacity(self.uri.len() + 256);
        location.push_str(&self.uri);
        location.push_str(separator);
        for (name, value) in parameters {
            location.push_str(name);
            location.push('=');
            location.extend(form_urlencoded::byte_serialize(value.as_bytes()));
            location.push('&');
        }
        location.push_str("iss=");
        location.push_str(self.issuer.encoded());
        location
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        client::ClientMetadata,
        types::{ClientId, RedirectUri},
    };

    fn send(registered: &str, query: &str) -> Result<Reply, Reason> {
        let mut metadata = ClientMetadata::default();
        metadata.redirect_uris.push(RedirectUri::new(registered).unwrap());
        let client = Client::public(ClientId::new("c").unwrap(), metadata).unwrap();
        let issuer = Issuer::new("https://id.example").unwrap();
        let params = Params::parse(&[query.as_bytes()]);
        ReturnTo::verify(&client, &params, &issuer, Policy::default())
            .map(|to| to.send(&[("code", "x y")]))
    }

    /// The registered bytes stay, the parameters come once (RFC 6749 §4.1.2; threat AZ-14).
    #[test]
    fn appends_to_the_registered_bytes() {
        for (uri, location) in [
            (
                "https://c.example/cb",
                "https://c.example/cb?code=x+y&state=%0D%0A%26%23&iss=https%3A%2F%2Fid.example",
            ),
            (
                "https://c.example/cb?a=1",
                "https://c.example/cb?a=1&code=x+y&state=%0D%0A%26%23&iss=https%3A%2F%2Fid.example",
            ),
            (
                "https://c.example/cb?",
                "https://c.example/cb?code=x+y&state=%0D%0A%26%23&iss=https%3A%2F%2Fid.example",
            ),
            (
                "https://c.example/cb&",
                "https://c.example/cb&?code=x+y&state=%0D%0A%26%23&iss=https%3A%2F%2Fid.example",
            ),
            (
                "https://c.example/cb?a=1&",
                "https://c.example/cb?a=1&code=x+y&state=%0D%0A%26%23&iss=https%3A%2F%2Fid.example",
            ),
            (
                "https://c.example/cb?a=b?",
                "https://c.example/cb?a=b?&code=x+y&state=%0D%0A%26%23&iss=https%3A%2F%2Fid.example",
            ),
        ] {
            let query = form_urlencoded::Serializer::new(String::new())
                .append_pair("redirect_uri", uri)
                .append_pair("response_type", "code")
                .append_pair("state", "\r\n&#")
                .finish();
            let reply = send(uri, &query).unwrap();
            assert_eq!((reply.status, reply.header("location")), (303, Some(location)));
        }
    }

    #[test]
    fn ambiguity_leads_nowhere() {
        let uri = "redirect_uri=https://c.example/cb";
        for (query, reason) in [
            ("", Reason::RedirectUriMissing),
            ("redirect_uri=https://c.example/cb/", Reason::RedirectUriMismatch),
            (&format!("{uri}&{uri}"), Reason::ParameterRepeated),
            (&format!("{uri}&state=1&state=1"), Reason::ParameterRepeated),
            (&format!("{uri}&response_mode=query&response_mode=query"), Reason::ParameterRepeated),
        ] {
            assert_eq!(send("https://c.example/cb", query).map(|_| ()), Err(reason), "{query}");
        }
    }
}
