use std::{
    collections::BTreeMap,
    env,
    fmt::Write as _,
    io::{BufRead, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
};

use super::{PLACE, arguments, is_whole, open, place};
use crate::support::{ALICE, Ask, Browser, Op, Tokens, races::shuffled};

/// How many processes are killed, unless `OIDC_OP_KILLS` says otherwise.
const KILLS: u64 = 6;
const SEED: &str = "OIDC_OP_TEST_SEED";
const CLIENT: &str = "refresh";
/// What each line begins with that says what was answered.
const ANSWERED: &str = "answered";

fn ask() -> Ask {
    Ask::of(CLIENT, "code").with("scope", "openid email offline_access")
}

/// RE-11: a process in which eight people sign in, redeem and refresh is killed after any number of answers; the next
/// process finds all that was answered, and no code is good twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn re_11_a_killed_process_has_kept_its_word() {
    if let Some(place) = place() {
        let seed = env::var(SEED).unwrap().parse().unwrap();
        return sign_in_for_ever(&place, seed).await;
    }
    let kills = env::var("OIDC_OP_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let (mut answers, mut grants, mut random) = (0, Vec::new(), shuffled(4));
    for cycle in 0..kills {
        let told = lines_of_a_killed(folder.path(), cycle, 1 + random(120));
        answers += told.len();
        let op = open(folder.path(), 1_000_000 + cycle);
        let found = Book::of(&told);
        found.codes.verify(&op).await;
        for grant in found.grants {
            grants.push(grant.verify(&op, grants.len() % 2 == 0).await);
        }
        is_whole(folder.path());
    }
    let op = open(folder.path(), 2_000_000);
    for grant in grants.iter().flatten() {
        grant.refreshed(&op).await;
    }
    let made = grants.len();
    println!("{kills} kills, {answers} answers, {made} grants, none lost");
    assert!(made as u64 >= kills / 2, "{made} grants are few");
}

/// What a process has answered that was killed after so many answers.
fn lines_of_a_killed(place: &Path, cycle: u64, answers: usize) -> Vec<String> {
    let arguments =
        arguments(concat!(module_path!(), "::re_11_a_killed_process_has_kept_its_word"));
    let mut child = Command::new(&arguments[0])
        .args(&arguments[1..])
        .env(PLACE, place)
        .env(SEED, (10 + cycle).to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut told = Vec::new();
    for line in lines {
        if let Some(line) = line.strip_prefix(ANSWERED) {
            told.push(line.to_owned());
            if told.len() == answers {
                child.kill().unwrap();
            }
        }
    }
    let status = child.wait().unwrap();
    assert!(!status.success() && status.code().is_none(), "{status}: it was killed");
    assert!(told.len() >= answers);
    told
}

/// Eight at once, until somebody kills the process. A line says what was answered, after it was.
async fn sign_in_for_ever(place: &Path, seed: u64) {
    let op = open(place, seed);
    let mut people = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let op = op.clone();
        people.spawn(async move {
            for round in 0_u64.. {
                let code = Browser::new(&op).ask(&ask(), ALICE).await.get("code").to_owned();
                tell(&["code", &code]);
                let mut tokens = Tokens::of(CLIENT, &op.exchange(&ask(), &code).await);
                tell(&["tokens", &code, &tokens.access, &tokens.refresh]);
                for _ in 0..round % 4 {
                    tokens = tokens.refreshed(&op).await;
                    tell(&["tokens", &code, &tokens.access, &tokens.refresh]);
                }
            }
        });
    }
    people.join_next().await.unwrap().unwrap();
}

fn tell(words: &[&str]) {
    let mut line = ANSWERED.to_owned();
    for word in words {
        write!(line, " {word}").unwrap();
    }
    line.push('\n');
    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
}

/// What was answered, put together.
struct Book {
    codes: Codes,
    grants: Vec<Grant>,
}

/// Codes that were given, of whose redemption nobody has heard.
struct Codes(Vec<String>);

struct Grant {
    code: String,
    last: Tokens,
}

impl Book {
    fn of(told: &[String]) -> Self {
        let (mut codes, mut grants) = (Vec::new(), BTreeMap::new());
        for line in told {
            match *line.split_whitespace().collect::<Vec<_>>() {
                ["code", code] => codes.push(code.to_owned()),
                ["tokens", code, access, refresh] => {
                    let [access, refresh] = [access, refresh].map(str::to_owned);
                    let last = Tokens { client: CLIENT, access, refresh, id: String::new() };
                    grants.insert(code.to_owned(), last);
                }
                _ => panic!("{line}"),
            }
        }
        codes.retain(|code| !grants.contains_key(code));
        let grants = grants.into_iter().map(|(code, last)| Grant { code, last }).collect();
        Self { codes: Codes(codes), grants }
    }
}

impl Codes {
    /// A redemption may have been under way: it has happened or not, and happens no more.
    async fn verify(&self, op: &Op) {
        for code in &self.0 {
            let first = op.exchange(&ask(), code).await;
            assert!(first.status() == 200 || first.error() == "invalid_grant", "{}", first.json());
            let second = op.exchange(&ask(), code).await;
            assert_eq!(second.error(), "invalid_grant", "a code is good once");
        }
    }
}

impl Grant {
    /// What was answered last is good. The code is spent; to show it again ends the grant, so that is not tried
    /// with all of them: those that are left answer with their tokens.
    async fn verify(self, op: &Op, replay: bool) -> Option<Tokens> {
        assert_eq!(op.userinfo(&self.last.access).await.status(), 200);
        let next = self.last.refreshed(op).await;
        if !replay {
            return Some(next);
        }
        assert_eq!(op.exchange(&ask(), &self.code).await.error(), "invalid_grant");
        assert_eq!(op.userinfo(&next.access).await.status(), 401, "a replay ends it");
        None
    }
}
