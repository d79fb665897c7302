use time::Duration;

use super::{
    assurance::Assurance,
    interaction::Hints,
    parameters::{OwnParameters, own},
};
use crate::{
    claims::{self, ClaimsParameter, GrantedClaims, OFFLINE_ACCESS, RequestedClaim},
    client::{Client, GrantType},
    config::{Config, Policy},
    error::Reason,
    mint::Audience,
    types::{
        Acr, CodeChallenge, Display, Prompt, Resource, ResponseMode, ResponseType, Scope, Subject,
    },
    wire::Params,
};

/// A valid authorization request ([OIDC Core §3.1.2.1]).
///
/// [OIDC Core §3.1.2.1]: https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest
#[derive(Clone)]
pub(crate) struct AuthorizeRequest {
    pub(crate) response_type: ResponseType,
    /// What was asked for and may be granted.
    pub(crate) scope: Scope,
    pub(crate) resources: Vec<Resource>,
    pub(crate) nonce: Option<Box<str>>,
    pub(crate) challenge: Option<CodeChallenge>,
    pub(crate) prompt: Prompt,
    pub(crate) max_age: Option<Duration>,
    /// The single claims that were asked for.
    pub(crate) claims: ClaimsParameter,
    /// How the person is to be authenticated.
    pub(crate) assurance: Option<Assurance>,
    /// An ID token of the person whom the client expects; not looked at yet.
    pub(crate) id_token_hint: Option<Box<str>>,
    pub(crate) hints: Hints,
    /// What it says by parameters of the host's own.
    pub(super) parameters: OwnParameters,
}

/// A nonce must fit the grant's record, which is small.
const NONCE_LIMIT: usize = 4096;
/// A longer word of a list means nothing to anybody.
const WORD_LIMIT: usize = 255;
/// More resources than a request can mean.
const RESOURCE_LIMIT: usize = 16;

impl AuthorizeRequest {
    /// Validates everything but the way back.
    pub(crate) fn parse(
        client: &Client,
        params: &Params<'_>,
        config: &Config,
        supported: &Scope,
    ) -> Result<Self, Reason> {
        if params.one("registration")?.is_some() {
            return Err(Reason::RegistrationParameter);
        }
        let response_type = response_type(client, params, config)?;
        response_mode(response_type, params)?;
        let words = |name: &str| -> Result<Vec<Box<str>>, Reason> {
            let words = params.one(name)?.unwrap_or_default().split_whitespace();
            Ok(words.filter(|word| word.len() <= WORD_LIMIT).take(32).map(Into::into).collect())
        };
        let scope = scope(client, response_type, params, supported)?;
        if response_type.id_token() && !scope.contains("openid") {
            return Err(Reason::OpenidScopeNeeded);
        }
        let claims = params.one("claims")?.map(ClaimsParameter::parse).transpose()?;
        let claims = claims.unwrap_or_default();
        let acr_values = words("acr_values")?;
        let assurance = Assurance::wanted(client, &claims, &acr_values, config)?;
        let acr_values = match &assurance {
            Some(assurance) if !assurance.values.is_empty() => assurance.values.clone(),
            _ => acr_values.into_iter().map(Acr::new).collect(),
        };
        Ok(Self {
            response_type,
            scope,
            resources: resources(client, response_type, params, config)?,
            nonce: nonce(response_type, params)?.map(Into::into),
            challenge: pkce(client, response_type, params, config.policy)?,
            prompt: prompt(params, config.account_creation)?,
            max_age: max_age(client, params)?,
            claims,
            assurance,
            id_token_hint: params.one("id_token_hint")?.map(Into::into),
            hints: Hints {
                login_hint: params.one("login_hint")?.map(Into::into),
                ui_locales: locales(params, "ui_locales")?,
                claims_locales: locales(params, "claims_locales")?,
                acr_values,
                display: params.one("display")?.map(Display::parse).unwrap_or_default(),
            },
            parameters: own(params, config)?,
        })
    }
}

impl AuthorizeRequest {
    /// How old the sign-in may be ([OIDC Core §3.1.2.1]): `prompt=login` is the same as `max_age=0`.
    ///
    /// [OIDC Core §3.1.2.1]: https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest
    pub(super) fn login_age(&self) -> Option<Duration> {
        if self.prompt.login() { Some(Duration::ZERO) } else { self.max_age }
    }

