use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::UnknownAlgorithm;

macro_rules! algorithms {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// Every algorithm, in the order in which metadata lists them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name in the JOSE registry.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownAlgorithm;

            fn from_str(text: &str) -> Result<Self, UnknownAlgorithm> {
                Self::ALL.iter().copied().find(|alg| alg.as_str() == text).ok_or(UnknownAlgorithm)
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(super::text::Text(str::parse))
            }
        }
    };
}

algorithms! {
    /// How the key of an encrypted JWT reaches its reader: the `alg` of a JWE ([RFC 7518 §4.1]).
    ///
    /// `RSA1_5` and PBES2 are not offered ([RFC 8725 §3.2]).
    ///
    /// [RFC 7518 §4.1]: https://www.rfc-editor.org/rfc/rfc7518#section-4.1
    /// [RFC 8725 §3.2]: https://www.rfc-editor.org/rfc/rfc8725#section-3.2
    KeyManagementAlgorithm {
        /// RSAES-OAEP with SHA-1, which is safe in this place.
        RsaOaep = "RSA-OAEP",
        /// RSAES-OAEP with SHA-256.
        RsaOaep256 = "RSA-OAEP-256",
        /// Diffie-Hellman on an elliptic curve; the agreed key encrypts the content.
        EcdhEs = "ECDH-ES",
        /// Diffie-Hellman, then AES key wrap with 128 bits.
        EcdhEsA128Kw = "ECDH-ES+A128KW",
        /// Diffie-Hellman, then AES key wrap with 192 bits.
        EcdhEsA192Kw = "ECDH-ES+A192KW",
        /// Diffie-Hellman, then AES key wrap with 256 bits.
        EcdhEsA256Kw = "ECDH-ES+A256KW",
        /// AES key wrap with 128 bits of the client's secret.
        A128Kw = "A128KW",
        /// AES key wrap with 192 bits of the client's secret.
        A192Kw = "A192KW",
        /// AES key wrap with 256 bits of the client's secret.
        A256Kw = "A256KW",
        /// AES-GCM with 128 bits of the client's secret.
        A128GcmKw = "A128GCMKW",
        /// AES-GCM with 192 bits of the client's secret.
        A192GcmKw = "A192GCMKW",
        /// AES-GCM with 256 bits of the client's secret.
        A256GcmKw = "A256GCMKW",
        /// The client's secret itself encrypts the content.
        Dir = "dir",
    }
}

impl KeyManagementAlgorithm {
    /// Whether the key comes from the client's secret ([OIDC Core §10.2]).
    ///
    /// [OIDC Core §10.2]: https://openid.net/specs/openid-connect-core-1_0.html#Encryption
    pub const fn is_symmetric(self) -> bool {
        matches!(
            self,
            Self::A128Kw
                | Self::A192Kw
                | Self::A256Kw
                | Self::A128GcmKw
                | Self::A192GcmKw
                | Self::A256GcmKw
                | Self::Dir
        )
    }
}

algorithms! {
    /// How the content of a JWT is encrypted: the `enc` of a JWE ([RFC 7518 §5.1]).
    ///
    /// [RFC 7518 §5.1]: https://www.rfc-editor.org/rfc/rfc7518#section-5.1
    ContentEncryption {
        /// AES-CBC with 128 bits and HMAC-SHA-256; what holds when a client names none.
        A128CbcHs256 = "A128CBC-HS256",
        /// AES-CBC with 192 bits and HMAC-SHA-384.
        A192CbcHs384 = "A192CBC-HS384",
        /// AES-CBC with 256 bits and HMAC-SHA-512.
        A256CbcHs512 = "A256CBC-HS512",
        /// AES-GCM with 128 bits.
        A128Gcm = "A128GCM",
        /// AES-GCM with 192 bits.
        A192Gcm = "A192GCM",
        /// AES-GCM with 256 bits.
        A256Gcm = "A256GCM",
    }
}

impl Default for ContentEncryption {
    /// [OIDC Dynamic Client Registration §2].
    ///
    /// [OIDC Dynamic Client Registration §2]: https://openid.net/specs/openid-connect-registration-1_0.html#ClientMetadata
    fn default() -> Self {
        Self::A128CbcHs256
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_nothing_weak_is_known() {
        for alg in KeyManagementAlgorithm::ALL {
            assert_eq!(alg.as_str().parse(), Ok(*alg));
        }
        for enc in ContentEncryption::ALL {
            assert_eq!(enc.as_str().parse(), Ok(*enc));
        }
        for wrong in ["RSA1_5", "PBES2-HS256+A128KW", "rsa-oaep", "none", ""] {
            assert_eq!(wrong.parse::<KeyManagementAlgorithm>(), Err(UnknownAlgorithm), "{wrong}");
        }
    }
}
