//! What contradicts itself, or names what is not there, although each member is well-formed.

use std::{collections::HashSet, slice};

use oidc_op::{Acr, GrantType};

use super::{
    ClientEntry, ConfigError, ProfileEntry, Settings, UserEntry, registration::Registration,
    upstreams,
};
use crate::shedding;

impl Settings {
    /// The first finding; those of realms are their own.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        self.listen()?;
        let twice = |member: String, name: &str| {
            Err(ConfigError(format!("{member}: {name:?} is there twice; each has its own")))
        };
        let (mut ids, mut subs) = (HashSet::new(), HashSet::new());
        for (at, ClientEntry(client)) in self.clients.iter().enumerate() {
            if !ids.insert(&client.id) {
                return twice(format!("clients[{at}].client_id"), client.id.as_str());
            }
        }
        for (at, user) in self.users.iter().enumerate() {
            if !subs.insert(&user.sub) {
                return twice(format!("users[{at}].sub"), user.sub.as_str());
            }
        }
        if self.issuer.path() == shedding::HEALTH {
            return Err(ConfigError::new("issuer: its path is a page of the server's own"));
        }
        if self.tls.is_some() && !self.issuer.is_https() {
            return Err(ConfigError::new(
                "tls: browsers would be sent to the http address of `issuer`; make it https",
            ));
        }
        self.keys.check().map_err(ConfigError::new)?;
        if self.secrets.token.as_deref().is_some_and(<[_]>::is_empty) {
            return Err(ConfigError::new("secrets.token: the list is empty"));
        }
        if let Some(name) = self.limits.none() {
            return Err(ConfigError(format!("limits.{name}: is at least 1")));
        }
        if let Some(finding) = self.sign_up.finding() {
            return Err(ConfigError(finding));
        }
        if let Some(finding) = self.registration.as_ref().and_then(Registration::finding) {
            return Err(ConfigError(finding));
        }
        self.check_sign_in()?;
        self.check_classes()?;
        self.check_back_channel()?;
        self.check_manage()?;
        let manage = self.manage.as_ref().map(|manage| &*manage.path);
        let finding = |profile: &ProfileEntry| profile.finding(&self.provider().paths, manage);
        if let Some(finding) = self.profile.as_ref().and_then(finding) {
            return Err(ConfigError(finding));
        }
        match self.provider().contradictions().into_iter().next() {
            Some(finding) => Err(ConfigError(match finding.strip_prefix("parameters: ") {
                Some(rest) => format!("sign_in.one_time_token.parameter: {rest}"),
                None => finding,
            })),
            None => Ok(()),
        }
    }

    /// What names something that is not there.
    fn check_back_channel(&self) -> Result<(), ConfigError> {
        if let Some((name, path)) = self.paths.taken() {
            return Err(ConfigError(format!("paths.{name}: {path} is a page of the server's own")));
        }
        let is_client = |id: &oidc_op::ClientId| self.clients.iter().any(|c| c.0.id == *id);
        let is_resource = |name: &str| self.resources.iter().any(|entry| entry.name() == name);
        let wrong = |member: String, what: &str| Err(ConfigError(format!("{member}: {what}")));
        for (at, entry) in self.resources.iter().enumerate() {
            if entry.0.client.as_ref().is_some_and(|client| !is_client(client)) {
                return wrong(format!("resources[{at}].client"), "is no client");
            }
        }
        for (at, rule) in self.exchange.iter().enumerate() {
            for (member, ids) in [("client", slice::from_ref(&rule.client)), ("from", &rule.from)] {
                if let Some(id) = ids.iter().find(|id| !is_client(id)) {
                    return wrong(
                        format!("exchange[{at}].{member}"),
                        &format!("{id:?} is no client"),
                    );
                }
            }
            let known = |name: &&String| **name == *self.issuer.as_str() || is_resource(name);
            if let Some(name) = rule.audience.iter().find(|name| !known(name)) {
                let what = format!("{name:?} is none of the resources");
                return wrong(format!("exchange[{at}].audience"), &what);
            }
        }
        for (at, entry) in self.trusted_issuers.iter().enumerate() {
            if self.trusted_issuers.iter().take(at).any(|other| other.issuer == entry.issuer) {
                let what = format!("{:?} is there twice", entry.issuer);
                return wrong(format!("trusted_issuers[{at}].issuer"), &what);
            }
        }
        let offers = self.offers();
        for (at, ClientEntry(client)) in self.clients.iter().enumerate() {
            if let Some(finding) = offers.finding(client) {
                return Err(ConfigError(format!("clients[{at}].{finding}")));
            }
            let is_owner = |user: &UserEntry| client.owner.as_ref() == Some(&user.sub);
            if client.owner.is_some() && !self.users.iter().any(is_owner) {
                return wrong(format!("clients[{at}].owner"), "nobody has this sub");
            }
        }
        Ok(())
    }

    fn check_sign_in(&self) -> Result<(), ConfigError> {
        if let Some(finding) = self.sign_in.finding(self) {
            return Err(ConfigError(finding));
        }
        let scopes = self.scopes.scope();
        if let Some(finding) = self.sign_in.steering_finding(&scopes, self.manage.is_some()) {
            return Err(ConfigError(finding));
        }
        let found = upstreams::finding(&self.upstreams, self.acr_values.as_deref(), &self.users);
        found.map_or(Ok(()), |finding| Err(ConfigError(finding)))
    }

    fn check_manage(&self) -> Result<(), ConfigError> {
        let Some(manage) = &self.manage else { return Ok(()) };
        if let Some(finding) = manage.path_finding(&self.provider().paths) {
            return Err(ConfigError(finding));
        }
        if manage.clients.is_empty() {
            return Err(ConfigError::new("manage.clients: the list is empty"));
        }
        for id in &manage.clients {
            let Some(ClientEntry(client)) = self.clients.iter().find(|c| c.0.id == *id) else {
                return Err(ConfigError(format!("manage.clients: {id:?} is no client")));
            };
            if !client.metadata.grant_types.contains(&GrantType::ClientCredentials) {
                return Err(ConfigError(format!(
                    "manage.clients: {id:?} needs the grant type client_credentials"
                )));
            }
        }
        Ok(())
    }

    fn check_classes(&self) -> Result<(), ConfigError> {
        if self.acr_mfa.is_some() && self.acr_mfa == self.acr {
            return Err(ConfigError::new("acr_mfa: is the same as acr"));
        }
        let listed = |acr: &Option<Acr>| match (acr, &self.acr_values) {
            (Some(acr), Some(listed)) => listed.contains(acr),
            _ => true,
        };
        for (name, acr) in [("acr", &self.acr), ("acr_mfa", &self.acr_mfa)] {
            if !listed(acr) {
                return Err(ConfigError(format!("{name}: is not among acr_values")));
            }
        }
        let place = |acr: &Option<Acr>| {
            let listed = self.acr_values.as_ref()?;
            listed.iter().position(|listed| Some(listed) == acr.as_ref())
        };
        let falls = place(&self.acr).zip(place(&self.acr_mfa)).is_some_and(|(acr, mfa)| mfa < acr);
        if falls && self.policy.acr_values_ascend == Some(true) {
            return Err(ConfigError::new(
                "acr_values: policy.acr_values_ascend needs acr before acr_mfa",
            ));
        }
        Ok(())
    }
}
