//! Many at once: one family whatever happens, and revoking wins. On real threads, and in orders that are
//! played step by step on a store that yields before and after each call.

use std::{collections::BTreeSet, future::Future};

use oidc_op::{
    ClientId, Reason, Subject, What,
    store::{Fault, FaultyStore},
};

use super::{UNSIGNED, faulty_op, is_refused, refresher, thefts};
use crate::support::{
    ALICE, Answer, Ask, Browser, Op, Setup, Tokens, client,
    races::{Step, both, in_step, interleave, shuffled, together},
};

const RACERS: usize = 32;

fn quick_op() -> Op {
    let mut setup = Setup::new();
    setup.clients = vec![refresher("refresh", None), refresher("public-refresh", None)];
    setup.build()
}

async fn refresh(op: Op, client: &'static str, token: String) -> Answer {
    op.refresh(client, &token).await
}

/// Tabs of one confidential client: all get an answer, with one successor among them.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn race_of_32_refreshes_gives_one_successor() {
    let op = quick_op();
    let mut token = op.tokens_for("refresh", ALICE, UNSIGNED, &[]).await;
    for round in 0..200 {
        let racers = (0..RACERS).map(|_| refresh(op.clone(), "refresh", token.refresh.clone()));
        token = one_family(&op, &together(racers).await, &format!("round {round}")).await;
    }
    token.refreshed(&op).await;
}

/// The same in orders that look random, and in step: all read before the first one writes.
#[tokio::test]
async fn staged_refreshes_give_one_successor() {
    for seed in 0..40 {
        let (op, store) = faulty_op();
        let token = op.tokens_for("refresh", ALICE, UNSIGNED, &[]).await;
        yields(&store);
        let racers = (0..RACERS).map(|_| boxed(op.refresh("refresh", &token.refresh))).collect();
        let answers = if seed == 0 {
            interleave(racers, in_step())
        } else {
            interleave(racers, shuffled(seed))
        };
        store.reset();
        one_family(&op, &answers, &format!("seed {seed}")).await;
    }
}

/// 32 answers with one successor and as many access tokens, all of which work.
async fn one_family(op: &Op, answers: &[Answer], what: &str) -> Tokens {
    assert!(answers.iter().all(|answer| answer.status() == 200), "{what}");
    let winners: Vec<_> = answers.iter().map(|answer| Tokens::of("refresh", answer)).collect();
    let successors: BTreeSet<_> = winners.iter().map(|winner| &winner.refresh).collect();
    assert_eq!(successors.len(), 1, "{what}");
    let access: BTreeSet<_> = winners.iter().map(|winner| &winner.access).collect();
    assert_eq!(access.len(), RACERS, "{what}");
    for access in access {
        assert!(op.provider.inspect(access).await.unwrap().is_some(), "{what}");
    }
    let seen = op.recorder.take();
    let refreshed = seen.iter().filter(|(what, _)| *what == What::TokenRefreshed);
    assert_eq!(refreshed.count(), RACERS, "{what}");
    assert!(!seen.iter().any(|(what, _)| *what == What::RefreshTokenReused), "{what}");
    winners[0].clone()
}

/// A public client: one success. Whoever read before the winner wrote is refused without harm; whoever
/// read after it looks like a thief, and ends the grant.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn race_of_32_strict_refreshes_has_one_winner() {
    let op = quick_op();
    for round in 0..200 {
        let token = op.tokens_for("public-refresh", ALICE, UNSIGNED, &[]).await;
        op.recorder.take();
        let racers =
            (0..RACERS).map(|_| refresh(op.clone(), "public-refresh", token.refresh.clone()));
        one_winner(&op, &together(racers).await, &format!("round {round}")).await;
    }
}

/// The same, staged: both ends come about, and each is as it must be.
#[tokio::test]
async fn staged_strict_refreshes_have_one_winner() {
    let mut harmless = 0;
    for seed in 0..40 {
        let (op, store) = faulty_op();
        let token = op.tokens_for("public-refresh", ALICE, UNSIGNED, &[]).await;
        op.recorder.take();
        yields(&store);
        let racers = (0..3).map(|_| boxed(op.refresh("public-refresh", &token.refresh))).collect();
        let answers = interleave(racers, shuffled(seed));
        store.reset();
        harmless += usize::from(one_winner(&op, &answers, &format!("seed {seed}")).await);
    }
    assert!((1..40).contains(&harmless), "{harmless} of 40");
}

