//! Which servers are accepted, when a store is opened and whenever it connects anew.

use std::{error::Error, fs, iter, path::Path, process::Command};

use oidc_op::store::{
    Durability, RedisError, RedisOptions, RedisStore, Store, StoreError, contract::block_on,
};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use super::{Service, aside, open, own, place, shared, try_open};

fn set(server: &Service, settings: &[(&str, &str)]) {
    for (name, value) in settings {
        ::redis::cmd("CONFIG").arg("SET").arg(name).arg(value).exec(&mut aside(server)).unwrap();
    }
}

fn all_of(error: &dyn Error) -> String {
    let causes = iter::successors(Some(error), |&error| error.source());
    causes.map(|error| [error.to_string(), format!("{error:?}")].join(" ")).collect()
}

#[test]
fn servers_that_forget_are_refused() {
    let Some(server) = own() else { return };
    let options = place(&server);
    let mut relaxed = options.clone();
    relaxed.durability = Durability::Relaxed;
    let mut assured = options.clone();
    assured.assured = true;
    open(&options);

    for (settings, back) in [
        (("no-appendfsync-on-rewrite", "yes"), "no"),
        (("appendfsync", "everysec"), "always"),
        (("appendonly", "no"), "yes"),
    ] {
        set(&server, &[settings]);
        let refused = try_open(&options).unwrap_err();
        assert!(matches!(refused, RedisError::Forgetful), "{settings:?}: {refused:?}");
        open(&relaxed);
        open(&assured);
        set(&server, &[(settings.0, back)]);
        open(&options);
    }

    set(&server, &[("maxmemory", "100mb"), ("maxmemory-policy", "volatile-ttl")]);
    for options in [&options, &relaxed, &assured] {
        let refused = try_open(options).unwrap_err();
        assert!(matches!(refused, RedisError::Evicts), "{refused:?}");
    }
    set(&server, &[("maxmemory", "0")]);
    open(&options);
    set(&server, &[("maxmemory", "100mb"), ("maxmemory-policy", "noeviction")]);
    open(&options);

    // A service that keeps its settings to itself.
    let mut user = ::redis::cmd("ACL");
    user.arg(&["SETUSER", "op", "on", ">pw", "~*", "+@all", "-config"]);
    user.exec(&mut aside(&server)).unwrap();
    let with_user = |options: &RedisOptions| {
        let mut options = options.clone();
        options.url = options.url.replace("redis://", "redis://op:pw@");
        options
    };
    let refused = try_open(&with_user(&options)).unwrap_err();
    assert!(matches!(refused, RedisError::Untold), "{refused:?}");
    open(&with_user(&relaxed));
    open(&with_user(&assured));
}

/// What the manual says that a user needs is enough.
#[test]
fn the_commands_that_are_needed() {
    let Some(server) = own() else { return };
    let mut options = place(&server);
    let mut user = ::redis::cmd("ACL");
    user.arg(&["SETUSER", "op", "on", ">pw", "-@all"]).arg(format!("~{}:*", options.prefix));
    let manual = include_str!("../../../../src/store/redis/mod.rs");
    let (_, manual) = manual.split_once("The user needs the").unwrap();
    let (manual, _) = manual.split_once("for keys").unwrap();
    for command in manual.split('`').skip(1).step_by(2).chain(["CONFIG GET"]) {
        user.arg(format!("+{}", command.to_lowercase().replace(' ', "|")));
    }
    user.exec(&mut aside(&server)).unwrap();
    options.url = options.url.replace("redis://", "redis://op:pw@");
    crate::stores::keep_contract(|| open(&options));
}

