//! How a set that is shared changes.

use super::{
    super::change::Fresh,
    SigningAlgorithm::{ES256, EdDSA},
    *,
};

/// Keys of Ed25519 with these lives, in seconds from now; `None` for an end that never comes.
fn set(lives: &[[Option<i64>; 3]]) -> KeySet {
    lives
        .iter()
        .map(|[active, retiring, removed]| {
            let time = |at: &Option<i64>, otherwise| match at {
                Some(seconds) => NOW + Duration::seconds(*seconds),
                None => otherwise,
            };
            let active = time(active, Timestamp::MIN);
            let schedule = Schedule {
                announced: active.min(NOW),
                active,
                retiring: time(retiring, Timestamp::MAX),
                removed: time(removed, Timestamp::MAX),
            };
            let key = Arc::new(LocalKey::generate(EdDSA).unwrap());
            ScheduledKey { key, schedule }
        })
        .collect()
}

/// Something signs whenever something would have signed with the stolen key, and nothing that signs
/// now is pushed aside without having been announced.
#[test]
fn a_replacement_fills_the_gap_and_no_more() {
    const ENDLESS: [Option<i64>; 3] = [None, None, None];
    // the keys, the first of them stolen; when the fresh one begins to sign, if there is one
    for (lives, begins) in [
        (vec![ENDLESS], Some(-5)),
        (vec![[Some(-100), None, None]], Some(-5)),
        (vec![[Some(-100), Some(50), Some(90)]], Some(-5)),
        (vec![[Some(-100), Some(0), Some(90)]], None),
        (vec![[Some(-100), Some(-50), Some(90)]], None),
        (vec![[Some(40), None, None]], Some(40)),
        (vec![[Some(40), None, None], [Some(-9), Some(40), Some(90)]], Some(40)),
        (vec![[Some(40), None, None], [Some(-9), Some(60), Some(90)]], Some(60)),
        (vec![[Some(40), Some(70), Some(90)], [Some(-9), Some(60), Some(90)]], Some(60)),
        (vec![[Some(40), Some(60), Some(90)], [Some(-9), Some(60), Some(90)]], None),
        (vec![[Some(-100), Some(50), Some(90)], [Some(50), None, None]], Some(-5)),
        (vec![[Some(-100), Some(50), Some(90)], [Some(20), None, None]], Some(-5)),
        (vec![[Some(-100), None, None], ENDLESS], None),
        (vec![ENDLESS, [Some(-100), None, None]], None),
        (vec![[Some(-100), None, None], [Some(-2), Some(-1), Some(90)]], Some(-2)),
    ] {
        let keys = set(&lives);
        let stolen = keys.keys[0].kid().to_owned();
        let others = &keys.keys[1..];
        let after = keys.replaced(&stolen, NOW, &mut Fresh::default()).unwrap().unwrap();
        assert!(after.keys.iter().all(|key| key.kid() != stolen), "{lives:?}");
        for (before, after) in others.iter().zip(&*after.keys) {
            assert!(before.schedule == after.schedule, "{lives:?}");
        }
        let fresh = after.keys.get(others.len()).map(|key| key.schedule);
        assert_eq!(fresh.map(|life| life.active.since(NOW).whole_seconds()), begins, "{lives:?}");
        for second in 0..100 {
            let at = NOW + Duration::seconds(second);
            let signed = keys.active(EdDSA, at).is_some();
            assert!(!signed || after.active(EdDSA, at).is_some(), "{lives:?} after {second} s");
        }
        let mut jwk = Map::new();
        if let Some(life) = fresh {
            life.write(&mut jwk);
            assert_eq!(Schedule::parse(&jwk), Ok(life), "{lives:?}: the times are in order");
        }
    }
    assert!(set(&[]).replaced("x", NOW, &mut Fresh::default()).unwrap().is_none());
}

/// A fresh key is made once, however often the change is worked out anew.
#[test]
fn fresh_keys_are_made_once() {
    let (keys, mut fresh) = (set(&[[None, None, None]]), Fresh::default());
    let mut rotated = |rotation| {
        let after = keys.rotated(EdDSA, NOW, rotation, &mut fresh).unwrap();
        after.keys[1].kid().to_owned()
    };
    let first = rotated(KeyRotation::default());
    assert_eq!(rotated(KeyRotation::AT_ONCE), first);
    let both = keys.with_all_of(&[EdDSA, ES256, ES256], NOW, &mut fresh).unwrap().unwrap();
    assert_eq!(both.keys.len(), 2);
    assert_eq!(both.keys[1].algorithm(), ES256);
}

/// As `KeySet::rotate` in everything but what is at once.
#[test]
fn rotations_are_alike() {
    let keys = set(&[[Some(-100), None, None], [Some(-200), Some(-100), Some(50)]]);
    let lives = |keys: &KeySet| keys.keys.iter().map(|key| key.schedule).collect::<Vec<_>>();
    for (announce, retire) in [(1, 0), (60, 600), (60, -1), (1, 1)] {
        let rotation = KeyRotation::new(Duration::seconds(announce), Duration::seconds(retire));
        let shared = keys.rotated(EdDSA, NOW, rotation, &mut Fresh::default()).unwrap();
        assert!(lives(&shared) == lives(&keys.rotate(EdDSA, NOW, rotation).unwrap()));
    }
    let week = KeyRotation::new(Duration::ZERO, Duration::WEEK);
    let shared = keys.rotated(EdDSA, NOW, week, &mut Fresh::default()).unwrap();
    let ends = shared.keys[0].schedule;
    assert_eq!((ends.retiring, ends.removed), (NOW - Duration::seconds(5), NOW + Duration::WEEK));
}
