use crate::{claims::ClaimsParameter, client::Client, config::Config, error::Reason, types::Acr};

/// The context classes of which a client wants one ([OIDC Core §5.5.1.1], [RFC 9470 §4]).
///
/// [OIDC Core §5.5.1.1]: https://openid.net/specs/openid-connect-core-1_0.html#acrSemantics
/// [RFC 9470 §4]: https://www.rfc-editor.org/rfc/rfc9470#section-4
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assurance {
    /// Any of these, best first; any at all, if empty.
    pub(crate) values: Vec<Acr>,
    /// These too, where a stronger class will do ([`Policy::acr_values_ascend`]).
    ///
    /// [`Policy::acr_values_ascend`]: crate::Policy::acr_values_ascend
    stronger: Vec<Acr>,
    /// Whether the request fails without.
    pub(crate) binds: bool,
}

impl Assurance {
    pub(crate) fn is_met_by(&self, acr: Option<&Acr>) -> bool {
        let listed = |acr| self.values.contains(acr) || self.stronger.contains(acr);
        acr.is_some_and(|acr| self.values.is_empty() || listed(acr))
    }

    /// From an essential `acr` of the `claims` parameter, which binds; or else from that claim, from
    /// `acr_values` or from the client's default, of which those count that the provider knows,
    /// unless the policy makes them bind too.
    pub(super) fn wanted(
        client: &Client,
        claims: &ClaimsParameter,
        acr_values: &[Box<str>],
        config: &Config,
    ) -> Result<Option<Self>, Reason> {
        let known = |acr: &Acr| config.acr_values.contains(acr);
        let essential = claims.acr.as_ref().is_some_and(|acr| acr.essential);
        let values = match &claims.acr {
            Some(acr) if essential || !acr.values.is_empty() => acr.values.clone(),
            _ if acr_values.is_empty() => client.metadata.default_acr_values.clone(),
            _ => acr_values.iter().map(|value| Acr::new(value.clone())).collect(),
        };
        if values.is_empty() {
            // Any class will do, but there must be one.
            return Ok(essential.then_some(Self { values, stronger: Vec::new(), binds: true }));
        }
        let stronger = if essential { Vec::new() } else { stronger(&values, config) };
        if essential || config.policy.acr_values_bind {
            let hopeless = !config.acr_values.is_empty() && !values.iter().any(known);
            return if hopeless {
                Err(Reason::AcrUnmet)
            } else {
                Ok(Some(Self { values, stronger, binds: true }))
            };
        }
        let values: Vec<_> = values.into_iter().filter(known).collect();
        Ok((!values.is_empty()).then_some(Self { values, stronger, binds: false }))
    }
}

