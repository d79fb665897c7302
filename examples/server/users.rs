//! The people: who they are, and whether a password is theirs.
//!
//! Passwords are hashed with argon2id away from the async threads, by no more of them at a time than
//! there are processors, and a name that nobody has costs as much as one that somebody has.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
    thread,
    time::Duration as StdDuration,
};

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use async_trait::async_trait;
use oidc_op::{
    Account, Accounts, ClaimMapping, ClaimSources, Client, ClientPermissions, Clock, Entropy,
    HostError, Scope, Subject, SystemClock, SystemEntropy,
};
use serde_json::{Map, Value, json};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task, time,
};

use crate::{
    config::{ConfigError, Password, UserEntry},
    second_factor::SecondFactor,
};

/// How many accounts people may create, so that nobody fills the memory.
const MOST: usize = 10_000;
/// How long somebody waits for their turn to have a password hashed.
const PATIENCE: StdDuration = StdDuration::from_secs(5);
/// The longest password that is looked at, in bytes.
const LONGEST: usize = 1024;

/// Everybody who has an account, in memory.
pub(crate) struct Users {
    people: RwLock<People>,
    /// Whom to ask for, when nobody has the name.
    nobody: Arc<User>,
    turns: Arc<Semaphore>,
}

#[derive(Default)]
struct People {
    by_subject: HashMap<Subject, Arc<User>>,
    /// By user name and by e-mail address, in their canonical form.
    by_login: HashMap<String, Arc<User>>,
    /// By verified phone number; nobody by one that several have.
    by_phone: HashMap<String, Option<Arc<User>>>,
    created: usize,
}

/// A person with an account.
pub(crate) struct User {
    pub(crate) subject: Subject,
    pub(crate) username: String,
    hash: String,
    disabled: bool,
    claims: Map<String, Value>,
    sources: ClaimSources,
    second_factor: Option<SecondFactor>,
    /// What their clients may do at most; anything, if absent.
    permissions: Option<Scope>,
}

impl User {
    /// What to call them.
    pub(crate) fn name(&self) -> &str {
        self.claims.get("name").and_then(Value::as_str).unwrap_or(&self.username)
    }

    pub(crate) fn email(&self) -> Option<&str> {
        self.claims.get("email").and_then(Value::as_str)
    }

    /// Whether the code is right, of those who have a second factor; whoever has none has nothing to
    /// prove by it.
    pub(crate) fn prove(&self, code: &str, form: &str) -> Proof {
        match &self.second_factor {
            None => Proof::Nothing,
            Some(factor) if factor.accept(code, form, SystemClock.now()) => Proof::Right,
            Some(_) => Proof::Wrong,
        }
    }

    pub(crate) fn has_second_factor(&self) -> bool {
        self.second_factor.is_some()
    }

    /// Whether the login is their user name, or an address or a number that is known to be theirs.
    pub(crate) fn is_called(&self, login: &str) -> bool {
        let is_true = |claim: &str| self.claims.get(claim) == Some(&Value::Bool(true));
        let login = canonical(login);
        let email = self.email().filter(|_| is_true("email_verified"));
        login == canonical(&self.username)
            || email.is_some_and(|email| canonical(email) == login)
            || self.phone().is_some_and(|number| phone(&login).as_ref() == Some(&number))
    }

    /// Their verified phone number.
    fn phone(&self) -> Option<String> {
        let verified = self.claims.get("phone_number_verified") == Some(&Value::Bool(true));
        let number = self.claims.get("phone_number").and_then(Value::as_str);
        number.filter(|_| verified).and_then(phone)
    }

    fn logins(&self) -> impl Iterator<Item = String> {
        let email = self.email().map(canonical);
        let username = canonical(&self.username);
        let email = email.filter(|email| *email != username);
        [username].into_iter().chain(email)
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("subject", &self.subject).finish_non_exhaustive()
    }
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Users").finish_non_exhaustive()
    }
}

/// What a code says of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    Right,
    Wrong,
    /// They have no second factor.
    Nothing,
}

/// Leave to hash one password.
pub(crate) struct Turn(OwnedSemaphorePermit);

/// An account could not be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotCreated {
    /// Somebody has the user name or the address.
    Taken,
    /// There are too many accounts already, or no randomness.
    Full,
}

/// What somebody filled in to get an account, checked.
#[derive(Clone, Debug)]
pub(crate) struct NewUser {
    pub(crate) username: String,
    pub(crate) name: String,
    pub(crate) email: String,
}

