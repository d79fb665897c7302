//! Grants as a whole: any story of sign-ins, redemptions, refreshes, revocations, waits and store
//! failures, told to the provider and to a small model of it ([`reference`]), which must agree on every
//! answer and, after each step, on what everything ever handed out is worth (threats §6, P-01 to P-10).

mod reference;
mod world;

use std::{cell::RefCell, collections::BTreeMap};

use oidc_op::store::Fault;
use proptest::{
    collection,
    prelude::*,
    sample::select,
    test_runner::{RngSeed, TestRunner},
};

use self::{
    reference::{CLIENTS, DAY},
    world::World,
};
use crate::properties::RUNTIME;

/// One thing that happens. What it happens to is counted back from the newest there is, so that any
/// number means something, and shrinks to the newest.
#[derive(Clone, Debug)]
enum Step {
    /// A person signs in, or is still signed in, and a client gets a code.
    Authorize {
        who: usize,
        client: usize,
        scope: &'static str,
    },
    /// The same, and the code is exchanged at once.
    SignIn {
        who: usize,
        client: usize,
        scope: &'static str,
    },
    Redeem {
        code: usize,
        by: By,
        verifier: bool,
    },
    Refresh {
        token: usize,
        by: By,
        scope: Option<&'static str>,
    },
    /// Anything ever seen, revoked.
    Revoke {
        thing: usize,
        by: By,
    },
    /// A client that gets access tokens and gives them back, more than are counted one by one.
    Spend {
        token: usize,
    },
    /// Anything ever seen, shown at introspection and UserInfo.
    Show {
        thing: usize,
        by: By,
    },
    /// Anything ever seen, where something of another kind belongs.
    Mistake {
        thing: usize,
    },
    Wait(i64),
    RevokeAll {
        who: usize,
    },
    /// The person takes back what the client of something may have.
    Withdraw {
        thing: usize,
    },
    SignOut {
        who: usize,
    },
    Disable {
        who: usize,
    },
    Enable {
        who: usize,
    },
    /// What is past its time is cleared away.
    Work,
}

/// Who sends a request.
#[derive(Clone, Copy, Debug)]
enum By {
    Owner,
    Client(usize),
}

/// A step, and perhaps a store that fails at its n-th call.
type Told = (Step, Option<(usize, Fault)>);

fn back() -> impl Strategy<Value = usize> {
    prop_oneof![4 => Just(0_usize), 3 => Just(1_usize), 2 => 0..12_usize]
}

fn by() -> impl Strategy<Value = By> {
    prop_oneof![7 => Just(By::Owner), 1 => (0..CLIENTS.len()).prop_map(By::Client)]
}

fn who() -> impl Strategy<Value = usize> {
    prop_oneof![3 => Just(0_usize), 1 => Just(1_usize)]
}

/// What kind of story it is.
#[derive(Clone, Copy)]
enum Pace {
    /// Everything within the life of an access token, mostly.
    Minutes,
    /// Grants are used until they end.
    Years,
    /// People come and go, all at once.
    Unrest,
}

