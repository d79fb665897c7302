//! By which name a client knows a person ([OIDC Core §8]).
//!
//! [OIDC Core §8]: https://openid.net/specs/openid-connect-core-1_0.html#SubjectIDTypes

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac;

use crate::{
    client::{Client, SubjectType},
    error::{Failure, HostError, Reason},
    provider::Core,
    types::Subject,
};

/// The salt of pairwise names, ready for use.
pub(crate) struct Pairwise(hmac::Key);

impl Pairwise {
    pub(crate) fn new(salt: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, salt))
    }

    /// `base64url(HMAC-SHA256(salt, length of sector ‖ sector ‖ subject))`: the same for all clients
    /// of a sector, and for others not to be joined or turned back without the salt
    /// ([OIDC Core §8.1]).
    ///
    /// [OIDC Core §8.1]: https://openid.net/specs/openid-connect-core-1_0.html#PairwiseAlg
    fn name(&self, sector: &str, subject: &Subject) -> Result<Subject, Failure> {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(&(sector.len() as u64).to_be_bytes());
        context.update(sector.as_bytes());
        context.update(subject.as_str().as_bytes());
        let name = URL_SAFE_NO_PAD.encode(context.sign());
        Subject::new(name).map_err(|cause| HostError::from(cause).into())
    }
}

/// The `sub` of a person at a client.
pub(crate) fn sub(core: &Core, client: &Client, subject: &Subject) -> Result<Subject, Failure> {
    if client.metadata.subject_type == SubjectType::Public {
        return Ok(subject.clone());
    }
    let unfit = |what: &str| Failure::caused(Reason::ClientUnfit, what);
    let pairwise = core.pairwise.as_ref().ok_or_else(|| unfit("secrets.pairwise is not set"))?;
    let sector = client.metadata.sector().ok_or_else(|| unfit("the client has no sector"))?;
    pairwise.name(&sector, subject)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Threat TK-05: stable in a sector, different elsewhere, nothing without the salt.
    #[test]
    fn names_by_sector() {
        let salt = Pairwise::new(&[1; 32]);
        let alice = Subject::new("alice").unwrap();
        let name = |salt: &Pairwise, sector: &str, who: &Subject| salt.name(sector, who).unwrap();
        let known = name(&salt, "a.example", &alice);
        assert_eq!(known, name(&salt, "a.example", &alice));
        assert_eq!(known.as_str().len(), 43);
        for other in [
            name(&salt, "b.example", &alice),
            name(&salt, "a.example", &Subject::new("bob").unwrap()),
            name(&Pairwise::new(&[2; 32]), "a.example", &alice),
            name(&salt, "a.exampl", &Subject::new("ealice").unwrap()),
            alice,
        ] {
            assert_ne!(known, other);
        }
    }
}
