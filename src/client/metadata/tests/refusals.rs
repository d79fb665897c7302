use super::{InvalidMetadata as I, *};
use crate::{error::ErrorCode, mint::KeyProblem, types::InvalidRedirectUri as Uri};

/// Without a last arm for all others: a variant that is new must be put here, and below.
fn is_about_redirects(invalid: InvalidMetadata) -> bool {
    match invalid {
        I::RedirectUri(_)
        | I::RedirectUrisMissing
        | I::RedirectUris
        | I::NativeScheme
        | I::ImplicitRedirect => true,
        I::Member(_)
        | I::Key { .. }
        | I::Language(_)
        | I::Languages
        | I::TooMany(..)
        | I::Text(..)
        | I::ResponseAndGrant
        | I::Uri(_)
        | I::Fragment(_)
        | I::PostLogoutRedirectUris
        | I::PostLogoutScheme
        | I::FrontChannelOrigin
        | I::Sector
        | I::UnsignedIdToken
        | I::UnsignedIntrospection
        | I::EncryptionAlg(_)
        | I::UnsignedRequestObject
        | I::KeysMissing(_)
        | I::KeysTwice
        | I::AssertionAlgorithm
        | I::PublicClient
        | I::SecretAndMethod
        | I::SecretNotKept(_) => false,
    }
}

/// RFC 6749 §5.2, RFC 7591 §3.2.2: every refusal can be told as it is.
#[test]
fn refusals_are_fit_for_an_error_description() {
    let mut every = vec![
        I::Languages,
        I::RedirectUrisMissing,
        I::RedirectUris,
        I::NativeScheme,
        I::ImplicitRedirect,
        I::ResponseAndGrant,
        I::PostLogoutRedirectUris,
        I::PostLogoutScheme,
        I::FrontChannelOrigin,
        I::Sector,
        I::UnsignedIdToken,
        I::UnsignedIntrospection,
        I::UnsignedRequestObject,
        I::KeysTwice,
        I::AssertionAlgorithm,
        I::PublicClient,
        I::SecretAndMethod,
    ];
    let uris =
        [Uri::NotAUri, Uri::Fragment, Uri::UserInfo, Uri::Wildcard, Uri::InsecureHttp, Uri::Scheme];
    every.extend(uris.map(I::RedirectUri));
    let problems = [
        KeyProblem::NotAnObject,
        KeyProblem::Symmetric,
        KeyProblem::Algorithm,
        KeyProblem::KeyType,
        KeyProblem::Use,
        KeyProblem::NotPrivate("d"),
        KeyProblem::Private("d"),
        KeyProblem::Conflict,
        KeyProblem::Member("x"),
        KeyProblem::TooShort,
        KeyProblem::TooLong,
        KeyProblem::Exponent,
        KeyProblem::NotAPair,
        KeyProblem::OffCurve,
        KeyProblem::DuplicateKid,
        KeyProblem::Reused,
        KeyProblem::Schedule,
    ];
    every.extend(problems.map(|problem| I::Key { position: 1, problem }));
    for name in ClientMetadata::MEMBERS {
        every.extend([I::Member(name), I::Language(name), I::TooMany(name, 9), I::Text(name, 9)]);
        every.extend([I::Uri(name), I::Fragment(name), I::EncryptionAlg(name)]);
        every.extend([I::KeysMissing(name), I::SecretNotKept(name)]);
    }
    for invalid in every {
        let text = invalid.to_string();
        let fit = |b: u8| matches!(b, 0x20..=0x7E) && b != b'"' && b != b'\\';
        assert!(text.bytes().all(fit) && text.len() < 250, "{text}");
        let about_redirects = is_about_redirects(invalid);
        let expected = if about_redirects {
            ErrorCode::InvalidRedirectUri
        } else {
            ErrorCode::InvalidClientMetadata
        };
        assert_eq!((invalid.error(), expected.status()), (expected, 400), "{text}");
    }
}