fn step(pace: Pace) -> impl Strategy<Value = Step> {
    let client = || 0..CLIENTS.len();
    let granted = select(vec![
        "openid email offline_access",
        "openid email offline_access",
        "openid offline_access",
        "openid email",
    ]);
    let asked = prop_oneof![
        4 => Just(None),
        1 => select(vec!["openid", "openid email", "openid email offline_access", "openid profile"])
            .prop_map(Some),
    ];
    // Just before, at and after each end that there is.
    let wait = match pace {
        Pace::Years => {
            select(vec![DAY, 2 * DAY, 7 * DAY, 10 * DAY, 14 * DAY - 1, 14 * DAY]).boxed()
        }
        Pace::Minutes | Pace::Unrest => prop_oneof![
            8 => select(vec![1, 5, 29, 30, 31, 35, 35, 36]),
            4 => select(vec![59, 60, 60, 61, 570, 599, 600, 601]),
            2 => select(vec![8 * 3_600 - 1, 8 * 3_600, 2 * DAY]),
        ]
        .boxed(),
    };
    let people = prop_oneof![
        2 => who().prop_map(|who| Step::SignOut { who }),
        2 => back().prop_map(|thing| Step::Withdraw { thing }),
        2 => who().prop_map(|who| Step::RevokeAll { who }),
        1 => who().prop_map(|who| Step::Disable { who }),
    ];
    // New grants, exchanges of codes, revocations; refreshes; waits; people.
    let [grants, refreshes, waits, peoples] = match pace {
        Pace::Minutes => [3, 18, 9, 2],
        Pace::Years => [1, 40, 20, 1],
        Pace::Unrest => [4, 18, 2, 12],
    };
    let authorize = (who(), client(), granted.clone())
        .prop_map(|(who, client, scope)| Step::Authorize { who, client, scope });
    let sign_in = (who(), client(), granted).prop_map(|(who, client, scope)| Step::SignIn {
        who,
        client,
        scope,
    });
    let redeem = (back(), by(), prop::bool::weighted(0.9))
        .prop_map(|(code, by, verifier)| Step::Redeem { code, by, verifier });
    let refresh =
        (back(), by(), asked).prop_map(|(token, by, scope)| Step::Refresh { token, by, scope });
    prop_oneof![
        2 * grants => authorize,
        2 * grants => sign_in,
        2 * grants => redeem,
        refreshes => refresh,
        grants => (back(), by()).prop_map(|(thing, by)| Step::Revoke { thing, by }),
        2 => (back(), by()).prop_map(|(thing, by)| Step::Show { thing, by }),
        1 => back().prop_map(|token| Step::Spend { token }),
        1 => back().prop_map(|thing| Step::Mistake { thing }),
        waits => wait.prop_map(Step::Wait),
        peoples => people,
        1 => who().prop_map(|who| Step::Enable { who }),
        1 => Just(Step::Work),
    ]
}

fn told(pace: Pace) -> impl Strategy<Value = Told> {
    let faults = vec![Fault::Refuse, Fault::LoseRequest, Fault::LoseAnswer, Fault::Unreadable];
    (step(pace), prop::option::weighted(0.2, (1..6_usize, select(faults))))
}

fn story() -> impl Strategy<Value = Vec<Told>> {
    let of = |pace| collection::vec(told(pace), 1..40);
    let years = (0..CLIENTS.len(), of(Pace::Years)).prop_map(|(client, mut story)| {
        let scope = "openid email offline_access";
        story.insert(0, (Step::SignIn { who: 0, client, scope }, None));
        story
    });
    prop_oneof![3 => of(Pace::Minutes), 1 => years, 1 => of(Pace::Unrest)]
}

/// What the stories must come to, or they prove nothing of it.
const EVERYTHING: &[&str] = &[
    "BearerExpired",
    "BearerInvalid",
    "CodeExpired",
    "CodeOfAnotherClient",
    "CodeRedeemed",
    "CodeReplayed",
    "CodeUnknown",
    "ConsentWithdrawn",
    "GrantRevoked",
    "IntrospectionOfPublicClient",
    "RefreshTokenExpired",
    "RefreshTokenLate",
    "RefreshTokenOfAnotherClient",
    "RefreshTokenReused",
    "RefreshTokenUnknown",
    "ScopeNotGranted",
    "SessionEnded",
    "StoreFailed",
    "SubjectChanged",
    "SubjectInactive",
    "TokenRefreshed",
    "TokenRevoked",
    "VerifierWrong",
];

/// Every story of the fixed seed; with `PROPTEST_CASES` as many others as that says.
fn config() -> ProptestConfig {
    let mut config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        (config.cases, config.rng_seed) = (400, RngSeed::Fixed(7));
    }
    config
}

#[test]
fn the_provider_does_what_the_model_does() {
    let reached = RefCell::new(BTreeMap::new());
    let outcome = TestRunner::new(config()).run(&story(), |story| {
        RUNTIME.block_on(async {
            let mut world = World::new();
            for (step, fault) in &story {
                world.take(step, *fault).await;
                world.compare().await;
            }
            for what in world.reached() {
                *reached.borrow_mut().entry(what).or_insert(0) += 1;
            }
        });
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
    let reached = reached.into_inner();
    for what in EVERYTHING {
        assert!(reached.contains_key(*what), "the stories have lost {what}: {reached:?}");
    }
}
