//! What goes out: JSON, which nobody may keep.

use std::{borrow::Cow, fmt::Display};

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use oidc_op::{AdministrationError, InternalError, Reason, Reply};
use serde_json::{Value, json};
use tracing::error;

use crate::layers::chain;

/// A request that was refused.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    error: Cow<'static, str>,
    text: Cow<'static, str>,
    fields: Vec<(HeaderName, String)>,
}

impl Problem {
    pub(crate) fn new(
        status: StatusCode,
        error: &'static str,
        text: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { status, error: error.into(), text: text.into(), fields: Vec::new() }
    }

    /// The body, or the query, is not what it must be.
    pub(crate) fn request(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", text)
    }

    /// A member of a client that cannot be so.
    pub(crate) fn metadata(text: impl Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_client_metadata", text.to_string())
    }

    /// The caller may use the API, but not for this.
    pub(crate) fn denied(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "access_denied", text)
    }

    /// There is none, or none that the caller may know of.
    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "there is no such client")
    }

    /// It cannot be done to what is there.
    pub(crate) fn conflict(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", text)
    }

    /// It may be possible later.
    pub(crate) fn unavailable(text: &'static str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", text)
            .with(header::RETRY_AFTER, "5")
    }

    /// Whether it is answered so.
    pub(crate) fn is(&self, status: StatusCode) -> bool {
        self.status == status
    }

    #[must_use]
    pub(crate) fn with(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    /// What the provider says, in its words; with what else is to be in the header.
    pub(crate) fn said(reply: &Reply) -> Self {
        let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        let text = |name: &str| body[name].as_str().map(|text| Cow::Owned(text.to_owned()));
        let status = StatusCode::from_u16(reply.status);
        let kept = [header::RETRY_AFTER, header::WWW_AUTHENTICATE].into_iter();
        let kept = kept.filter_map(|name| Some((name.clone(), reply.header(name.as_str())?)));
        Self {
            status: status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            error: text("error").unwrap_or("unauthorized".into()),
            text: text("error_description")
                .unwrap_or("an access token or the secret of a client is needed here".into()),
            fields: kept.map(|(name, value)| (name, value.to_owned())).collect(),
        }
    }
}

impl From<InternalError> for Problem {
    fn from(failure: InternalError) -> Self {
        if failure.reason() == Reason::CursorUnfit {
            return Self::request("cursor: is none of ours; begin without one");
        }
        error!(error = chain(&failure), "management failed");
        Self::unavailable("it cannot be done now")
    }
}

impl From<AdministrationError> for Problem {
    fn from(refused: AdministrationError) -> Self {
        match refused {
            AdministrationError::Exists => Self::conflict(refused.to_string()),
            AdministrationError::Unknown => Self::not_found(),
            AdministrationError::Invalid(invalid) => Self::metadata(invalid),
            AdministrationError::Useless => Self::request(refused.to_string()),
            AdministrationError::Internal(failure) => failure.into(),
            _ => Self::conflict("it cannot be done"),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json!({ "error": self.error, "error_description": self.text });
        let mut response = json(self.status, &body);
        for (name, value) in self.fields {
            if let Ok(value) = HeaderValue::try_from(value) {
                response.headers_mut().append(name, value);
            }
        }
        response
    }
}

/// An answer.
pub(crate) fn json(status: StatusCode, body: &Value) -> Response {
    let fields = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (status, fields, body.to_string()).into_response()
}

/// An answer that says nothing but that it is done.
pub(crate) fn done() -> Response {
    (StatusCode::NO_CONTENT, [(header::CACHE_CONTROL, "no-store")]).into_response()
}
