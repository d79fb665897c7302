//! What people see when an upstream provider has not signed them in.

use askama::Template;
use axum::{http::StatusCode, response::Response};

use super::{OOPS, Site};

/// What went wrong there, in our words only.
pub(crate) struct UpstreamProblem<'p> {
    pub(crate) status: StatusCode,
    pub(crate) text: &'p str,
    pub(crate) code: &'p str,
    /// Where they can try again.
    pub(crate) upstream: &'p str,
    /// The interaction, which can go on.
    pub(crate) token: &'p str,
    /// Nothing failed: they, or somebody else, would not have it.
    pub(crate) denied: bool,
}

#[derive(Template)]
#[template(path = "upstream.html", config = "examples/server/askama.toml")]
struct UpstreamPage<'p> {
    site: &'p Site,
    problem: &'p UpstreamProblem<'p>,
    action: String,
    /// Whether there is another way to sign in.
    elsewhere: bool,
}

impl Site {
    /// Nobody is signed in; they can try again, or go back.
    pub(crate) fn upstream_problem(&self, problem: &UpstreamProblem<'_>) -> Response {
        let page = UpstreamPage {
            site: self,
            problem,
            action: self.interaction(problem.token),
            elsewhere: self.local || self.upstreams.len() > 1,
        };
        self.page(problem.status, &page)
    }

    /// An answer that nobody here waits for: too late, taken already, or somebody else's.
    pub(crate) fn nobody_waits(&self) -> Response {
        let text = "This sign-in has taken too long, or has been completed already.";
        let advice = Some("Start again at the application.");
        self.error(StatusCode::BAD_REQUEST, OOPS, text, advice, "state_unknown")
    }
}
