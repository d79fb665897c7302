use serde::{Deserialize, Serialize};

use super::{Cookies, parameters::recognised};
use crate::{
    error::{Failure, HostError, Reason},
    grant::ConsentBasis,
    provider::Core,
    secret::{
        Digest, Handle, HandleKind, Kid, SealKind, TokenKeys, open, random, seal, serde_bytes,
    },
    store::{Commit, Expect, Key, Kind, Readable, Step, Stored},
    types::{Scope, Subject, Timestamp},
    wire::{Params, Request, set_cookie},
};

/// A request under way: what was asked, by which browser, and what has been done since.
///
/// Sealed, not stored, so that whoever never signs in costs no write; every page carries the whole
/// of it, and the back button brings an older one that is simply decided again. It never says who is
/// signed in: whoever steals a token secret can make one, but no session and no host's word.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Pending {
    #[serde(with = "serde_bytes")]
    id: [u8; 16],
    /// Which keys derive its code, for as long as it lasts.
    #[serde(with = "serde_bytes")]
    kid: Kid,
    /// Of the browser cookie's secret; `None` for a request that came by POST and has not come back.
    browser: Option<Digest>,
    pub(super) until: Timestamp,
    pub(super) query: String,
    #[serde(default)]
    pub(super) steps: Steps,
}

/// What has been done within an interaction.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Steps {
    /// Whom it is about: for whom the last page was made, so that nobody answers it as somebody else, or
    /// who has signed in or was chosen since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) person: Option<Subject>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) signed_in: Option<Subject>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) selected: Option<Subject>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) agreed: Option<Agreed>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Agreed {
    pub(super) subject: Subject,
    pub(super) scope: Scope,
    /// The claims that they keep back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) refused: Vec<Box<str>>,
    pub(super) basis: ConsentBasis,
}

impl Steps {
    pub(super) fn agreed_by(&self, subject: &Subject) -> Option<&Agreed> {
        self.agreed.as_ref().filter(|agreed| agreed.subject == *subject)
    }
}

impl Pending {
    /// A request that must wait.
    pub(super) fn begin(core: &Core, params: &Params<'_>) -> Result<Self, Failure> {
        Ok(Self {
            id: random(&*core.entropy)?,
            kid: core.first_keys().kid,
            browser: None,
            until: core.clock.now() + core.config.lifetimes.interaction,
            query: params.keep(&recognised(&core.config)),
            steps: Steps::default(),
        })
    }

    /// Binds it to the browser, which gets a cookie for that if it has none.
    pub(super) fn bind(
        &mut self,
        core: &Core,
        http: &Request<'_>,
        cookies: &mut Cookies,
    ) -> Result<(), Failure> {
        let cookie = &core.cookies.browser;
        let browser = if let Some(browser) = cookie.read(http) {
            browser
        } else {
            let browser = Handle::random(HandleKind::Browser, &*core.entropy)?;
            cookies.push(("set-cookie", set_cookie(cookie, [&browser]).into()));
            browser
        };
        self.browser = Some(browser.digest());
        Ok(())
    }

    /// Whether this is the browser that began it.
    pub(super) fn bound_to(&self, core: &Core, http: &Request<'_>) -> Result<Handle, Reason> {
        let cookie = &core.cookies.browser;
        let Some(browser) = cookie.read(http) else {
            return Err(if cookie.was_sent(http) {
                Reason::BrowserCookieWrong
            } else {
                Reason::BrowserCookieMissing
            });
        };
        let same = |digest: &Digest| digest.same(browser.digest().as_bytes());
        if self.browser.as_ref().is_some_and(same) {
            Ok(browser)
        } else {
            Err(Reason::BrowserCookieWrong)
        }
    }

    pub(super) fn id(&self) -> &[u8; 16] {
        &self.id
    }

