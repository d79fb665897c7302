//! `grant_type=refresh_token` ([RFC 6749 §6], [OIDC Core §12], [RFC 9700 §4.14]).
//!
//! [RFC 6749 §6]: https://www.rfc-editor.org/rfc/rfc6749#section-6
//! [OIDC Core §12]: https://openid.net/specs/openid-connect-core-1_0.html#RefreshTokens
//! [RFC 9700 §4.14]: https://www.rfc-editor.org/rfc/rfc9700#section-4.14

use time::Duration;

use super::{
    TokenResponse,
    asked::Asked,
    issue::{Issue, Portion},
};
use crate::{
    claims::OFFLINE_ACCESS,
    client::{AuthenticatedClient, Client, GrantType},
    env::{Event, What},
    error::{Failure, Reason, TokenError},
    grant::{
        self, Generation, Grant, Origin, Refresh, RefreshToken, Rotation, SKEW, Standings, Status,
        Why,
    },
    provider::Core,
    store::{Commit, Expect, Key, Loaded, Step},
    types::Timestamp,
    wire::Params,
};

/// A refresh token, and what is wanted of it.
pub(super) struct RefreshRequest<'p> {
    token: &'p str,
    asked: Asked<'p>,
}

impl<'p> RefreshRequest<'p> {
    pub(super) fn parse(params: &'p Params<'_>) -> Result<Self, Reason> {
        Ok(Self {
            token: params.one("refresh_token")?.ok_or(Reason::RefreshTokenMissing)?,
            asked: Asked::parse(params)?,
        })
    }
}

/// What to do with a refresh token.
#[derive(Debug, PartialEq, Eq)]
enum Check {
    /// Give its successor.
    Rotate,
    /// Give the successor that it has already.
    Repeat,
    /// Give it back.
    Keep,
    /// It is used where it must not be any more: revoke.
    Reuse,
    /// Change nothing.
    Refuse(Reason),
}

/// The rules, in their order. Whoever has a token of another client, or one that is not genuine, changes
/// nothing; theft is found before an expiry is ([RFC 9700 §4.14.2]).
///
/// [RFC 9700 §4.14.2]: https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2
fn check(
    grant: &Grant,
    token: &RefreshToken,
    client: &Client,
    raced: bool,
    now: Timestamp,
) -> Check {
    use Check::{Keep, Refuse, Repeat, Reuse, Rotate};
    if grant.client != client.id {
        return Refuse(Reason::RefreshTokenOfAnotherClient);
    }
    let Some(refresh) = &grant.refresh else { return Refuse(Reason::RefreshTokenUnknown) };
    let generation = refresh.generation(token);
    match generation {
        Generation::Unknown => return Refuse(Reason::RefreshTokenUnknown),
        Generation::Ahead => return Refuse(Reason::StoreWentBack),
        _ if grant.status != Status::Active => return Refuse(Reason::GrantRevoked),
        // While this was under way the other one has gone on, and this one is no thief.
        Generation::Ancestor if raced => return Refuse(Reason::RefreshTokenRaced),
        Generation::Ancestor => return Reuse,
        Generation::Current | Generation::Previous => {}
    }
    let rotation = Rotation::of(client);
    let check = match (generation, rotation) {
        (Generation::Current, Rotation::Off) => Keep,
        (Generation::Current, _) => Rotate,
        (_, Rotation::Window(seconds)) => {
            let window = Duration::seconds(seconds.into());
            let elapsed = now.since(refresh.rotated_at);
            if elapsed <= window {
                Repeat
            } else if elapsed <= window + SKEW {
                Refuse(Reason::RefreshTokenLate)
            } else {
                Reuse
            }
        }
        // Both came at once: the other one got the successor, and this one is no thief.
        (_, Rotation::Strict | Rotation::Off) if raced => Refuse(Reason::RefreshTokenRaced),
        (_, Rotation::Strict | Rotation::Off) => Reuse,
    };
    match check {
        Keep | Rotate | Repeat if !refresh.live(now) => Refuse(Reason::RefreshTokenExpired),
        Keep | Rotate | Repeat if !may_renew(client, grant) => Refuse(Reason::RefreshNotAllowed),
        check => check,
    }
}

