//! How far a caller reaches. One without an owner administers every client of the store; one with an
//! owner only those of the same owner, and cannot make them more than the owner's clients may be.

use oidc_op::{Client, ClientMetadata, GrantType};

use super::{Manage, access::Caller, answer::Problem};

impl Caller {
    /// Whether the caller may know of the client.
    pub(super) fn reaches(&self, client: &Client) -> bool {
        self.client.owner.is_none() || self.client.owner == client.owner
    }

    /// Whether nothing bounds the caller.
    pub(super) fn is_free(&self) -> bool {
        self.client.owner.is_none()
    }

    /// For what concerns more than the clients of one owner.
    pub(super) fn must_be_free(&self) -> Result<(), Problem> {
        if self.is_free() {
            Ok(())
        } else {
            Err(Problem::denied("only a client without an owner may do this"))
        }
    }

    /// Whether the caller may make the one out of the other; `before` is what a new client begins as, or
    /// what is there.
    pub(super) fn may_make(
        &self,
        manage: &Manage,
        before: &Client,
        after: &Client,
    ) -> Result<(), Problem> {
        let Some(owner) = &self.client.owner else { return Ok(()) };
        let kept = |name: &str, same: bool| {
            if same { Ok(()) } else { Err(Problem::denied(format!("{name}: is not yours to set"))) }
        };
        kept("owner", after.owner.as_ref() == Some(owner))?;
        kept("enabled", after.enabled == before.enabled || !after.enabled)?;
        kept("first_party", after.first_party == before.first_party)?;
        kept("password_grant", after.password_grant == before.password_grant)?;
        kept("require_pkce", after.require_pkce == before.require_pkce)?;
        kept("assertion_audience", after.assertion_audience == before.assertion_audience)?;
        kept("claims", after.claims == before.claims)?;
        kept("refresh", after.refresh == before.refresh)?;
        kept("resources", after.resources == before.resources)?;
        if before.first_party || before.password_grant {
            is_as_far_reaching(&before.metadata, &after.metadata)?;
        }
        // Whoever names a sector joins those who know people by the names that it has for them, and
        // nobody looks here whether they are let.
        let sector = |metadata: &ClientMetadata| metadata.sector_identifier_uri.clone();
        kept("sector_identifier_uri", sector(&after.metadata) == sector(&before.metadata))?;
        let granted = manage.grants.get(owner).map(Vec::as_slice).unwrap_or_default();
        let may_have = |grant_type: &&GrantType| {
            is_for_people(grant_type)
                || granted.contains(grant_type)
                || before.metadata.grant_types.contains(grant_type)
        };
        match after.metadata.grant_types.iter().find(|grant_type| !may_have(grant_type)) {
            Some(grant_type) => {
                let text = format!("grant_types: {} is not yours to give", grant_type.as_str());
                Err(Problem::denied(text))
            }
            None => Ok(()),
        }
    }
}

/// What people are not asked about, or what may have their passwords, stays what an administrator has
/// looked at.
fn is_as_far_reaching(before: &ClientMetadata, after: &ClientMetadata) -> Result<(), Problem> {
    for (name, same) in [
        ("redirect_uris", before.redirect_uris == after.redirect_uris),
        ("scope", before.scope == after.scope),
        ("grant_types", before.grant_types == after.grant_types),
        ("response_types", before.response_types == after.response_types),
        (
            "token_endpoint_auth_method",
            before.token_endpoint_auth_method == after.token_endpoint_auth_method,
        ),
        ("jwks", before.jwks == after.jwks),
        ("jwks_uri", before.jwks_uri == after.jwks_uri),
        ("request_uris", before.request_uris == after.request_uris),
    ] {
        if !same {
            return Err(Problem::denied(format!("{name}: of this client, not yours to change")));
        }
    }
    Ok(())
}

/// Whether the grant begins with a person at the browser.
fn is_for_people(grant_type: &GrantType) -> bool {
    matches!(
        grant_type,
        GrantType::AuthorizationCode | GrantType::Implicit | GrantType::RefreshToken
    )
}
