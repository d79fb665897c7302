use super::Ended;
use crate::{
    at_once::at_once,
    client::Client,
    env::{Event, What},
    error::{Failure, Reason},
    provider::Core,
    secret::Digest,
    session::sid,
    types::{ClientId, Issuer},
    wire::with_parameters,
};

/// More frames than anybody needs; their origins must fit into a header field.
const MOST: usize = 100;

/// Where the clients of sessions that have ended are told by the browser ([Front-Channel Logout §3]):
/// those that have registered an address for that, each address once.
///
/// What cannot be found out now keeps nobody signed in: the client is left out, and the observer told.
///
/// [Front-Channel Logout §3]: https://openid.net/specs/openid-connect-frontchannel-1_0.html#OPLogout
pub(super) async fn frames(core: &Core, ended: &[Ended]) -> Vec<String> {
    let mut asked = Vec::new();
    for of in ended {
        for id in of.record.clients.clients() {
            asked.push(look_up(core, asked.len(), of, id));
        }
    }
    let mut found = at_once(16, asked).await;
    found.sort_unstable_by_key(|(place, ..)| *place);
    let mut frames: Vec<String> = Vec::new();
    for (_, id, address) in found {
        let left_out = |reason, cause| {
            let event = Event::new(What::ClientNotTold).client(id).refused(reason, cause);
            core.observer.observe(&event);
        };
        let address = match address {
            Ok(address) => address.filter(|address| !frames.contains(address)),
            Err(failure) => {
                left_out(failure.reason, failure.cause.as_deref());
                continue;
            }
        };
        match address {
            Some(_) if frames.len() == MOST => left_out(Reason::FramesTooMany, None),
            address => frames.extend(address),
        }
    }
    frames
}

/// Where the client is told, and which place it has among those that are asked about at once.
async fn look_up<'e>(
    core: &Core,
    place: usize,
    of: &'e Ended,
    id: &'e ClientId,
) -> (usize, &'e ClientId, Result<Option<String>, Failure>) {
    let client = core.client(id).await;
    let address = client.map(|client| {
        let client = client.filter(|client| client.enabled)?;
        address(&client, &core.config.issuer, &of.session)
    });
    (place, id, address)
}

/// The address as it was registered, with `iss` and `sid` if the client needs them ([Front-Channel Logout
/// §2]: both or none).
///
/// [Front-Channel Logout §2]: https://openid.net/specs/openid-connect-frontchannel-1_0.html#RPLogout
fn address(client: &Client, issuer: &Issuer, session: &Digest) -> Option<String> {
    let uri = client.metadata.frontchannel_logout_uri.as_deref()?;
    if !client.metadata.frontchannel_logout_session_required {
        return Some(uri.to_owned());
    }
    let sid = sid(session, &client.id);
    Some(with_parameters(uri, &[("iss", issuer.as_str()), ("sid", &sid)]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        client::{ClientMetadata, ClientSecret},
        types::{ClientId, RedirectUri},
    };

    /// Front-Channel Logout §2, §3.1: the query is kept, and both parameters come or none.
    #[test]
    fn the_address_as_it_was_registered() {
        let issuer = Issuer::new("https://id.example").unwrap();
        let session = Digest::of(b"session");
        let id = ClientId::new("c").unwrap();
        let sid = sid(&session, &id);
        let with = format!("iss=https%3A%2F%2Fid.example&sid={sid}");
        for (uri, required, address_of) in [
            ("https://c.example/out", false, "https://c.example/out".to_owned()),
            ("https://c.example/out?a=%20b", false, "https://c.example/out?a=%20b".to_owned()),
            ("https://c.example/out", true, format!("https://c.example/out?{with}")),
            ("https://c.example/out?a=%20b", true, format!("https://c.example/out?a=%20b&{with}")),
        ] {
            let mut metadata = ClientMetadata::default();
            metadata.redirect_uris.push(RedirectUri::new("https://c.example/cb").unwrap());
            metadata.frontchannel_logout_uri = Some(uri.into());
            metadata.frontchannel_logout_session_required = required;
            let secret = ClientSecret::new("hush");
            let client = Client::confidential(id.clone(), secret, metadata).unwrap();
            assert_eq!(address(&client, &issuer, &session), Some(address_of));
        }
        let mut metadata = ClientMetadata::default();
        metadata.redirect_uris.push(RedirectUri::new("https://c.example/cb").unwrap());
        let client = Client::confidential(id, ClientSecret::new("hush"), metadata).unwrap();
        assert_eq!(address(&client, &issuer, &session), None);
    }
}