impl RefreshRequest<'_> {
    /// check → mint → commit → respond. What is repeated within its window gives the same successor,
    /// and writes nothing.
    pub(super) async fn exchange(
        self,
        core: &Core,
        client: &AuthenticatedClient,
    ) -> Result<TokenResponse, TokenError> {
        let token =
            RefreshToken::decode(&core.keys, self.token).ok_or(Reason::RefreshTokenUnknown)?;
        let key = Grant::key(&core.config.issuer, token.grant());
        let mut raced = false;
        for _ in 0..4 {
            let loaded = core.load::<Grant>(&key).await?.ok_or(Reason::RefreshTokenUnknown)?;
            let now = core.clock.now();
            let check = check(&loaded.body, &token, client, raced, now);
            let check = match check {
                Check::Refuse(reason) => return Err(refused(core, &loaded.body, reason)),
                Check::Reuse => {
                    reused(core, &key, loaded, now).await?;
                    return Err(Reason::RefreshTokenReused.into());
                }
                check => check,
            };
            raced = true;
            let Loaded { body: grant, version } = loaded;
            let asked = self.asked.scope_within(&grant.scope, client)?;
            let portion = Portion::of(core, client, grant.terms(), &asked, &self.asked.resources)?;
            let successor = match check {
                Check::Keep => None,
                _ => Some(successor(core, &grant, &token, &check)?),
            };
            let access_until = now + portion.lifetime();
            let (used, writes) = step(core, grant, (&check, successor.as_ref()), now, access_until);
            let issue = Issue {
                client,
                id: token.grant(),
                grant: &used,
                standings: Standings::Refresh,
                nonce: None,
                refresh_token: Some(
                    successor.map_or_else(|| self.token.to_owned(), |token| token.encode()),
                ),
                act: None,
            };
            let response = issue.mint(core, portion, now).await?;
            let response = if writes {
                let expect = Expect::Version(version);
                let step = Step { key: &key, expect, body: &used, keep_until: used.expires };
                match core.commit(step, response).await? {
                    Commit::Won(_, response) => response,
                    Commit::Lost => continue,
                }
            } else {
                response
            };
            let event = Event::new(What::TokenRefreshed);
            core.observer.observe(&event.client(&client.id).subject(&used.subject));
            return Ok(response);
        }
        Err(Reason::StoreFailed.into())
    }
}

/// Whether the token would give another one now: what introspection says of it.
pub(super) fn is_usable(
    core: &Core,
    grant: &Grant,
    token: &RefreshToken,
    client: &Client,
    now: Timestamp,
) -> bool {
    let check = check(grant, token, client, false, now);
    match check {
        Check::Refuse(_) | Check::Reuse => false,
        Check::Keep => client.metadata.may(&GrantType::RefreshToken),
        Check::Rotate | Check::Repeat => {
            client.metadata.may(&GrantType::RefreshToken)
                && successor(core, grant, token, &check).is_ok()
        }
    }
}

/// The grant afterwards, and whether that must be written: a repetition changes nothing, and a token that
/// stays is noted only when its end moves by a tenth, or comes to the end of all.
fn step(
    core: &Core,
    grant: Grant,
    (check, successor): (&Check, Option<&RefreshToken>),
    now: Timestamp,
    access_until: Timestamp,
) -> (Grant, bool) {
    let idle = core.config.lifetimes.refresh_idle;
    let until = now + idle;
    let moves = |refresh: &Refresh| {
        let (before, after) = (refresh.idle_until, refresh.clone().touched(until).idle_until);
        after.since(before) > idle / 10 || (after == refresh.until && before < after)
    };
    match check {
        Check::Repeat => (grant, false),
        Check::Keep => {
            let moved = grant.refresh.as_ref().is_some_and(moves) || grant.expires < access_until;
            let after = if moved { grant.used(None, now, until, access_until) } else { grant };
            (after, moved)
        }
        _ => (grant.used(successor, now, until, access_until), true),
    }
}

