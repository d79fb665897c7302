use std::error::Error;

/// Keys could not be made or loaded.
///
/// Its text says where to look and never repeats anything of a key but names of members.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The text is not JSON.
    #[error("not JSON: line {line}, column {column}")]
    NotJson {
        /// Where the parser stopped, counted from 1.
        line: usize,
        /// Where in that line.
        column: usize,
    },
    /// The JSON is neither a JWK Set nor a JWK ([RFC 7517 §5]).
    ///
    /// [RFC 7517 §5]: https://www.rfc-editor.org/rfc/rfc7517#section-5
    #[error("neither a JWK Set nor a JWK")]
    NotAKeySet,
    /// One key of the set cannot be used.
    #[error("key {position} of the set: {problem}")]
    Refused {
        /// Which key, counted from 1.
        position: usize,
        /// What is wrong with it.
        problem: KeyProblem,
    },
    /// A set of public keys with more than 32 of them.
    #[error("more than 32 keys")]
    TooMany,
    /// A fresh key could not be made, for want of randomness perhaps.
    #[error("the key could not be generated")]
    Generate(#[source] Box<dyn Error + Send + Sync>),
}

/// What is wrong with one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyProblem {
    /// It is not a JSON object.
    #[error("not a JSON object")]
    NotAnObject,
    /// A symmetric key (`oct`): whoever checks a signature with it could make one too.
    #[error("a symmetric key cannot sign for everybody")]
    Symmetric,
    /// `alg` is absent, or not one of [`SigningAlgorithm::ALL`](crate::SigningAlgorithm::ALL).
    #[error("`alg` is missing, unknown or unsupported")]
    Algorithm,
    /// `kty` or `crv` belongs to another algorithm.
    #[error("`alg` does not fit `kty` and `crv`")]
    KeyType,
    /// `use` is not `sig`, or `key_ops` lacks `sign` ([RFC 7517 §4.2]).
    ///
    /// [RFC 7517 §4.2]: https://www.rfc-editor.org/rfc/rfc7517#section-4.2
    #[error("`use` or `key_ops` says that the key does not sign")]
    Use,
    /// A private member is absent; an RSA key needs all of `d`, `p`, `q`, `dp`, `dq` and `qi`.
    #[error("the private member `{0}` is missing")]
    NotPrivate(&'static str),
    /// A private member in a set of public keys: the key is no secret any more.
    #[error("the private member `{0}` in a set of public keys")]
    Private(&'static str),
    /// `use`, `key_ops`, `alg` and `crv` do not say the same of what the key is for ([RFC 7517 §4.3]).
    ///
    /// [RFC 7517 §4.3]: https://www.rfc-editor.org/rfc/rfc7517#section-4.3
    #[error("`use`, `key_ops`, `alg` and `crv` contradict each other")]
    Conflict,
    /// A member is absent, not of its type, not base64url, or not of the right length.
    #[error("the member `{0}` is missing or malformed")]
    Member(&'static str),
    /// An RSA key of less than 2048 bits ([RFC 7518 §3.3]).
    ///
    /// [RFC 7518 §3.3]: https://www.rfc-editor.org/rfc/rfc7518#section-3.3
    #[error("an RSA key has at least 2048 bits")]
    TooShort,
    /// A public RSA key of more than 8192 bits, or with an exponent of more than 32: only slow.
    #[error("an RSA key has at most 8192 bits, and its exponent at most 32")]
    TooLong,
    /// An RSA exponent that is 1 or even.
    #[error("an RSA exponent is odd and greater than 1")]
    Exponent,
    /// The private part does not fit the public part, or the point is not on the curve.
    #[error("the members do not form a key pair")]
    NotAPair,
    /// The members of a public key are not a point on the curve.
    #[error("the members are not a point on the curve")]
    OffCurve,
    /// An earlier key of the set has the same `kid`.
    #[error("the `kid` is that of an earlier key")]
    DuplicateKid,
    /// An earlier key of the set is the same key: one key has one algorithm ([RFC 8725 §3.1]).
    ///
    /// [RFC 8725 §3.1]: https://www.rfc-editor.org/rfc/rfc8725#section-3.1
    #[error("an earlier entry has the same key")]
    Reused,
    /// The times are not whole seconds, or not in the order of a key's life.
    #[error(
        "`announced_at`, `active_at`, `retiring_at` and `removed_at` are seconds in this order"
    )]
    Schedule,
}
