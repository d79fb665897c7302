use std::{borrow::Cow, fmt};

use josekit::jwe::{JweDecrypter, JweHeader};
use serde_json::Value;

use super::{
    DecryptionKeys, JoseFault,
    compact::{self, Header},
    content::{self, Sealed},
    key_kind::KeyKind,
    shared_secret,
};
use crate::{
    env::{Entropy, SystemEntropy},
    types::{ContentEncryption, KeyManagementAlgorithm},
};

/// An encrypted JWT in compact form, taken apart ([RFC 7516 §5.2]).
///
/// What is inside has no sender: anybody can encrypt to a public key (threat JW-10).
///
/// [RFC 7516 §5.2]: https://www.rfc-editor.org/rfc/rfc7516#section-5.2
pub(crate) struct Jwe<'t> {
    algorithm: KeyManagementAlgorithm,
    encryption: ContentEncryption,
    kid: Option<String>,
    content_type: Option<String>,
    header: Header,
    authenticated: &'t str,
    encrypted_key: Vec<u8>,
    iv: Vec<u8>,
    ciphertext: Vec<u8>,
    tag: Vec<u8>,
}

impl<'t> Jwe<'t> {
    /// `zip` is refused, since a small text could inflate to a huge one (threat JW-07), and with
    /// PBES2 the sender would say how long the recipient computes (threat JW-08).
    pub(crate) fn parse(text: &'t str) -> Result<Self, JoseFault> {
        let [authenticated, encrypted_key, iv, ciphertext, tag] = compact::parts(text)?;
        let header = Header::parse(authenticated)?;
        header.text("typ")?;
        if header.get("zip").is_some() {
            return Err(JoseFault::Malformed);
        }
        Ok(Self {
            algorithm: header.algorithm("alg")?,
            encryption: header.algorithm("enc")?,
            kid: header.text("kid")?.map(str::to_owned),
            content_type: header.text("cty")?.map(str::to_owned),
            header,
            authenticated,
            encrypted_key: compact::decode(encrypted_key)?,
            iv: compact::decode(iv)?,
            ciphertext: compact::decode(ciphertext)?,
            tag: compact::decode(tag)?,
        })
    }

    pub(crate) fn algorithm(&self) -> KeyManagementAlgorithm {
        self.algorithm
    }

    pub(crate) fn encryption(&self) -> ContentEncryption {
        self.encryption
    }

    pub(crate) fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    pub(crate) fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// The plain text, if one of the provider's keys, or for symmetric algorithms one of the
    /// secrets, opens it. Every failure is the same one ([RFC 7516 §11.5]; threat JW-09).
    ///
    /// [RFC 7516 §11.5]: https://www.rfc-editor.org/rfc/rfc7516#section-11.5
    pub(crate) fn decrypt(
        &self,
        own: Option<&DecryptionKeys>,
        secrets: &[&[u8]],
    ) -> Result<Vec<u8>, JoseFault> {
        let plain = if self.algorithm.is_symmetric() {
            secrets.iter().find_map(|secret| {
                let key = shared_secret::key(self.algorithm, self.encryption, secret)?;
                let decrypter = shared_secret::decrypter(self.algorithm, &key)?;
                self.open(&*decrypter, None)
            })
        } else {
            let mut keys = own.iter().flat_map(|own| own.receiving(self.algorithm, self.kid()));
            keys.find_map(|key| self.open(key.decrypter(), Some(key.kind())))
        };
        plain.ok_or(JoseFault::Encryption)
    }

    pub(super) fn open(&self, with: &dyn JweDecrypter, kind: Option<KeyKind>) -> Option<Vec<u8>> {
        let Self { encryption, iv, ciphertext, tag, .. } = self;
        let header = self.authenticated.as_bytes();
        let sealed = Sealed { header, iv, ciphertext, tag };
        if !sealed.has_right_sizes(*encryption) || !self.encrypted_key_has_right_size() {
            return None;
        }
        let size = content::key_size(*encryption);
        let mut key = vec![0; size];
        SystemEntropy::new().fill(&mut key).ok()?;
        // RFC 7516 §11.5: where the key is wrong, a random one takes as long to fail.
        if let Some(unwrapped) = self.unwrap(with, kind).filter(|key| key.len() == size) {
            key = unwrapped;
        }
        sealed.open(*encryption, &key)
    }

    fn encrypted_key_has_right_size(&self) -> bool {
        use KeyManagementAlgorithm::{
            A128GcmKw, A128Kw, A192GcmKw, A192Kw, A256GcmKw, A256Kw, Dir, EcdhEs, EcdhEsA128Kw,
            EcdhEsA192Kw, EcdhEsA256Kw, RsaOaep, RsaOaep256,
        };
        let (found, key) = (self.encrypted_key.len(), content::key_size(self.encryption));
        match self.algorithm {
            Dir | EcdhEs => found == 0,
            A128Kw | A192Kw | A256Kw | EcdhEsA128Kw | EcdhEsA192Kw | EcdhEsA256Kw => {
                found == key + 8
            }
            A128GcmKw | A192GcmKw | A256GcmKw => found == key,
            // The modulus; OpenSSL compares it.
            RsaOaep | RsaOaep256 => (256..=1024).contains(&found),
        }
    }

    /// The key of the content.
    fn unwrap(&self, with: &dyn JweDecrypter, kind: Option<KeyKind>) -> Option<Vec<u8>> {
        let header = self.agreement(kind)?;
        let encrypted = Some(&*self.encrypted_key).filter(|key| !key.is_empty());
        let key = with.decrypt(encrypted, content::algorithm(self.encryption), &header);
        key.ok().map(Cow::into_owned)
    }

    /// What josekit may see of the header: what the algorithm needs, each member checked.
    fn agreement(&self, kind: Option<KeyKind>) -> Option<JweHeader> {
        let mut header = JweHeader::new();
        let mut copy = |name: &str, size: Option<usize>| {
            let Some(text) = self.header.text(name).ok()? else {
                return size.is_none().then_some(());
            };
            let bytes = compact::decode(text).ok()?;
            let right = size.is_none_or(|size| bytes.len() == size);
            right.then(|| header.set_claim(name, Some(text.into())).ok())?
        };
        if let Some(kind) = kind.filter(|kind| *kind != KeyKind::Rsa) {
            copy("apu", None)?;
            copy("apv", None)?;
            let epk = kind.shape().public(self.header.get("epk")?.as_object()?).ok()?;
            header.set_claim("epk", Some(Value::Object(epk))).ok()?;
        } else if self.is_wrapped_with_gcm() {
            copy("iv", Some(12))?;
            copy("tag", Some(16))?;
        }
        Some(header)
    }

    fn is_wrapped_with_gcm(&self) -> bool {
        use KeyManagementAlgorithm::{A128GcmKw, A192GcmKw, A256GcmKw};
        matches!(self.algorithm, A128GcmKw | A192GcmKw | A256GcmKw)
    }
}

/// Without what is encrypted.
impl fmt::Debug for Jwe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { algorithm, encryption, kid, .. } = self;
        f.debug_struct("Jwe")
            .field("algorithm", algorithm)
            .field("encryption", encryption)
            .field("kid", kid)
            .finish_non_exhaustive()
    }
}
