//! F-07: client metadata that are read say what was sent, read the same when they are written back,
//! and if they fit together, nothing in them leads to where it must not.

#![no_main]

use libfuzzer_sys::fuzz_target;
use oidc_op::{
    ApplicationType, AuthMethod, Client, ClientId, ClientMetadata, ClientSecret, GrantType,
    InvalidMetadata, JwsAlgorithm,
};
use serde_json::{Map, Value};
use url::{Host, Url};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = str::from_utf8(data) else { return };
    let Ok(Value::Object(sent)) = serde_json::from_str(text) else {
        assert!(serde_json::from_str::<ClientMetadata>(text).is_err());
        return;
    };
    let read = ClientMetadata::from_members(&sent);
    let by_serde = serde_json::from_value::<ClientMetadata>(Value::Object(sent.clone()));
    assert_eq!(read.clone().ok(), by_serde.ok());
    // As text it may have a member twice.
    if let Ok(of_text) = serde_json::from_str::<ClientMetadata>(text) {
        assert_eq!(Ok(of_text), read);
    }
    let metadata = match read {
        Ok(metadata) => metadata,
        Err(refused) => return is_fit_for_a_description(refused),
    };
    is_what_was_sent(&metadata, &sent);

    let checked = metadata.check();
    let secret = ClientSecret::kept(&"s".repeat(64));
    let id = ClientId::new("client").unwrap();
    let client = Client::confidential(id, secret, metadata.clone());
    let public = metadata.token_endpoint_auth_method == AuthMethod::None;
    match checked {
        Err(refused) => {
            is_fit_for_a_description(refused);
            assert_eq!(client.map(|_| ()), Err(refused));
        }
        Ok(()) => {
            fits_together(&metadata);
            assert_eq!(client.is_ok(), !public);
        }
    }
});

/// RFC 6749 §5.2.
fn is_fit_for_a_description(refused: InvalidMetadata) {
    let text = refused.to_string();
    assert!(text.len() < 250);
    assert!(text.bytes().all(|b| matches!(b, 0x20..=0x7E) && b != b'"' && b != b'\\'), "{text}");
    let error = refused.error().as_str();
    assert!(["invalid_redirect_uri", "invalid_client_metadata"].contains(&error));
}

fn is_what_was_sent(metadata: &ClientMetadata, sent: &Map<String, Value>) {
    let written = serde_json::to_value(metadata).unwrap();
    let members = written.as_object().unwrap();
    for (name, value) in sent {
        let kept = members.get(name);
        if value.is_null() || !ClientMetadata::is_member(name) {
            assert!(ClientMetadata::MEMBERS.contains(&&**name) || kept.is_none(), "{name}");
        } else if !["scope", "response_types", "jwks"].contains(&&**name) {
            assert_eq!(kept, Some(value), "{name}");
        }
    }
    assert!(members.keys().all(|name| ClientMetadata::is_member(name)));
    let again = ClientMetadata::from_members(members).unwrap();
    assert_eq!(again, *metadata);
    assert_eq!(again.check(), metadata.check());
    assert_eq!(serde_json::to_string(&again).unwrap(), written.to_string());
}

/// Some of the rules, written again in another way.
fn fits_together(metadata: &ClientMetadata) {
    let m = metadata;
    let native = m.application_type == ApplicationType::Native;
    assert!(m.redirect_uris.len() <= 100 && m.post_logout_redirect_uris.len() <= 100);
    for uri in m.redirect_uris.iter().chain(&m.post_logout_redirect_uris) {
        let url = parsed(uri.as_str());
        let on_loopback = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        match url.scheme() {
            "https" => assert!(url.has_host()),
            "http" => assert!(on_loopback, "{uri}"),
            scheme => assert!(native && scheme.contains('.'), "{uri}"),
        }
        assert!(url.fragment().is_none() && url.username().is_empty(), "{uri}");
    }
    let links = [&m.client_uri, &m.logo_uri, &m.policy_uri, &m.tos_uri, &m.initiate_login_uri];
    let fetched = [&m.jwks_uri, &m.sector_identifier_uri, &m.backchannel_logout_uri];
    let localised = m.localised.iter().filter(|(name, _)| !name.starts_with("client_name"));
    for uri in links.into_iter().flatten().chain(&m.frontchannel_logout_uri) {
        is_https(uri, 2048);
    }
    localised.for_each(|(_, uri)| is_https(uri, 2048));
    for uri in fetched.into_iter().flatten().chain(&m.request_uris) {
        is_https(uri, 512);
    }
    if let Some(uri) = &m.frontchannel_logout_uri {
        let place = |uri: &str| {
            let url = parsed(uri);
            (
                url.scheme().to_owned(),
                url.host_str().map(str::to_owned),
                url.port_or_known_default(),
            )
        };
        let own = m.redirect_uris.iter().any(|own| place(own.as_str()) == place(uri));
        assert!(own && !uri.contains('#'), "{uri}");
    }
    let names = m.localised.iter().filter(|(name, _)| name.starts_with("client_name"));
    let names = names.map(|(_, name)| name).chain(m.client_name.as_deref());
    let acrs = m.default_acr_values.iter().map(|acr| acr.as_str());
    for text in names.chain(acrs).chain(m.contacts.iter().map(String::as_str)) {
        assert!(text.chars().count() <= 256 && !text.contains(char::is_control), "{text:?}");
    }
    assert!(m.contacts.len() <= 20 && m.default_acr_values.len() <= 20);
    assert!(m.localised.iter().count() <= 100);
    assert!(m.jwks.is_none() || m.jwks_uri.is_none());
    let has = |grant: GrantType| m.grant_types.contains(&grant);
    let returns = |word: &str| {
        m.response_types.iter().any(|types| types.as_str().split(' ').any(|one| one == word))
    };
    assert_eq!(returns("code"), has(GrantType::AuthorizationCode));
    assert_eq!(returns("token") || returns("id_token"), has(GrantType::Implicit));
    assert!(m.response_types.is_empty() || !m.redirect_uris.is_empty());
    if returns("id_token") {
        assert_ne!(m.id_token_signed_response_alg, JwsAlgorithm::None);
    }
    if m.token_endpoint_auth_method == AuthMethod::None {
        assert!(!has(GrantType::ClientCredentials) && !has(GrantType::TokenExchange));
    }
}

fn parsed(uri: &str) -> Url {
    Url::parse(uri).unwrap_or_else(|error| panic!("{uri}: {error}"))
}

fn is_https(uri: &str, longest: usize) {
    let url = parsed(uri);
    let plain = url.username().is_empty() && url.password().is_none();
    assert!(url.scheme() == "https" && url.has_host() && plain, "{uri}");
    assert!(uri.len() <= longest && uri.bytes().all(|b| matches!(b, 0x21..=0x7E)), "{uri}");
}
