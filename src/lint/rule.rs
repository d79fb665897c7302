use std::fmt;

/// How much a [finding](super::Finding) matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// A choice that is worth knowing of.
    Note,
    /// Weaker than what the specifications recommend.
    Warning,
    /// Something that cannot work as it is.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

macro_rules! rules {
    ($($name:ident = $code:literal: $severity:ident, $section:literal, $text:literal;)*) => {
        /// What [`Provider::lint`](crate::Provider::lint) looks for: the one table from a rule to what is said
        /// of it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum LintRule {
            $(#[doc = concat!("`", $code, "`: ", $text, " (", $section, ")")] $name,)*
        }

        impl LintRule {
            /// Every rule.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The stable name, for logs and for lists of what is accepted.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// How much it matters.
            pub const fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity,)* }
            }

            /// Where it is recommended otherwise.
            pub const fn section(self) -> &'static str {
                match self { $(Self::$name => $section,)* }
            }

            /// What is the matter, in a sentence.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

rules! {
    // The provider
    IssuerWithoutTls = "issuer_without_tls": Warning, "OIDC Discovery §4.3", "the issuer is an http address: fit for the machine that it runs on, and for nothing else";
    PkceOptional = "pkce_optional": Warning, "RFC 9700 §2.1.1", "confidential clients may do without PKCE";
    UnsignedAllowed = "unsigned_allowed": Warning, "RFC 8725 §3.2", "clients may have ID tokens, UserInfo and request objects with alg none";
    AudienceOfEndpoint = "audience_of_endpoint": Note, "RFC 7523bis", "client assertions may be meant for an endpoint instead of the issuer";
    LongAccessToken = "long_access_token": Note, "RFC 9700 §4.13", "access tokens live for more than an hour";
    OpenRegistration = "open_registration": Note, "RFC 7591 §5", "anybody may register a client, and no policy decides about it";
    OpenDocuments = "open_documents": Note, "OAuth Client ID Metadata Document §6", "anybody may be a client by a document of their own, and no policy decides about it";
    RegisteredGrants = "registered_grants": Warning, "RFC 7591 §5", "strangers may register for a grant by which a client acts for itself, and no policy decides about it";

    // Clients
    ClientUnreadable = "client_unreadable": Error, "RFC 6749 §2", "its record in the store cannot be read: it is damaged, of a newer release, or sealed by a storage secret that is not there";
    Misfit = "misfit": Error, "RFC 7591 §2", "has registered what this provider cannot serve";
    ImplicitTokens = "implicit_tokens": Warning, "RFC 9700 §2.1.2", "gets access tokens through the browser";
    PkceNotRequired = "pkce_not_required": Warning, "RFC 9700 §2.1.1", "may do without PKCE";
    PasswordGrant = "password_grant": Warning, "RFC 9700 §2.4", "may send people's passwords";
    PasswordGrantClosed = "password_grant_closed": Error, "RFC 9700 §2.4", "has registered the password grant, and no administrator lets it use it";
    UnsignedTokens = "unsigned_tokens": Warning, "RFC 8725 §3.2", "has registered alg none";
    LoopbackOfWebClient = "loopback_of_web_client": Warning, "OIDC Registration §2", "is a web client, and has a redirect URI on the person's own machine";
    PrivateUseScheme = "private_use_scheme": Note, "RFC 8252 §8.6", "has a redirect URI whose scheme any other app can take";
    SymmetricKeys = "symmetric_keys": Note, "RFC 8725 §3.5", "uses its secret as a key, so the provider has to keep it";
    SecretsExpired = "secrets_expired": Error, "RFC 7591 §3.2.1", "has no secret that has not expired";
    SecretExpires = "secret_expires": Note, "RFC 7591 §3.2.1", "has no secret that is good for longer than a week";
    RotationOff = "rotation_off": Note, "RFC 9700 §4.14.2", "its refresh tokens stay the same at each use";
    AudienceOfClient = "audience_of_client": Note, "RFC 7523bis", "its assertions may be meant for an endpoint instead of the issuer";
    UnknownResource = "unknown_resource": Error, "RFC 8707 §2", "is let use an API that is none of the resources";
    SelfManagedFirstParty = "self_managed_first_party": Warning, "RFC 7592 §5", "people are not asked for consent, and it can change its own redirect URIs";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique() {
        for (i, rule) in LintRule::ALL.iter().enumerate() {
            assert!(!LintRule::ALL[..i].iter().any(|other| other.code() == rule.code()));
        }
    }
}
