//! What becomes of a client: rules only, nothing is written here.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use oidc_op::{
    AuthMethod, Client, ClientId, ClientMetadata, Clock, Entropy, InvalidMetadata, Misfit,
    Provider, Subject, SystemClock, SystemEntropy,
};

use super::{draft::Draft, view};
use crate::{
    App,
    config::with_secret,
    manage::{access::Caller, answer::Problem},
};

impl App {
    /// The client that a draft makes, and whether the text is its secret.
    pub(super) fn new_client(
        &self,
        caller: &Caller,
        draft: &Draft,
        text: &str,
    ) -> Result<(Client, bool), Problem> {
        let id = match &draft.id {
            Some(id) => self.chosen(caller, id)?,
            None => made_up()?,
        };
        let made = provided(&id, draft.metadata()?, text).map_err(Problem::metadata)?;
        let (mut after, has_secret) = made;
        after.owner.clone_from(&caller.client.owner);
        let mut before = after.clone();
        before.metadata = ClientMetadata::default();
        draft.write(&mut after)?;
        after.enabled = draft.enabled.unwrap_or(true);
        self.judge(caller, &before, &after)?;
        fits(&self.provider, None, &after)?;
        Ok((after, has_secret))
    }

    /// What a draft makes of a client, and whether the text is a secret of it now.
    pub(super) fn changed_client(
        &self,
        caller: &Caller,
        before: &Client,
        draft: &Draft,
        text: &str,
    ) -> Result<(Client, bool), Problem> {
        if draft.id.as_ref().is_some_and(|id| *id != before.id) {
            return Err(Problem::metadata("client_id: is another one than the address says"));
        }
        if draft.enabled.is_some_and(|enabled| enabled != before.enabled) {
            return Err(Problem::metadata("enabled: is changed by POST to enable and disable"));
        }
        let mut after = before.clone();
        after.metadata = draft.metadata()?;
        draft.write(&mut after)?;
        let has_secret = refit(&mut after, text).map_err(Problem::metadata)?;
        self.judge(caller, before, &after)?;
        fits(&self.provider, Some(before), &after)?;
        Ok((after, has_secret))
    }

    /// Whether it fits the server, and the caller may have it so.
    fn judge(&self, caller: &Caller, before: &Client, after: &Client) -> Result<(), Problem> {
        let manage = self.manage()?;
        caller.may_make(manage, before, after)?;
        if let Some(finding) = manage.offers.finding(after) {
            return Err(Problem::metadata(finding));
        }
        let is_nobody = |owner: &Subject| self.users.by_subject(owner).is_none();
        if after.owner.as_ref().is_some_and(is_nobody) {
            return Err(Problem::metadata("owner: nobody has this sub"));
        }
        Ok(())
    }

    /// A name that the caller has chosen. Who is bounded learns nothing of the names that are taken, and
    /// no client is called what a person is (threat RG-10).
    fn chosen(&self, caller: &Caller, id: &ClientId) -> Result<ClientId, Problem> {
        if !caller.is_free() {
            return Err(Problem::denied("client_id: it is made here"));
        }
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
        if id.as_str().len() > 100 || !id.as_str().bytes().all(plain) {
            let text =
                "client_id: at most 100 letters, digits and -._~, or none, and it is made here";
            return Err(Problem::metadata(text));
        }
        let named = Subject::new(id.as_str()).ok();
        if named.is_some_and(|subject| self.users.by_subject(&subject).is_some()) {
            return Err(Problem::conflict("a person has this name"));
        }
        Ok(id.clone())
    }
}

/// Whether nothing could never work here, but what was so before and stays as it was: the server may have
/// changed, and that is no reason to refuse what has nothing to do with it.
pub(super) fn fits(
    provider: &Provider,
    before: Option<&Client>,
    after: &Client,
) -> Result<(), Problem> {
    let members = |client| view::members(client, None);
    let known = before.map(|before| (provider.misfits(before), members(before)));
    let (old, now) = (known.unwrap_or_default(), members(after));
    let is_old = |misfit: &Misfit| {
        old.0.contains(misfit) && old.1.get(misfit.member) == now.get(misfit.member)
    };
    match provider.misfits(after).iter().find(|misfit| !is_old(misfit)) {
        Some(misfit) => Err(Problem::metadata(misfit)),
        None => Ok(()),
    }
}

/// A name that nobody has, and that is no person's.
fn made_up() -> Result<ClientId, Problem> {
    let mut bytes = [0; 16];
    let failed = || Problem::conflict("a name could not be made");
    SystemEntropy::new().fill(&mut bytes).map_err(|_| failed())?;
    let text = format!("client_{}", URL_SAFE_NO_PAD.encode(bytes));
    ClientId::new(text).map_err(|_| failed())
}

/// A client with what its metadata ask for, and whether that is this secret.
fn provided(
    id: &ClientId,
    metadata: ClientMetadata,
    text: &str,
) -> Result<(Client, bool), InvalidMetadata> {
    match metadata.token_endpoint_auth_method {
        AuthMethod::None => Client::public(id.clone(), metadata).map(|client| (client, false)),
        AuthMethod::PrivateKeyJwt => match Client::keyed(id.clone(), metadata.clone()) {
            Err(InvalidMetadata::SecretNotKept(_)) => {
                with_secret(id, text, &metadata).map(|client| (client, true))
            }
            made => made.map(|client| (client, false)),
        },
        _ => with_secret(id, text, &metadata).map(|client| (client, true)),
    }
}

/// Drops the secrets that do not serve any more, and adds this one if a secret is needed and none is left.
fn refit(client: &mut Client, text: &str) -> Result<bool, InvalidMetadata> {
    let (fresh, needs) = provided(&client.id, client.metadata.clone(), text)?;
    if !needs {
        client.secrets.clear();
        return Ok(false);
    }
    let now = SystemClock.now();
    client.secrets.retain(|secret| {
        let alone =
            Client::confidential(client.id.clone(), secret.clone(), client.metadata.clone());
        alone.is_ok() && secret.expires().is_none_or(|expires| now < expires)
    });
    if !client.secrets.is_empty() {
        return Ok(false);
    }
    client.secrets = fresh.secrets;
    Ok(true)
}