/// The classes above the weakest of these, if it is known which that is.
fn stronger(values: &[Acr], config: &Config) -> Vec<Acr> {
    if !config.policy.acr_values_ascend {
        return Vec::new();
    }
    let weaker = |acr: &&Acr| !values.contains(acr);
    config.acr_values.iter().skip_while(weaker).skip(1).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ClientId, ClientMetadata, Issuer, RedirectUri};

    /// OIDC Core §5.5.1.1, RFC 9470 §4; threat AZ-10.
    #[test]
    fn who_wants_which_class() {
        let essential = r#"{"id_token":{"acr":{"essential":true,"values":["gold","tin"]}}}"#;
        let any = r#"{"id_token":{"acr":{"essential":true}}}"#;
        let wished = r#"{"id_token":{"acr":{"values":["gold"]}}}"#;
        let unknown = r#"{"id_token":{"acr":{"essential":true,"value":"tin"}}}"#;
        let wants = |values: &str, binds| Ok(Some((values.to_owned(), binds)));
        let nothing = || Ok(None);
        for (claims, acr_values, default, binding, expected) in [
            ("{}", "", "", false, nothing()),
            ("{}", "silver tin gold", "", false, wants("silver gold", false)),
            ("{}", "silver", "gold", false, wants("silver", false)),
            ("{}", "", "gold", false, wants("gold", false)),
            ("{}", "1 2", "", false, nothing()),
            ("{}", "1 2", "", true, Err(Reason::AcrUnmet)),
            ("{}", "silver tin", "", true, wants("silver tin", true)),
            (wished, "silver", "", false, wants("gold", false)),
            (essential, "silver", "", false, wants("gold tin", true)),
            (any, "silver", "", false, wants("", true)),
            (unknown, "", "", false, Err(Reason::AcrUnmet)),
        ] {
            let list = |text: &str| text.split_whitespace().map(Acr::new).collect::<Vec<_>>();
            let mut metadata = ClientMetadata::default();
            metadata.redirect_uris.push(RedirectUri::new("https://c.example/cb").unwrap());
            metadata.default_acr_values = list(default);
            let client = Client::public(ClientId::new("c").unwrap(), metadata).unwrap();
            let mut config = Config::new(Issuer::new("https://id.example").unwrap());
            config.acr_values = list("silver gold");
            config.policy.acr_values_bind = binding;
            let parameter = ClaimsParameter::parse(claims).unwrap();
            let words: Vec<_> = acr_values.split_whitespace().map(Into::into).collect();
            let wanted = Assurance::wanted(&client, &parameter, &words, &config);
            let shown = wanted.map(|wanted| {
                let wanted = wanted?;
                let names: Vec<_> = wanted.values.iter().map(Acr::as_str).collect();
                Some((names.join(" "), wanted.binds))
            });
            assert_eq!(shown, expected, "{claims} {acr_values:?} {default:?} {binding}");
        }
    }

    /// Where classes ascend, a wish is met by a stronger one, and nothing by a weaker one.
    #[test]
    fn what_meets_a_wish() {
        let essential = r#"{"id_token":{"acr":{"essential":true,"values":["silver"]}}}"#;
        let wished = r#"{"id_token":{"acr":{"values":["silver"]}}}"#;
        for (claims, acr_values, exact, ascending) in [
            ("{}", "bronze", "bronze", "bronze silver gold"),
            ("{}", "silver", "silver", "silver gold"),
            ("{}", "gold", "gold", "gold"),
            ("{}", "gold silver", "silver gold", "silver gold"),
            ("{}", "gold bronze", "bronze gold", "bronze silver gold"),
            ("{}", "tin silver", "silver", "silver gold"),
            (wished, "gold", "silver", "silver gold"),
            (essential, "", "silver", "silver"),
        ] {
            for (binds, ascends) in [(false, false), (false, true), (true, false), (true, true)] {
                let list = |text: &str| text.split_whitespace().map(Acr::new).collect::<Vec<_>>();
                let mut metadata = ClientMetadata::default();
                metadata.redirect_uris.push(RedirectUri::new("https://c.example/cb").unwrap());
                let client = Client::public(ClientId::new("c").unwrap(), metadata).unwrap();
                let mut config = Config::new(Issuer::new("https://id.example").unwrap());
                config.acr_values = list("bronze silver gold");
                config.policy.acr_values_bind = binds;
                config.policy.acr_values_ascend = ascends;
                let parameter = ClaimsParameter::parse(claims).unwrap();
                let words: Vec<_> = acr_values.split_whitespace().map(Into::into).collect();
                let wanted = Assurance::wanted(&client, &parameter, &words, &config);
                let wanted = wanted.unwrap().unwrap();
                let meets = |name: &&str| wanted.is_met_by(Some(&Acr::new(*name)));
                let met: Vec<_> =
                    ["bronze", "silver", "gold", "unheard-of"].into_iter().filter(meets).collect();
                let expected = if ascends { ascending } else { exact };
                assert_eq!(met.join(" "), expected, "{claims} {acr_values} {binds} {ascends}");
                assert!(!wanted.is_met_by(None));
            }
        }
    }
}
