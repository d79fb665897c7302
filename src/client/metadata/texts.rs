//! How much a client may say.

use super::{ClientMetadata, InvalidMetadata};

/// More characters than a page shows of a name.
const NAME: usize = 256;
/// The longest address of a mailbox ([RFC 5321 §4.5.3.1.3]).
///
/// [RFC 5321 §4.5.3.1.3]: https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1.3
const CONTACT: usize = 254;

impl ClientMetadata {
    /// Whether there is no more of anything than somebody needs, and every text can be shown.
    pub(super) fn check_texts(&self) -> Result<(), InvalidMetadata> {
        for (member, many, most) in [
            ("grant_types", self.grant_types.len(), 32),
            ("response_types", self.response_types.len(), 32),
            ("contacts", self.contacts.len(), 20),
            ("default_acr_values", self.default_acr_values.len(), 20),
            ("request_uris", self.request_uris.len(), 100),
        ] {
            if many > most {
                return Err(InvalidMetadata::TooMany(member, most));
            }
        }
        if self.localised.len() > 100 {
            return Err(InvalidMetadata::Languages);
        }
        let names = [
            ("client_name", &self.client_name),
            ("software_id", &self.software_id),
            ("software_version", &self.software_version),
        ];
        let names = names.into_iter().filter_map(|(member, text)| Some((member, text.as_deref()?)));
        let acrs = self.default_acr_values.iter().map(|acr| ("default_acr_values", acr.as_str()));
        let contacts = self.contacts.iter().map(|contact| ("contacts", contact.as_str(), CONTACT));
        let names = names.chain(self.localised.names()).chain(acrs);
        let texts = names.map(|(member, text)| (member, text, NAME)).chain(contacts);
        for (member, text, longest) in texts {
            if text.chars().nth(longest).is_some() || text.chars().any(char::is_control) {
                return Err(InvalidMetadata::Text(member, longest));
            }
        }
        Ok(())
    }

    /// Whether a stranger may give itself these names: an administrator knows whom they name.
    pub(crate) fn check_names(&self) -> Result<(), InvalidMetadata> {
        let name = self.client_name.as_deref().map(|text| ("client_name", text));
        for (member, text) in name.into_iter().chain(self.localised.names()) {
            if text.chars().any(is_unseen) {
                return Err(InvalidMetadata::Text(member, NAME));
            }
        }
        Ok(())
    }
}

/// What nobody sees, and what turns around what stands beside it on a page ([Unicode TR 36]).
///
/// [Unicode TR 36]: https://www.unicode.org/reports/tr36/
fn is_unseen(character: char) -> bool {
    matches!(
        character,
        '\u{200b}'
            | '\u{200e}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}'
    )
}
