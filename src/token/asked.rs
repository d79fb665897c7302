use crate::{
    claims::OFFLINE_ACCESS,
    client::Client,
    error::Reason,
    mint::Audience,
    provider::Core,
    types::{Resource, Scope},
    wire::Params,
};

/// More resources than a request can mean.
const RESOURCE_LIMIT: usize = 16;

/// The scope and the resources of a token request.
pub(super) struct Asked<'p> {
    pub(super) scope: Option<Scope>,
    pub(super) resources: Vec<&'p str>,
}

impl<'p> Asked<'p> {
    pub(super) fn parse(params: &'p Params<'_>) -> Result<Self, Reason> {
        let scope = params.one("scope")?.map(Scope::parse).transpose();
        let mut resources = Vec::new();
        for resource in params.all("resource") {
            if !resources.contains(&resource) {
                resources.push(resource);
            }
        }
        if resources.len() > RESOURCE_LIMIT {
            return Err(Reason::ResourceInvalid);
        }
        Ok(Self { scope: scope.map_err(|_| Reason::ScopeMalformed)?, resources })
    }

    /// What the client may have of it; all that it may, if it asks for none ([RFC 6749 §3.3]), but for access
    /// while the person is away, which must be asked for by name.
    ///
    /// [RFC 6749 §3.3]: https://www.rfc-editor.org/rfc/rfc6749#section-3.3
    pub(super) fn scope(&self, core: &Core, client: &Client) -> Result<Scope, Reason> {
        let registered = client.metadata.scope.as_ref();
        let may = |token: &str| {
            core.scopes.contains(token) && registered.is_none_or(|scope| scope.contains(token))
        };
        match &self.scope {
            None => {
                let all = registered.unwrap_or(&core.scopes);
                Ok(all.retain(|token| may(token) && token != OFFLINE_ACCESS))
            }
            Some(asked) if asked.iter().all(may) => Ok(asked.clone()),
            Some(_) => Err(Reason::ScopeNotAllowed),
        }
    }

    /// What the client may have of it now, within what is held already; all of that, if it asks for none
    /// ([RFC 6749 §6]).
    ///
    /// [RFC 6749 §6]: https://www.rfc-editor.org/rfc/rfc6749#section-6
    pub(super) fn scope_within(&self, held: &Scope, client: &Client) -> Result<Scope, Reason> {
        let asked = self.scope.as_ref().unwrap_or(held);
        if !asked.is_subset(held) {
            return Err(Reason::ScopeNotGranted);
        }
        let may = client.metadata.scope.as_ref();
        Ok(may.map_or_else(|| asked.clone(), |may| asked.intersection(may)))
    }

    /// The audience: known, and open to the client ([RFC 8707 §2]).
    ///
    /// [RFC 8707 §2]: https://www.rfc-editor.org/rfc/rfc8707#section-2
    pub(super) fn audience<'c>(
        &self,
        core: &'c Core,
        client: &Client,
    ) -> Result<Audience<'c>, Reason> {
        let audience = Audience::of(&core.config, self.resources.iter().copied())?;
        if audience.is_open_to(client) { Ok(audience) } else { Err(Reason::ResourceNotAllowed) }
    }

    /// The resources by name, for a grant: known, and open to the client.
    pub(super) fn resources(&self, core: &Core, client: &Client) -> Result<Vec<Resource>, Reason> {
        self.audience(core, client)?;
        let named = self.resources.iter().map(|resource| Resource::new(*resource));
        named.collect::<Result<_, _>>().map_err(|_| Reason::ResourceInvalid)
    }
}
