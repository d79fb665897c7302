//! From a path to an endpoint: what adapters need.

use crate::{
    authorize::Outcome,
    error::{AuthorizeError, PageError, Reason, TokenError},
    provider::{Core, Provider},
    webfinger,
    wire::{Cors, Reply, Request},
};

impl Provider {
    /// The paths that [`dispatch`](Self::dispatch) answers, for a router.
    pub fn paths(&self) -> Vec<&str> {
        let (endpoints, config) = (&self.core().endpoints, &self.core().config);
        let mut paths: Vec<&str> = vec![
            &endpoints.authorize,
            &endpoints.token,
            &endpoints.userinfo,
            &endpoints.introspection,
            &endpoints.revocation,
            &endpoints.jwks,
            &endpoints.openid_configuration,
            &endpoints.oauth_authorization_server,
        ];
        paths.extend(config.registration.iter().map(|_| &*endpoints.registration));
        let own_sessions = !config.host_sessions;
        let watched = own_sessions && config.policy.session_management;
        paths.extend(watched.then_some(&*endpoints.check_session));
        paths.extend(own_sessions.then_some(&*endpoints.end_session));
        paths.extend((!config.webfinger.is_empty()).then_some(webfinger::PATH));
        paths
    }

    /// Answers any request by its path: errors, other methods, pre-flights and too large inputs
    /// included. [`Outcome::Elsewhere`] if the path is none of [`paths`](Self::paths).
    pub async fn dispatch(&self, request: Request<'_>) -> Outcome {
        match self.try_dispatch(request).await {
            Ok(outcome) => outcome,
            Err(error) => Outcome::Reply(error.reply()),
        }
    }

    /// As [`dispatch`](Self::dispatch), for a host with an error page of its own.
    ///
    /// # Errors
    ///
    /// What must be shown to the person and not be redirected.
    pub async fn try_dispatch(&self, request: Request<'_>) -> Result<Outcome, PageError> {
        let core = self.core();
        let Some(route) = Route::find(core, request.path) else {
            return Ok(Outcome::Elsewhere);
        };
        if let Some(reply) = route.preliminary(core, &request) {
            return reply.map(Outcome::Reply);
        }
        let reply = match route {
            Route::Metadata => self.metadata(request),
            Route::Jwks => self.jwks(request),
            Route::WebFinger => self.webfinger(request),
            Route::CheckSession => self.check_session(),
            Route::Token => {
                self.token(request).await.unwrap_or_else(|e| e.reply().with_cors(Cors::Any))
            }
            Route::Introspection => self.introspect(request).await.unwrap_or_else(|e| e.reply()),
            Route::Revocation => {
                self.revoke(request).await.unwrap_or_else(|e| e.reply().with_cors(Cors::Any))
            }
            Route::UserInfo => {
                self.userinfo(request).await.unwrap_or_else(|e| e.reply().with_cors(Cors::Any))
            }
            Route::Registration => {
                let answer = self.registration(request).await;
                answer.unwrap_or_else(|e| e.reply().with_cors(Cors::Any))
            }
            Route::EndSession => return self.end_session(request).await,
            Route::Authorize => {
                return match self.authorize(request).await {
                    Ok(outcome) => Ok(outcome),
                    Err(AuthorizeError::Page(error)) => Err(error),
                    Err(AuthorizeError::Redirect(error)) => Ok(Outcome::Reply(error.reply())),
                };
            }
        };
        let head = request.method == "HEAD";
        Ok(Outcome::Reply(if head { Reply { body: Vec::new(), ..reply } } else { reply }))
    }

    /// The answer to a request whose body an adapter has stopped reading.
    #[cfg(feature = "tower")]
    pub(crate) fn too_large(&self, path: &str) -> Result<Outcome, PageError> {
        match Route::find(self.core(), path) {
            Some(route) => route.too_large().map(Outcome::Reply),
            None => Ok(Outcome::Elsewhere),
        }
    }
}

