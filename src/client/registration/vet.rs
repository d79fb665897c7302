//! Looks over what somebody wants registered, whether for the first time or anew: the same rules, in the same
//! order.

use super::{
    Registration, RegistrationRequest,
    decide::{self, Asked},
    sector,
};
use crate::{
    client::{Client, keys::Freshness},
    error::RegistrationError,
    provider::Core,
    types::Timestamp,
};

/// check → narrow to what is offered → policy → check what it has made of it → fit → sector.
pub(super) async fn vet(
    core: &Core,
    rules: &Registration,
    asked: &Asked<'_>,
    mut client: Client,
    sector: Freshness,
    now: Timestamp,
) -> Result<Client, RegistrationError> {
    client.metadata.check()?;
    client.metadata.check_names()?;
    decide::offer(core, rules, &mut client.metadata)?;
    if let Some(policy) = &core.registrations {
        let request = RegistrationRequest {
            before: asked.before,
            purpose: asked.purpose,
            statement: asked.statement.map(|statement| &statement.claims),
            members: &asked.sent.members,
            peer: asked.peer,
        };
        let own = client.clone();
        decide::obey(policy.decide(&request, &mut client).await?)?;
        client = Client {
            id: own.id,
            secrets: own.secrets,
            epoch: own.epoch,
            unused: own.unused,
            named_by: own.named_by,
            ..client
        };
    }
    client.metadata.check()?;
    decide::fits(core, &client, now)?;
    sector::check(core, &client.metadata, sector).await?;
    Ok(client)
}
