use std::{collections::HashMap, time::Duration};

use tokio::time::Instant;

/// How many hosts are remembered; more than that within a minute are too many.
const HOSTS: usize = 1024;

const WINDOW: Duration = Duration::from_secs(60);

/// What is under way, and what each host has been asked for.
#[derive(Debug)]
pub(super) struct Budget {
    concurrent: usize,
    concurrent_per_host: usize,
    per_host_and_minute: u32,
    under_way: usize,
    hosts: HashMap<String, Host>,
}

#[derive(Debug)]
struct Host {
    under_way: usize,
    since: Instant,
    asked: u32,
}

impl Budget {
    pub(super) fn new(
        concurrent: usize,
        concurrent_per_host: usize,
        per_host_and_minute: u32,
    ) -> Self {
        let hosts = HashMap::new();
        Self { concurrent, concurrent_per_host, per_host_and_minute, under_way: 0, hosts }
    }

    /// Whether one more document may be asked for; if so, [`Self::done`] must follow.
    pub(super) fn admit(&mut self, name: &str, now: Instant) -> bool {
        if self.under_way >= self.concurrent {
            return false;
        }
        if self.hosts.len() >= HOSTS && !self.hosts.contains_key(name) {
            self.hosts.retain(|_, host| host.under_way > 0 || now < host.since + WINDOW);
            if self.hosts.len() >= HOSTS {
                return false;
            }
        }
        let host = self.hosts.entry(name.to_owned()).or_insert(Host {
            under_way: 0,
            since: now,
            asked: 0,
        });
        if now >= host.since + WINDOW {
            (host.since, host.asked) = (now, 0);
        }
        if host.under_way >= self.concurrent_per_host || host.asked >= self.per_host_and_minute {
            return false;
        }
        host.asked += 1;
        host.under_way += 1;
        self.under_way += 1;
        true
    }

    /// One that was admitted is no longer under way, however it ended.
    pub(super) fn done(&mut self, name: &str) {
        self.under_way = self.under_way.saturating_sub(1);
        if let Some(host) = self.hosts.get_mut(name) {
            host.under_way = host.under_way.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_at_once_and_per_host() {
        let now = Instant::now();
        let mut budget = Budget::new(3, 2, 100);
        assert!(budget.admit("a", now) && budget.admit("a", now));
        assert!(!budget.admit("a", now), "a third with the same host");
        assert!(budget.admit("b", now));
        assert!(!budget.admit("c", now), "a fourth");
        budget.done("a");
        assert!(budget.admit("c", now));
        budget.done("c");
        assert!(budget.admit("a", now));
    }

    #[test]
    fn per_host_and_minute() {
        let now = Instant::now();
        let mut budget = Budget::new(9, 9, 2);
        for _ in 0..2 {
            assert!(budget.admit("a", now));
            budget.done("a");
        }
        assert!(!budget.admit("a", now + WINDOW - Duration::from_nanos(1)));
        assert!(budget.admit("b", now), "another host");
        assert!(budget.admit("a", now + WINDOW));
    }

    #[test]
    fn hosts_are_forgotten_and_bounded() {
        let now = Instant::now();
        let mut budget = Budget::new(9, 9, 2);
        for number in 0..HOSTS {
            assert!(budget.admit(&number.to_string(), now));
            budget.done(&number.to_string());
        }
        assert!(!budget.admit("one more", now));
        assert!(budget.admit("0", now), "one that is known");
        assert!(budget.admit("one more", now + WINDOW));
        assert_eq!(budget.hosts.len(), 2, "that one, and 0, which is under way");
    }
}
