use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    error::{Failure, Reason},
    fetch::{Fetch, FetchRequest},
    jose::{JoseFault, Jwks},
};

/// The public keys of the issuer, by which its JWT access tokens are known.
///
/// ```
/// use oidc_op::{Fetch, IssuerKeys};
///
/// fn keys(fetch: impl Fetch) -> IssuerKeys {
///     IssuerKeys::at("https://id.example/jwks", fetch)
/// }
/// ```
#[derive(Clone)]
pub struct IssuerKeys(Arc<Place>);

enum Place {
    Given(Jwks),
    At { jwks_uri: Box<str>, fetch: Box<dyn Fetch>, read: Mutex<Option<Read>> },
}

/// A document, and the keys in it: the same document is read once.
struct Read {
    body: Arc<[u8]>,
    keys: Jwks,
}

impl IssuerKeys {
    /// The keys at the issuer's `jwks_uri`, however they change.
    ///
    /// How long they are kept is for the [`Fetch`]. A token by a key that is not among them has them
    /// fetched once more, as often as the `Fetch` grants that.
    pub fn at(jwks_uri: impl Into<String>, fetch: impl Fetch) -> Self {
        let jwks_uri = jwks_uri.into().into_boxed_str();
        Self(Arc::new(Place::At { jwks_uri, fetch: Box::new(fetch), read: Mutex::new(None) }))
    }

    /// What the check makes of the keys; of newer ones too, if there are any to be had and it misses
    /// one.
    pub(super) async fn verify<T>(
        &self,
        check: impl Fn(&Jwks) -> Result<T, JoseFault>,
    ) -> Result<T, Failure> {
        let (jwks_uri, fetch, read) = match &*self.0 {
            Place::Given(keys) => return check(keys).map_err(invalid),
            Place::At { jwks_uri, fetch, read } => (jwks_uri, fetch, read),
        };
        let mut request = FetchRequest::new(jwks_uri, "application/jwk-set+json, application/json");
        match check(&keys(&request, &**fetch, read).await?) {
            Err(JoseFault::Key) => request.refresh = true,
            checked => return checked.map_err(invalid),
        }
        // If they cannot be had, nobody knows: a token by a key that was announced meanwhile is good.
        check(&keys(&request, &**fetch, read).await?).map_err(invalid)
    }
}

/// The keys, read anew only if the document is another one.
async fn keys(
    request: &FetchRequest<'_>,
    fetch: &dyn Fetch,
    read: &Mutex<Option<Read>>,
) -> Result<Jwks, Failure> {
    let body = fetch.get(request).await.map_err(unavailable)?.body;
    // Nobody who holds the lock leaves something half done.
    let locked = || read.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(read) = locked().as_ref().filter(|read| read.body == body) {
        return Ok(read.keys.clone());
    }
    let text = str::from_utf8(&body).map_err(unavailable)?;
    let keys = Jwks::from_json(text).map_err(unavailable)?;
    *locked() = Some(Read { keys: keys.clone(), body });
    Ok(keys)
}

fn unavailable(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Failure {
    Failure::caused(Reason::IssuerUnavailable, cause)
}

fn invalid(fault: JoseFault) -> Failure {
    Failure::caused(Reason::BearerInvalid, fault)
}

impl From<Jwks> for IssuerKeys {
    /// These keys, until the process ends: for an issuer who says when they change.
    fn from(keys: Jwks) -> Self {
        Self(Arc::new(Place::Given(keys)))
    }
}

impl fmt::Debug for IssuerKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Place::Given(keys) => f.debug_tuple("IssuerKeys").field(keys).finish(),
            Place::At { jwks_uri, .. } => f.debug_tuple("IssuerKeys").field(jwks_uri).finish(),
        }
    }
}
