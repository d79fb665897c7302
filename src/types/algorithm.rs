use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A JWS signature algorithm with an asymmetric key ([RFC 7518 §3.1], [RFC 8037 §3.1]).
///
/// [RFC 7518 §3.1]: https://www.rfc-editor.org/rfc/rfc7518#section-3.1
/// [RFC 8037 §3.1]: https://www.rfc-editor.org/rfc/rfc8037#section-3.1
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub enum SigningAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256; every OpenID Provider has it (OIDC Core §15.1).
    RS256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RS384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RS512,
    /// RSASSA-PSS with SHA-256.
    PS256,
    /// RSASSA-PSS with SHA-384.
    PS384,
    /// RSASSA-PSS with SHA-512.
    PS512,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// ECDSA on P-521 with SHA-512.
    ES512,
    /// ECDSA on secp256k1 with SHA-256 ([RFC 8812 §3.2]).
    ///
    /// [RFC 8812 §3.2]: https://www.rfc-editor.org/rfc/rfc8812#section-3.2
    ES256K,
    /// Ed25519.
    EdDSA,
}

impl SigningAlgorithm {
    /// Every algorithm, in the order in which metadata lists them.
    pub const ALL: [Self; 11] = [
        Self::RS256,
        Self::RS384,
        Self::RS512,
        Self::PS256,
        Self::PS384,
        Self::PS512,
        Self::ES256,
        Self::ES384,
        Self::ES512,
        Self::ES256K,
        Self::EdDSA,
    ];

    /// The name in the JOSE registry, as in `alg`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::RS384 => "RS384",
            Self::RS512 => "RS512",
            Self::PS256 => "PS256",
            Self::PS384 => "PS384",
            Self::PS512 => "PS512",
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::ES512 => "ES512",
            Self::ES256K => "ES256K",
            Self::EdDSA => "EdDSA",
        }
    }
}

impl fmt::Display for SigningAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SigningAlgorithm {
    type Err = UnknownAlgorithm;

    fn from_str(text: &str) -> Result<Self, UnknownAlgorithm> {
        Self::ALL.into_iter().find(|alg| alg.as_str() == text).ok_or(UnknownAlgorithm)
    }
}

/// The name is not that of an algorithm which the crate has for the purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown or unsupported algorithm")]
pub struct UnknownAlgorithm;

/// A JWS algorithm keyed with a client's secret ([RFC 7518 §3.2]).
///
/// [RFC 7518 §3.2]: https://www.rfc-editor.org/rfc/rfc7518#section-3.2
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MacAlgorithm {
    /// HMAC with SHA-256; needs a secret of 32 bytes.
    HS256,
    /// HMAC with SHA-384; needs a secret of 48 bytes.
    HS384,
    /// HMAC with SHA-512; needs a secret of 64 bytes.
    HS512,
}

impl MacAlgorithm {
    /// Every algorithm, in the order in which metadata lists them.
    pub const ALL: [Self; 3] = [Self::HS256, Self::HS384, Self::HS512];

    /// The name in the JOSE registry, as in `alg`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HS256 => "HS256",
            Self::HS384 => "HS384",
            Self::HS512 => "HS512",
        }
    }

    /// The least number of bytes of a secret: the size of the hash ([RFC 7518 §3.2]).
    ///
    /// [RFC 7518 §3.2]: https://www.rfc-editor.org/rfc/rfc7518#section-3.2
    pub const fn secret_size(self) -> usize {
        match self {
            Self::HS256 => 32,
            Self::HS384 => 48,
            Self::HS512 => 64,
        }
    }
}

/// How a JWT between the provider and a client is secured: the `alg` that a client may register
/// ([OIDC Dynamic Client Registration §2]).
///
/// ```
/// use oidc_op::{JwsAlgorithm, SigningAlgorithm};
///
/// assert_eq!("ES256".parse(), Ok(JwsAlgorithm::Signature(SigningAlgorithm::ES256)));
/// assert_eq!("none".parse(), Ok(JwsAlgorithm::None));
/// ```
///
/// [OIDC Dynamic Client Registration §2]: https://openid.net/specs/openid-connect-registration-1_0.html#ClientMetadata
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JwsAlgorithm {
    /// Not at all ([RFC 7515 §A.5]): only where the host's policy allows it.
    ///
    /// [RFC 7515 §A.5]: https://www.rfc-editor.org/rfc/rfc7515#appendix-A.5
    None,
    /// With the client's secret.
    Mac(MacAlgorithm),
    /// With a private key.
    Signature(SigningAlgorithm),
}

impl JwsAlgorithm {
    /// The name in the JOSE registry, as in `alg`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Mac(mac) => mac.as_str(),
            Self::Signature(signature) => signature.as_str(),
        }
    }

    /// Every algorithm but `none`, in the order in which metadata lists them.
    pub(crate) fn signed() -> impl Iterator<Item = Self> {
        let signatures = SigningAlgorithm::ALL.into_iter().map(Self::Signature);
        signatures.chain(MacAlgorithm::ALL.into_iter().map(Self::Mac))
    }
}

impl From<SigningAlgorithm> for JwsAlgorithm {
    fn from(algorithm: SigningAlgorithm) -> Self {
        Self::Signature(algorithm)
    }
}

impl fmt::Display for JwsAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for JwsAlgorithm {
    type Err = UnknownAlgorithm;

    fn from_str(text: &str) -> Result<Self, UnknownAlgorithm> {
        let known = Self::signed().chain([Self::None]);
        known.into_iter().find(|alg| alg.as_str() == text).ok_or(UnknownAlgorithm)
    }
}

impl Serialize for JwsAlgorithm {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for JwsAlgorithm {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(super::text::Text(str::parse))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_are_case_sensitive() {
        for alg in SigningAlgorithm::ALL {
            assert_eq!(alg.as_str().parse(), Ok(alg));
        }
        assert_eq!("rs256".parse::<SigningAlgorithm>(), Err(UnknownAlgorithm));
        assert_eq!("none".parse::<SigningAlgorithm>(), Err(UnknownAlgorithm));
        for alg in JwsAlgorithm::signed().chain([JwsAlgorithm::None]) {
            assert_eq!(alg.as_str().parse(), Ok(alg));
        }
        for wrong in ["hs256", "None", "NONE", "", "RS256 "] {
            assert_eq!(wrong.parse::<JwsAlgorithm>(), Err(UnknownAlgorithm), "{wrong}");
        }
    }
}