impl Users {
    /// Hashes the passwords that are not, on all processors, and puts everybody in their place.
    pub(crate) fn new(
        entries: &[UserEntry],
        mapping: Option<&ClaimMapping>,
    ) -> Result<Self, ConfigError> {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let share = entries.len().div_ceil(processors).max(1);
        let users: Vec<_> = thread::scope(|scope| {
            let shares: Vec<_> = entries
                .chunks(share)
                .map(|share| {
                    let made = |entry| User::from_entry(entry, mapping);
                    scope.spawn(move || share.iter().map(made).collect())
                })
                .collect();
            shares.into_iter().flat_map(|s| s.join().unwrap_or_else(|_| Vec::new())).collect()
        });
        let mut people = People::default();
        for user in users {
            people.insert(Arc::new(user?)).map_err(|taken| {
                ConfigError::new(format!(
                    "users: the login {taken:?} is two people's user name or e-mail address"
                ))
            })?;
        }
        let nobody = User {
            subject: Subject::new("nobody").map_err(|e| ConfigError::new(e.to_string()))?,
            username: String::new(),
            hash: hash("nobody has this password")?,
            disabled: true,
            claims: Map::new(),
            sources: ClaimSources::default(),
            second_factor: None,
            permissions: None,
        };
        Ok(Self {
            people: RwLock::new(people),
            nobody: Arc::new(nobody),
            turns: Arc::new(Semaphore::new(processors)),
        })
    }

    pub(crate) fn by_subject(&self, subject: &Subject) -> Option<Arc<User>> {
        let people = self.people.read().unwrap_or_else(PoisonError::into_inner);
        people.by_subject.get(subject).cloned()
    }

    fn by_login(&self, login: &str) -> Option<Arc<User>> {
        let people = self.people.read().unwrap_or_else(PoisonError::into_inner);
        let named = people.by_login.get(&canonical(login));
        let numbered = || people.by_phone.get(&phone(login)?)?.as_ref();
        named.or_else(numbered).cloned()
    }

    /// What attempts at this login are counted by: one name for one account, however it was written.
    pub(crate) fn counted_as(&self, login: &str) -> String {
        match self.by_login(login) {
            Some(user) => format!("sub {}", user.subject),
            None => format!("login {}", canonical(login)),
        }
    }

    /// How the log names whoever tried to sign in. What nobody is called may be a password, typed into
    /// the wrong field.
    pub(crate) fn logged_as(&self, login: &str) -> String {
        self.by_login(login).map_or("nobody".to_owned(), |user| format!("sub {}", user.subject))
    }

    /// Waits for a turn to hash a password; none if that takes too long.
    pub(crate) async fn turn(&self) -> Option<Turn> {
        let turn = Arc::clone(&self.turns).acquire_owned();
        Some(Turn(time::timeout(PATIENCE, turn).await.ok()?.ok()?))
    }

    /// The person whose login and password these are. Whatever is wrong takes the same time.
    pub(crate) async fn authenticate(
        &self,
        turn: Turn,
        login: &str,
        password: &str,
    ) -> Option<Arc<User>> {
        let user = self.by_login(login).unwrap_or_else(|| Arc::clone(&self.nobody));
        let candidate = Arc::clone(&user);
        let fits = password.len() <= LONGEST;
        let password = if fits { password.to_owned() } else { String::new() };
        let right = task::spawn_blocking(move || {
            let Turn(_permit) = turn;
            verify(&password, &candidate.hash)
        });
        let right = right.await.unwrap_or(false);
        (right && fits && !user.disabled).then_some(user)
    }

    /// Creates an account.
    pub(crate) async fn create(
        &self,
        turn: Turn,
        new: NewUser,
        password: &str,
    ) -> Result<Arc<User>, NotCreated> {
        let password = password.to_owned();
        let hash = task::spawn_blocking(move || {
            let Turn(_permit) = turn;
            hash(&password)
        });
        let hash = hash.await.ok().and_then(Result::ok).ok_or(NotCreated::Full)?;
        let mut id = [0; 16];
        SystemEntropy::new().fill(&mut id).map_err(|_| NotCreated::Full)?;
        let subject = format!("{:032x}", u128::from_be_bytes(id));
        let user = Arc::new(User {
            subject: Subject::new(subject).map_err(|_| NotCreated::Full)?,
            hash,
            disabled: false,
            claims: new.claims(),
            sources: ClaimSources::default(),
            second_factor: None,
            permissions: None,
            username: new.username,
        });
        let mut people = self.people.write().unwrap_or_else(PoisonError::into_inner);
        if people.created >= MOST {
            return Err(NotCreated::Full);
        }
        people.insert(Arc::clone(&user)).map_err(|_| NotCreated::Taken)?;
        people.created += 1;
        Ok(user)
    }
}