#[test]
fn a_replica_is_refused_then_and_later() {
    let Some(server) = own() else { return };
    let Some(primary) = shared() else { return };
    let mut options = place(&server);
    options.deadline = std::time::Duration::from_secs(3);
    let store = open(&options);
    let (key, record) = crate::stores::record(b"replicated");
    block_on(store.put(&key, crate::stores::absent(), record.clone())).unwrap();

    let mut follow = ::redis::cmd("REPLICAOF");
    follow.arg("127.0.0.1").arg(primary.port()).exec(&mut aside(&server)).unwrap();
    let refused = try_open(&options).unwrap_err();
    assert!(matches!(refused, RedisError::Replica), "{refused:?}");
    let (other, _) = crate::stores::record(b"another");
    let put = block_on(store.put(&other, crate::stores::absent(), record.clone()));
    assert!(matches!(put, Err(StoreError::Refused(_))), "{put:?}");
    // The store has found out, and reads no stale copy.
    let read = block_on(store.get(&key));
    assert!(matches!(&read, Err(StoreError::Refused(c)) if c.to_string().contains("replica")));

    ::redis::cmd("REPLICAOF").arg("NO").arg("ONE").exec(&mut aside(&server)).unwrap();
    block_on(store.put(&other, crate::stores::absent(), record)).unwrap();
}

/// A server whose memory is full says so before it writes.
#[test]
fn a_full_server_refuses() {
    let Some(server) = own() else { return };
    let store = open(&place(&server));
    let (key, record) = crate::stores::record(b"full");
    set(&server, &[("maxmemory", "1")]);
    let put = block_on(store.put(&key, crate::stores::absent(), record.clone()));
    assert!(matches!(put, Err(StoreError::Refused(_))), "{put:?}");
    let labels = [super::label()];
    let labelled = oidc_op::store::Expect::Absent { labels: &labels };
    let put = block_on(store.put(&key, labelled, record.clone()));
    assert!(matches!(put, Err(StoreError::Refused(_))), "{put:?}");
    set(&server, &[("maxmemory", "0")]);
    assert!(block_on(store.get(&key)).unwrap().is_none());
    block_on(store.put(&key, crate::stores::absent(), record)).unwrap();
}

/// Nothing that is said shows the password (threat P-11).
#[test]
fn p_11_the_password_is_told_to_nobody() {
    let Some(server) = own() else { return };
    let mut aside = aside(&server);
    ::redis::cmd("CONFIG").arg(&["SET", "requirepass", "hunter2"]).exec(&mut aside).unwrap();
    let mut options = place(&server);
    let bare = try_open(&options).unwrap_err();
    assert!(matches!(bare, RedisError::Credentials), "{bare:?}");
    let at = server.port();
    for (url, fits) in [
        (format!("redis://:hunter3@127.0.0.1:{at}"), "Credentials"),
        (format!("redis://nobody:hunter3@127.0.0.1:{at}"), "Credentials"),
        ("redis://:hunter3@127.0.0.1:1".to_owned(), "Unreachable"),
        // No resolver needs to be asked for a name with so long a part.
        (format!("redis://:hunter3@{}.test:1", "a".repeat(64)), "Unreachable"),
        ("redis://:hunter3@127.0.0.1:999999".to_owned(), "Address"),
        ("redis://:hunter3@127.0.0.1/zero".to_owned(), "Address"),
        ("rediss://:hunter3@127.0.0.1/#insecure".to_owned(), "Address"),
        ("http://:hunter3@127.0.0.1".to_owned(), "Address"),
        (format!("redis://:hunter3@127.0.0.1:{at}/?protocol=hunter3"), "Address"),
    ] {
        options.url = url;
        let refused = try_open(&options).unwrap_err();
        let told = format!("{} {options:?}", all_of(&refused));
        assert!(format!("{refused:?}").starts_with(fits), "{told}");
        assert!(!told.contains("hunter"), "{told}");
    }
    options.url = format!("redis://:hunter2@127.0.0.1:{at}/3");
    let store = open(&options);
    assert!(!format!("{store:?} {options:?}").contains("hunter"), "{store:?} {options:?}");
    assert!(format!("{store:?}").contains(&format!("127.0.0.1:{at}")), "{store:?}");
}

