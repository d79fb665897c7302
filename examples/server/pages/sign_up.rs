//! The pages where an account is created, and where a code is entered for it.

use std::borrow::Cow;

use askama::Template;
use axum::{http::StatusCode, response::Response};
use oidc_op::Interaction;

use super::{ClientView, Site, words};
use crate::{config::Wanted, layers::Form, sign_up::Waiting};

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
                client: self.asking(interaction),
                action: self.interaction(&interaction.token),
                filled: *filled,
                email: Asked::new(self.sign_up.email),
                phone: Asked::new(self.sign_up.phone),
                problem: refusal.map(|(_, problem)| problem),
            },
        )
    }

    /// The page where a code is entered.
    pub(crate) fn code(
        &self,
        interaction: &Interaction,
        waiting: &Waiting,
        notice: Option<&str>,
        refusal: Option<(StatusCode, &str)>,
    ) -> Response {
        let status = refusal.map_or(StatusCode::OK, |(status, _)| status);
        self.page(
            status,
            &CodePage {
                site: self,
                client: self.asking(interaction),
                action: self.interaction(&interaction.token),
                words: words::channel(waiting.channel),
                waiting,
                notice,
                error: refusal.map(|(_, text)| text),
                in_log: self.sign_up.codes_in_log(),
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
    filled: Filled<'p>,
    email: Asked,
    phone: Asked,
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

/// Whether a field is there, and may be empty.
#[derive(Clone, Copy)]
struct Asked {
    there: bool,
    optional: bool,
}

impl Asked {
    fn new(wanted: Wanted) -> Self {
        Self { there: wanted != Wanted::No, optional: wanted == Wanted::Optional }
    }
}

#[derive(Template)]
#[template(path = "code.html", config = "examples/server/askama.toml")]
struct CodePage<'p> {
    site: &'p Site,
    client: ClientView<'p>,
    action: String,
    words: words::ChannelWords,
    waiting: &'p Waiting,
    notice: Option<&'p str>,
    error: Option<&'p str>,
    /// Whether the log is where codes are sent.
    in_log: bool,
}

/// What was filled in to create an account.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Filled<'f> {
    pub(crate) name: &'f str,
    pub(crate) username: &'f str,
    pub(crate) email: &'f str,
    pub(crate) phone: &'f str,
}

impl<'f> Filled<'f> {
    pub(crate) fn of(form: &'f Form) -> Self {
        let field = |name| form.one(name).trim();
        Self {
            name: field("name"),
            username: field("username"),
            email: field("email"),
            phone: field("phone"),
        }
    }
}

/// Something that must be filled in differently.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) field: &'static str,
    pub(crate) text: Cow<'static, str>,
}

impl Problem {
    pub(crate) fn new(field: &'static str, text: impl Into<Cow<'static, str>>) -> Self {
        Self { field, text: text.into() }
    }
}