    /// Whom the client expects, whatever it said it by; anybody, if absent.
    pub(super) fn expected(&self, hinted: Option<Subject>) -> Option<Vec<Subject>> {
        match (&self.claims.sub, hinted) {
            (None, None) => None,
            (None, Some(hinted)) => Some(vec![hinted]),
            (Some(these), None) => Some(these.clone()),
            (Some(these), Some(hinted)) => {
                Some(these.iter().filter(|one| **one == hinted).cloned().collect())
            }
        }
    }

    /// The single claims that a grant carries, without those that the person keeps back.
    pub(super) fn granted_claims(&self, refused: Vec<Box<str>>) -> GrantedClaims {
        let names = |claims: &[RequestedClaim]| claims.iter().map(|c| c.name.clone()).collect();
        GrantedClaims {
            id_token: names(&self.claims.id_token),
            userinfo: names(&self.claims.userinfo),
            refused,
            locales: self.hints.claims_locales.clone(),
        }
    }
}

/// The languages that a parameter names, best first; what is none is passed over.
pub(crate) fn locales(params: &Params<'_>, name: &str) -> Result<Vec<Box<str>>, Reason> {
    let words = params.one(name)?.unwrap_or_default().split_whitespace();
    Ok(words.filter(|word| is_locale(word)).take(8).map(Into::into).collect())
}

/// Known, one of those that there are here, and registered by the client ([RFC 6749 §4.1.2.1]).
///
/// [RFC 6749 §4.1.2.1]: https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2.1
fn response_type(
    client: &Client,
    params: &Params<'_>,
    config: &Config,
) -> Result<ResponseType, Reason> {
    let text = params.one("response_type")?.ok_or(Reason::ResponseTypeMissing)?;
    let response_type = ResponseType::parse(text)
        .filter(|known| config.response_types.contains(known))
        .ok_or(Reason::ResponseTypeUnsupported)?;
    if client.metadata.response_types.contains(&response_type) {
        Ok(response_type)
    } else {
        Err(Reason::ResponseTypeNotAllowed)
    }
}

/// Known, and not a query for an answer with tokens ([Multiple Response Types §2.1]).
///
/// [Multiple Response Types §2.1]: https://openid.net/specs/oauth-v2-multiple-response-types-1_0.html#ResponseModes
fn response_mode(response_type: ResponseType, params: &Params<'_>) -> Result<(), Reason> {
    let Some(text) = params.one("response_mode")? else { return Ok(()) };
    let mode = ResponseMode::parse(text).ok_or(Reason::ResponseModeUnsupported)?;
    if mode == ResponseMode::Query && response_type.implicit() {
        return Err(Reason::ResponseModeUnsupported);
    }
    Ok(())
}

/// What the client may have of what it asks for; scope values that nobody knows are ignored
/// ([OIDC Core §3.1.2.1]).
///
/// [OIDC Core §3.1.2.1]: https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest
///
/// Access while the person is away needs a code, and a client that may refresh ([§11]).
///
/// [§11]: https://openid.net/specs/openid-connect-core-1_0.html#OfflineAccess
fn scope(
    client: &Client,
    response_type: ResponseType,
    params: &Params<'_>,
    supported: &Scope,
) -> Result<Scope, Reason> {
    let text = params.one("scope")?.unwrap_or_default();
    let asked = Scope::parse(text).map_err(|_| Reason::ScopeMalformed)?.intersection(supported);
    let scope = match &client.metadata.scope {
        Some(allowed) => asked.intersection(allowed),
        None => asked,
    };
    let offline = response_type.code() && client.metadata.may(&GrantType::RefreshToken);
    let scope = scope.retain(|token| offline || token != OFFLINE_ACCESS);
    if scope.is_empty() { Err(Reason::ScopeEmpty) } else { Ok(scope) }
}

/// Short enough to be looked up at every answer ([RFC 5646 §4.4.1]: 35 characters will do). What is
/// no language tag is a hint that helps nobody.
///
/// [RFC 5646 §4.4.1]: https://www.rfc-editor.org/rfc/rfc5646#section-4.4.1
fn is_locale(word: &str) -> bool {
    word.len() <= 35 && claims::is_tag(word)
}

