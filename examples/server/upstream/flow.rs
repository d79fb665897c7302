//! To an upstream provider, and back.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use oidc_op::{Interaction, Reason, Verdict};
use tracing::info;

use super::{
    Upstream, Upstreams,
    failure::{Failure, Fault},
    path,
    under_way::Pending,
};
use crate::{
    App,
    demo::found,
    interaction::{Opened, Visit, try_again, with_retry},
    layers::{Form, Received, nothing},
    pages::UpstreamProblem,
};

/// Where people come back to.
pub(crate) fn routes(app: &App) -> Router<Arc<App>> {
    match app.upstreams {
        Some(_) => {
            let path = format!("{}{}", app.site.base, path("{name}"));
            Router::new().route(&path, get(callback).head(nothing))
        }
        None => Router::new(),
    }
}

impl App {
    /// Where people sign in who cannot do so here, if there is no choice.
    pub(crate) async fn send_to_the_only(
        &self,
        token: &str,
        interaction: &Interaction,
        received: &Received,
    ) -> Option<Response> {
        let upstreams = self.upstreams.as_ref().filter(|_| !self.site.local)?;
        let visit = Visit { app: self, received, token };
        Some(visit.send_to(upstreams, upstreams.only()?, interaction).await)
    }

    fn not_signed_in(&self, upstream: &Upstream, token: &str, failure: &Failure) -> Response {
        failure.log(upstream.name());
        let Failure { fault, .. } = failure;
        self.site.upstream_problem(&UpstreamProblem {
            status: fault.status(),
            text: &fault.text(upstream.name()),
            code: fault.code(),
            upstream: upstream.name(),
            token,
            denied: *fault == Fault::Denied,
        })
    }
}

impl Visit<'_> {
    /// Sends the person to sign in there.
    async fn send_to(
        &self,
        upstreams: &Upstreams,
        upstream: &Upstream,
        interaction: &Interaction,
    ) -> Response {
        if let Err(wait) = self.app.limits.count_upstream(self.received.peer()) {
            return self.too_many(upstream, wait);
        }
        match upstreams.begin(upstream, self.token, interaction).await {
            Ok(address) => found(&address, None),
            Err(failure) => self.app.not_signed_in(upstream, self.token, &failure),
        }
    }

    fn too_many(&self, upstream: &Upstream, wait: Duration) -> Response {
        let page = self.app.site.upstream_problem(&UpstreamProblem {
            status: StatusCode::TOO_MANY_REQUESTS,
            text: &format!("Too many people sign in from here. {}", try_again(wait)),
            code: "upstream_throttled",
            upstream: upstream.name(),
            token: self.token,
            denied: false,
        });
        with_retry(page, Some(wait))
    }

    /// The button of an upstream provider.
    pub(crate) async fn go_upstream(&self, name: &str) -> Response {
        let known = self.app.upstreams.as_ref();
        let Some((upstreams, upstream)) = known.and_then(|all| Some((all, all.named(name)?)))
        else {
            return self.app.refuse(Reason::VerdictUnfit);
        };
        match self.open().await {
            Ok(Opened::Waiting(interaction)) => {
                self.send_to(upstreams, upstream, &interaction).await
            }
            Ok(Opened::Through(reply)) => reply.into_response(),
            Err(answer) => answer,
        }
    }
}

/// GET: the upstream provider's answer ([OpenID Connect Core §3.1.2.5]).
///
/// [OpenID Connect Core §3.1.2.5]: https://openid.net/specs/openid-connect-core-1_0.html#AuthResponse
async fn callback(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    received: Received,
) -> Response {
    let known = app.upstreams.as_ref();
    let Some((upstreams, upstream)) = known.and_then(|all| Some((all, all.named(&name)?))) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let answer = received.query();
    let pending = upstreams.under_way.take(answer.one("state"));
    let Some(pending) = pending.filter(|pending| pending.upstream == name) else {
        info!(upstream = name, code = "state_unknown", "nobody waits for this answer");
        return app.site.nobody_waits();
    };
    // The browser that began; for any other one nobody is asked anything.
    let token = pending.token.clone();
    let visit = Visit { app: &app, received: &received, token: &token };
    match visit.open().await {
        Ok(Opened::Waiting(_)) => {}
        Ok(Opened::Through(reply)) => return reply.into_response(),
        Err(answer) => return answer,
    }
    let taking = take(upstreams, upstream, &answer, pending);
    match upstreams.in_time(taking).await {
        Ok(mut login) => {
            login.device = Some(received.device().into());
            let fields = received.fields();
            let request = received.request(&fields);
            let verdict = Verdict::Login(login);
            app.answer(app.provider.resume_returning(request, &token, verdict).await)
        }
        Err(failure) => app.not_signed_in(upstream, &token, &failure),
    }
}

/// Who it is that the answer is about.
async fn take(
    upstreams: &Upstreams,
    upstream: &Upstream,
    answer: &Form,
    pending: Pending,
) -> Result<oidc_op::Login, Failure> {
    let at = "the authorization answer";
    let discovered = upstreams.discovered(upstream, None).await?;
    // RFC 9207 §2.4: an answer of another issuer's is no answer.
    let (said, ours) = (answer.one("iss"), upstream.entry.issuer.as_str());
    if (answer.has("iss") || discovered.names_itself) && said != ours {
        return Err(Failure::new(Fault::TokenIssuer, at));
    }
    match (answer.one("error"), answer.one("code")) {
        ("", "") => Err(Failure::new(Fault::Malformed, at)),
        ("", code) => upstreams.learn(upstream, code, pending).await,
        ("access_denied", _) => Err(Failure::new(Fault::Denied, at).because("access_denied")),
        (error, _) => Err(Failure::new(Fault::Refused, at).because(error)),
    }
}
