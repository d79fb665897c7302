use super::{
    AskedClaim, interaction::Need, pending::Steps, person::Person, request::AuthorizeRequest,
};
use crate::{
    claims::ClaimRules,
    client::Client,
    error::Reason,
    grant::ConsentBasis,
    session::SignedIn,
    types::{Scope, Subject, Timestamp},
};

/// Everything that the decision depends on.
pub(super) struct Situation<'s> {
    pub(super) client: &'s Client,
    pub(super) request: &'s AuthorizeRequest,
    pub(super) redirect_uri: &'s str,
    /// Whom the client expects, by their names at the client; anybody, if absent.
    pub(super) expected: Option<&'s [Subject]>,
    pub(super) rules: &'s ClaimRules,
    pub(super) person: Option<&'s Person>,
    pub(super) steps: &'s Steps,
    pub(super) now: Timestamp,
}

pub(super) enum Decision {
    Proceed(Approved),
    Ask(Need),
    /// No page could help.
    Refuse(Reason),
}

/// A person, authenticated as the request demands, who has agreed to a scope. Only [`decide`] makes
/// one.
#[derive(Clone, Debug)]
pub(super) struct Approved {
    person: SignedIn,
    sub: Subject,
    terms: Terms,
}

/// What the person has agreed to, and what that rests on.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    pub(super) scope: Scope,
    pub(super) refused: Vec<Box<str>>,
    pub(super) basis: ConsentBasis,
}

impl Approved {
    pub(super) fn into_parts(self) -> (SignedIn, Subject, Terms) {
        (self.person, self.sub, self.terms)
    }
}

