//! The provider, the people and the clients of a story, beside the model of them.

use std::collections::BTreeMap;

use oidc_op::{
    Account, ClientId, Subject,
    store::{Fault, FaultyStore},
};
use serde_json::{Value, json};

use super::{
    By, Step,
    reference::{CLIENTS, DAY, Model, PEOPLE, Tokens, Verdict, words},
};
use crate::support::{Answer, Ask, Browser, Op, Setup, VERIFIER, claims, client, redirect_uri};

/// As long as the right one.
const WRONG_VERIFIER: &str = "eBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

pub(super) struct World {
    op: Op,
    store: FaultyStore,
    browsers: [Browser; 2],
    model: Model,
    /// Everything that was ever handed out, oldest first.
    seen: Vec<(Thing, String)>,
    /// How many sets of tokens each code has yielded.
    yielded: BTreeMap<usize, u32>,
    end: i64,
}

/// Something that was handed out, as the model names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Thing {
    Code(usize),
    Refresh(usize, usize),
    Access(usize),
}

impl World {
    pub(super) fn new() -> Self {
        let mut setup = Setup::new();
        let strict = json!({"grant_types": ["authorization_code", "refresh_token"]});
        let mut strict = client("strict", false, &[&redirect_uri("strict")], &strict);
        strict.refresh.rotation = Some(oidc_op::Rotation::Strict);
        setup.clients.push(strict);
        let (op, store) = setup.build_faulty();
        let start = 1_800_000_000;
        Self {
            store,
            browsers: [Browser::new(&op), Browser::new(&op)],
            op,
            model: Model::at(start),
            seen: Vec::new(),
            yielded: BTreeMap::new(),
            // Remembered consents end after a year, of which the model knows nothing.
            end: start + 300 * DAY,
        }
    }

    /// Takes a step, here and in the model.
    pub(super) async fn take(&mut self, step: &Step, fault: Option<(usize, Fault)>) {
        match *step {
            Step::Authorize { who, client, scope } => self.authorize(who, client, scope).await,
            Step::SignIn { who, client, scope } => {
                if !self.model.people[who].disabled {
                    self.authorize(who, client, scope).await;
                    self.redeem(0, By::Owner, true, fault).await;
                }
            }
            Step::Redeem { code, by, verifier } => self.redeem(code, by, verifier, fault).await,
            Step::Refresh { token, by, scope } => self.refresh(token, by, scope, fault).await,
            Step::Revoke { thing, by } => {
                let picked = self.pick(thing, |_| true);
                self.revoke(picked, by, fault).await;
            }
            Step::Spend { token } => {
                for _ in 0..10 {
                    self.refresh(token, By::Owner, None, None).await;
                    let newest = self.pick(0, |thing| matches!(thing, Thing::Access(_)));
                    self.revoke(newest, By::Owner, None).await;
                }
                self.refresh(token, By::Owner, None, None).await;
            }
            Step::Show { thing, by } => self.show(thing, by, fault).await,
            Step::Mistake { thing } => self.mistake(thing).await,
            Step::Wait(seconds) if self.model.now + seconds < self.end => {
                self.op.wait(seconds);
                self.model.now += seconds;
            }
            Step::Wait(_) => {}
            Step::RevokeAll { who } => {
                self.break_store(fault);
                let done = self.op.provider.revoke_all(&subject(who)).await.is_ok();
                self.done(fault, done, |model| model.revoke_all(who));
            }
            Step::Withdraw { thing } => {
                let Some((thing, _)) = self.pick(thing, |_| true) else { return };
                let grant = &self.model.grants[self.grant_of(thing)];
                let (who, client) = (grant.who, grant.client);
                self.break_store(fault);
                let id = ClientId::new(CLIENTS[client].0).unwrap();
                let done = self.op.provider.withdraw_consent(&subject(who), &id).await.is_ok();
                self.done(fault, done, |model| model.withdraw(who, client));
            }
            Step::SignOut { who } => {
                self.browsers[who].sign_out().await;
                self.model.sign_out(who);
            }
            Step::Disable { who } => {
                self.op.host.disable(PEOPLE[who]);
                self.model.people[who].disabled = true;
            }
            Step::Enable { who } => {
                self.op.host.set(PEOPLE[who], Account::active());
                self.model.people[who].disabled = false;
            }
            Step::Work => {
                self.op.provider.work(1_000).await.unwrap();
            }
        }
    }