impl People {
    /// Puts a person in their place; all or nothing.
    fn insert(&mut self, user: Arc<User>) -> Result<(), String> {
        if let Some(taken) = user.logins().find(|login| self.by_login.contains_key(login)) {
            return Err(taken);
        }
        for login in user.logins() {
            self.by_login.insert(login, Arc::clone(&user));
        }
        if let Some(number) = user.phone() {
            let theirs = Some(Arc::clone(&user));
            self.by_phone.entry(number).and_modify(|shared| *shared = None).or_insert(theirs);
        }
        self.by_subject.insert(user.subject.clone(), user);
        Ok(())
    }
}

impl User {
    fn from_entry(entry: &UserEntry, mapping: Option<&ClaimMapping>) -> Result<Self, ConfigError> {
        let UserEntry { username, password, sub, disabled, .. } = entry;
        let hash = match password {
            Password::Plain(password) => hash(password.expose())?,
            Password::Hash(hash) => {
                let text = hash.expose();
                let fits =
                    PasswordHash::new(text).is_ok_and(|h| h.algorithm.as_str() == "argon2id");
                if !fits {
                    return Err(ConfigError::new(format!(
                        "users: password_hash of {username:?} is not a PHC string of argon2id"
                    )));
                }
                text.to_owned()
            }
        };
        Ok(Self {
            subject: sub.clone(),
            username: username.trim().to_owned(),
            hash,
            disabled: *disabled,
            claims: claims(entry, mapping),
            sources: entry.sources.clone(),
            second_factor: entry.second_factor.clone(),
            permissions: entry.permissions.clone(),
        })
    }
}

/// The claims that stand in the file; before them, those that the mapping finds in the document.
fn claims(entry: &UserEntry, mapping: Option<&ClaimMapping>) -> Map<String, Value> {
    let mut claims = match (mapping, &entry.document) {
        (Some(mapping), Some(document)) => {
            mapping.apply(document, &mapping.claims().collect::<Vec<_>>())
        }
        _ => Map::new(),
    };
    claims.extend(entry.claims.clone());
    claims
}

/// The claims that somebody has who has created an account.
pub(crate) const CREATED_WITH: [&str; 5] =
    ["name", "preferred_username", "email", "email_verified", "updated_at"];

impl NewUser {
    fn claims(&self) -> Map<String, Value> {
        let claims = json!({
            "name": self.name,
            "preferred_username": self.username,
            "email": self.email,
            "email_verified": false,
            "updated_at": SystemClock.now().unix(),
        });
        match claims {
            Value::Object(claims) => claims,
            _ => Map::new(),
        }
    }
}

/// A login in the one form in which it is looked up and counted.
fn canonical(login: &str) -> String {
    login.trim().chars().take(254).flat_map(char::to_lowercase).collect()
}