/// The token after this one. A repetition needs the secret that made it the first time: without that it
/// is refused, and nothing is revoked.
fn successor(
    core: &Core,
    grant: &Grant,
    token: &RefreshToken,
    check: &Check,
) -> Result<RefreshToken, Reason> {
    let keys = match (check, &grant.refresh) {
        (Check::Repeat, Some(refresh)) => core.keys.iter().find(|keys| keys.kid == refresh.kid),
        _ => Some(core.first_keys()),
    };
    keys.map(|keys| token.next(keys)).ok_or(Reason::RefreshTokenLate)
}

fn refused(core: &Core, grant: &Grant, reason: Reason) -> TokenError {
    if reason == Reason::StoreWentBack {
        let event = Event::new(What::StoreWentBack).client(&grant.client).subject(&grant.subject);
        core.observer.observe(&event);
    }
    reason.into()
}

/// Ends the grant because a token came back that had been used.
async fn reused(
    core: &Core,
    key: &Key,
    loaded: Loaded<Grant>,
    now: Timestamp,
) -> Result<(), Failure> {
    if let Some(ended) = grant::revoke(core, key, loaded, Why::Reuse, now).await? {
        let event = Event::new(What::RefreshTokenReused);
        core.observer.observe(&event.client(&ended.client).subject(&ended.subject));
    }
    Ok(())
}

/// Whether the client may renew such a grant now: an administrator may have thought better of it.
fn may_renew(client: &Client, grant: &Grant) -> bool {
    match grant.origin {
        Origin::Password if !(client.first_party && client.password_grant) => return false,
        // The word of somebody else is asked for anew each time.
        Origin::Assertion | Origin::Exchange => return false,
        Origin::Authorization | Origin::Password | Origin::Extension(_) => {}
    }
    if grant.offline {
        client.metadata.scope.as_ref().is_none_or(|scope| scope.contains(OFFLINE_ACCESS))
    } else {
        client.refresh.online
    }
}

/// The first refresh token of a grant, if its client gets one: for access while the person is away, or,
/// where an administrator says so, while their session lasts.
pub(super) fn first_refresh_token(
    core: &Core,
    client: &Client,
    grant: &Grant,
    id: [u8; 16],
) -> Result<Option<RefreshToken>, Failure> {
    let may = client.metadata.may(&GrantType::RefreshToken);
    if !may || !may_renew(client, grant) {
        return Ok(None);
    }
    Ok(Some(RefreshToken::first(core.first_keys(), id, &*core.entropy)?))
}