/// The named checks in their order; the first unmet need wins ([OIDC Core §3.1.2.3], [§3.1.2.4]).
///
/// [OIDC Core §3.1.2.3]: https://openid.net/specs/openid-connect-core-1_0.html#Authenticates
/// [§3.1.2.4]: https://openid.net/specs/openid-connect-core-1_0.html#Consent
pub(super) fn decide(situation: &Situation<'_>) -> Decision {
    let Some(person) = situation.person else {
        return Decision::Ask(situation.how_to_sign_in());
    };
    let checks: [fn(&Situation<'_>, &Person) -> Option<Decision>; 5] =
        [wants_account, wants_authentication, wants_person, wants_assurance, wants_account_choice];
    if let Some(unmet) = checks.iter().find_map(|check| check(situation, person)) {
        return unmet;
    }
    match agreed(situation, person) {
        Some(terms) => Decision::Proceed(Approved {
            person: person.signed_in.clone(),
            sub: person.sub.clone(),
            terms,
        }),
        None => Decision::Ask(Need::Consent),
    }
}

impl Situation<'_> {
    fn how_to_sign_in(&self) -> Need {
        if self.request.prompt.create() { Need::CreateAccount } else { Need::Login }
    }

    /// A login made within the interaction satisfies its `prompt=login` and `max_age`, so that no
    /// comparison of two nodes' clocks can loop. It was refused if it said of itself that it is older.
    fn signed_in_here(&self, person: &Person) -> bool {
        self.steps.signed_in.as_ref() == Some(&person.signed_in.subject)
    }
}

/// `prompt=create` ([Initiating User Registration §4]).
///
/// [Initiating User Registration §4]: https://openid.net/specs/openid-connect-prompt-create-1_0.html
fn wants_account(situation: &Situation<'_>, person: &Person) -> Option<Decision> {
    let wanted = situation.request.prompt.create() && !situation.signed_in_here(person);
    wanted.then_some(Decision::Ask(Need::CreateAccount))
}

/// `prompt=login` and `max_age` ([OIDC Core §3.1.2.1]); `max_age=0` is the same as `prompt=login`.
///
/// [OIDC Core §3.1.2.1]: https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest
fn wants_authentication(situation: &Situation<'_>, person: &Person) -> Option<Decision> {
    if situation.signed_in_here(person) {
        return None;
    }
    let age = situation.now.since(person.signed_in.auth.time);
    let too_old = situation.request.login_age().is_some_and(|most| most.is_zero() || age > most);
    too_old.then_some(Decision::Ask(Need::Login))
}

/// The person of the `id_token_hint`, or of a requested `sub` ([OIDC Core §3.1.2.2], [§5.5.1]): no
/// answer is about somebody else.
///
/// [OIDC Core §3.1.2.2]: https://openid.net/specs/openid-connect-core-1_0.html#AuthRequestValidation
/// [§5.5.1]: https://openid.net/specs/openid-connect-core-1_0.html#IndividualClaimsRequests
fn wants_person(situation: &Situation<'_>, person: &Person) -> Option<Decision> {
    if situation.expected?.contains(&person.sub) {
        return None;
    }
    Some(if situation.signed_in_here(person) {
        Decision::Refuse(Reason::AnotherPerson)
    } else {
        Decision::Ask(Need::Login)
    })
}

/// A context class that the client wants ([OIDC Core §5.5.1.1], [RFC 9470 §4]): a login may reach
/// it. One that binds and is not reached even so ends in an error, never in less.
///
/// [OIDC Core §5.5.1.1]: https://openid.net/specs/openid-connect-core-1_0.html#acrSemantics
/// [RFC 9470 §4]: https://www.rfc-editor.org/rfc/rfc9470#section-4
fn wants_assurance(situation: &Situation<'_>, person: &Person) -> Option<Decision> {
    let assurance = situation.request.assurance.as_ref()?;
    if assurance.is_met_by(person.signed_in.auth.acr.as_ref()) {
        return None;
    }
    match (situation.signed_in_here(person), assurance.binds) {
        (true, true) => Some(Decision::Refuse(Reason::AcrUnmet)),
        (true, false) => None,
        (false, true) => Some(Decision::Ask(Need::Login)),
        // A wish is no reason to fail where no page may be shown.
        (false, false) => (!situation.request.prompt.none()).then_some(Decision::Ask(Need::Login)),
    }
}

/// `prompt=select_account` ([OIDC Core §3.1.2.1]).
///
/// [OIDC Core §3.1.2.1]: https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest
fn wants_account_choice(situation: &Situation<'_>, person: &Person) -> Option<Decision> {
    let chosen = situation.signed_in_here(person)
        || situation.steps.selected.as_ref() == Some(&person.signed_in.subject);
    let wanted = situation.request.prompt.select_account() && !chosen;
    wanted.then_some(Decision::Ask(Need::SelectAccount))
}

/// What the person has agreed to, and what that rests on: within this interaction, by an
/// administrator's word, or remembered from before.
///
/// A remembered consent serves only a client whose identity can be assured, so that an app cannot
/// pass for another one unseen ([RFC 8252 §8.6]).
///
/// [RFC 8252 §8.6]: https://www.rfc-editor.org/rfc/rfc8252#section-8.6
fn agreed(situation: &Situation<'_>, person: &Person) -> Option<Terms> {
    let (client, request) = (situation.client, situation.request);
    if let Some(agreed) = situation.steps.agreed_by(&person.signed_in.subject) {
        let scope = request.scope.intersection(&agreed.scope);
        return Some(Terms { scope, refused: agreed.refused.clone(), basis: agreed.basis });
    }
    if request.prompt.consent() {
        return None;
    }
    if client.first_party {
        // What they have once kept back they still keep back.
        let consent = person.consent.as_ref().filter(|consent| consent.live(situation.now));
        let refused = consent.map(|consent| consent.refused().to_vec()).unwrap_or_default();
        return Some(Terms { scope: request.scope.clone(), refused, basis: ConsentBasis::Exempt });
    }
    let consent = person.consent.as_ref()?;
    let claims = AskedClaim::names(situation.rules, client, request);
    let serves = is_assured(client, situation.redirect_uri)
        && consent.covers(client, &request.scope, claims, situation.now);
    serves.then(|| Terms {
        scope: request.scope.clone(),
        refused: consent.refused().to_vec(),
        basis: ConsentBasis::Remembered(consent.epoch()),
    })
}

/// Whether the client is who it says: it has proven so, and its answers go where only it listens.
pub(super) fn is_assured(client: &Client, requested: &str) -> bool {
    let mut registered = client.metadata.redirect_uris.iter();
    !client.is_public() && registered.any(|uri| uri.matches(requested) && uri.is_https())
}

impl Need {
    /// What a client hears that allowed no page ([OIDC Core §3.1.2.6]).
    ///
    /// [OIDC Core §3.1.2.6]: https://openid.net/specs/openid-connect-core-1_0.html#AuthError
    pub(super) fn refusal(self) -> Reason {
        match self {
            Self::Login => Reason::NotSignedIn,
            Self::Consent => Reason::ConsentNeeded,
            Self::SelectAccount => Reason::AccountChoiceNeeded,
            Self::CreateAccount => Reason::PageNeeded,
        }
    }
}
