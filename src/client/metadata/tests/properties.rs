use proptest::{array, collection, option, prelude::*, sample::select};

use super::*;
use crate::types::MacAlgorithm;

fn uri() -> impl Strategy<Value = String> {
    "https://[a-z]{1,8}\\.example(:[1-9][0-9]{0,3})?/[a-z0-9/]{0,12}(\\?[a-z]=[a-z]{0,3})?"
}

fn redirect_uri() -> impl Strategy<Value = RedirectUri> {
    let other = select(vec!["http://127.0.0.1/cb", "http://[::1]:80/", "com.example.app:/cb"]);
    prop_oneof![4 => uri(), 1 => other.prop_map(str::to_owned)]
        .prop_map(|uri| RedirectUri::new(uri).unwrap())
}

fn grant_type() -> impl Strategy<Value = GrantType> {
    let own = "urn:[a-z]{2,8}:[a-z]{1,8}".prop_map(|uri| GrantType::Extension(uri.into()));
    prop_oneof![select(GrantType::REGISTERED.to_vec()), own]
}

fn jws() -> impl Strategy<Value = JwsAlgorithm> {
    let signatures = SigningAlgorithm::ALL.map(JwsAlgorithm::Signature);
    let macs = MacAlgorithm::ALL.map(JwsAlgorithm::Mac);
    select([&signatures[..], &macs, &[JwsAlgorithm::None]].concat())
}

fn jwks() -> impl Strategy<Value = Jwks> {
    let key = |kid: usize| {
        let mut key = ed25519();
        key["kid"] = kid.to_string().into();
        key["odd"] = json!([null, { "a": 1.5 }]);
        key
    };
    (0..3_usize).prop_map(move |count| {
        let keys: Vec<_> = (0..count).map(key).collect();
        serde_json::from_value(json!({ "keys": keys })).unwrap()
    })
}

fn localised() -> impl Strategy<Value = LocalisedMembers> {
    let member = select(vec!["client_name", "client_uri", "logo_uri", "policy_uri", "tos_uri"]);
    let tag = "[a-z]{2,8}(-[A-Z]{2})?(-x-[a-z0-9]{1,8})?";
    let entry = (member, tag, any::<String>());
    // Names that differ only by case are one name.
    collection::vec(entry, 0..5).prop_map(|entries| {
        let mut known = std::collections::HashSet::new();
        let entries =
            entries.into_iter().map(|(member, tag, text)| (format!("{member}#{tag}"), text));
        let first = entries.filter(|(name, _)| known.insert(name.to_ascii_lowercase()));
        let members = first.map(|(name, text)| (name, text.into())).collect();
        LocalisedMembers::read(&members).ok().unwrap()
    })
}

/// Anything that there can be, whether or not it fits together.
fn metadata() -> impl Strategy<Value = ClientMetadata> {
    let texts = || collection::vec(any::<String>(), 0..3);
    let text = || option::of(any::<String>());
    let address = || option::of(prop_oneof![uri(), any::<String>()]);
    let sealed = || {
        let alg = select(KeyManagementAlgorithm::ALL.to_vec());
        (option::of(alg), option::of(select(ContentEncryption::ALL.to_vec())))
    };
    let lists = (
        collection::vec(redirect_uri(), 0..4),
        collection::vec(grant_type(), 0..4),
        collection::vec(select(ResponseType::ALL.to_vec()), 0..4),
        texts(),
        texts().prop_map(|acrs| acrs.into_iter().map(Acr::new).collect::<Vec<_>>()),
        collection::vec(uri(), 0..3),
        collection::vec(redirect_uri(), 0..3),
    );
    let choices = (
        select(AuthMethod::ALL.to_vec()),
        select(vec![ApplicationType::Web, ApplicationType::Native]),
        select(vec![SubjectType::Public, SubjectType::Pairwise]),
        any::<[bool; 4]>(),
        option::of(any::<u32>()),
    );
    let algorithms =
        (jws(), option::of(jws()), option::of(jws()), option::of(jws()), option::of(jws()));
    let encryptions = (sealed(), sealed(), sealed(), sealed());
    let scope = "[a-z]{1,6}( [a-z]{1,6}){0,3}".prop_map(|scope| Scope::parse(&scope).unwrap());
    let texts = (text(), text(), text(), option::of(scope));
    let addresses = array::uniform9(address());
    let keys = (option::of(jwks()), localised());
    (lists, choices, algorithms, encryptions, texts, addresses, keys).prop_map(
        |(lists, choices, algorithms, encryptions, texts, addresses, keys)| {
            let mut m = ClientMetadata::default();
            (
                m.redirect_uris,
                m.grant_types,
                m.response_types,
                m.contacts,
                m.default_acr_values,
                m.request_uris,
                m.post_logout_redirect_uris,
            ) = lists;
            (
                m.token_endpoint_auth_method,
                m.application_type,
                m.subject_type,
                [
                    m.require_auth_time,
                    m.require_signed_request_object,
                    m.frontchannel_logout_session_required,
                    m.backchannel_logout_session_required,
                ],
                m.default_max_age,
            ) = choices;
            (
                m.id_token_signed_response_alg,
                m.userinfo_signed_response_alg,
                m.introspection_signed_response_alg,
                m.request_object_signing_alg,
                m.token_endpoint_auth_signing_alg,
            ) = algorithms;
            (
                (m.id_token_encrypted_response_alg, m.id_token_encrypted_response_enc),
                (m.userinfo_encrypted_response_alg, m.userinfo_encrypted_response_enc),
                (m.introspection_encrypted_response_alg, m.introspection_encrypted_response_enc),
                (m.request_object_encryption_alg, m.request_object_encryption_enc),
            ) = encryptions;
            (m.client_name, m.software_id, m.software_version, m.scope) = texts;
            [
                m.client_uri,
                m.logo_uri,
                m.policy_uri,
                m.tos_uri,
                m.initiate_login_uri,
                m.jwks_uri,
                m.sector_identifier_uri,
                m.frontchannel_logout_uri,
                m.backchannel_logout_uri,
            ] = addresses;
            (m.jwks, m.localised) = keys;
            m
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// RFC 7591 §3.2.1: what is written back reads the same, and is judged the same.
    #[test]
    fn what_is_written_reads_the_same(metadata in metadata()) {
        let written = serde_json::to_value(&metadata).unwrap();
        let members = written.as_object().unwrap();
        prop_assert!(members.keys().all(|name| ClientMetadata::is_member(name)));
        let read = ClientMetadata::from_members(members).unwrap();
        prop_assert_eq!(read.check(), metadata.check());
        prop_assert_eq!(&read, &metadata);
        // As text, and by serde.
        let again: ClientMetadata = serde_json::from_str(&written.to_string()).unwrap();
        prop_assert_eq!(again, metadata);
    }

    /// Whatever there is at the place of a member: no panic, and serde takes exactly the same.
    #[test]
    fn both_readers_agree(
        name in select(ClientMetadata::MEMBERS.to_vec()),
        value in prop_oneof![any::<String>().prop_map(Value::from), uri().prop_map(|uri| json!([uri])),
            any::<f64>().prop_map(Value::from), any::<u32>().prop_map(Value::from),
            collection::vec(any::<String>(), 0..3).prop_map(Value::from)],
    ) {
        let members = json!({ name: value });
        let read = ClientMetadata::from_members(members.as_object().unwrap());
        let serde = serde_json::from_value::<ClientMetadata>(members);
        prop_assert_eq!(read.clone().ok(), serde.ok());
        if let Ok(read) = read {
            let _ = read.check();
        }
    }
}