    /// The keys that it began with; none once their secret has been dropped.
    pub(super) fn keys<'c>(&self, core: &'c Core) -> Result<&'c TokenKeys, Reason> {
        core.keys.iter().find(|keys| keys.kid == self.kid).ok_or(Reason::InteractionExpired)
    }

    /// The token that names it: all of it, sealed, or where that is stored if it is too large for
    /// an address.
    pub(super) async fn seal(&self, core: &Core) -> Result<String, Failure> {
        let mut plain = serde_json::to_vec(self).map_err(HostError::from)?;
        while plain.len() % 3 != 1 {
            plain.push(b' ');
        }
        let salt = random(&*core.entropy)?;
        let issuer = &core.config.issuer;
        let sealed = seal(SealKind::Interaction, core.first_keys(), issuer, salt, &plain);
        if sealed.len() <= core.config.limits.interaction {
            return Ok(sealed);
        }
        let handle = Handle::random(HandleKind::Interaction, &*core.entropy)?;
        let key = Key::new(Kind::Interaction, issuer, &[handle.id()]);
        let body = Large { v: Large::SCHEMA, digest: handle.digest(), sealed };
        let expect = Expect::Absent { labels: &[] };
        let step = Step { key: &key, expect, body: &body, keep_until: self.until };
        match core.commit(step, handle.encode()).await? {
            Commit::Won(_, token) => Ok(token),
            Commit::Lost => Err(Reason::StoreFailed.into()),
        }
    }

    /// Reads a token. Whether the browser is the right one is for [`bound_to`](Self::bound_to).
    pub(super) async fn open(core: &Core, token: &str) -> Result<Self, Failure> {
        let issuer = &core.config.issuer;
        let stored = match Handle::decode(HandleKind::Interaction, token) {
            Some(handle) => {
                let key = Key::new(Kind::Interaction, issuer, &[handle.id()]);
                let large = core.load::<Large>(&key).await?.ok_or(Reason::InteractionInvalid)?;
                if !large.body.digest.same(handle.digest().as_bytes()) {
                    return Err(Reason::InteractionInvalid.into());
                }
                Some(large.body.sealed)
            }
            None => None,
        };
        let sealed = stored.as_deref().unwrap_or(token);
        let (_, opened) = open(SealKind::Interaction, &core.keys, issuer, sealed)
            .ok_or(Reason::InteractionInvalid)?;
        let pending: Self =
            serde_json::from_slice(&opened).map_err(|_| Reason::InteractionInvalid)?;
        if pending.until <= core.clock.now() {
            return Err(Reason::InteractionExpired.into());
        }
        Ok(pending)
    }
}

/// An interaction that was too large for an address; still sealed.
#[derive(Serialize, Deserialize)]
struct Large {
    v: u16,
    digest: Digest,
    sealed: String,
}

impl Stored for Large {}

impl Readable for Large {
    fn schema(&self) -> u16 {
        self.v
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;
    use crate::{
        Account, Accounts, Client, ClientId, ClientMetadata, ClientSecret, Config, Duration,
        Issuer, KeySet, Need, Outcome, Provider, RedirectUri, Secret, Secrets, SigningAlgorithm,
        StaticClients,
        store::{MemoryStore, contract::block_on},
    };

    #[derive(Debug)]
    struct Everybody;

    #[async_trait]
    impl Accounts for Everybody {
        async fn account(&self, _: &Subject, _: &[&str]) -> Result<Option<Account>, HostError> {
            Ok(Some(Account::active()))
        }
    }

    /// Whoever has a token secret can seal what they like, and is still nobody (GRANT: what a thief
    /// can do).
    #[test]
    fn a_forged_interaction_ends_at_the_login() {
        let secret = Secret::new([1; 32]).unwrap();
        let issuer = Issuer::new("https://id.example").unwrap();
        let mut metadata = ClientMetadata::default();
        metadata.redirect_uris.push(RedirectUri::new("https://app.example/cb").unwrap());
        let id = ClientId::new("app").unwrap();
        let mut app = Client::confidential(id, ClientSecret::new("hush"), metadata).unwrap();
        app.require_pkce = Some(false);
        let now = Timestamp::from_unix(1_800_000_000);
        let clock = crate::test_util::TestClock::at(now);
        let provider = Provider::builder(Config::new(issuer.clone()))
            .store(MemoryStore::with_clock(clock.clone()))
            .clients(StaticClients::from_iter([app]))
            .accounts(Everybody)
            .signer(KeySet::generate(&[SigningAlgorithm::RS256], now).unwrap())
            .secrets(Secrets::new(secret.clone()))
            .clock(clock)
            .build()
            .unwrap();

        let keys = TokenKeys::derive(&secret, &issuer);
        let browser = Handle::from_bytes(HandleKind::Browser, [9; 47]);
        let victim = Subject::new("alice").unwrap();
        let scope = Scope::parse("openid").unwrap();
        let pending = Pending {
            id: [3; 16],
            kid: keys.kid,
            browser: Some(browser.digest()),
            until: now + Duration::HOUR,
            query:
                "response_type=code&client_id=app&scope=openid&redirect_uri=https://app.example/cb"
                    .into(),
            steps: Steps {
                person: Some(victim.clone()),
                signed_in: Some(victim.clone()),
                selected: Some(victim.clone()),
                agreed: Some(Agreed {
                    subject: victim,
                    scope,
                    refused: Vec::new(),
                    basis: ConsentBasis::Exempt,
                }),
            },
        };
        let mut plain = serde_json::to_vec(&pending).unwrap();
        while plain.len() % 3 != 1 {
            plain.push(b' ');
        }
        let token = seal(SealKind::Interaction, &keys, &issuer, [5; 16], &plain);
        let cookie = format!("__Host-op_browser={}", browser.encode());
        let headers: [(&str, &[u8]); 1] = [("cookie", cookie.as_bytes())];
        let request = Request::new("GET", "/interaction").headers(&headers);
        let outcome = block_on(provider.interaction(request, &token)).unwrap();
        let Outcome::Interact(page) = outcome else { panic!("{outcome:?}") };
        assert_eq!((page.need, page.subject), (Need::Login, None));
    }
}