/// Raced is not reused: 32 that have all read the token before it was used; 31 are refused, and the
/// successor works.
#[tokio::test]
async fn strict_refreshes_in_step_do_no_harm() {
    let (op, store) = faulty_op();
    let token = op.tokens_for("public-refresh", ALICE, UNSIGNED, &[]).await;
    yields(&store);
    op.recorder.take();
    let racers = (0..RACERS).map(|_| boxed(op.refresh("public-refresh", &token.refresh))).collect();
    let answers = interleave(racers, in_step());
    store.reset();
    let seen = op.recorder.take();
    let raced = (What::TokenRefused, Some(Reason::RefreshTokenRaced));
    assert_eq!(seen.iter().filter(|event| **event == raced).count(), 31, "{seen:?}");
    assert!(one_winner(&op, &answers, "in step").await, "no harm was done");
}

/// One of the answers is a success and the others are refusals; answers whether the grant goes on.
async fn one_winner(op: &Op, answers: &[Answer], what: &str) -> bool {
    let harmless = thefts(op) == 0;
    let (winners, losers): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| answer.status() == 200);
    assert_eq!(winners.len(), 1, "{what}");
    for loser in losers {
        is_refused(loser, what);
    }
    let winner = Tokens::of("public-refresh", winners[0]);
    let alive = op.provider.inspect(&winner.access).await.unwrap().is_some();
    assert_eq!(alive, harmless, "{what}");
    let next = op.refresh("public-refresh", &winner.refresh).await;
    assert_eq!(next.status(), if harmless { 200 } else { 400 }, "{what}");
    harmless
}

/// What ends grants.
const ENDS: [End; 4] = [End::ByClient, End::ByPerson, End::All, End::Consent];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    ByClient,
    ByPerson,
    All,
    Consent,
}

impl End {
    async fn come(self, op: Op, tokens: Tokens) {
        let alice = Subject::new(ALICE).unwrap();
        match self {
            Self::ByClient => {
                let answer = op.revoke(tokens.client, &tokens.refresh).await;
                assert_eq!(answer.status(), 200, "revoking wins");
            }
            Self::ByPerson => {
                let held = op.provider.grants(&alice, None, 10).await.unwrap();
                for grant in held.grants {
                    op.provider.revoke_grant(&alice, grant.id).await.unwrap();
                }
            }
            Self::All => op.provider.revoke_all(&alice).await.unwrap(),
            Self::Consent => {
                let client = ClientId::new(tokens.client).unwrap();
                op.provider.withdraw_consent(&alice, &client).await.unwrap();
            }
        }
    }

    /// Afterwards nothing works, whatever the refresh got. Only a consent leaves the access tokens that
    /// are out.
    async fn holds(self, op: &Op, before: &Tokens, answer: Option<&Answer>, what: &str) {
        let mut all = vec![before.clone()];
        if let Some(answer) = answer {
            match answer.status() {
                200 => all.push(Tokens::of(before.client, answer)),
                _ => is_refused(answer, what),
            }
        }
        thefts(op);
        for tokens in all.iter().rev() {
            is_refused(&op.refresh(tokens.client, &tokens.refresh).await, what);
            let lives = op.provider.inspect(&tokens.access).await.unwrap().is_some();
            if self != Self::Consent {
                assert!(!lives, "{what}");
            }
        }
        let strict = before.client.starts_with("public");
        assert_eq!(
            thefts(op),
            usize::from(strict && self.leaves_theft() && all.len() == 2),
            "{what}"
        );
    }

