use crate::{
    mint::Shape,
    types::{KeyManagementAlgorithm, SigningAlgorithm},
};

/// `kty` and `crv`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyKind {
    Rsa,
    P256,
    P384,
    P521,
    Secp256k1,
    Ed25519,
    X25519,
}

impl KeyKind {
    pub(super) fn of(kty: &str, crv: Option<&str>) -> Option<Self> {
        Some(match (kty, crv) {
            ("RSA", _) => Self::Rsa,
            ("EC", Some("P-256")) => Self::P256,
            ("EC", Some("P-384")) => Self::P384,
            ("EC", Some("P-521")) => Self::P521,
            ("EC", Some("secp256k1")) => Self::Secp256k1,
            ("OKP", Some("Ed25519")) => Self::Ed25519,
            ("OKP", Some("X25519")) => Self::X25519,
            _ => return None,
        })
    }

    pub(super) const fn kty(self) -> &'static str {
        match self {
            Self::Rsa => "RSA",
            Self::P256 | Self::P384 | Self::P521 | Self::Secp256k1 => "EC",
            Self::Ed25519 | Self::X25519 => "OKP",
        }
    }

    pub(super) const fn shape(self) -> Shape {
        match self {
            Self::Rsa => Shape::RSA,
            Self::P256 => Shape::ec("P-256", 32),
            Self::P384 => Shape::ec("P-384", 48),
            Self::P521 => Shape::ec("P-521", 66),
            Self::Secp256k1 => Shape::ec("secp256k1", 32),
            Self::Ed25519 => Shape::okp("Ed25519"),
            Self::X25519 => Shape::okp("X25519"),
        }
    }

    pub(super) fn verifies(self, algorithm: SigningAlgorithm) -> bool {
        use SigningAlgorithm::{
            ES256, ES256K, ES384, ES512, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512,
        };
        match algorithm {
            RS256 | RS384 | RS512 | PS256 | PS384 | PS512 => self == Self::Rsa,
            ES256 => self == Self::P256,
            ES384 => self == Self::P384,
            ES512 => self == Self::P521,
            ES256K => self == Self::Secp256k1,
            EdDSA => self == Self::Ed25519,
        }
    }

    pub(super) fn receives(self, algorithm: KeyManagementAlgorithm) -> bool {
        use KeyManagementAlgorithm::{
            EcdhEs, EcdhEsA128Kw, EcdhEsA192Kw, EcdhEsA256Kw, RsaOaep, RsaOaep256,
        };
        match algorithm {
            RsaOaep | RsaOaep256 => self == Self::Rsa,
            EcdhEs | EcdhEsA128Kw | EcdhEsA192Kw | EcdhEsA256Kw => {
                matches!(self, Self::P256 | Self::P384 | Self::P521 | Self::X25519)
            }
            _ => false,
        }
    }
}
