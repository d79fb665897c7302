use time::Duration;

use super::{Finding, LintRule};
use crate::{
    client::{ApplicationType, Client, ClientSecret, GrantType, misfits},
    config::AssertionAudience,
    grant::Rotation,
    provider::Core,
    types::{JwsAlgorithm, RedirectUri, ResponseType},
};

/// What there is to say of one client; nothing of one that is disabled.
pub(super) fn findings(core: &Core, client: &Client, manages_itself: bool) -> Vec<Finding> {
    if !client.enabled {
        return Vec::new();
    }
    let finding = |rule, member| {
        let client = Some(client.id.clone());
        Finding { client, member, ..Finding::of_provider(rule) }
    };
    let misfits = misfits(core, client, core.clock.now());
    let misfits = misfits.iter().map(|misfit| finding(LintRule::Misfit, Some(misfit.member)));
    let weak = [registered(client), proofs(core, client), granted(core, client, manages_itself)];
    let weak = weak.into_iter().flatten().filter(|(_, _, holds)| *holds);
    misfits.chain(weak.map(|(rule, member, _)| finding(rule, member))).collect()
}

type Checked = (LintRule, Option<&'static str>, bool);

/// What it has registered about its answers.
fn registered(client: &Client) -> Vec<Checked> {
    let metadata = &client.metadata;
    let some = |is: fn(&RedirectUri) -> bool| metadata.redirect_uris.iter().any(is);
    let web = metadata.application_type == ApplicationType::Web;
    let none = JwsAlgorithm::None;
    vec![
        (
            LintRule::ImplicitTokens,
            Some("response_types"),
            metadata.response_types.iter().copied().any(ResponseType::token),
        ),
        (LintRule::LoopbackOfWebClient, Some("redirect_uris"), web && some(RedirectUri::is_http)),
        (
            LintRule::PrivateUseScheme,
            Some("redirect_uris"),
            some(|uri| !uri.is_http() && !uri.is_https()),
        ),
        (
            LintRule::UnsignedTokens,
            Some("id_token_signed_response_alg"),
            metadata.id_token_signed_response_alg == none,
        ),
        (
            LintRule::UnsignedTokens,
            Some("userinfo_signed_response_alg"),
            metadata.userinfo_signed_response_alg == Some(none),
        ),
        (
            LintRule::UnsignedTokens,
            Some("request_object_signing_alg"),
            metadata.request_object_signing_alg == Some(none),
        ),
    ]
}

/// How it proves who it is.
fn proofs(core: &Core, client: &Client) -> Vec<Checked> {
    let now = core.clock.now();
    let week = now + Duration::WEEK;
    let good_at = |at| {
        client.secrets.iter().any(|secret| ClientSecret::expires(secret).is_none_or(|e| at < e))
    };
    let some = !client.secrets.is_empty();
    let code = client.metadata.response_types.iter().copied().any(ResponseType::code);
    let lax = |audience| audience != AssertionAudience::Issuer;
    vec![
        (LintRule::SecretsExpired, Some("client_secret"), some && !good_at(now)),
        (LintRule::SecretExpires, Some("client_secret"), good_at(now) && !good_at(week)),
        (LintRule::SymmetricKeys, client.metadata.symmetric_uses().next().map(|(m, _)| m), {
            client.metadata.symmetric_uses().next().is_some()
        }),
        (
            LintRule::PkceNotRequired,
            Some("require_pkce"),
            code && !client.is_public() && client.require_pkce == Some(false),
        ),
        (LintRule::AudienceOfClient, None, client.assertion_audience.is_some_and(lax)),
    ]
}

/// What an administrator has let it do.
fn granted(core: &Core, client: &Client, manages_itself: bool) -> Vec<Checked> {
    let password = client.metadata.may(&GrantType::Password);
    let let_in = client.password_grant && client.first_party;
    let unknown = |resource: &crate::Resource| {
        let name = resource.as_str();
        name != core.config.issuer.as_str() && core.config.resource(name).is_none()
    };
    vec![
        (LintRule::PasswordGrant, Some("grant_types"), password && let_in),
        (LintRule::PasswordGrantClosed, Some("grant_types"), password && !let_in),
        (
            LintRule::RotationOff,
            None,
            client.metadata.may(&GrantType::RefreshToken) && Rotation::of(client) == Rotation::Off,
        ),
        (LintRule::UnknownResource, None, client.resources.iter().flatten().any(unknown)),
        (LintRule::SelfManagedFirstParty, None, manages_itself && client.first_party),
    ]
}
