use std::sync::Arc;

use oidc_op::store::{Calls, Fault, FaultyStore, Kind};

use super::{
    journal::{Journal, State},
    steps::{Beginning, Given, Step, setup},
};
use crate::support::{Answer, Op, races::poll_times};

/// What goes wrong with the store.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Trouble {
    /// Once, at one call.
    Once(Fault),
    /// This happens to one call, and no later one is answered.
    Last(Fault),
}

const TROUBLES: [Trouble; 6] = [
    Trouble::Once(Fault::Refuse),
    Trouble::Once(Fault::LoseRequest),
    Trouble::Once(Fault::LoseAnswer),
    Trouble::Once(Fault::Unreadable),
    Trouble::Last(Fault::LoseRequest),
    Trouble::Last(Fault::LoseAnswer),
];

/// What an answer says of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Said {
    Done,
    /// Nothing of what was presented: come again.
    Unavailable,
    Refused,
}

/// What came of a step.
struct Run {
    said: Said,
    calls: Calls,
    states: Vec<State>,
    op: Op,
    store: FaultyStore,
    journal: Arc<Journal>,
    given: Given,
}

impl Run {
    fn state(&self) -> &State {
        self.states.last().unwrap()
    }

    /// The same once more, by a store that is well.
    async fn again(&mut self, step: Step) -> Said {
        self.store.reset();
        said(&step.act(&self.op, &mut self.given).await)
    }
}

impl Beginning {
    /// Another node, always with the same randomness.
    fn node(&self) -> (Op, FaultyStore, Arc<Journal>, Given) {
        let journal = Journal::from(self.state.clone());
        let store = FaultyStore::new(journal.clone());
        let mut setup = setup(Arc::new(store.clone()));
        setup.seed = 2;
        (setup.build(), store, journal, self.given.clone())
    }

    async fn run(&self, step: Step, break_it: impl FnOnce(&FaultyStore)) -> Run {
        let (op, store, journal, mut given) = self.node();
        break_it(&store);
        let said = said(&step.act(&op, &mut given).await);
        let (calls, states) = (store.calls(), journal.states());
        Run { said, calls, states, op, store, journal, given }
    }

    /// As it goes without any fault.
    async fn undisturbed(&self, step: Step) -> Run {
        let run = self.run(step, |_| ()).await;
        assert_eq!(run.said, Said::Done, "{step:?}");
        assert!(run.calls.total() > 0, "{step:?} asks no store");
        assert_eq!(run.states.len() == 1, step.reads(), "{step:?}: {:?}", run.calls);
        run
    }
}

fn said(answer: &Answer) -> Said {
    let Answer::Reply(reply) = answer else { return Said::Done };
    let to = reply.header("location").unwrap_or_default();
    match reply.status {
        303 if to.contains("error=temporarily_unavailable") => Said::Unavailable,
        303 if to.contains("error=") => Said::Refused,
        200 | 201 | 303 => Said::Done,
        503 => {
            assert_eq!(reply.header("retry-after"), Some("5"));
            Said::Unavailable
        }
        _ => Said::Refused,
    }
}

/// RE-02, RE-07: every call of every step in every way that it can fail, alone or as the last that the store
/// answers. What is stored is what was stored before, after, or between two writes of an undisturbed run. An
/// error is 503 with `Retry-After`, or `temporarily_unavailable` at the client; success is true. Whoever tries
/// again gets there, unless it has happened and is good once.
#[tokio::test]
async fn re_02_a_step_happens_whole_or_not_at_all() {
    for step in Step::ALL {
        let beginning = step.begin().await;
        let undisturbed = beginning.undisturbed(step).await;
        let after = undisturbed.states.len() - 1;
        for trouble in TROUBLES {
            for nth in 1.. {
                let what = format!("{step:?}: {trouble:?} at call {nth}");
                let mut run = beginning
                    .run(step, |store| match trouble {
                        Trouble::Once(fault) => store.fail_nth(nth, fault),
                        Trouble::Last(fault) => {
                            store.fail_nth(nth, fault);
                            (1..20).for_each(|n| store.fail_nth(nth + n, Fault::LoseRequest));
                        }
                    })
                    .await;
                if run.calls.total() < nth {
                    break;
                }
                let at = undisturbed.states.iter().position(|state| state == run.state());
                let at = at.unwrap_or_else(|| panic!("{what}: stored is what never is"));
                match run.said {
                    Said::Done => assert_eq!(at, after, "{what}: told and not done"),
                    // A write whose answer alone is lost is settled by reading back, and it is the last thing.
                    Said::Unavailable => {
                        let settled = step.is_once() && matches!(trouble, Trouble::Once(_));
                        assert!(!settled || at < after, "{what}: done and not told");
                    }
                    Said::Refused => panic!("{what}: a verdict"),
                }
                let happened = at == after && after > 0;
                let again = if happened && step.is_once() { Said::Refused } else { Said::Done };
                assert_eq!(
                    run.again(step).await,
                    again,
                    "{what}: and again, after {at} of {after} writes"
                );
            }
        }
    }
}