    /// Whether the record itself stays as it was, so that theft is found in it.
    fn leaves_theft(self) -> bool {
        matches!(self, Self::All | Self::Consent)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn revoking_wins_against_refreshing() {
    for round in 0..50 {
        for (end, client) in pairs() {
            let what = format!("{end:?} {client} in round {round}");
            let op = quick_op();
            let tokens = op.tokens_for(client, ALICE, UNSIGNED, &[]).await;
            let ending = end.come(op.clone(), tokens.clone());
            let refreshing = refresh(op.clone(), client, tokens.refresh.clone());
            let ((), answer) = both(ending, refreshing).await;
            end.holds(&op, &tokens, Some(&answer), &what).await;
        }
    }
}

/// The same step by step, in many orders; in some the refresh still got an answer, in some it did not.
#[tokio::test]
async fn staged_revocations_win() {
    for (end, client) in pairs() {
        let mut answered = 0;
        for seed in 0..60 {
            let (op, store) = faulty_op();
            let tokens = op.tokens_for(client, ALICE, UNSIGNED, &[]).await;
            yields(&store);
            let mut answer = None;
            let refreshing: Step<'_, ()> =
                Box::pin(async { answer = Some(op.refresh(client, &tokens.refresh).await) });
            let ending: Step<'_, ()> = Box::pin(end.come(op.clone(), tokens.clone()));
            interleave(vec![refreshing, ending], shuffled(seed));
            store.reset();
            answered += usize::from(answer.as_ref().is_some_and(|answer| answer.status() == 200));
            end.holds(&op, &tokens, answer.as_ref(), &format!("{end:?} {client} seed {seed}"))
                .await;
        }
        assert!((1..60).contains(&answered), "{end:?} {client}: {answered} of 60");
    }
}

fn pairs() -> impl Iterator<Item = (End, &'static str)> {
    ENDS.into_iter().flat_map(|end| [(end, "refresh"), (end, "public-refresh")])
}

/// A code that is redeemed while everything is revoked: whatever came of it is dead.
#[tokio::test]
async fn a_redemption_against_revoke_all() {
    let mut answered = 0;
    for seed in 0..40 {
        let (op, store) = faulty_op();
        let ask = Ask::of("refresh", "code").with("scope", UNSIGNED);
        let sent = Browser::new(&op).ask(&ask, ALICE).await;
        let alice = Subject::new(ALICE).unwrap();
        yields(&store);
        let mut answer = None;
        let redeeming: Step<'_, ()> =
            Box::pin(async { answer = Some(op.exchange(&ask, sent.get("code")).await) });
        let ending: Step<'_, ()> =
            Box::pin(async { op.provider.revoke_all(&alice).await.unwrap() });
        interleave(vec![redeeming, ending], shuffled(seed));
        store.reset();
        let answer = answer.unwrap();
        if answer.status() == 200 {
            answered += 1;
            let tokens = Tokens::of("refresh", &answer);
            assert_eq!(op.provider.inspect(&tokens.access).await.unwrap(), None, "seed {seed}");
            is_refused(&op.refresh("refresh", &tokens.refresh).await, "revoked");
        } else {
            is_refused(&answer, "revoked");
        }
    }
    assert!((1..40).contains(&answered), "{answered} of 40");
}

/// A token from the front channel that is revoked while the code is redeemed: both happen.
#[tokio::test]
async fn a_redemption_against_a_revocation_of_the_front_token() {
    let every = serde_json::json!({
        "response_types": ["code token"],
        "grant_types": ["authorization_code", "implicit", "refresh_token"]
    });
    for seed in 0..40 {
        let mut setup = Setup::new();
        setup.clients = vec![client("every", false, &["https://every.example/cb"], &every)];
        let (op, store) = setup.build_faulty();
        let ask = Ask::of("every", "code token").with("scope", UNSIGNED);
        let sent = Browser::new(&op).ask(&ask, ALICE).await;
        let front = sent.get("access_token");
        assert!(op.provider.inspect(front).await.unwrap().is_some());
        yields(&store);
        let steps =
            vec![boxed(op.exchange(&ask, sent.get("code"))), boxed(op.revoke("every", front))];
        let answers = interleave(steps, shuffled(seed));
        store.reset();
        assert_eq!(answers[1].status(), 200, "seed {seed}: revoking wins");
        assert_eq!(op.provider.inspect(front).await.unwrap(), None, "seed {seed}");
        assert_eq!(answers[0].status(), 200, "seed {seed}: the code is another matter");
        let tokens = Tokens::of("every", &answers[0]);
        assert!(op.provider.inspect(&tokens.access).await.unwrap().is_some(), "seed {seed}");
        tokens.refreshed(&op).await;
        assert_eq!(op.provider.inspect(front).await.unwrap(), None, "it stays dead");
    }
}

/// Each call waits once before it is made and once after.
fn yields(store: &FaultyStore) {
    store.reset();
    store.fail_all(Fault::Delay(1));
    store.fail_all(Fault::DelayAnswer(1));
}

fn boxed<'f>(answer: impl Future<Output = Answer> + 'f) -> Step<'f, Answer> {
    Box::pin(answer)
}