/// A phone number without what people put between its digits; none if it is something else.
fn phone(text: &str) -> Option<String> {
    let between = |c: &char| !matches!(c, ' ' | '-' | '.' | '(' | ')' | '/');
    let plain: String = text.trim().chars().take(64).filter(between).collect();
    let digits = plain.strip_prefix('+')?;
    let fits = (5..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    fits.then_some(plain)
}

fn hash(password: &str) -> Result<String, ConfigError> {
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.map(|hash| hash.to_string()).map_err(|e| ConfigError::new(format!("users: argon2: {e}")))
}

fn verify(password: &str, hash: &str) -> bool {
    Argon2::default().verify_password(password.as_bytes(), hash).is_ok()
}

#[async_trait]
impl Accounts for Users {
    async fn account(
        &self,
        subject: &Subject,
        wanted: &[&str],
    ) -> Result<Option<Account>, HostError> {
        let Some(user) = self.by_subject(subject) else { return Ok(None) };
        let is_wanted = |name: &str| {
            let plain = name.split_once('#').map_or(name, |(plain, _)| plain);
            wanted.contains(&plain)
        };
        let claims = user.claims.iter().filter(|(name, _)| is_wanted(name));
        let claims = claims.map(|(name, value)| (name.clone(), value.clone())).collect();
        let mut account = Account::active().claims(claims);
        account.active = !user.disabled;
        account.sources = user.sources.clone();
        Ok(Some(account))
    }
}

#[async_trait]
impl ClientPermissions for Users {
    /// Whether the account is active is asked before.
    async fn permitted(
        &self,
        owner: &Subject,
        _client: &Client,
        scope: &Scope,
    ) -> Result<Scope, HostError> {
        let user = self.by_subject(owner);
        let may = |user: Arc<User>| user.permissions.clone().unwrap_or_else(|| scope.clone());
        Ok(user.map(may).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    fn users() -> Users {
        Users::new(&Settings::demo().unwrap().users, None).unwrap()
    }

    /// A mapping finds what the file does not say; with a claim come its languages.
    #[tokio::test]
    async fn claims_come_from_the_file_and_from_documents() {
        let mut entry = Settings::demo().unwrap().users.remove(0);
        entry.claims = Map::from_iter([("name".into(), "Said".into())]);
        entry.document = Some(json!({"n": "Found", "nick": "F"}));
        let rules = json!({"name": "/n", "name#de": "/n", "nickname": "/nick", "gender": "/none"});
        let mapping: ClaimMapping = serde_json::from_value(rules).unwrap();
        let users = Users::new(&[entry], Some(&mapping)).unwrap();
        let subject = Subject::new("248289761001").unwrap();
        let account = users.account(&subject, &["name", "gender"]).await.unwrap().unwrap();
        assert_eq!(Value::Object(account.claims), json!({"name": "Said", "name#de": "Found"}));
    }

    #[test]
    fn created_accounts_have_the_claims_that_are_listed() {
        let text = || "x".to_owned();
        let new = NewUser { username: text(), name: text(), email: text() };
        let claims = new.claims();
        assert_eq!(claims.len(), CREATED_WITH.len());
        assert!(CREATED_WITH.iter().all(|name| claims.contains_key(*name)));
    }

    async fn sign_in(users: &Users, login: &str, password: &str) -> Option<String> {
        let turn = users.turn().await.unwrap();
        Some(users.authenticate(turn, login, password).await?.username.clone())
    }

    /// Threats UI-09, UI-10.
    #[tokio::test]
    async fn one_account_has_one_name_however_it_is_written() {
        let users = users();
        for login in ["alice", " ALICE ", "alice@example.com", "Alice@Example.COM"] {
            assert_eq!(users.counted_as(login), "sub 248289761001", "{login}");
            assert_eq!(sign_in(&users, login, "wonderland").await.as_deref(), Some("alice"));
        }
        for (login, password) in [("alice", ""), ("alice", "Wonderland"), ("", ""), ("eve", "x")] {
            assert_eq!(sign_in(&users, login, password).await, None, "{login} {password}");
        }
        assert_eq!(sign_in(&users, "alice", &"x".repeat(5000)).await, None);
    }

    /// A number is a login if it is verified and one person's; what is not verified is none for clients.
    #[tokio::test]
    async fn clients_sign_people_in_by_what_is_verified() {
        let mut entries = Settings::demo().unwrap().users;
        entries[1].claims.insert("email_verified".into(), false.into());
        let users = Users::new(&entries, None).unwrap();
        for (login, password, found, called) in [
            ("ALICE", "wonderland", true, true),
            ("alice@example.com", "wonderland", true, true),
            ("+44 (20) 7946-0018", "wonderland", true, true),
            ("442079460018", "wonderland", false, false),
            ("bob@example.com", "can-we-fix-it", true, false),
            ("bob", "can-we-fix-it", true, true),
        ] {
            let turn = users.turn().await.unwrap();
            let user = users.authenticate(turn, login, password).await;
            assert_eq!(user.is_some(), found, "{login}");
            assert_eq!(user.is_some_and(|user| user.is_called(login)), called, "{login}");
        }
        let number = entries[0].claims["phone_number"].clone();
        entries[1].claims.insert("phone_number".into(), number);
        let shared = Users::new(&entries, None).unwrap();
        assert!(sign_in(&shared, "+44 20 7946 0018", "wonderland").await.is_none());
        assert_eq!(shared.counted_as("+442079460018"), "login +442079460018");
    }

    #[tokio::test]
    async fn nobody_takes_a_name_that_somebody_has() {
        let users = users();
        let new = |username: &str, email: &str| NewUser {
            username: username.into(),
            name: "Eve".into(),
            email: email.into(),
        };
        for (new, created) in [
            (new("Alice", "e@example.com"), false),
            (new("eve", "ALICE@example.com"), false),
            (new("alice@example.com", "e@example.com"), false),
            (new("eve", "eve@example.com"), true),
            (new("eve2", "eve@example.com"), false),
        ] {
            let turn = users.turn().await.unwrap();
            let made = users.create(turn, new.clone(), "long enough").await;
            assert_eq!(made.is_ok(), created, "{new:?}");
        }
        assert_eq!(sign_in(&users, "eve@example.com", "long enough").await.as_deref(), Some("eve"));
    }
}