/// Required as soon as an ID token passes through the browser ([OIDC Core §3.2.2.1],
/// [§3.3.2.11]).
///
/// [OIDC Core §3.2.2.1]: https://openid.net/specs/openid-connect-core-1_0.html#ImplicitAuthRequest
/// [§3.3.2.11]: https://openid.net/specs/openid-connect-core-1_0.html#HybridIDToken
fn nonce<'p>(
    response_type: ResponseType,
    params: &'p Params<'_>,
) -> Result<Option<&'p str>, Reason> {
    match params.one("nonce")? {
        Some(nonce) if nonce.len() > NONCE_LIMIT => Err(Reason::NonceTooLong),
        None if response_type.id_token() => Err(Reason::NonceMissing),
        nonce => Ok(nonce),
    }
}

/// Known, open to the client, and, if an access token comes at once, fit for one token
/// ([RFC 8707 §2.1]).
///
/// [RFC 8707 §2.1]: https://www.rfc-editor.org/rfc/rfc8707#section-2.1
fn resources(
    client: &Client,
    response_type: ResponseType,
    params: &Params<'_>,
    config: &Config,
) -> Result<Vec<Resource>, Reason> {
    let mut resources: Vec<Resource> = Vec::new();
    for text in params.all("resource") {
        let resource = Resource::new(text).map_err(|_| Reason::ResourceInvalid)?;
        if resources.len() == RESOURCE_LIMIT {
            return Err(Reason::ResourceInvalid);
        }
        if !resources.contains(&resource) {
            if !Audience::of(config, [resource.as_str()])?.is_open_to(client) {
                return Err(Reason::ResourceNotAllowed);
            }
            resources.push(resource);
        }
    }
    let for_default = resources.is_empty() && response_type.yields_access_token();
    if for_default && !Audience::of(config, [])?.is_open_to(client) {
        return Err(Reason::ResourceNotAllowed);
    }
    if response_type.token() {
        Audience::of(config, resources.iter().map(Resource::as_str))?;
    }
    Ok(resources)
}

/// Where a code is asked for, PKCE with S256 only: always for public clients, for the others as the policy says
/// ([RFC 7636 §4.4.1], [RFC 9700 §2.1.1]).
///
/// [RFC 7636 §4.4.1]: https://www.rfc-editor.org/rfc/rfc7636#section-4.4.1
/// [RFC 9700 §2.1.1]: https://www.rfc-editor.org/rfc/rfc9700#section-2.1.1
fn pkce(
    client: &Client,
    response_type: ResponseType,
    params: &Params<'_>,
    policy: Policy,
) -> Result<Option<CodeChallenge>, Reason> {
    let (challenge, method) = (params.one("code_challenge")?, params.one("code_challenge_method")?);
    if !response_type.code() {
        return Ok(None);
    }
    match (challenge, method) {
        (Some(challenge), Some("S256")) => {
            CodeChallenge::parse(challenge).map(Some).ok_or(Reason::PkceChallenge)
        }
        // Without a method it would be `plain` (RFC 7636 §4.3).
        (Some(_), _) => Err(Reason::PkceMethod),
        (None, _) => {
            let required = client.require_pkce.unwrap_or(policy.require_pkce);
            if client.is_public() || required { Err(Reason::PkceMissing) } else { Ok(None) }
        }
    }
}

/// Known words only; `create` is known where accounts can be created ([OIDC Core §3.1.2.1]).
///
/// [OIDC Core §3.1.2.1]: https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest
fn prompt(params: &Params<'_>, account_creation: bool) -> Result<Prompt, Reason> {
    let Some(text) = params.one("prompt")? else { return Ok(Prompt::default()) };
    Prompt::parse(text)
        .filter(|prompt| account_creation || !prompt.create())
        .ok_or(Reason::PromptInvalid)
}

