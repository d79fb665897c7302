use crate::{
    client::Client,
    error::{Failure, Reason},
    grant::ConsentBasis,
    provider::Core,
    session::Consent,
    types::{Scope, Subject, Timestamp},
};

/// What a person has said before of a client: nobody can be asked at the token endpoint.
pub(super) struct Said {
    consent: Option<Consent>,
}

impl Said {
    pub(super) async fn load(
        core: &Core,
        client: &Client,
        subject: &Subject,
        now: Timestamp,
    ) -> Result<Self, Failure> {
        let key = Consent::key(&core.config.issuer, subject, &client.id);
        let consent = core.load::<Consent>(&key).await?.map(|loaded| loaded.body);
        Ok(Self { consent: consent.filter(|consent| consent.live(now)) })
    }

    /// The claims that they keep back, whatever the grant: what was once kept back still is.
    pub(super) fn refused(&self) -> Vec<Box<str>> {
        self.consent.as_ref().map(|consent| consent.refused().to_vec()).unwrap_or_default()
    }

    /// What a grant of this scope may stand on: the word of an administrator for a client of the first
    /// party, or else a consent that covers it. A public client can be imitated, so nothing that was
    /// agreed to before serves it unseen ([RFC 8252 §8.6]).
    ///
    /// [RFC 8252 §8.6]: https://www.rfc-editor.org/rfc/rfc8252#section-8.6
    pub(super) fn basis(
        &self,
        core: &Core,
        client: &Client,
        scope: &Scope,
        now: Timestamp,
    ) -> Result<ConsentBasis, Reason> {
        if client.first_party {
            return Ok(ConsentBasis::Exempt);
        }
        let covers = |consent: &&Consent| {
            !client.is_public()
                && consent.covers(client, scope, core.config.claims.claims_of(scope), now)
        };
        let consent = self.consent.as_ref().filter(covers);
        let consent = consent.ok_or(Reason::ConsentNotGiven)?;
        Ok(ConsentBasis::Remembered(consent.epoch()))
    }
}
