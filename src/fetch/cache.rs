use std::{collections::HashMap, time::Duration};

use tokio::time::Instant;

use super::{FetchRequest, Fetched, NamedBy, budget::share};

/// What tells documents apart: the whole URL with its fragment, and what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    url: String,
    accept: String,
}

impl Key {
    pub(super) fn new(request: &FetchRequest<'_>) -> Self {
        Self { url: request.url.to_owned(), accept: request.accept.to_owned() }
    }
}

/// Documents that have come, for as long as they are good.
///
/// The provider is the only reader, so it is a private cache ([RFC 9111 §1]): `s-maxage` and
/// `private` mean nothing to it.
///
/// [RFC 9111 §1]: https://www.rfc-editor.org/rfc/rfc9111#section-1
#[derive(Debug)]
pub(super) struct Cache {
    bounds: Bounds,
    documents: HashMap<Key, Document>,
}

/// How long documents are kept, and how many.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) min_age: Duration,
    pub(super) max_age: Duration,
    pub(super) refresh_after: Duration,
    pub(super) entries: usize,
}

#[derive(Debug)]
struct Document {
    fetched: Fetched,
    named_by: NamedBy,
    until: Instant,
    /// When it was last asked for: as it came, or when a refresh began.
    asked: Instant,
}

impl Cache {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { bounds, documents: HashMap::new() }
    }

    /// The document, if it is good and, when it is to be refreshed, too young for that.
    pub(super) fn get(&self, key: &Key, refresh: bool, now: Instant) -> Option<Fetched> {
        let document = self.documents.get(key).filter(|document| now < document.until)?;
        let refresh = refresh && now >= document.asked + self.bounds.refresh_after;
        (!refresh).then(|| document.fetched.clone())
    }

    /// The server is being asked; should it fail, the next refresh waits for its time nevertheless.
    pub(super) fn asked(&mut self, key: &Key, now: Instant) {
        if let Some(document) = self.documents.get_mut(key) {
            document.asked = now;
        }
    }

    /// Keeps a document for as long as its server wants, within bounds; none is the least. Those of
    /// strangers take half of the room.
    pub(super) fn put(
        &mut self,
        key: &Key,
        fetched: Fetched,
        named_by: NamedBy,
        said: Option<Duration>,
        now: Instant,
    ) {
        let age = said.unwrap_or_default().max(self.bounds.min_age).min(self.bounds.max_age);
        let named_by = match self.documents.remove(key) {
            // What somebody known has named does not become a stranger's, who asks for it anew.
            Some(Document { named_by: NamedBy::Registered, .. }) => NamedBy::Registered,
            _ => named_by,
        };
        if age.is_zero() || self.bounds.entries == 0 {
            return;
        }
        if !self.has_room(named_by, now) {
            return;
        }
        let document = Document { fetched, named_by, until: now + age, asked: now };
        self.documents.insert(key.clone(), document);
    }

    /// Whether one more can be kept. The first to go makes room, but no stranger's makes another one go.
    fn has_room(&mut self, named_by: NamedBy, now: Instant) -> bool {
        if !self.is_full(named_by) {
            return true;
        }
        self.documents.retain(|_, document| now < document.until);
        if !self.is_full(named_by) {
            return true;
        }
        let may_go = |document: &Document| {
            named_by == NamedBy::Registered || document.named_by == NamedBy::Stranger
        };
        let going = self.documents.iter().filter(|(_, document)| may_go(document));
        let soonest = going.min_by_key(|(_, document)| document.until);
        soonest.map(|(key, _)| key.clone()).and_then(|key| self.documents.remove(&key)).is_some()
    }

    fn is_full(&self, named_by: NamedBy) -> bool {
        let strangers = || {
            let all = self.documents.values();
            all.filter(|document| document.named_by == NamedBy::Stranger).count()
        };
        self.documents.len() >= self.bounds.entries
            || (named_by == NamedBy::Stranger && strangers() >= share(self.bounds.entries))
    }
}

