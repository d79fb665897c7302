//! Announced, active, retired, removed: what a key does when.

use super::*;

const ALG: SigningAlgorithm = SigningAlgorithm::EdDSA;

fn at(seconds: i64) -> Timestamp {
    NOW + Duration::seconds(seconds)
}

fn states(keys: &KeySet, now: Timestamp) -> Vec<KeyState> {
    keys.published(now).into_iter().map(|key| key.state).collect()
}

#[test]
fn a_rotation_announces_activates_retires_and_removes() {
    use KeyState::{Active, Announced, Retiring};
    let old = KeySet::generate(&[ALG], NOW).unwrap();
    let rotation = KeyRotation::new(Duration::seconds(10), Duration::seconds(20));
    let keys = old.rotate(ALG, at(100), rotation).unwrap();
    let [former, fresh] = &*keys.keys else { panic!("two keys") };
    for (now, published, signs) in [
        (-1, vec![], None),
        (0, vec![Active], Some(former)),
        (99, vec![Active], Some(former)),
        (100, vec![Active, Announced], Some(former)),
        (109, vec![Active, Announced], Some(former)),
        (110, vec![Retiring, Active], Some(fresh)),
        (129, vec![Retiring, Active], Some(fresh)),
        (130, vec![Active], Some(fresh)),
    ] {
        assert_eq!(states(&keys, at(now)), published, "{now}");
        assert_eq!(keys.active(ALG, at(now)), signs.map(|key| key.key.name.clone()), "{now}");
    }
    assert_eq!(keys.pruned(at(129)).keys.len(), 2);
    assert_eq!(keys.pruned(at(130)).keys.len(), 1);
    // Where the old set is still in use, it goes on as before.
    assert_eq!(states(&old, at(1_000)), [Active]);
}

/// Threat P-21: what signs was in the JWK Set for the whole announcement, and stays long enough.
#[test]
fn what_signs_has_been_announced_and_stays_published() {
    let (announce, retire) = (5, 8);
    let rotation = KeyRotation::new(Duration::seconds(announce), Duration::seconds(retire));
    let mut keys = KeySet::generate(&[ALG], NOW).unwrap();
    let mut history = Vec::new();
    for second in 0..60 {
        if second % 7 == 3 {
            keys = keys.pruned(at(second)).rotate(ALG, at(second), rotation).unwrap();
        }
        let published: Vec<_> =
            keys.published(at(second)).into_iter().map(|key| key.key.kid).collect();
        history.push((keys.active(ALG, at(second)).unwrap().kid, published));
    }
    for (second, (signs, _)) in history.iter().enumerate() {
        let first = if second < 8 { 0 } else { second - 5 };
        let last = (second + 8).min(history.len() - 1);
        for (then, (_, published)) in history.iter().enumerate().take(last + 1).skip(first) {
            assert!(published.contains(signs), "signs at {second}, unknown at {then}");
        }
    }
}

#[test]
fn rotations_may_overlap() {
    let slow = KeyRotation::new(Duration::seconds(100), Duration::seconds(10));
    let fast = KeyRotation::new(Duration::seconds(10), Duration::seconds(10));
    let keys = KeySet::generate(&[ALG], NOW).unwrap();
    let keys = keys.rotate(ALG, NOW, slow).unwrap().rotate(ALG, NOW, fast).unwrap();
    let [first, slow, fast] = &*keys.keys else { panic!("three keys") };
    for (now, signs) in [(0, first), (9, first), (10, fast), (99, fast), (100, slow)] {
        assert_eq!(keys.active(ALG, at(now)).unwrap(), signs.key.name, "{now}");
    }
}

#[test]
fn a_rotation_leaves_other_algorithms_alone() {
    let keys = KeySet::generate(&[ALG, SigningAlgorithm::ES256], NOW).unwrap();
    let before = keys.active(SigningAlgorithm::ES256, NOW);
    let keys = keys.rotate(ALG, NOW, KeyRotation::AT_ONCE).unwrap();
    assert_eq!(keys.active(SigningAlgorithm::ES256, at(1_000)), before);
    assert_eq!(states(&keys, NOW), [KeyState::Active, KeyState::Active]);
}

#[test]
fn a_first_key_for_an_algorithm_comes_by_rotation_too() {
    let rotation = KeyRotation::new(Duration::seconds(-5), Duration::seconds(-5));
    let keys = KeySet::generate(&[], NOW).unwrap().rotate(ALG, NOW, rotation).unwrap();
    assert_eq!(states(&keys, NOW), [KeyState::Active]);
}

#[test]
fn a_rotation_that_never_comes_saturates() {
    let never = KeyRotation::new(Duration::MAX, Duration::MAX);
    let keys = KeySet::generate(&[ALG], NOW).unwrap().rotate(ALG, NOW, never).unwrap();
    let keys = KeySet::from_json(&keys.expose_json()).unwrap();
    assert_eq!(states(&keys, at(1)), [KeyState::Active, KeyState::Announced]);
}

#[test]
fn a_removed_key_is_gone_at_once() {
    let key = EVERY.active(ALG, NOW).unwrap();
    let keys = EVERY.without(&key.kid);
    assert_eq!(keys.active(ALG, NOW), None);
    assert!(keys.published(NOW).iter().all(|published| published.key != key));
    assert!(matches!(sign(&keys, &key, b"input"), Err(SignError::NoKey(_))));
    assert!(!keys.expose_json().contains(&*key.kid));
    assert_eq!(keys.without("nobody").keys.len(), keys.keys.len());
}

#[test]
fn of_two_keys_without_times_the_first_signs() {
    let other = KeySet::generate(&[ALG], NOW).unwrap();
    let other: Value = serde_json::from_str(&other.expose_json()).unwrap();
    let other = with(other["keys"][0].clone(), &json!({ "announced_at": null, "active_at": null }));
    let keys = load(&[ed25519(), other]).unwrap();
    assert_eq!(states(&keys, NOW), [KeyState::Active, KeyState::Retiring]);
}
