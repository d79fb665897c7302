use std::fmt;

use serde_json::{Map, Value, json};

/// Claims that others vouch for ([OIDC Core §5.6.2]): who says what, and how to learn it.
///
/// ```
/// use oidc_op::{ClaimSource, ClaimSources};
///
/// let mut sources = ClaimSources::default();
/// let token = Some("ksj3n283dke".into());
/// let bank = ClaimSource::distributed("https://bank.example/claims", token);
/// sources.add(bank, ["credit_score"]);
/// ```
///
/// [OIDC Core §5.6.2]: https://openid.net/specs/openid-connect-core-1_0.html#AggregatedDistributedClaims
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClaimSources(Vec<(ClaimSource, Vec<Box<str>>)>);

/// Who vouches for some claims.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClaimSource {
    /// The claims are in a JWT that the other party has signed ([OIDC Core §5.6.2.1]).
    ///
    /// [OIDC Core §5.6.2.1]: https://openid.net/specs/openid-connect-core-1_0.html#AggregatedExample
    #[non_exhaustive]
    Aggregated {
        /// The JWT.
        jwt: String,
    },
    /// The client fetches the claims from the other party ([OIDC Core §5.6.2.2]).
    ///
    /// [OIDC Core §5.6.2.2]: https://openid.net/specs/openid-connect-core-1_0.html#DistributedExample
    #[non_exhaustive]
    Distributed {
        /// Where.
        endpoint: String,
        /// With what, if the other party has not another way to know the client.
        access_token: Option<String>,
    },
}

impl ClaimSources {
    /// Adds a source of some claims.
    ///
    /// # Security
    ///
    /// Name every claim that an aggregated JWT holds: it is handed out only if all of them are wanted. What
    /// an access token for a distributed source opens is for the host to narrow.
    pub fn add<N: Into<Box<str>>>(
        &mut self,
        source: ClaimSource,
        claims: impl IntoIterator<Item = N>,
    ) {
        self.0.push((source, claims.into_iter().map(Into::into).collect()));
    }

    /// The claims that somebody vouches for.
    ///
    /// ```
    /// use oidc_op::{ClaimSource, ClaimSources};
    ///
    /// let mut sources = ClaimSources::default();
    /// sources.add(ClaimSource::aggregated("e30.e30.c2ln"), ["birthdate"]);
    /// assert!(sources.claims().eq(["birthdate"]));
    /// ```
    pub fn claims(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(|(_, claims)| claims.iter().map(|claim| &**claim))
    }

    /// Writes `_claim_names` and `_claim_sources`, as far as the claims are wanted and not said
    /// already.
    pub(super) fn write(&self, said: &mut Map<String, Value>, wanted: impl Fn(&str) -> bool) {
        let (mut names, mut sources) = (Map::new(), Map::new());
        for ((source, claims), n) in self.0.iter().zip(1..) {
            // A JWT cannot be taken apart.
            let whole = matches!(source, ClaimSource::Aggregated { .. });
            if whole && !claims.iter().all(|claim| wanted(claim)) {
                continue;
            }
            let label = format!("src{n}");
            let mut used = false;
            for claim in claims.iter().filter(|claim| wanted(claim)) {
                if !said.contains_key(&**claim) && !names.contains_key(&**claim) {
                    names.insert(claim.to_string(), label.as_str().into());
                    used = true;
                }
            }
            if used {
                sources.insert(label, source.to_json());
            }
        }
        if !names.is_empty() {
            said.insert("_claim_names".into(), names.into());
            said.insert("_claim_sources".into(), sources.into());
        }
    }
}

impl ClaimSource {
    /// A JWT that holds the claims.
    pub fn aggregated(jwt: impl Into<String>) -> Self {
        Self::Aggregated { jwt: jwt.into() }
    }

    /// Where a client fetches the claims, and with which access token if it needs one.
    pub fn distributed(endpoint: impl Into<String>, access_token: Option<String>) -> Self {
        Self::Distributed { endpoint: endpoint.into(), access_token }
    }

    fn to_json(&self) -> Value {
        match self {
            Self::Aggregated { jwt } => json!({ "JWT": jwt }),
            Self::Distributed { endpoint, access_token: None } => json!({ "endpoint": endpoint }),
            Self::Distributed { endpoint, access_token: Some(token) } => {
                json!({ "endpoint": endpoint, "access_token": token })
            }
        }
    }
}

impl fmt::Debug for ClaimSource {
    /// JWTs hold what is personal, and access tokens are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Aggregated { .. } => f.write_str("Aggregated(..)"),
            Self::Distributed { endpoint, .. } => write!(f, "Distributed({endpoint:?}, ..)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of OIDC Core §5.6.2.2; threat IR-08: only what was wanted.
    #[test]
    fn names_and_sources() {
        let mut sources = ClaimSources::default();
        let jwt = ClaimSource::Aggregated { jwt: "a.b.c".into() };
        sources.add(jwt, ["address", "phone_number"]);
        let endpoint = "https://creditagency.example.com/claims_here".to_owned();
        let token = Some("ksj3n283dke".to_owned());
        let agency = ClaimSource::Distributed { endpoint: endpoint.clone(), access_token: token };
        sources.add(agency, ["credit_score"]);
        sources.add(ClaimSource::aggregated("x.y.z"), ["shoe_size"]);
        sources.add(ClaimSource::aggregated("k.l.m"), ["shoe_size", "hat_size"]);
        let mut said = Map::from_iter([("phone_number".to_owned(), "1".into())]);
        sources.write(&mut said, |name| name != "shoe_size");
        assert_eq!(
            Value::Object(said),
            json!({
                "phone_number": "1",
                "_claim_names": {"address": "src1", "credit_score": "src2"},
                "_claim_sources": {
                    "src1": {"JWT": "a.b.c"},
                    "src2": {"endpoint": endpoint, "access_token": "ksj3n283dke"}
                }
            })
        );
        assert!(!format!("{sources:?}").contains("ksj3n283dke"));
    }
}
