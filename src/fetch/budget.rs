use std::{collections::HashMap, time::Duration};

use tokio::time::Instant;

use super::NamedBy;

/// How many hosts are remembered; more than that within a minute are too many.
const HOSTS: usize = 1024;

const WINDOW: Duration = Duration::from_secs(60);

/// What is under way, and what each host has been asked for. Of every limit strangers may use up half,
/// rounded up.
#[derive(Debug)]
pub(super) struct Budget {
    concurrent: usize,
    concurrent_per_host: usize,
    per_host_and_minute: usize,
    under_way: Count,
    hosts: HashMap<String, Host>,
}

#[derive(Debug)]
struct Host {
    under_way: Count,
    since: Instant,
    asked: Count,
}

impl Host {
    /// Whether nobody else has asked it within its minute.
    fn is_strangers(&self) -> bool {
        self.asked.all == self.asked.strangers
    }
}

/// How many there are, and how many of them are strangers'.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    all: usize,
    strangers: usize,
}

impl Count {
    /// Whether there may be one more.
    fn admits(self, limit: usize, named_by: NamedBy) -> bool {
        self.all < limit
            && match named_by {
                NamedBy::Registered => true,
                NamedBy::Stranger => self.strangers < share(limit),
            }
    }

    fn add(&mut self, named_by: NamedBy) {
        self.all += 1;
        self.strangers += usize::from(named_by == NamedBy::Stranger);
    }

    fn remove(&mut self, named_by: NamedBy) {
        self.all = self.all.saturating_sub(1);
        let one = usize::from(named_by == NamedBy::Stranger);
        self.strangers = self.strangers.saturating_sub(one);
    }
}

/// What strangers may have of a limit.
pub(super) const fn share(limit: usize) -> usize {
    limit.div_ceil(2)
}

impl Budget {
    pub(super) fn new(
        concurrent: usize,
        concurrent_per_host: usize,
        per_host_and_minute: u32,
    ) -> Self {
        let per_host_and_minute = usize::try_from(per_host_and_minute).unwrap_or(usize::MAX);
        let (under_way, hosts) = (Count::default(), HashMap::new());
        Self { concurrent, concurrent_per_host, per_host_and_minute, under_way, hosts }
    }

    /// Whether one more document may be asked for; if so, [`Self::done`] must follow.
    pub(super) fn admit(&mut self, name: &str, named_by: NamedBy, now: Instant) -> bool {
        if !self.under_way.admits(self.concurrent, named_by) {
            return false;
        }
        if !self.hosts.contains_key(name) && !self.has_room(named_by, now) {
            return false;
        }
        let host = self.hosts.entry(name.to_owned()).or_insert(Host {
            under_way: Count::default(),
            since: now,
            asked: Count::default(),
        });
        if now >= host.since + WINDOW {
            (host.since, host.asked) = (now, Count::default());
        }
        if !host.under_way.admits(self.concurrent_per_host, named_by)
            || !host.asked.admits(self.per_host_and_minute, named_by)
        {
            return false;
        }
        host.asked.add(named_by);
        host.under_way.add(named_by);
        self.under_way.add(named_by);
        true
    }

    /// Whether one more host can be remembered.
    fn has_room(&mut self, named_by: NamedBy, now: Instant) -> bool {
        let most = match named_by {
            NamedBy::Registered => HOSTS,
            NamedBy::Stranger => share(HOSTS),
        };
        if self.hosts.len() < most {
            return true;
        }
        self.hosts.retain(|_, host| host.under_way.all > 0 || now < host.since + WINDOW);
        let strangers = self.hosts.values().filter(|host| host.is_strangers()).count();
        self.hosts.len() < HOSTS && (named_by == NamedBy::Registered || strangers < most)
    }