#[test]
fn options_that_cannot_be() {
    let mut options = RedisOptions::new("redis://127.0.0.1:1");
    options.prefix = "a:b".into();
    assert!(matches!(try_open(&options), Err(RedisError::Options)));
    options.prefix = "a".into();
    for deadline in [
        std::time::Duration::ZERO,
        std::time::Duration::from_micros(999),
        std::time::Duration::from_secs(3601),
        std::time::Duration::MAX,
    ] {
        options.deadline = deadline;
        let refused = try_open(&options);
        assert!(matches!(refused, Err(RedisError::Options)), "{deadline:?}: {refused:?}");
    }
    let nowhere = block_on(RedisStore::open("redis://127.0.0.1:1"));
    assert!(matches!(nowhere, Err(RedisError::Runtime(_))), "{nowhere:?}");
}

/// One of several that share the keys would not have them all; one alone has.
#[test]
fn a_shard_is_refused() {
    let Some(server) = own() else { return };
    let options = place(&server);
    server.stop();
    let bus = free_port().to_string();
    server.resume_with(&["--cluster-enabled", "yes", "--cluster-port", &bus]);
    let refused = try_open(&options).unwrap_err();
    assert!(matches!(refused, RedisError::Cluster), "{refused:?}");
    let slots = ["ADDSLOTSRANGE", "0", "16383"];
    ::redis::cmd("CLUSTER").arg(&slots).exec(&mut aside(&server)).unwrap();
    crate::stores::eventually(|| try_open(&options).ok());
    // Every step touches one slot.
    let store = open(&options);
    crate::stores::keep_contract(|| {
        crate::stores::Alternating::new([open(&options), open(&options)])
    });
    drop(store);
}

/// With TLS, the server is one that the authority vouches for.
#[test]
fn tls_by_an_authority_of_its_own() {
    let Some(server) = own() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (roots, port) = (certify(folder.path()), free_port());
    let file = |name| folder.path().join(name).to_str().unwrap().to_owned();
    let mut tls = ::redis::cmd("CONFIG");
    tls.arg(&["SET", "tls-auth-clients", "no", "tls-port", &port.to_string()]);
    tls.arg("tls-cert-file").arg(file("cert.pem")).arg("tls-key-file").arg(file("key.pem"));
    tls.arg("tls-ca-cert-file").arg(file("ca.pem")).exec(&mut aside(&server)).unwrap();

    let mut options = place(&server);
    options.url = format!("rediss://localhost:{port}");
    let strange = try_open(&options).unwrap_err();
    assert!(matches!(strange, RedisError::Unreachable(_)), "{strange:?}");
    options.roots = Some(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".into());
    assert!(matches!(try_open(&options), Err(RedisError::Roots(_))));
    options.roots = Some(Vec::new());
    assert!(matches!(try_open(&options), Err(RedisError::Roots(_))));
    options.roots = Some(roots);
    let store = open(&options);
    let (key, record) = crate::stores::record(b"tls");
    block_on(store.put(&key, crate::stores::absent(), record)).unwrap();
    assert!(block_on(store.get(&key)).unwrap().is_some());
}

/// Writes a certificate for localhost, and answers that of its authority.
fn certify(folder: &Path) -> Vec<u8> {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = ca.self_signed(&ca_key).unwrap().pem();
    let key = KeyPair::generate().unwrap();
    let names = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = names.signed_by(&key, &Issuer::from_params(&ca, &ca_key)).unwrap();
    for (name, pem) in
        [("ca.pem", &root), ("cert.pem", &certificate.pem()), ("key.pem", &key.serialize_pem())]
    {
        fs::write(folder.join(name), pem).unwrap();
    }
    // The server may be somebody else.
    assert!(Command::new("chmod").args(["-R", "a+rX"]).arg(folder).status().unwrap().success());
    root.into_bytes()
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