/// Seconds, or the client's default. A number too large to matter is as good as none.
fn max_age(client: &Client, params: &Params<'_>) -> Result<Option<Duration>, Reason> {
    let Some(text) = params.one("max_age")? else {
        let default = client.metadata.default_max_age;
        return Ok(default.map(|seconds| Duration::seconds(i64::from(seconds))));
    };
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Reason::MaxAgeInvalid);
    }
    Ok(Some(Duration::seconds(text.parse().unwrap_or(i64::MAX))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        client::{ClientMetadata, ClientSecret},
        types::{ClientId, Issuer, RedirectUri},
    };

    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    fn client(public: bool, require_pkce: Option<bool>) -> Client {
        let id = ClientId::new("c").unwrap();
        let mut metadata = ClientMetadata::default();
        metadata.redirect_uris.push(RedirectUri::new("https://c.example/cb").unwrap());
        let mut client = if public {
            Client::public(id, metadata).unwrap()
        } else {
            Client::confidential(id, ClientSecret::new("s"), metadata).unwrap()
        };
        client.require_pkce = require_pkce;
        client
    }

    fn parse(client: &Client, query: &str) -> Result<AuthorizeRequest, Reason> {
        let supported = Scope::parse("openid profile email").unwrap();
        let params = Params::parse(&[query.as_bytes()]);
        let config = Config::new(Issuer::new("https://id.example").unwrap());
        AuthorizeRequest::parse(client, &params, &config, &supported)
    }

    /// OIDC Core §3.1.2.1, RFC 6749 §4.1.2.1, RFC 7636 §4.4.1; threats AZ-01, AZ-04, AZ-05, AZ-06,
    /// AZ-09, AZ-10, PK-01, PK-02, PK-05.
    #[test]
    fn one_line_per_rule() {
        use Reason::*;
        let client = client(false, None);
        let good = format!(
            "response_type=code&scope=openid&code_challenge={CHALLENGE}&code_challenge_method=S256"
        );
        assert!(parse(&client, &good).is_ok());
        for (change, reason) in [
            ("response_type=code", ParameterRepeated),
            ("nonce=1&nonce=1", ParameterRepeated),
            ("registration=%7B%7D", RegistrationParameter),
            ("claims=x", ClaimsInvalid),
            ("response_mode=web_message", ResponseModeUnsupported),
            ("response_mode=query.jwt", ResponseModeUnsupported),
            ("prompt=none+login", PromptInvalid),
            ("prompt=nope", PromptInvalid),
            ("prompt=create", PromptInvalid),
            ("max_age=-1", MaxAgeInvalid),
            ("max_age=1e9", MaxAgeInvalid),
            ("max_age=abc", MaxAgeInvalid),
            ("resource=/relative", ResourceInvalid),
            ("resource=https://a.example/%23x", ResourceInvalid),
        ] {
            let query = format!("{good}&{change}");
            assert_eq!(parse(&client, &query).map(|_| ()), Err(reason), "{change}");
        }
        for (from, to, reason) in [
            ("response_type=code&", "", ResponseTypeMissing),
            ("response_type=code", "response_type=", ResponseTypeMissing),
            ("response_type=code", "response_type=code+code", ResponseTypeUnsupported),
            ("response_type=code", "response_type=id_token", ResponseTypeNotAllowed),
            ("response_type=code", "response_type=none", ResponseTypeNotAllowed),
            ("response_type=code", "response_type=foo", ResponseTypeUnsupported),
            ("scope=openid", "scope=", ScopeEmpty),
            ("scope=openid", "scope=unknown", ScopeEmpty),
            ("scope=openid", "scope=%22", ScopeMalformed),
            ("S256", "plain", PkceMethod),
            ("S256", "s256", PkceMethod),
            ("S256", "S512", PkceMethod),
            ("&code_challenge_method=S256", "", PkceMethod),
            (CHALLENGE, "", PkceMissing),
            (CHALLENGE, "short", PkceChallenge),
        ] {
            let query = good.replace(from, to);
            assert_eq!(parse(&client, &query).map(|_| ()), Err(reason), "{query}");
        }
    }

    #[test]
    fn unknown_and_empty_parameters_are_ignored() {
        let client = client(false, Some(false));
        let query = "response_type=code&scope=openid+foo&foo=bar&foo=baz&state=&max_age=99999999999999999999&display=hologram&ui_locales=se";
        let request = parse(&client, query).unwrap();
        assert_eq!(request.scope.to_string(), "openid");
        assert_eq!(request.max_age, Some(Duration::seconds(i64::MAX)));
        assert_eq!(request.hints.display, Display::Page);
    }

    /// RFC 9700 §2.1.1: only a confidential client can be let off.
    #[test]
    fn who_needs_pkce() {
        let query = "response_type=code&scope=openid";
        for (public, setting, ok) in [
            (true, None, false),
            (true, Some(false), false),
            (false, None, false),
            (false, Some(true), false),
            (false, Some(false), true),
        ] {
            assert_eq!(parse(&client(public, setting), query).is_ok(), ok, "{public} {setting:?}");
        }
    }
}
