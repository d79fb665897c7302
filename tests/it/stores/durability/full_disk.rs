use std::{
    fs::{self, File},
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use super::{PLACE, arguments, is_whole, open, place};
use crate::support::{ALICE, Ask, Browser, Tokens};

/// Says how the disk of the process can be filled.
const WAY: &str = "OIDC_OP_TEST_DISK";
/// What the process says when it has seen it all.
const SEEN: &str = "it was full, and it was well again";

/// Threat RE-04: a full disk is an outage of writes, told as one: 503 and when to come again, and no token.
/// Reads go on. When there is space again it is well, without a restart, and nothing is lost.
///
/// Files that may not grow are to be had everywhere; a disk of its own, and so the error of a full one, where
/// one may be mounted.
#[tokio::test]
async fn re_04_a_full_disk() {
    if let Some(place) = place() {
        return fill_and_free(&place).await;
    }
    let mut ways = vec![("limit", run(&["sh", "-c", r#"trap "" XFSZ; exec "$@""#, "sh"], "limit"))];
    let mount = r#"mount -t tmpfs -o size=2m none "$OIDC_OP_TEST_PLACE" && exec "$@""#;
    for unshare in [["unshare", "-m"], ["unshare", "-rm"]] {
        if may_mount(unshare) {
            ways.push(("disk", run(&[unshare[0], unshare[1], "sh", "-c", mount, "sh"], "disk")));
            break;
        }
    }
    if ways.len() == 1 {
        let _ =
            writeln!(std::io::stderr(), "SKIPPED, since nothing may be mounted: a disk of its own");
    }
    for (way, ended) in ways {
        let said =
            [ended.stdout, ended.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
        assert!(ended.status.success() && said.contains(SEEN), "{way}: {said}");
    }
}

/// Whether a disk of its own may be mounted where these words lead, which nobody else sees.
fn may_mount([program, flag]: [&str; 2]) -> bool {
    let tried = Command::new(program).args([flag, "mount", "-t", "tmpfs", "none", "/mnt"]).output();
    tried.is_ok_and(|tried| tried.status.success())
}

/// This test as a process, started by these words.
fn run(by: &[&str], way: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    Command::new(by[0])
        .args(&by[1..])
        .args(arguments(concat!(module_path!(), "::re_04_a_full_disk")))
        .env(PLACE, folder.path())
        .env(WAY, way)
        .output()
        .unwrap()
}

/// A disk that can be filled.
enum Disk {
    /// By a file on it.
    Own(PathBuf),
    /// By not letting files grow.
    Limit,
}

impl Disk {
    fn of(place: &Path) -> Self {
        match &*std::env::var(WAY).unwrap() {
            "disk" => Self::Own(place.join("filler")),
            _ => Self::Limit,
        }
    }

    fn fill(&self) {
        match self {
            Self::Own(path) => {
                let mut filler = File::create(path).unwrap();
                let error = (0..10_000).find_map(|_| filler.write_all(&[0; 4096]).err()).unwrap();
                assert_eq!(error.kind(), ErrorKind::StorageFull);
            }
            Self::Limit => limit("1"),
        }
    }

    fn free(&self) {
        match self {
            Self::Own(path) => fs::remove_file(path).unwrap(),
            Self::Limit => limit("unlimited"),
        }
    }
}

/// How large files may become that this process writes; only what it may at most cannot be taken back.
fn limit(bytes: &str) {
    let (pid, soft) = (std::process::id().to_string(), format!("--fsize={bytes}:unlimited"));
    let set = Command::new("prlimit").args(["--pid", &pid, &soft]).status().unwrap();
    assert!(set.success());
}

async fn fill_and_free(place: &Path) {
    let disk = Disk::of(place);
    let op = open(place, 1);
    let ask = Ask::of("refresh", "code").with("scope", "openid email offline_access");
    let mut browser = Browser::new(&op);
    let pending = browser.ask(&ask, ALICE).await.get("code").to_owned();
    let spent = browser.ask(&ask, ALICE).await.get("code").to_owned();
    let mut tokens = Tokens::of("refresh", &op.exchange(&ask, &spent).await);

    disk.fill();
    // There may be room left in the files that are there.
    let full = loop {
        let answer = op.refresh("refresh", &tokens.refresh).await;
        if answer.status() != 200 {
            break answer;
        }
        tokens = Tokens::of("refresh", &answer);
    };
    for _ in 0..3 {
        full.is_unavailable("a refresh");
        op.refresh("refresh", &tokens.refresh).await.is_unavailable("again");
        op.exchange(&ask, &pending).await.is_unavailable("a code");
        op.revoke("refresh", &tokens.refresh).await.is_unavailable("a revocation");
        let sent = browser.quiet(&ask).await;
        assert_eq!(sent.get("error"), "temporarily_unavailable");
        assert!(!sent.parameters.contains_key("code"));
        assert_eq!(op.userinfo(&tokens.access).await.status(), 200, "reads go on");
        assert_eq!(op.introspect("refresh", &tokens.refresh).await.json()["active"], true);
        assert_eq!(browser.who().await.as_deref(), Some(ALICE));
    }

    disk.free();
    let redeemed = op.exchange(&ask, &pending).await;
    assert_eq!(redeemed.status(), 200, "{}", redeemed.json());
    assert_eq!(op.exchange(&ask, &pending).await.error(), "invalid_grant");
    tokens = tokens.refreshed(&op).await;
    browser.quiet(&ask).await.get("code");
    drop(op);

    let op = open(place, 2);
    assert_eq!(op.userinfo(&tokens.access).await.status(), 200);
    tokens.refreshed(&op).await;
    assert_eq!(browser.at(&op).who().await.as_deref(), Some(ALICE));
    is_whole(place);
    println!("{SEEN}");
}
