use std::{borrow::Borrow, fmt};

use serde::{Deserialize, Serialize};

/// A name that breaks the rules of its kind; the text says which rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidIdentifier(&'static str);

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $valid:path) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Box<str>);

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(crate::types::text::Text(|text: &str| {
                    $valid(text)?;
                    Ok::<_, InvalidIdentifier>(Self(text.into()))
                }))
            }
        }

        impl $name {
            /// Checks the text and takes it as it is.
            ///
            /// # Errors
            ///
            /// The text breaks the rule above.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidIdentifier> {
                let text = text.into();
                $valid(&text)?;
                Ok(Self(text.into_boxed_str()))
            }

            /// The text as it was given.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidIdentifier;

            fn try_from(text: String) -> Result<Self, InvalidIdentifier> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0.into()
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                *self.0 == *other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                *self.0 == **other
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }
    };
}

identifier! {
    /// A client identifier: 1 to 512 visible ASCII characters or spaces ([RFC 6749 §A.1]).
    ///
    /// [RFC 6749 §A.1]: https://www.rfc-editor.org/rfc/rfc6749#appendix-A.1
    ClientId, client_id
}

identifier! {
    /// A subject: the host's stable, never reassigned name of one person, 1 to 255 visible ASCII
    /// characters ([OIDC Core §2]).
    ///
    /// [OIDC Core §2]: https://openid.net/specs/openid-connect-core-1_0.html#IDToken
    Subject, subject
}

identifier! {
    /// A resource indicator: an absolute URI without fragment ([RFC 8707 §2]), compared byte for byte: one
    /// with a slash at its end is another one.
    ///
    /// [RFC 8707 §2]: https://www.rfc-editor.org/rfc/rfc8707#section-2
    Resource, resource
}

fn client_id(text: &str) -> Result<(), InvalidIdentifier> {
    if text.is_empty() || text.len() > 512 || !text.bytes().all(|b| matches!(b, 0x20..=0x7E)) {
        return Err(InvalidIdentifier("a client_id is 1 to 512 printable ASCII characters"));
    }
    Ok(())
}

fn subject(text: &str) -> Result<(), InvalidIdentifier> {
    if text.is_empty() || text.len() > 255 || !text.bytes().all(|b| matches!(b, 0x21..=0x7E)) {
        return Err(InvalidIdentifier("a subject is 1 to 255 visible ASCII characters"));
    }
    Ok(())
}

fn resource(text: &str) -> Result<(), InvalidIdentifier> {
    let plain = text.bytes().all(|b| matches!(b, 0x21..=0x7E) && b != b'#');
    let absolute = plain && text.len() <= 512 && url::Url::parse(text).is_ok();
    if absolute {
        Ok(())
    } else {
        Err(InvalidIdentifier("a resource is an absolute URI without fragment"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules() {
        for (ok, text) in [(true, "a"), (true, "https://c.example/x y"), (false, ""), (false, "é")]
        {
            assert_eq!(ClientId::new(text).is_ok(), ok, "client_id {text:?}");
        }
        for (ok, text) in [(true, "248289761001"), (false, ""), (false, "a b"), (false, "ü")] {
            assert_eq!(Subject::new(text).is_ok(), ok, "subject {text:?}");
        }
        assert!(Subject::new("s".repeat(256)).is_err());
        for (ok, text) in [
            (true, "https://api.example/v1"),
            (true, "urn:example:api"),
            (false, "/relative"),
            (false, "https://api.example/#x"),
        ] {
            assert_eq!(Resource::new(text).is_ok(), ok, "resource {text:?}");
        }
    }
}
