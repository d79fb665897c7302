use url::{Origin, Url};

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

/// More frames than anybody needs.
const MOST: usize = 100;
/// How long their origins may be together: they stand in a header field, and proxies take only so much.
const ORIGINS: usize = 3072;
/// Clients that are looked up at once.
const AT_ONCE: usize = 16;

/// Where the clients of sessions that have ended are told by the browser ([Front-Channel Logout §3]):
/// those that have registered an address for that, each address once.
///
/// What cannot be found out now keeps nobody signed in: the client is left out, and the observer told. One
/// that describes itself at an address of its own is left out as well: nobody waits for that in order to sign
/// out (threat LO-07).
///
/// [Front-Channel Logout §3]: https://openid.net/specs/openid-connect-frontchannel-1_0.html#OPLogout
pub(super) async fn frames(core: &Core, ended: &[Ended]) -> Vec<String> {
    let mut asked = Vec::new();
    for of in ended {
        for id in of.record.clients.clients() {
            asked.push(look_up(core, asked.len(), of, id));
        }
    }
    let mut found = at_once(AT_ONCE, asked).await;
    found.sort_unstable_by_key(|(place, ..)| *place);
    let mut frames = Frames::default();
    for (_, id, address) in found {
        let left_out = match address {
            Ok(None) => continue,
            Ok(Some(address)) => frames.add(address).map_err(Failure::from),
            Err(failure) => Err(failure),
        };
        if let Err(Failure { reason, cause, .. }) = left_out {
            let event = Event::new(What::ClientNotTold).client(id);
            core.observer.observe(&event.refused(reason, cause.as_deref()));
        }
    }
    frames.addresses
}

/// What a page can hold.
#[derive(Default)]
struct Frames {
    addresses: Vec<String>,
    origins: Vec<Origin>,
    /// How much room the origins take.
    length: usize,
}

impl Frames {
    /// One more, unless it is there already.
    fn add(&mut self, address: String) -> Result<(), Reason> {
        if self.addresses.contains(&address) {
            return Ok(());
        }
        let origin = Url::parse(&address).ok().map(|url| url.origin());
        let new = origin.filter(|origin| !self.origins.contains(origin));
        let length = new.as_ref().map_or(0, |origin| origin.ascii_serialization().len() + 1);
        if self.addresses.len() == MOST || self.length + length > ORIGINS {
            return Err(Reason::FramesTooMany);
        }
        self.length += length;
        self.origins.extend(new);
        self.addresses.push(address);
        Ok(())
    }
}

/// Where the client is told, and which place it has among those that are asked about at once.
async fn look_up<'e>(
    core: &Core,
    place: usize,
    of: &'e Ended,
    id: &'e ClientId,
) -> (usize, &'e ClientId, Result<Option<String>, Failure>) {
    let client = core.known_client(id).await;
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

    /// Many frames of a few clients fit, and few of many: what stands in a header field is bounded.
    #[test]
    fn what_a_page_can_hold() {
        let mut frames = Frames::default();
        let added =
            (0..200).filter(|n| frames.add(format!("https://c.example/{n}")).is_ok()).count();
        assert_eq!((added, frames.origins.len()), (MOST, 1));
        let mut frames = Frames::default();
        let far = |n| format!("https://{}.{n}.example/out", "c".repeat(60));
        let added = (0..100).take_while(|n| frames.add(far(*n)).is_ok()).count();
        assert!((30..40).contains(&added), "{added}");
        assert!(frames.add(far(0)).is_ok(), "it is there already");
        assert_eq!(frames.addresses.len(), added);
        assert_eq!(frames.add(far(99)), Err(Reason::FramesTooMany));
    }

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
