//! The consent page: which scopes and claims a client would like, and what a person makes of it.
//!
//! A checked box releases, an unchecked one keeps back. What was shown comes back with the form, as a
//! box that is not checked leaves no trace of its own there.

use askama::Template;
use axum::{http::StatusCode, response::Response};
use oidc_op::{Agreement, AskedClaim, ClaimRules, Interaction, Scope, Verdict};

use super::{ClientView, Site, clean, legible, words};
use crate::{config::Scopes, known::Known, layers::Form};

/// What the person has agreed to, if the form is one of ours.
pub(crate) fn agreed(form: &Form) -> Option<Verdict> {
    let tokens: Vec<_> = form.all("scope").collect();
    let scope = Scope::parse(&tokens.join(" ")).ok()?;
    let checked: Vec<_> = form.all("claim").collect();
    let mut released: Vec<Box<str>> = Vec::new();
    for (token, claim) in form.all("asked").filter_map(|shown| shown.split_once(' ')) {
        // What a scope asks for goes with the scope, also if it was asked for by name besides; with
        // any of them, if several ask for it. The box of `openid` cannot be unchecked, and such boxes
        // are not sent.
        let with_it = matches!(token, "" | "openid") || tokens.contains(&token);
        if with_it && checked.contains(&claim) && !released.iter().any(|known| **known == *claim) {
            released.push(claim.into());
        }
    }
    let mut agreement = Agreement::new(scope);
    agreement.claims = Some(released);
    agreement.remember = form.has("remember");
    Some(Verdict::Consent(agreement))
}

impl Site {
    /// The consent page.
    pub(crate) fn consent(&self, interaction: &Interaction, person: &Known) -> Response {
        let asked = Asked::new(interaction, &self.scopes, &self.claim_rules);
        self.page(
            StatusCode::OK,
            &ConsentPage {
                site: self,
                client: ClientView::of(interaction),
                action: self.interaction(&interaction.token),
                person: clean(&person.name),
                username: clean(&person.called),
                asked,
                // The provider asks again whenever it cannot be sure who the client is.
                rememberable: interaction.remembers,
                return_host: &interaction.return_host,
            },
        )
    }
}

#[derive(Template)]
#[template(path = "consent.html", config = "examples/server/askama.toml")]
struct ConsentPage<'p> {
    site: &'p Site,
    client: ClientView<'p>,
    action: String,
    person: String,
    username: String,
    asked: Asked,
    rememberable: bool,
    return_host: &'p str,
}

/// What is asked for, in groups.
struct Asked {
    scopes: Vec<ScopeView>,
    /// Claims that no scope stands for.
    single: Vec<ClaimView>,
}

/// A scope, for people.
struct ScopeView {
    token: String,
    title: String,
    about: String,
    fixed: bool,
    claims: Vec<ClaimView>,
}

/// A claim, for people.
struct ClaimView {
    /// Its place among all of them, to name its box.
    number: usize,
    name: String,
    title: String,
    /// The client says that it cannot do without.
    essential: bool,
    /// Further scopes that ask for it.
    also: Vec<String>,
}

impl Asked {
    fn new(interaction: &Interaction, scopes: &Scopes, rules: &ClaimRules) -> Self {
        let numbered = interaction.claims.iter().enumerate();
        let (single, mut shared): (Vec<_>, Vec<_>) = numbered.partition(|(_, claim)| claim.single);
        let mut views: Vec<_> =
            interaction.scope.iter().map(|t| ScopeView::new(t, scopes)).collect();
        let asks = |token: &str, claim: &AskedClaim| {
            let scope = Scope::parse(token).unwrap_or_default();
            rules.claims_of(&scope).any(|name| name == &*claim.name)
        };
        let tokens: Vec<_> = views.iter().map(|view| view.token.clone()).collect();
        for (at, view) in views.iter_mut().enumerate() {
            // Each claim goes to the first scope that asks for it.
            shared.retain(|(number, claim)| {
                let here = asks(&view.token, claim);
                if here {
                    let further = tokens.iter().skip(at + 1).filter(|token| asks(token, claim));
                    let also = further.cloned().collect();
                    view.claims.push(ClaimView { also, ..ClaimView::new(*number, claim) });
                }
                !here
            });
        }
        let rest = single.into_iter().chain(shared);
        let single = rest.map(|(number, claim)| ClaimView::new(number, claim)).collect();
        Self { scopes: views, single }
    }
}

impl ScopeView {
    fn new(token: &str, scopes: &Scopes) -> Self {
        let meaning = || scopes.meaning(token).or_else(|| words::permission(token));
        let (title, about) = match words::scope(token) {
            Some(words) => (words.title, words.about),
            None => (meaning().unwrap_or("A permission of this service"), token),
        };
        Self {
            token: token.to_owned(),
            title: title.to_owned(),
            about: about.to_owned(),
            fixed: token == "openid",
            claims: Vec::new(),
        }
    }

    /// What an app needs is shown at once; there is more to choose from where one looks for it.
    fn is_open(&self) -> bool {
        self.claims.iter().any(|claim| claim.essential)
    }
}

impl ClaimView {
    /// A name that cannot be shown as it is belongs to no claim of ours, so nothing is lost by
    /// showing, and sending back, less of it.
    fn new(number: usize, claim: &AskedClaim) -> Self {
        let name = legible(&claim.name);
        let title = words::claim(&name).map_or_else(|| name.clone(), ToOwned::to_owned);
        Self { number: number + 1, name, title, essential: claim.essential, also: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn released(form: &str) -> Vec<Box<str>> {
        match agreed(&Form::parse(form.as_bytes())).unwrap() {
            Verdict::Consent(agreement) => agreement.claims.unwrap(),
            verdict => panic!("{verdict:?}"),
        }
    }

    #[test]
    fn what_is_not_checked_is_kept_back() {
        for (form, expected) in [
            ("scope=email&asked=email+email&claim=email", &["email"][..]),
            ("scope=email&asked=email+email&asked=email+email_verified&claim=email", &["email"]),
            ("scope=openid&asked=email+email&claim=email", &[]),
            ("asked=+shoe_size&asked=+credit+score&claim=credit+score", &["credit score"]),
            ("scope=email&claim=email", &[]),
            ("scope=email&asked=openid+role&claim=role", &["role"]),
            ("scope=team&asked=work+role&asked=team+role&claim=role", &["role"]),
            ("scope=a&scope=b&asked=a+role&asked=b+role&claim=role", &["role"]),
        ] {
            let found = released(form);
            assert_eq!(found.iter().map(|name| &**name).collect::<Vec<_>>(), expected, "{form}");
        }
        assert!(agreed(&Form::parse(b"scope=%22")).is_none());
    }
}
