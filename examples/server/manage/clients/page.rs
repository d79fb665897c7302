//! The clients, a page at a time: first those of the configuration, then those of the store.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use oidc_op::{Clients, store::Cursor};
use serde_json::{Value, json};
use tracing::warn;

use super::view;
use crate::{
    App,
    layers::{Received, chain},
    manage::{
        access::Caller,
        answer::{self, Problem},
    },
};

/// How many are on a page if nobody says, and at most.
const USUAL: u32 = 50;
const MOST: u32 = 200;

/// Where a page begins.
enum Begin {
    /// At this one of the configuration.
    Configured(usize),
    /// Behind this one of the store.
    Stored(Cursor),
}

impl Begin {
    fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::Configured(0));
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        match bytes.split_first()? {
            (b'c', at) => Some(Self::Configured(std::str::from_utf8(at).ok()?.parse().ok()?)),
            (b's', cursor) => Some(Self::Stored(Cursor(cursor.into()))),
            _ => None,
        }
    }

    fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(match self {
            Self::Configured(at) => format!("c{at}").into_bytes(),
            Self::Stored(Cursor(bytes)) => [b"s", &**bytes].concat(),
        })
    }
}

/// GET: a page of those that the caller may know of. It may hold fewer than asked for, even none, and
/// there are more as long as it says where they begin.
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    received: Received,
) -> Result<Response, Problem> {
    let caller = app.admit(&received, "clients:read").await?;
    let query = received.query();
    let limit = match query.one("limit") {
        "" => Some(USUAL),
        text => text.parse().ok().filter(|limit| (1..=MOST).contains(limit)),
    };
    let limit = limit.ok_or_else(|| Problem::request(format!("limit: 1 to {MOST}")))?;
    let begin = Begin::parse(query.one("cursor"));
    let begin =
        begin.ok_or_else(|| Problem::request("cursor: is none of ours; begin without one"))?;
    let (clients, next) = app.page(&caller, begin, limit).await?;
    let mut body = json!({ "clients": clients });
    if let Some(next) = next {
        body["next"] = next.encode().into();
    }
    Ok(answer::json(StatusCode::OK, &body))
}

impl App {
    async fn page(
        &self,
        caller: &Caller,
        begin: Begin,
        limit: u32,
    ) -> Result<(Vec<Value>, Option<Begin>), Problem> {
        let mut shown = Vec::new();
        let mut left = limit;
        let after = match begin {
            Begin::Stored(cursor) => Some(cursor),
            Begin::Configured(at) => {
                let all = self.clients.all().await.unwrap_or_default();
                let known = all.iter().enumerate().skip(at).filter(|(_, c)| caller.reaches(c));
                for (at, client) in known {
                    if left == 0 {
                        return Ok((shown, Some(Begin::Configured(at))));
                    }
                    shown.push(Value::Object(view::members(client, None)));
                    left -= 1;
                }
                if left == 0 {
                    return Ok((shown, Some(Begin::Configured(all.len()))));
                }
                None
            }
        };
        let page = self.provider.registered_clients(after.as_ref(), left).await?;
        for unreadable in &page.unreadable {
            // Whose it is cannot be told, so only the operator hears of it.
            let (key, id) = (unreadable.key, &unreadable.id);
            let cause = chain(&*unreadable.cause);
            warn!(?key, ?id, cause, "a client of the store cannot be read");
        }
        let known = page.clients.iter().filter(|registered| caller.reaches(&registered.client));
        shown.extend(
            known.map(|registered| {
                Value::Object(view::members(&registered.client, Some(registered)))
            }),
        );
        Ok((shown, page.next.map(Begin::Stored)))
    }
}