/// A call that takes long changes nothing.
#[tokio::test]
async fn re_02_a_step_that_waits_is_the_same() {
    for step in Step::ALL {
        let beginning = step.begin().await;
        let undisturbed = beginning.undisturbed(step).await;
        let run = beginning
            .run(step, |store| {
                store.fail_all(Fault::Delay(2));
                store.fail_all(Fault::DelayAnswer(2));
            })
            .await;
        assert_eq!(run.said, Said::Done, "{step:?}");
        assert_eq!((run.calls, &run.states), (undisturbed.calls, &undisturbed.states), "{step:?}");
    }
}

/// A store must not answer from a copy that lags, and what is good once is good once even then: the write
/// finds out. What is *not* promised is that a revocation, a log-out or a reuse is noticed: those are reads.
#[tokio::test]
async fn re_02_stale_reads_make_no_second_token_set() {
    for step in Step::ALL {
        let beginning = step.begin().await;
        let undisturbed = beginning.undisturbed(step).await;
        for nth in 1..=undisturbed.calls.total() {
            let what = format!("{step:?}: again, with a stale read at call {nth}");
            let mut run = beginning.run(step, |_| ()).await;
            run.store.reset();
            run.store.fail_nth(nth, Fault::Stale);
            let before = grants(&run.journal.state());
            let stale = said(&step.act(&run.op, &mut run.given).await);
            if step.is_once() {
                assert_eq!(stale, Said::Refused, "{what}");
                assert_eq!(grants(&run.journal.state()), before, "{what}");
                assert_eq!(run.again(step).await, Said::Refused, "{what}");
            }
        }
    }
}

fn grants(state: &State) -> usize {
    state.keys().filter(|key| key.kind() == Kind::Grant).count()
}

/// RE-09, P-22: whoever asks goes away wherever the answer waits: nothing is stored that an undisturbed run
/// does not store, nobody holds a lock, and whoever comes again gets there.
#[tokio::test]
async fn re_09_a_step_that_is_dropped_wherever_it_waits() {
    for step in Step::ALL {
        let beginning = step.begin().await;
        let undisturbed = beginning.undisturbed(step).await;
        let after = undisturbed.states.len() - 1;
        for polls in 0.. {
            let what = format!("{step:?} dropped after {polls} polls");
            let (op, store, journal, mut given) = beginning.node();
            store.fail_all(Fault::Delay(1));
            store.fail_all(Fault::DelayAnswer(1));
            let answer = poll_times(step.act(&op, &mut given), polls);
            let states = journal.states();
            let at = undisturbed.states.iter().position(|state| Some(state) == states.last());
            let at = at.unwrap_or_else(|| panic!("{what}: stored is what never is"));
            if let Some(answer) = answer {
                assert_eq!((said(&answer), at), (Said::Done, after), "{what}");
                assert_eq!(polls, 2 * undisturbed.calls.total() + 1, "{what}: every wait was met");
                break;
            }
            store.reset();
            let again = said(&step.act(&op, &mut given).await);
            let happened = at == after && after > 0;
            let expected = if happened && step.is_once() { Said::Refused } else { Said::Done };
            assert_eq!(again, expected, "{what}: and again");
        }
    }
}