/// What the grant remembers of its first refresh token.
pub(super) fn refresh_record(core: &Core, token: &RefreshToken, now: Timestamp) -> Refresh {
    let lifetimes = &core.config.lifetimes;
    Refresh::first(token, now, (now + lifetimes.refresh_idle, now + lifetimes.refresh_token))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ClientId, ClientMetadata, ClientSecret, Issuer, RedirectUri, Scope, Secret, Subject,
        SystemEntropy,
        claims::GrantedClaims,
        grant::{ConsentBasis, Origin},
        secret::TokenKeys,
        types::Authentication,
    };

    fn keys() -> TokenKeys {
        let issuer = Issuer::new("https://id.example").unwrap();
        TokenKeys::derive(&Secret::new([1; 32]).unwrap(), &issuer)
    }

    fn client(rotation: Option<Rotation>, public: bool) -> Client {
        let mut metadata = ClientMetadata::default();
        metadata.redirect_uris.push(RedirectUri::new("https://c.example/cb").unwrap());
        let id = ClientId::new("c").unwrap();
        let mut client = if public {
            Client::public(id, metadata).unwrap()
        } else {
            Client::confidential(id, ClientSecret::new("s"), metadata).unwrap()
        };
        client.refresh.rotation = rotation;
        client
    }

    fn grant(refresh: Refresh) -> Grant {
        let alice = Subject::new("alice").unwrap();
        let zero = Timestamp::from_unix(0);
        Grant {
            v: 1,
            origin: Origin::Authorization,
            made: zero,
            client: ClientId::new("c").unwrap(),
            client_epoch: 0,
            subject: alice.clone(),
            subject_epoch: 0,
            sub: alice,
            auth: Authentication::at(zero),
            nonce: None,
            session: None,
            sid: None,
            consent: ConsentBasis::Exempt,
            scope: Scope::default(),
            resources: Vec::new(),
            claims: GrantedClaims::default(),
            ticket: None,
            refresh: Some(refresh),
            offline: true,
            access_epoch: 0,
            dropped: Vec::new(),
            status: Status::Active,
            expires: Timestamp::MAX,
        }
    }

    /// GRANT §6–7; threat RT-01.
    #[test]
    fn one_line_per_rule() {
        use Check::{Keep, Refuse, Repeat, Reuse, Rotate};
        let keys = keys();
        let at = Timestamp::from_unix;
        let mut tokens = vec![RefreshToken::first(&keys, [7; 16], &SystemEntropy::new()).unwrap()];
        for i in 0..3 {
            tokens.push(tokens[i].next(&keys));
        }
        let mut record = Refresh::first(&tokens[0], at(0), (at(10_000), at(10_000)));
        for token in &tokens[1..3] {
            record = record.rotated(token, at(100), at(10_000));
        }
        let grant = grant(record);
        let window = Some(Rotation::Window(30));
        for (token, rotation, public, raced, seconds, expected) in [
            (2, None, false, false, 100, Rotate),
            (2, None, true, false, 100, Rotate),
            (2, Some(Rotation::Off), false, false, 100, Keep),
            (2, Some(Rotation::Off), true, false, 100, Rotate),
            (2, None, false, false, 10_000, Refuse(Reason::RefreshTokenExpired)),
            (1, None, false, false, 130, Repeat),
            (1, None, false, false, 131, Refuse(Reason::RefreshTokenLate)),
            (1, None, false, false, 135, Refuse(Reason::RefreshTokenLate)),
            (1, None, false, false, 136, Reuse),
            (1, None, false, false, 20_000, Reuse),
            (1, window, true, false, 100, Reuse),
            (1, None, true, true, 100, Refuse(Reason::RefreshTokenRaced)),
            (1, Some(Rotation::Strict), false, false, 100, Reuse),
            (1, Some(Rotation::Window(0)), false, true, 100, Refuse(Reason::RefreshTokenRaced)),
            (
                1,
                Some(Rotation::Window(u16::MAX)),
                false,
                false,
                401,
                Refuse(Reason::RefreshTokenLate),
            ),
            (0, window, false, false, 100, Reuse),
            (0, window, false, true, 100, Refuse(Reason::RefreshTokenRaced)),
            (3, None, false, false, 100, Refuse(Reason::StoreWentBack)),
        ] {
            let found =
                check(&grant, &tokens[token], &client(rotation, public), raced, at(seconds));
            assert_eq!(found, expected, "{token} {rotation:?} {public} {raced} {seconds}");
        }
        let revoked = grant.clone().revoked(at(0), Why::Client);
        let found = check(&revoked, &tokens[0], &client(None, false), false, at(100));
        assert_eq!(found, Refuse(Reason::GrantRevoked));
        let stranger = Client { id: ClientId::new("d").unwrap(), ..client(None, false) };
        let found = check(&grant, &tokens[0], &stranger, false, at(100));
        assert_eq!(found, Refuse(Reason::RefreshTokenOfAnotherClient));
    }
}