    /// One that was admitted is no longer under way, however it ended.
    pub(super) fn done(&mut self, name: &str, named_by: NamedBy) {
        self.under_way.remove(named_by);
        if let Some(host) = self.hosts.get_mut(name) {
            host.under_way.remove(named_by);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        NamedBy::{Registered, Stranger},
        *,
    };

    impl Budget {
        fn one(&mut self, name: &str, now: Instant) -> bool {
            self.admit(name, Registered, now)
        }

        fn strange(&mut self, name: &str, now: Instant) -> bool {
            self.admit(name, Stranger, now)
        }
    }

    #[test]
    fn all_at_once_and_per_host() {
        let now = Instant::now();
        let mut budget = Budget::new(3, 2, 100);
        assert!(budget.one("a", now) && budget.one("a", now));
        assert!(!budget.one("a", now), "a third with the same host");
        assert!(budget.one("b", now));
        assert!(!budget.one("c", now), "a fourth");
        budget.done("a", Registered);
        assert!(budget.one("c", now));
        budget.done("c", Registered);
        assert!(budget.one("a", now));
    }

    #[test]
    fn per_host_and_minute() {
        let now = Instant::now();
        let mut budget = Budget::new(9, 9, 2);
        for _ in 0..2 {
            assert!(budget.one("a", now));
            budget.done("a", Registered);
        }
        assert!(!budget.one("a", now + WINDOW - Duration::from_nanos(1)));
        assert!(budget.one("b", now), "another host");
        assert!(budget.one("a", now + WINDOW));
    }

    #[test]
    fn hosts_are_forgotten_and_bounded() {
        let now = Instant::now();
        let mut budget = Budget::new(9, 9, 2);
        for number in 0..HOSTS {
            assert!(budget.one(&number.to_string(), now));
            budget.done(&number.to_string(), Registered);
        }
        assert!(!budget.one("one more", now));
        assert!(budget.one("0", now), "one that is known");
        assert!(budget.one("one more", now + WINDOW));
        assert_eq!(budget.hosts.len(), 2, "that one, and 0, which is under way");
    }

    #[test]
    fn strangers_take_half_of_the_places() {
        let now = Instant::now();
        let mut budget = Budget::new(5, 3, 100);
        assert!(budget.strange("a", now) && budget.strange("a", now));
        assert!(!budget.strange("a", now), "a third with the same host");
        assert!(budget.strange("b", now));
        assert!(!budget.strange("c", now), "a fourth");
        assert!(budget.one("a", now), "the third, of somebody who is known");
        assert!(budget.one("c", now));
        assert!(!budget.one("c", now), "a sixth in all");
        budget.done("a", Registered);
        assert!(!budget.strange("c", now), "that place was not theirs");
        budget.done("b", Stranger);
        assert!(budget.strange("c", now));
    }

    /// Who is known may take all, also what strangers would get.
    #[test]
    fn nothing_is_kept_for_strangers() {
        let now = Instant::now();
        let mut budget = Budget::new(2, 2, 100);
        assert!(budget.one("a", now) && budget.one("a", now));
        assert!(!budget.strange("b", now));
        let mut budget = Budget::new(1, 1, 1);
        assert!(budget.strange("a", now), "half of one is one");
    }

    #[test]
    fn strangers_ask_a_host_half_as_often() {
        let now = Instant::now();
        let mut budget = Budget::new(9, 9, 5);
        for round in 0..9 {
            assert_eq!(budget.strange("a", now), round < 3, "{round}");
        }
        assert!(budget.one("a", now) && budget.one("a", now));
        assert!(!budget.one("a", now), "a sixth in all");
        for _ in 0..3 {
            budget.done("a", Stranger);
        }
        assert!(budget.strange("a", now + WINDOW));
    }

    #[test]
    fn strangers_name_half_of_the_hosts() {
        let now = Instant::now();
        let mut budget = Budget::new(9, 9, 9);
        let mut ask = |number: usize, named_by: NamedBy, now: Instant| {
            let admitted = budget.admit(&number.to_string(), named_by, now);
            if admitted {
                budget.done(&number.to_string(), named_by);
            }
            admitted
        };
        for number in 0..HOSTS {
            assert_eq!(ask(number, Stranger, now), number < HOSTS / 2, "{number}");
        }
        for number in HOSTS..HOSTS + HOSTS / 2 {
            assert!(ask(number, Registered, now), "{number}");
        }
        assert!(!ask(7_777, Registered, now), "more than all");
        assert!(!ask(7_777, Stranger, now));
        assert!(ask(HOSTS, Stranger, now), "one that is known");
        assert!(ask(7_777, Stranger, now + WINDOW));
    }
}
