//! `[limits]`: what is borne before somebody has to wait.

use std::time::Duration;

use serde::Deserialize;

/// How many wrong guesses are borne, each within `period` seconds, and how long a request may take, of how many.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Limits {
    /// Seconds after which all of an allowance is back.
    pub(crate) period: u32,
    /// At one account, from one source.
    pub(crate) login_failures: u32,
    /// At one account, from anywhere.
    pub(crate) login_failures_per_account: u32,
    /// From one source, at any account; codes of sign-ups count as well.
    pub(crate) login_failures_per_source: u32,
    /// Codes of a second factor at one account whose password was right, from anywhere; and PINs at one account.
    pub(crate) code_failures: u32,
    /// At one client's secret, from one source.
    pub(crate) client_failures: u32,
    /// Forms to create an account, and codes that are sent again, from one source.
    pub(crate) sign_ups: u32,
    /// Sign-ins with upstream providers that are begun from one source.
    pub(crate) upstream_sign_ins: u32,
    /// Clients registered from one source.
    pub(crate) client_registrations: u32,
    /// Requests from one source that name a client by an address.
    pub(crate) client_documents: u32,
    /// People signed in at one browser.
    pub(crate) accounts: u8,
    /// Accounts that people and backends may create.
    pub(crate) people: u32,
    /// Seconds that a request may take, its body included; slow clients are hung up on soon after.
    pub(crate) request: u32,
    /// Requests that may be under way at once; further ones are told to come again.
    pub(crate) concurrent_requests: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            period: 300,
            login_failures: 10,
            login_failures_per_account: 100,
            login_failures_per_source: 100,
            code_failures: 5,
            client_failures: 30,
            sign_ups: 20,
            upstream_sign_ins: 300,
            client_registrations: 20,
            client_documents: 300,
            accounts: 4,
            people: 10_000,
            request: 30,
            concurrent_requests: 1024,
        }
    }
}

impl Limits {
    pub(crate) const fn period(&self) -> Duration {
        Duration::from_secs(self.period as u64)
    }

    /// How long a request may take.
    pub(crate) const fn request(&self) -> Duration {
        Duration::from_secs(self.request as u64)
    }

    /// How long a connection may take from the first byte of a request to its answer, and idle
    /// before: a little longer, so that a slow request is answered rather than cut off.
    pub(crate) fn connection(&self) -> Duration {
        self.request() + self.request() / 6
    }

    /// The first that lets nothing through.
    pub(super) fn none(&self) -> Option<&'static str> {
        let all = [
            ("period", self.period),
            ("login_failures", self.login_failures),
            ("login_failures_per_account", self.login_failures_per_account),
            ("login_failures_per_source", self.login_failures_per_source),
            ("code_failures", self.code_failures),
            ("client_failures", self.client_failures),
            ("sign_ups", self.sign_ups),
            ("upstream_sign_ins", self.upstream_sign_ins),
            ("client_registrations", self.client_registrations),
            ("client_documents", self.client_documents),
            ("people", self.people),
            ("request", self.request),
            ("concurrent_requests", self.concurrent_requests),
        ];
        all.into_iter().find(|(_, number)| *number == 0).map(|(name, _)| name)
    }
}