/// How long a server wants its answer to be kept ([RFC 9111 §4.2.1]); none if it does not say.
///
/// [RFC 9111 §4.2.1]: https://www.rfc-editor.org/rfc/rfc9111#section-4.2.1
pub(super) fn freshness<'f>(
    cache_control: impl Iterator<Item = &'f str>,
    age: Option<&str>,
) -> Option<Duration> {
    let mut freshness: Option<u64> = None;
    for directive in cache_control.flat_map(|field| field.split(',')) {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        let seconds = match name.trim().to_ascii_lowercase().as_str() {
            "no-store" | "no-cache" => 0,
            "max-age" => seconds(value),
            _ => continue,
        };
        freshness = Some(freshness.map_or(seconds, |other| other.min(seconds)));
    }
    let age = age.map_or(0, seconds);
    freshness.map(|freshness| Duration::from_secs(freshness.saturating_sub(age)))
}

/// A number of seconds, zero if it is not one; in quotes it is one as well (RFC 9111 §5.2).
fn seconds(text: &str) -> u64 {
    /// What a larger number than one can hold stands for (RFC 9111 §1.2.2).
    const MANY: u64 = 1 << 31;
    let digits = text.trim().trim_matches('"');
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return 0;
    }
    digits.parse().map_or(MANY, |seconds: u64| seconds.min(MANY))
}

#[cfg(test)]
mod tests {
    use super::{
        NamedBy::{Registered, Stranger},
        *,
    };

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    const BOUNDS: Bounds =
        Bounds { min_age: s(60), max_age: s(3600), refresh_after: s(10), entries: 2 };

    fn key(url: &str) -> Key {
        Key::new(&FetchRequest::new(url, "application/json"))
    }

    fn document(text: &str) -> Fetched {
        Fetched::new(text.as_bytes(), None)
    }

    #[test]
    fn rfc_9111_what_a_server_says_about_freshness() {
        for (cache_control, age, said) in [
            (&[][..], None, None),
            (&["public"], None, None),
            (&["max-age=600"], None, Some(600)),
            (&["Public, Max-Age = 600"], None, Some(600)),
            (&["max-age=\"600\""], None, Some(600)),
            (&["s-maxage=5, max-age=600"], None, Some(600)),
            (&["max-age=600", "max-age=300"], None, Some(300)),
            (&["max-age=600, no-store"], None, Some(0)),
            (&["no-cache"], None, Some(0)),
            (&["no-cache=\"x\""], None, Some(0)),
            (&["max-age=-1"], None, Some(0)),
            (&["max-age=+1"], None, Some(0)),
            (&["max-age"], None, Some(0)),
            (&["max-age=x"], None, Some(0)),
            (&["max-age=99999999999999999999999"], None, Some(1 << 31)),
            (&["max-age=600"], Some("500"), Some(100)),
            (&["max-age=600"], Some("700"), Some(0)),
            (&["max-age=600"], Some("x"), Some(600)),
            (&[], Some("5"), None),
        ] {
            let found = freshness(cache_control.iter().copied(), age);
            assert_eq!(found, said.map(s), "{cache_control:?} {age:?}");
        }
    }

    #[test]
    fn a_document_is_kept_within_bounds() {
        for (said, kept) in [(None, 60), (Some(0), 60), (Some(600), 600), (Some(1 << 31), 3600)] {
            let now = Instant::now();
            let mut cache = Cache::new(BOUNDS);
            cache.put(&key("a"), document("a"), Registered, said.map(s), now);
            assert!(cache.get(&key("a"), false, now + s(kept - 1)).is_some(), "{said:?}");
            assert!(cache.get(&key("a"), false, now + s(kept)).is_none(), "{said:?}");
        }
    }

