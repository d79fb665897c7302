//! The page where an account is created.

use askama::Template;
use axum::{http::StatusCode, response::Response};
use oidc_op::Interaction;

use super::{ClientView, Site};

impl Site {
    /// The page where an account is created, with what was filled in before.
    pub(crate) fn create(
        &self,
        interaction: &Interaction,
        filled: &Filled<'_>,
        refusal: Option<(StatusCode, Problem)>,
    ) -> Response {
        let status = refusal.as_ref().map_or(StatusCode::OK, |(status, _)| *status);
        self.page(
            status,
            &CreatePage {
                site: self,
                client: ClientView::of(interaction),
                action: self.interaction(&interaction.token),
                name: filled.name,
                username: filled.username,
                email: filled.email,
                problem: refusal.map(|(_, problem)| problem),
            },
        )
    }
}

#[derive(Template)]
#[template(path = "create.html", config = "examples/server/askama.toml")]
struct CreatePage<'p> {
    site: &'p Site,
    client: ClientView<'p>,
    action: String,
    name: &'p str,
    username: &'p str,
    email: &'p str,
    problem: Option<Problem>,
}

impl CreatePage<'_> {
    fn is_wrong(&self, field: &str) -> bool {
        self.problem.as_ref().is_some_and(|problem| problem.field == field)
    }

    /// Whether the field is where to begin: the wrong one, or the first.
    fn is_first(&self, field: &str) -> bool {
        self.problem.as_ref().map_or("name", |problem| problem.field) == field
    }
}

/// What was filled in to create an account.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Filled<'f> {
    pub(crate) name: &'f str,
    pub(crate) username: &'f str,
    pub(crate) email: &'f str,
}

/// Something that must be filled in differently.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Problem {
    pub(crate) field: &'static str,
    pub(crate) text: &'static str,
}