    /// What the observer has heard, refusals by their reason.
    pub(super) fn reached(&self) -> Vec<String> {
        let happened = self.op.recorder.take().into_iter();
        happened
            .map(|(what, why)| why.map_or(format!("{what:?}"), |why| format!("{why:?}")))
            .collect()
    }

    async fn authorize(&mut self, who: usize, client: usize, scope: &'static str) {
        if self.model.people[who].disabled {
            return;
        }
        let ask = Ask::of(CLIENTS[client].0, "code").with("scope", scope);
        let sent = self.browsers[who].ask(&ask, PEOPLE[who]).await;
        assert_eq!(sent.get("iss"), "https://id.example", "P-07");
        let grant = self.model.authorize(who, client, scope);
        self.saw(Thing::Code(grant), sent.get("code"));
    }

    async fn redeem(&mut self, code: usize, by: By, verifier: bool, fault: Option<(usize, Fault)>) {
        let picked = self.pick(code, |thing| matches!(thing, Thing::Code(_)));
        let Some((Thing::Code(grant), code)) = picked else { return };
        let caller = self.caller(by, grant);
        let mut after = self.model.clone();
        let verdict = after.redeem(grant, caller, verifier);
        let body = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", &redirect_uri(CLIENTS[self.model.grants[grant].client].0)),
            ("code_verifier", if verifier { VERIFIER } else { WRONG_VERIFIER }),
        ];
        self.break_store(fault);
        let answer = self.op.token_as(CLIENTS[caller].0, &body).await;
        if self.judge(fault, &answer, after, &verdict) {
            *self.yielded.entry(grant).or_default() += 1;
        }
    }

    async fn refresh(
        &mut self,
        token: usize,
        by: By,
        scope: Option<&'static str>,
        fault: Option<(usize, Fault)>,
    ) {
        let picked = self.pick(token, |thing| matches!(thing, Thing::Refresh(..)));
        let Some((Thing::Refresh(grant, n), token)) = picked else { return };
        let caller = self.caller(by, grant);
        let mut after = self.model.clone();
        let verdict = after.refresh(grant, n, caller, scope);
        let scope: Vec<_> = scope.map(|scope| ("scope", scope)).into_iter().collect();
        self.break_store(fault);
        let answer = self.op.refresh_with(CLIENTS[caller].0, &token, &scope).await;
        self.judge(fault, &answer, after, &verdict);
    }

    /// RFC 7009 §2.2: the answer tells nothing.
    async fn revoke(
        &mut self,
        picked: Option<(Thing, String)>,
        by: By,
        fault: Option<(usize, Fault)>,
    ) {
        let Some((thing, text)) = picked else { return };
        let caller = self.caller(by, self.grant_of(thing));
        self.break_store(fault);
        let answer = self.op.revoke(CLIENTS[caller].0, &text).await;
        is_well_formed(&answer);
        assert!(matches!(answer.status(), 200 | 503));
        self.done(fault, answer.status() == 200, |model| match thing {
            Thing::Code(_) => {}
            Thing::Refresh(grant, _) => model.revoke_refresh(grant, caller),
            Thing::Access(access) => model.revoke_access(access, caller),
        });
    }

    /// RFC 7662 §2.2; OIDC Core §5.3.
    async fn show(&mut self, thing: usize, by: By, fault: Option<(usize, Fault)>) {
        let Some((thing, text)) = self.pick(thing, |_| true) else { return };
        let grant = self.grant_of(thing);
        let caller = self.caller(by, grant);
        self.break_store(fault);
        let answer = self.op.introspect(CLIENTS[caller].0, &text).await;
        is_well_formed(&answer);
        let failed = self.mend_store(fault);
        if CLIENTS[caller].0.starts_with("public") {
            assert!(answer.error() == "invalid_client" || failed && answer.status() == 503);
        } else if answer.status() == 503 {
            assert!(failed, "P-10: the store was well");
        } else {
            let expected = self.told(thing).filter(|_| caller == self.model.grants[grant].client);
            let told = answer.json();
            match expected {
                None => assert_eq!(told, json!({"active": false}), "{thing:?}"),
                Some((scope, exp)) => {
                    let it = &self.model.grants[grant];
                    assert_eq!(told["active"], true, "{thing:?}");
                    assert_eq!(told["iss"], "https://id.example", "P-07");
                    assert_eq!(told["sub"], PEOPLE[it.who], "P-08");
                    assert_eq!(told["client_id"], CLIENTS[it.client].0);
                    assert_eq!(told["exp"], exp, "{thing:?}");
                    assert_eq!(words(told["scope"].as_str().unwrap()), words(scope), "P-03");
                }
            }
        }
        self.break_store(fault);
        let answer = self.op.userinfo(&text).await;
        let failed = self.mend_store(fault);
        is_well_formed(&answer);
        let good = matches!(thing, Thing::Access(access) if self.model.access_is_good(access));
        match answer.status() {
            503 => assert!(failed, "P-10: the store was well"),
            200 => {
                assert!(good, "{thing:?}");
                assert_eq!(answer.member("sub"), PEOPLE[self.model.grants[grant].who], "P-08");
            }
            status => assert!(!good && status == 401, "{thing:?} {status}"),
        }
    }

    /// A code is no refresh token, an access token is neither: nothing comes of it, and nothing happens.
    async fn mistake(&mut self, thing: usize) {
        let Some((thing, text)) = self.pick(thing, |_| true) else { return };
        let owner = CLIENTS[self.model.grants[self.grant_of(thing)].client].0;
        if !matches!(thing, Thing::Refresh(..)) {
            let answer = self.op.refresh(owner, &text).await;
            is_well_formed(&answer);
            assert_eq!(answer.error(), "invalid_grant", "{thing:?}");
        }
        if !matches!(thing, Thing::Code(_)) {
            let body = [
                ("grant_type", "authorization_code"),
                ("code", &*text),
                ("redirect_uri", &redirect_uri(owner)),
                ("code_verifier", VERIFIER),
            ];
            let answer = self.op.token_as(owner, &body).await;
            is_well_formed(&answer);
            assert_eq!(answer.error(), "invalid_grant", "{thing:?}");
        }
    }

    /// What everything ever handed out is worth now.
    pub(super) async fn compare(&self) {
        let mut strict = BTreeMap::new();
        for (thing, text) in &self.seen {
            let client = CLIENTS[self.model.grants[self.grant_of(*thing)].client].0;
            let good = self.told(*thing).is_some();
            if let Thing::Access(_) = thing {
                let status = self.op.userinfo(text).await.status();
                assert_eq!(status, if good { 200 } else { 401 }, "P-09: {thing:?}");
            }
            // Introspection is not for public clients.
            if client.starts_with("public") || matches!(thing, Thing::Code(_)) {
                continue;
            }
            let told = self.op.introspect(client, text).await.json();
            assert_eq!(told["active"], good, "P-09: {thing:?}");
            if let (Thing::Refresh(grant, _), "strict") = (thing, client) {
                *strict.entry(grant).or_insert(0) += i32::from(told["active"] == true);
            }
            let ends = self.told(*thing).map(|(_, end)| end);
            assert_eq!(told["exp"].as_i64(), ends, "{thing:?}");
        }
        assert!(strict.values().all(|live| *live <= 1), "P-04: {strict:?}");
        assert!(self.yielded.values().all(|sets| *sets == 1), "P-01: {:?}", self.yielded);
    }

    /// Whether the answer is the one of the model, with the fault or without; whether it brought tokens.
    /// With one fault, who hears 503 can be sure that nothing has happened (P-10).
    fn judge(
        &mut self,
        fault: Option<(usize, Fault)>,
        answer: &Answer,
        after: Model,
        verdict: &Verdict,
    ) -> bool {
        let failed = self.mend_store(fault);
        is_well_formed(answer);
        if answer.status() == 503 {
            assert!(failed, "P-10: the store was well");
            return false;
        }
        self.model = after;
        match verdict {
            Verdict::Refused(error) => {
                assert_eq!(answer.status(), 400, "{}", answer.json());
                assert_eq!(answer.error(), *error);
                false
            }
            Verdict::Tokens(tokens) => {
                assert_eq!(answer.status(), 200, "{}", answer.json());
                self.receive(&answer.json(), tokens);
                true
            }
        }
    }

    fn receive(&mut self, answer: &Value, tokens: &Tokens) {
        let (who, client, scope) = {
            let grant = &self.model.grants[tokens.grant];
            (grant.who, grant.client, grant.scope)
        };
        let text = |name: &str| answer[name].as_str().map(str::to_owned);
        let given = text("scope").unwrap();
        assert_eq!(words(&given), words(tokens.scope));
        assert!(words(&given).is_subset(&words(scope)), "P-03: {given} of {scope}");
        assert_eq!(answer["expires_in"], tokens.expires_in);
        let id = claims(&text("id_token").unwrap());
        assert_eq!(id["iss"], "https://id.example", "P-07");
        assert_eq!((&id["sub"], &id["aud"]), (&json!(PEOPLE[who]), &json!(CLIENTS[client].0)));
        self.saw(Thing::Access(self.model.access.len() - 1), &text("access_token").unwrap());
        let refresh = tokens.refresh.map(|n| Thing::Refresh(tokens.grant, n));
        let (Some(thing), Some(token)) = (refresh, text("refresh_token")) else {
            assert_eq!((refresh, text("refresh_token")), (None, None));
            return;
        };
        match self.seen.iter().find(|(seen, _)| *seen == thing) {
            Some((_, before)) => assert_eq!(*before, token, "the same, once more"),
            None => self.saw(thing, &token),
        }
    }

    fn saw(&mut self, thing: Thing, text: &str) {
        assert!(self.seen.iter().all(|(_, seen)| seen != text), "{thing:?} is new");
        self.seen.push((thing, text.to_owned()));
    }

    /// A step that either happened or did not, and said so truly.
    fn done(&mut self, fault: Option<(usize, Fault)>, done: bool, step: impl FnOnce(&mut Model)) {
        let failed = self.mend_store(fault);
        assert!(done || failed, "P-10: the store was well");
        if done {
            step(&mut self.model);
        }
    }

    /// The scope and the end of something that is good now.
    fn told(&self, thing: Thing) -> Option<(&'static str, i64)> {
        match thing {
            Thing::Code(_) => None,
            Thing::Refresh(grant, n) => {
                let until = self.model.refresh_is_good(grant, n)?;
                Some((self.model.grants[grant].scope, until))
            }
            Thing::Access(access) => {
                let it = &self.model.access[access];
                self.model.access_is_good(access).then_some((it.scope, it.expires))
            }
        }
    }

    fn pick(&self, back: usize, fits: impl Fn(Thing) -> bool) -> Option<(Thing, String)> {
        let fitting: Vec<_> = self.seen.iter().rev().filter(|(thing, _)| fits(*thing)).collect();
        let index = back.checked_rem(fitting.len())?;
        fitting.get(index).map(|picked| (*picked).clone())
    }

    fn grant_of(&self, thing: Thing) -> usize {
        match thing {
            Thing::Code(grant) | Thing::Refresh(grant, _) => grant,
            Thing::Access(access) => self.model.access[access].grant,
        }
    }

    fn caller(&self, by: By, grant: usize) -> usize {
        match by {
            By::Owner => self.model.grants[grant].client,
            By::Client(client) => client,
        }
    }

    fn break_store(&self, fault: Option<(usize, Fault)>) {
        self.store.reset();
        if let Some((nth, fault)) = fault {
            self.store.fail_nth(nth, fault);
        }
    }

    /// Whether the fault has struck.
    fn mend_store(&self, fault: Option<(usize, Fault)>) -> bool {
        let struck = fault.is_some_and(|(nth, _)| self.store.calls().total() >= nth);
        self.store.reset();
        struck
    }
}

fn subject(who: usize) -> Subject {
    Subject::new(PEOPLE[who]).unwrap()
}

/// P-06.
fn is_well_formed(answer: &Answer) {
    if answer.status() == 200 {
        return;
    }
    let error = answer.error();
    let statuses = [
        ("invalid_grant", 400),
        ("invalid_scope", 400),
        ("invalid_client", 401),
        ("invalid_token", 401),
        ("temporarily_unavailable", 503),
    ];
    assert!(statuses.contains(&(&*error, answer.status())), "P-06: {}", answer.json());
    assert_eq!(answer.header("cache-control"), Some("no-store"), "P-06");
    assert!(answer.member("error_description").is_ascii(), "P-06");
}
