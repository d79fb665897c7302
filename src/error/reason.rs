use super::ErrorCode::{
    self, AccessDenied, AccountSelectionRequired, ConsentRequired, InsufficientScope,
    InsufficientUserAuthentication, InteractionRequired, InvalidClient, InvalidClientMetadata,
    InvalidGrant, InvalidRedirectUri, InvalidRequest, InvalidRequestObject, InvalidRequestUri,
    InvalidScope, InvalidSoftwareStatement, InvalidTarget, InvalidToken, LoginRequired,
    RegistrationNotSupported, RequestUriNotSupported, ServerError, TemporarilyUnavailable,
    UnapprovedSoftwareStatement, UnauthorizedClient, UnmetAuthenticationRequirements,
    UnsupportedGrantType, UnsupportedResponseType,
};

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $code:literal: $error:ident, $section:literal, $text:literal;)*) => {
        /// Why a request was refused: the one table from a rule to everything that is said of it.
        ///
        /// [`code`](Self::code) is stable, for logs and alarms; the error code and the description
        /// are what the client reads; the section is where the rule stands.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Reason {
            $($(#[$doc])* #[doc = concat!("`", $code, "`: ", $text, " (", $section, ")")] $name,)*
        }

        impl Reason {
            /// Every reason.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The stable name.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The section of the specification that the rule comes from.
            pub const fn section(self) -> &'static str {
                match self { $(Self::$name => $section,)* }
            }

            /// The `error` that the client reads.
            pub const fn error(self) -> ErrorCode {
                match self { $(Self::$name => $error,)* }
            }

            /// The `error_description` that the client reads: fixed text, never built from a cause.
            pub const fn description(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

reasons! {
    // Any endpoint
    ParameterRepeated = "parameter_repeated": InvalidRequest, "RFC 6749 §3.1, §3.2", "a parameter is repeated";
    TooManyParameters = "too_many_parameters": InvalidRequest, "RFC 6749 §3.1", "there are too many parameters";
    MediaType = "media_type": InvalidRequest, "RFC 6749 §3.2", "the body must be application/x-www-form-urlencoded in UTF-8, without content coding";
    MethodNotAllowed = "method_not_allowed": InvalidRequest, "RFC 9110 §15.5.6", "the endpoint does not have this method";
    BodyTooLarge = "body_too_large": InvalidRequest, "RFC 9110 §15.5.14", "the request is too large";
    MediaTypeOfJson = "media_type_of_json": InvalidRequest, "RFC 7591 §3.1", "the body must be application/json in UTF-8, without content coding";
    StoreFailed = "store_failed": TemporarilyUnavailable, "RFC 6749 §4.1.2.1", "the service is temporarily unavailable";
    CursorUnfit = "cursor_unfit": InvalidRequest, "RFC 9110 §15.5.1", "the listing cannot go on there; begin it again";
    HostFailed = "host_failed": ServerError, "RFC 6749 §4.1.2.1", "the service met an internal error";
    SignerFailed = "signer_failed": ServerError, "RFC 6749 §4.1.2.1", "the service met an internal error";
    ClientUnfit = "client_unfit": ServerError, "RFC 6749 §4.1.2.1", "the service met an internal error";
    ResourceUnfit = "resource_unfit": ServerError, "RFC 6749 §4.1.2.1", "the service met an internal error";
    AccessTokenTooLarge = "access_token_too_large": InvalidRequest, "RFC 6749 §1.4", "an access token would not hold what was asked for; ask for less";
    EntropyFailed = "entropy_failed": ServerError, "RFC 6749 §10.10", "the service met an internal error";

    // Authorization endpoint, before there is somewhere to send an error
    ClientIdMissing = "client_id_missing": InvalidRequest, "RFC 6749 §4.1.1", "client_id is missing";
    ClientUnknown = "client_unknown": UnauthorizedClient, "RFC 6749 §4.1.2.1", "the client is not known";
    RedirectUriMissing = "redirect_uri_missing": InvalidRequest, "OIDC Core §3.1.2.1", "redirect_uri is missing";
    RedirectUriMismatch = "redirect_uri_mismatch": InvalidRequest, "RFC 9700 §2.1", "redirect_uri is not one that the client has registered";

    // Authorization endpoint, reported to the client
    ResponseTypeMissing = "response_type_missing": InvalidRequest, "RFC 6749 §4.1.1", "response_type is missing";
    ResponseTypeUnsupported = "response_type_unsupported": UnsupportedResponseType, "RFC 6749 §4.1.2.1", "response_type is not supported";
    ResponseTypeNotAllowed = "response_type_not_allowed": UnauthorizedClient, "RFC 6749 §4.1.2.1", "the client may not use this response_type";
    ResponseModeUnsupported = "response_mode_unsupported": InvalidRequest, "OAuth 2.0 Multiple Response Types §2.1", "response_mode is not supported";
    ScopeMalformed = "scope_malformed": InvalidScope, "RFC 6749 §3.3", "scope is malformed";
    ScopeEmpty = "scope_empty": InvalidScope, "RFC 6749 §3.3", "scope names nothing that the client may ask for";
    OpenidScopeNeeded = "openid_scope_needed": InvalidScope, "OIDC Core §3.1.2.1", "an ID Token needs the scope openid";
    ResourceInvalid = "resource_invalid": InvalidTarget, "RFC 8707 §2", "resource is not an absolute URI without fragment";
    ResourceUnknown = "resource_unknown": InvalidTarget, "RFC 8707 §2", "resource is not one that is known";
    ResourceNotAllowed = "resource_not_allowed": InvalidTarget, "RFC 8707 §2", "the client may not ask for this resource";
    ResourcesDiffer = "resources_differ": InvalidTarget, "RFC 8707 §2.2", "one access token cannot be for all of these resources";
    NonceMissing = "nonce_missing": InvalidRequest, "OIDC Core §3.2.2.1", "nonce is required by this response_type";
    NonceTooLong = "nonce_too_long": InvalidRequest, "OIDC Core §3.1.2.1", "nonce is too long";
    PkceMissing = "pkce_missing": InvalidRequest, "RFC 7636 §4.4.1", "code_challenge is required";
    PkceMethod = "pkce_method": InvalidRequest, "RFC 7636 §4.4.1", "code_challenge_method must be S256";
    PkceChallenge = "pkce_challenge": InvalidRequest, "RFC 7636 §4.2", "code_challenge is malformed";
    PromptInvalid = "prompt_invalid": InvalidRequest, "OIDC Core §3.1.2.1", "prompt has an unknown value, or none together with another one";
    MaxAgeInvalid = "max_age_invalid": InvalidRequest, "OIDC Core §3.1.2.1", "max_age is not a number of seconds";
    ClaimsInvalid = "claims_invalid": InvalidRequest, "OIDC Core §5.5", "claims is not a claims request, or too large";
    HintInvalid = "hint_invalid": InvalidRequest, "OIDC Core §3.1.2.1", "id_token_hint is not an ID Token that was issued to the client";
    RegistrationParameter = "registration_parameter": RegistrationNotSupported, "OIDC Core §3.1.2.6", "the registration parameter is not supported";
    RequestObjectMissing = "request_object_missing": InvalidRequest, "RFC 9101 §10.5", "the client must send a signed request object";
    RequestObjectTwice = "request_object_twice": InvalidRequest, "RFC 9101 §5", "request and request_uri must not be sent together";
    RequestObjectInvalid = "request_object_invalid": InvalidRequestObject, "RFC 9101 §6", "the request object is not valid";
    RequestObjectClaims = "request_object_claims": InvalidRequestObject, "RFC 9101 §4", "the request object has a member that it must not have, or lacks one";
    RequestUriUnsupported = "request_uri_unsupported": RequestUriNotSupported, "OIDC Core §3.1.2.6", "the request_uri parameter is not supported";
    RequestUriUnknown = "request_uri_unknown": InvalidRequestUri, "OIDC Core §6.2", "request_uri is not one that the client has registered";
    RequestUriFailed = "request_uri_failed": InvalidRequestUri, "OIDC Core §6.2.3", "request_uri could not be fetched";
    NotSignedIn = "not_signed_in": LoginRequired, "OIDC Core §3.1.2.6", "the end user is not signed in";
    LoginTooOld = "login_too_old": LoginRequired, "OIDC Core §3.1.2.1", "the end user has signed in longer ago than the client accepts";
    AnotherPerson = "another_person": LoginRequired, "OIDC Core §3.1.2.2", "the end user is not the one whom the client expects";
    AcrUnmet = "acr_unmet": UnmetAuthenticationRequirements, "OIDC Core §5.5.1.1", "the end user could not be authenticated as the client demands";
    ConsentNeeded = "consent_needed": ConsentRequired, "OIDC Core §3.1.2.6", "the end user must give consent";
    AccountChoiceNeeded = "account_choice_needed": AccountSelectionRequired, "OIDC Core §3.1.2.6", "the end user must choose an account";
    PageNeeded = "page_needed": InteractionRequired, "OIDC Core §3.1.2.6", "the end user must interact";
    Cancelled = "cancelled": AccessDenied, "RFC 6749 §4.1.2.1", "the end user refused";
    SignInUnavailable = "sign_in_unavailable": TemporarilyUnavailable, "RFC 6749 §4.1.2.1", "the end user cannot be signed in now";

    // Interactions
    InteractionInvalid = "interaction_invalid": InvalidRequest, "RFC 9700 §4.16", "the sign-in cannot be found; start again at the application";
    InteractionExpired = "interaction_expired": InvalidRequest, "RFC 9700 §4.16", "the sign-in has taken too long; start again at the application";
    InteractionFinished = "interaction_finished": InvalidRequest, "RFC 6749 §4.1.2", "the sign-in has already been completed";
    BrowserCookieMissing = "browser_cookie_missing": InvalidRequest, "RFC 9700 §4.7", "the browser did not send the cookie that it was given when the sign-in began";
    BrowserCookieWrong = "browser_cookie_wrong": InvalidRequest, "RFC 9700 §4.7", "the sign-in was begun in another browser";
    CrossOrigin = "cross_origin": InvalidRequest, "RFC 6749 §10.12", "the form was sent from another site";
    VerdictUnfit = "verdict_unfit": InvalidRequest, "OIDC Core §3.1.2.3", "the answer does not fit the sign-in; start again at the application";

    // Logout
    LogoutHintInvalid = "logout_hint_invalid": InvalidRequest, "OIDC RP-Initiated Logout §4", "id_token_hint is not an ID Token that was issued to the client";
    LogoutClientDiffers = "logout_client_differs": InvalidRequest, "OIDC RP-Initiated Logout §2", "client_id is not the client that id_token_hint was issued to";
    PostLogoutClientMissing = "post_logout_client_missing": InvalidRequest, "OIDC RP-Initiated Logout §3", "post_logout_redirect_uri needs id_token_hint or client_id";
    PostLogoutUriMismatch = "post_logout_uri_mismatch": InvalidRequest, "OIDC RP-Initiated Logout §3", "post_logout_redirect_uri is not one that the client has registered";
    LogoutInvalid = "logout_invalid": InvalidRequest, "OIDC RP-Initiated Logout §6", "the sign-out cannot be found; start again at the application";
    LogoutExpired = "logout_expired": InvalidRequest, "OIDC RP-Initiated Logout §6", "the sign-out has taken too long; start again at the application";
    LogoutElsewhere = "logout_elsewhere": InvalidRequest, "OIDC RP-Initiated Logout §6", "the sign-out was begun in another browser";
    FramesTooMany = "frames_too_many": TemporarilyUnavailable, "OIDC Front-Channel Logout §3", "one page cannot tell so many clients";

    // Token endpoint
    GrantTypeMissing = "grant_type_missing": InvalidRequest, "RFC 6749 §4.1.3", "grant_type is missing";
    GrantTypeUnsupported = "grant_type_unsupported": UnsupportedGrantType, "RFC 6749 §5.2", "grant_type is not supported";
    GrantTypeNotAllowed = "grant_type_not_allowed": UnauthorizedClient, "RFC 6749 §5.2", "the client may not use this grant_type";
    CredentialsMissing = "credentials_missing": InvalidClient, "RFC 6749 §3.2.1", "the client did not identify itself";
    CredentialsMalformed = "credentials_malformed": InvalidClient, "RFC 6749 §2.3.1", "the client credentials are malformed";
    CredentialsTwice = "credentials_twice": InvalidRequest, "RFC 6749 §2.3", "the client used more than one authentication method";
    CredentialsWrong = "credentials_wrong": InvalidClient, "RFC 6749 §5.2", "client authentication failed";
    SecretHashesMissing = "secret_hashes_missing": InvalidClient, "RFC 6749 §5.2", "client authentication failed";
    AssertionType = "assertion_type": InvalidClient, "RFC 7521 §4.2", "client_assertion_type is missing or not supported";
    AssertionInvalid = "assertion_invalid": InvalidClient, "RFC 7523 §3", "client authentication failed";
    AssertionReplayed = "assertion_replayed": InvalidClient, "RFC 7523 §3", "client authentication failed";
    ClientThrottled = "client_throttled": TemporarilyUnavailable, "RFC 6749 §2.3.1", "too many attempts; try again later";
    CodeMissing = "code_missing": InvalidRequest, "RFC 6749 §4.1.3", "code is missing";
    CodeUnknown = "code_unknown": InvalidGrant, "RFC 6749 §5.2", "the authorization code is not valid";
    CodeOfAnotherClient = "code_of_another_client": InvalidGrant, "RFC 6749 §4.1.3", "the authorization code is not valid";
    CodeExpired = "code_expired": InvalidGrant, "RFC 6749 §4.1.2", "the authorization code is not valid";
    CodeReplayed = "code_replayed": InvalidGrant, "RFC 6749 §4.1.2", "the authorization code is not valid";
    CodeRaced = "code_raced": InvalidGrant, "RFC 6749 §4.1.2", "the authorization code is not valid";
    RedirectUriDiffers = "redirect_uri_differs": InvalidGrant, "RFC 6749 §4.1.3", "redirect_uri is not that of the authorization request";
    VerifierMissing = "verifier_missing": InvalidGrant, "RFC 7636 §4.6", "code_verifier is missing";
    VerifierWrong = "verifier_wrong": InvalidGrant, "RFC 7636 §4.6", "code_verifier does not fit the code_challenge";
    VerifierUnexpected = "verifier_unexpected": InvalidGrant, "RFC 9700 §4.8.2", "code_verifier was sent, but the authorization request had no code_challenge";
    ResourceNotGranted = "resource_not_granted": InvalidTarget, "RFC 8707 §2.2", "resource is outside of what was granted";
    ScopeNotGranted = "scope_not_granted": InvalidScope, "RFC 6749 §6", "scope exceeds what was granted";
    ScopeNotAllowed = "scope_not_allowed": InvalidScope, "RFC 6749 §4.4.2", "scope exceeds what the client may have";
    RefreshTokenMissing = "refresh_token_missing": InvalidRequest, "RFC 6749 §6", "refresh_token is missing";
    RefreshTokenUnknown = "refresh_token_unknown": InvalidGrant, "RFC 6749 §5.2", "the refresh token is not valid";
    RefreshTokenOfAnotherClient = "refresh_token_of_another_client": InvalidGrant, "RFC 6749 §6", "the refresh token is not valid";
    RefreshTokenExpired = "refresh_token_expired": InvalidGrant, "RFC 6749 §5.2", "the refresh token is not valid";
    RefreshTokenReused = "refresh_token_reused": InvalidGrant, "RFC 9700 §4.14.2", "the refresh token is not valid";
    RefreshTokenRaced = "refresh_token_raced": InvalidGrant, "RFC 9700 §4.14.2", "the refresh token is not valid";
    RefreshTokenLate = "refresh_token_late": InvalidGrant, "RFC 9700 §4.14.2", "the refresh token is not valid";
    RefreshNotAllowed = "refresh_not_allowed": InvalidGrant, "RFC 6749 §5.2", "the refresh token is not valid";
    StoreWentBack = "store_went_back": InvalidGrant, "RFC 6749 §5.2", "the refresh token is not valid";
    GrantRevoked = "grant_revoked": InvalidGrant, "RFC 6749 §5.2", "the grant is no longer valid";
    ClientChanged = "client_changed": InvalidGrant, "RFC 6749 §5.2", "the grant is no longer valid";
    SubjectChanged = "subject_changed": InvalidGrant, "RFC 6749 §5.2", "the grant is no longer valid";
    SubjectInactive = "subject_inactive": InvalidGrant, "RFC 6749 §5.2", "the grant is no longer valid";
    ConsentWithdrawn = "consent_withdrawn": InvalidGrant, "RFC 6749 §5.2", "the grant is no longer valid";
    SessionEnded = "session_ended": InvalidGrant, "RFC 6749 §5.2", "the grant is no longer valid";

    UsernameMissing = "username_missing": InvalidRequest, "RFC 6749 §4.3.2", "username is missing";
    PasswordMissing = "password_missing": InvalidRequest, "RFC 6749 §4.3.2", "password is missing";
    PasswordWrong = "password_wrong": InvalidGrant, "RFC 6749 §5.2", "the credentials of the end user are not valid";
    OwnerInactive = "owner_inactive": UnauthorizedClient, "RFC 6749 §5.2", "the client may not act for itself now";
    GrantAssertionMissing = "grant_assertion_missing": InvalidRequest, "RFC 7521 §4.1", "assertion is missing";
    GrantAssertionInvalid = "grant_assertion_invalid": InvalidGrant, "RFC 7523 §3.1", "the assertion is not valid";
    GrantAssertionReplayed = "grant_assertion_replayed": InvalidGrant, "RFC 7523 §3", "the assertion is not valid";
    ConsentNotGiven = "consent_not_given": InvalidGrant, "RFC 6749 §5.2", "the end user has not agreed to what is asked for";
    ExtensionRefused = "extension_refused": InvalidGrant, "RFC 6749 §5.2", "the grant is not valid";
    SubjectTokenMissing = "subject_token_missing": InvalidRequest, "RFC 8693 §2.1", "subject_token or subject_token_type is missing";
    SubjectTokenInvalid = "subject_token_invalid": InvalidRequest, "RFC 8693 §2.2.2", "subject_token is not valid, or speaks of nobody";
    ActorTokenInvalid = "actor_token_invalid": InvalidRequest, "RFC 8693 §2.2.2", "actor_token is not valid, or comes without its type";
    ActorsTooMany = "actors_too_many": InvalidRequest, "RFC 8693 §4.1", "the chain of actors is too long";
    TokenTypeUnsupported = "token_type_unsupported": InvalidRequest, "RFC 8693 §2.1", "this type of token cannot be exchanged here";
    ExchangeRefused = "exchange_refused": InvalidRequest, "RFC 8693 §2.2.2", "the client may not exchange this token";

    // Introspection, revocation
    TokenMissing = "token_missing": InvalidRequest, "RFC 7662 §2.1, RFC 7009 §2.1", "token is missing";
    IntrospectionOfPublicClient = "introspection_of_public_client": InvalidClient, "RFC 7662 §2.1", "client authentication is required";

    // Registration
    RegistrationMalformed = "registration_malformed": InvalidClientMetadata, "RFC 7591 §3.1", "the body must be one JSON object, in which no member is repeated";
    MetadataInvalid = "metadata_invalid": InvalidClientMetadata, "RFC 7591 §3.2.2", "the client metadata are not valid";
    RedirectUriUnregistrable = "redirect_uri_unregistrable": InvalidRedirectUri, "RFC 7591 §3.2.2", "a redirect URI cannot be registered";
    StatementInvalid = "statement_invalid": InvalidSoftwareStatement, "RFC 7591 §3.2.2", "the software statement is not valid";
    StatementUnapproved = "statement_unapproved": UnapprovedSoftwareStatement, "RFC 7591 §3.2.2", "the software statement is not approved here";
    StatementMissing = "statement_missing": UnapprovedSoftwareStatement, "RFC 7591 §2.3", "a software statement is needed here";
    RegistrationDenied = "registration_denied": AccessDenied, "RFC 7591 §3", "this client may not be registered here";
    RegistrationThrottled = "registration_throttled": TemporarilyUnavailable, "RFC 7591 §5", "too many clients are being registered; try again later";
    ClientDocumentInvalid = "client_document_invalid": InvalidClientMetadata, "OAuth Client ID Metadata Document §4", "what the client says of itself cannot be used";
    ClientDocumentFailed = "client_document_failed": TemporarilyUnavailable, "OAuth Client ID Metadata Document §4", "the service is temporarily unavailable";
    StorageSecretMissing = "storage_secret_missing": ServerError, "RFC 6749 §4.1.2.1", "the service met an internal error";

    // UserInfo
    BearerTwice = "bearer_twice": InvalidRequest, "RFC 6750 §2", "the access token was sent more than once";
    BearerInQuery = "bearer_in_query": InvalidRequest, "RFC 9700 §4.3.2", "the access token must not be sent in the URI";
    BearerMalformed = "bearer_malformed": InvalidRequest, "RFC 6750 §2.1", "the Authorization header is malformed";
    BearerInvalid = "bearer_invalid": InvalidToken, "RFC 6750 §3.1", "the access token is not valid";
    BearerExpired = "bearer_expired": InvalidToken, "RFC 6750 §3.1", "the access token is not valid";
    OpenidScopeMissing = "openid_scope_missing": InsufficientScope, "OIDC Core §5.3", "the access token lacks the scope openid";

    // WebFinger
    WebFingerResource = "webfinger_resource": InvalidRequest, "RFC 7033 §4.2", "resource is missing or malformed";

    // Back-channel logout
    LogoutDelayed = "logout_delayed": InvalidRequest, "OIDC Back-Channel Logout §2.5", "the client could not be told of a logout yet";
    LogoutGivenUp = "logout_given_up": InvalidRequest, "OIDC Back-Channel Logout §2.5", "the client could not be told of a logout";

    // Resource servers
    BearerAudience = "bearer_audience": InvalidToken, "RFC 9068 §4", "the access token is not valid";
    BearerBound = "bearer_bound": InvalidToken, "RFC 9449 §7.2", "the access token is not valid";
    ScopeInsufficient = "scope_insufficient": InsufficientScope, "RFC 6750 §3.1", "the access token lacks a scope that is needed here";
    AuthenticationInsufficient = "authentication_insufficient": InsufficientUserAuthentication, "RFC 9470 §3", "a stronger or more recent authentication is needed here";
    IssuerUnavailable = "issuer_unavailable": TemporarilyUnavailable, "RFC 9110 §15.6.4", "the service is temporarily unavailable";
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6749 §4.1.2.1, §5.2: %x20-21 / %x23-5B / %x5D-7E; property P-06.
    #[test]
    fn descriptions_keep_to_the_charset_and_codes_are_unique() {
        for (i, reason) in Reason::ALL.iter().enumerate() {
            let ok = |b: u8| matches!(b, 0x20..=0x21 | 0x23..=0x5B | 0x5D..=0x7E);
            assert!(reason.description().bytes().all(ok), "{reason:?}");
            assert!(!Reason::ALL[..i].iter().any(|other| other.code() == reason.code()));
        }
    }
}