/// An endpoint, found by its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Route {
    Metadata,
    Jwks,
    Authorize,
    Token,
    Introspection,
    Revocation,
    UserInfo,
    Registration,
    EndSession,
    WebFinger,
    CheckSession,
}

impl Route {
    fn find(core: &Core, path: &str) -> Option<Self> {
        let endpoints = &core.endpoints;
        let registration = core.config.registration.is_some();
        if registration && path == endpoints.registration {
            return Some(Self::Registration);
        }
        let own_sessions = !core.config.host_sessions;
        let watched = own_sessions && core.config.policy.session_management;
        if watched && path == endpoints.check_session {
            return Some(Self::CheckSession);
        }
        if own_sessions && path == endpoints.end_session {
            return Some(Self::EndSession);
        }
        if !core.config.webfinger.is_empty() && path == webfinger::PATH {
            return Some(Self::WebFinger);
        }
        [
            (&endpoints.authorize, Self::Authorize),
            (&endpoints.token, Self::Token),
            (&endpoints.userinfo, Self::UserInfo),
            (&endpoints.introspection, Self::Introspection),
            (&endpoints.revocation, Self::Revocation),
            (&endpoints.jwks, Self::Jwks),
            (&endpoints.openid_configuration, Self::Metadata),
            (&endpoints.oauth_authorization_server, Self::Metadata),
        ]
        .into_iter()
        .find_map(|(known, route)| (known == path).then_some(route))
    }

    /// The methods that it answers ([RFC 9110 §10.2.1]).
    ///
    /// [RFC 9110 §10.2.1]: https://www.rfc-editor.org/rfc/rfc9110#section-10.2.1
    const fn methods(self) -> &'static str {
        match self {
            Self::Metadata | Self::Jwks | Self::WebFinger => "GET, HEAD, OPTIONS",
            Self::CheckSession => "GET, HEAD",
            Self::Authorize | Self::EndSession => "GET, POST",
            Self::Token | Self::Revocation => "POST, OPTIONS",
            Self::Introspection => "POST",
            Self::UserInfo => "GET, POST, OPTIONS",
            Self::Registration => "POST, GET, PUT, DELETE, OPTIONS",
        }
    }

    /// Scripts of other origins need these endpoints; those that people are sent to are none of them
    /// ([RFC 9700 §2.6]), and whoever introspects is on a server.
    ///
    /// [RFC 9700 §2.6]: https://www.rfc-editor.org/rfc/rfc9700#section-2.6
    const fn cors(self) -> Cors {
        match self {
            Self::Authorize | Self::EndSession | Self::Introspection | Self::CheckSession => {
                Cors::No
            }
            _ => Cors::Any,
        }
    }

    /// What is answered before the endpoint is asked: other methods, pre-flights, too large inputs.
    fn preliminary(self, core: &Core, http: &Request<'_>) -> Option<Result<Reply, PageError>> {
        let allowed = self.methods().split(", ").any(|method| method == http.method);
        if !allowed {
            let reply = Reply::empty(405).with("allow", self.methods()).with_cors(self.cors());
            return Some(Ok(reply));
        }
        if http.method == "OPTIONS" {
            return Some(Ok(Reply::empty(204)
                .with("allow", self.methods())
                .with_cors(self.cors())
                .with("access-control-allow-methods", self.methods())
                .with("access-control-allow-headers", "authorization, content-type")
                .with("access-control-max-age", "7200")));
        }
        if core.config.limits.exceeded_by(http) {
            return Some(self.too_large());
        }
        None
    }

    fn too_large(self) -> Result<Reply, PageError> {
        match self {
            Self::Authorize | Self::EndSession => Err(Reason::BodyTooLarge.into()),
            _ => Ok(TokenError::from(Reason::BodyTooLarge).reply().with_cors(self.cors())),
        }
    }
}
