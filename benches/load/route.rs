//! What can be measured, one at a time.

use std::{fmt, str::FromStr};

use oidc_op::SigningAlgorithm;

/// A route, or the flow through three of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// The code flow, with an ID token signed by this algorithm.
    Code(SigningAlgorithm),
    /// An opaque token for the client itself.
    ClientCredentials,
    /// A JWT for the client itself.
    ClientCredentialsJwt,
    UserInfo,
    Introspection,
    /// A refresh token that rotates; no ID token.
    Refresh,
}

impl Route {
    /// All that make one request, in the order of their names on the command line.
    const SINGLE: [Self; 5] = [
        Self::ClientCredentials,
        Self::ClientCredentialsJwt,
        Self::UserInfo,
        Self::Introspection,
        Self::Refresh,
    ];

    /// The routes of these names; the code flow once for each algorithm.
    pub(crate) fn parse_list(
        list: &str,
        algorithms: &[SigningAlgorithm],
    ) -> Result<Vec<Self>, String> {
        let mut routes = Vec::new();
        for name in list.split(',') {
            let codes = algorithms.iter().copied().map(Self::Code);
            match name {
                "all" => routes.extend(codes.chain(Self::SINGLE)),
                "code" => routes.extend(codes),
                name => routes.push(name.parse()?),
            }
        }
        Ok(routes)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Code(_) => "code",
            Self::ClientCredentials => "client-credentials",
            Self::ClientCredentialsJwt => "client-credentials-jwt",
            Self::UserInfo => "userinfo",
            Self::Introspection => "introspection",
            Self::Refresh => "refresh",
        }
    }

    /// What signs, if anything does.
    pub(crate) fn algorithm(self) -> SigningAlgorithm {
        match self {
            Self::Code(algorithm) => algorithm,
            _ => SigningAlgorithm::ES256,
        }
    }

    /// What is counted.
    pub(crate) fn unit(self) -> &'static str {
        if matches!(self, Self::Code(_)) { "flow" } else { "request" }
    }

    /// What the library is to reach, as a part of what the bare router does per second.
    pub(crate) fn target(self) -> Option<f64> {
        match self {
            Self::Code(SigningAlgorithm::RS256) => Some(0.90),
            Self::Code(SigningAlgorithm::ES256) | Self::UserInfo => Some(0.60),
            Self::Code(_) => None,
            Self::ClientCredentials | Self::ClientCredentialsJwt => Some(0.75),
            Self::Introspection | Self::Refresh => Some(0.55),
        }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(algorithm) => f.pad(&format!("{} {algorithm}", self.name())),
            _ => f.pad(self.name()),
        }
    }
}

/// The name of a route of one request.
impl FromStr for Route {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::SINGLE.into_iter().find(|route| route.name() == name);
        found.ok_or_else(|| format!("--route {name}: there is no such route"))
    }
}
