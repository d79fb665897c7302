/// Why a token was not accepted, or could not be made; for the operator, never for the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum JoseFault {
    /// Any anomaly of the compact form or of a header.
    #[error("the token is malformed")]
    Malformed,
    /// The algorithm is unknown, or does not go with the keys at hand.
    #[error("the algorithm is unknown, or not the one for these keys")]
    Algorithm,
    /// No key at hand could have made the token, or receive it.
    #[error("there is no suitable key")]
    Key,
    /// There are keys, and none of them made the signature.
    #[error("the signature is not right")]
    Signature,
    /// It cannot be decrypted, or encrypted; which step failed stays untold ([RFC 7516 §11.5]).
    ///
    /// [RFC 7516 §11.5]: https://www.rfc-editor.org/rfc/rfc7516#section-11.5
    #[error("the encryption failed")]
    Encryption,
    /// This claim of a verified token is not acceptable.
    #[error("the claim `{0}` is missing, mistyped, out of bounds or not the expected one")]
    Claims(&'static str),
}