    #[test]
    fn without_a_least_age_the_server_decides() {
        let now = Instant::now();
        let mut cache = Cache::new(Bounds { min_age: s(0), ..BOUNDS });
        cache.put(&key("a"), document("a"), Registered, Some(s(600)), now);
        assert!(cache.get(&key("a"), false, now).is_some());
        cache.put(&key("a"), document("a"), Registered, Some(s(0)), now);
        assert!(cache.get(&key("a"), false, now).is_none(), "and what was there is gone");
        cache.put(&key("a"), document("a"), Registered, None, now);
        assert!(cache.get(&key("a"), false, now).is_none());
    }

    #[test]
    fn a_refresh_waits_for_its_time() {
        let now = Instant::now();
        let mut cache = Cache::new(BOUNDS);
        cache.put(&key("a"), document("a"), Registered, None, now);
        assert!(cache.get(&key("a"), true, now + s(9)).is_some());
        assert!(cache.get(&key("a"), true, now + s(10)).is_none());
        cache.asked(&key("a"), now + s(10));
        assert!(cache.get(&key("a"), true, now + s(19)).is_some());
        assert!(cache.get(&key("a"), true, now + s(20)).is_none());
        assert!(cache.get(&key("a"), false, now + s(20)).is_some(), "it is still there");
    }

    #[test]
    fn the_first_to_go_makes_room() {
        let now = Instant::now();
        let mut cache = Cache::new(BOUNDS);
        cache.put(&key("a"), document("a"), Registered, Some(s(600)), now);
        cache.put(&key("b"), document("b"), Registered, Some(s(300)), now);
        cache.put(&key("a"), document("a2"), Registered, Some(s(600)), now);
        assert_eq!(cache.documents.len(), 2, "its own place");
        cache.put(&key("c"), document("c"), Registered, None, now);
        assert_eq!(cache.get(&key("a"), false, now), Some(document("a2")));
        assert_eq!(cache.get(&key("b"), false, now), None);
        assert_eq!(cache.get(&key("c"), false, now), Some(document("c")));
        cache.put(&key("d"), document("d"), Registered, None, now + s(600));
        assert_eq!(cache.documents.len(), 1, "the others are no longer good");
    }

    #[test]
    fn strangers_take_half_of_the_room() {
        let now = Instant::now();
        let mut cache = Cache::new(Bounds { entries: 3, ..BOUNDS });
        let there = |cache: &Cache, url: &str| cache.get(&key(url), false, now).is_some();
        cache.put(&key("a"), document("a"), Registered, None, now);
        for url in ["b", "c", "d", "e"] {
            cache.put(&key(url), document(url), Stranger, Some(s(600)), now);
        }
        assert!(there(&cache, "a"), "theirs last longer, and yet");
        assert_eq!(cache.documents.len(), 3);
        cache.put(&key("f"), document("f"), Registered, Some(s(3600)), now);
        cache.put(&key("g"), document("g"), Registered, Some(s(3600)), now);
        cache.put(&key("h"), document("h"), Registered, Some(s(3600)), now);
        cache.put(&key("i"), document("i"), Stranger, Some(s(3600)), now);
        assert!(["f", "g", "h"].iter().all(|url| there(&cache, url)));
        assert!(!there(&cache, "i"), "there is no room for it");
        let later = now + s(3600);
        cache.put(&key("i"), document("i"), Stranger, None, later);
        assert!(cache.get(&key("i"), false, later).is_some());
    }

    #[test]
    fn a_stranger_who_asks_anew_does_not_take_a_document_over() {
        let now = Instant::now();
        let mut cache = Cache::new(BOUNDS);
        cache.put(&key("a"), document("a"), Registered, None, now);
        cache.put(&key("a"), document("a2"), Stranger, None, now);
        for url in ["b", "c"] {
            cache.put(&key(url), document(url), Stranger, Some(s(600)), now);
        }
        assert_eq!(cache.get(&key("a"), false, now), Some(document("a2")));
    }
}
