//! Sign-ups as stories, on a clock of their own.

use std::error::Error;

use async_trait::async_trait;
use oidc_op::{Accounts, Subject};
use serde_json::{Value, json};

use super::*;
use crate::{
    config::{Settings, SignUp},
    pages::Filled,
};

const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);
const EVE: Filled<'_> =
    Filled { name: "Eve", username: "eve", email: "eve@example.com", phone: "+1 555 0199" };

/// Keeps what is sent.
#[derive(Clone, Debug, Default)]
struct Outbox(Arc<Mutex<Vec<Message>>>);

#[async_trait]
impl Delivery for Outbox {
    async fn deliver(&self, message: &Message) -> Result<(), Box<dyn Error + Send + Sync>> {
        let mut messages = self.0.lock().unwrap();
        if messages.len() > 8 {
            return Err("the outbox is full".into());
        }
        messages.push(message.clone());
        Ok(())
    }
}

/// Sign-ups of the demo, whose people are alice and bob, and the form of one.
struct Story {
    sign_ups: SignUps,
    asked: SignUp,
    form: FormKey,
    hash: PasswordHash,
    now: Timestamp,
}

impl Story {
    async fn new(channels: &[Channel]) -> Self {
        let settings = Settings::demo().unwrap();
        let users = Arc::new(Users::new(&settings.users, None).unwrap());
        let hash = users.turn().await.unwrap().hash("long enough").await.unwrap();
        let delivery = Box::new(Outbox::default());
        let verification = Verification { channels: channels.to_vec(), delivery };
        let sign_ups = SignUps::new(users, Some(verification)).unwrap();
        let form = FormKey::of("the form");
        Self { sign_ups, asked: settings.sign_up, form, hash, now: NOW }
    }

    fn begin(&self, filled: &Filled<'_>) -> Result<Next, Refused> {
        let candidate = Candidate::check(filled, &self.asked).unwrap();
        self.sign_ups.begin(self.form, candidate, self.hash.clone(), self.now)
    }

    fn verify(&self, channel: Channel, code: &str) -> Result<Next, Refused> {
        self.sign_ups.verify(self.form, channel, code, self.now)
    }

    fn send_again(&self, number: u32) -> Result<Next, Refused> {
        self.sign_ups.send_again(self.form, number, self.now)
    }

    fn awaits(&self) -> Option<(Channel, String, u32)> {
        let waiting = self.sign_ups.waiting(self.form, self.now)?;
        Some((waiting.channel, waiting.to, waiting.number))
    }

    /// What is said of somebody.
    async fn claims_of(&self, username: &str) -> Value {
        let users = &self.sign_ups.users;
        let counted = users.counted_as(username);
        let sub = Subject::new(counted.strip_prefix("sub ").unwrap()).unwrap();
        let wanted = ["email_verified", "phone_number", "phone_number_verified"];
        let account = users.account(&sub, &wanted).await.unwrap().unwrap();
        Value::Object(account.claims)
    }
}

/// What is said of eve, if it is verified.
fn said(email: bool, phone: bool) -> Value {
    json!({
        "email_verified": email,
        "phone_number": "+15550199",
        "phone_number_verified": phone,
    })
}

/// The code that was sent, and where to.
#[track_caller]
fn code(next: Result<Next, Refused>) -> (String, String) {
    match next {
        Ok(Next::Code(Some(Message::EmailCode { to, code } | Message::PhoneCode { to, code }))) => {
            (to, code.expose())
        }
        next => panic!("no code was sent: {next:?}"),
    }
}

#[track_caller]
fn created(next: Result<Next, Refused>) -> String {
    match next {
        Ok(Next::Created(user)) => user.username.clone(),
        next => panic!("not created: {next:?}"),
    }
}

fn is_nothing_sent(next: &Result<Next, Refused>) -> bool {
    matches!(next, Ok(Next::Code(None)))
}

/// A code that this one is not.
fn another(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000)
}

/// First the e-mail address, then the phone number; only then is there somebody.
#[tokio::test]
async fn both_are_verified_one_after_the_other() {
    let story = Story::new(&Channel::ALL).await;
    let (to, first) = code(story.begin(&EVE));
    assert_eq!(to, "eve@example.com");
    assert_eq!(story.awaits(), Some((Channel::Email, "e…@example.com".into(), 1)));
    assert!(is_nothing_sent(&story.begin(&EVE)), "the same form twice is one code");
    assert!(!story.sign_ups.users.has_login("eve"));
    let (to, second) = code(story.verify(Channel::Email, &first));
    assert_eq!(to, "+15550199");
    assert_eq!(story.awaits(), Some((Channel::Phone, "+15…99".into(), 2)));
    assert!(is_nothing_sent(&story.verify(Channel::Email, &first)), "the first page twice");
    assert!(!story.sign_ups.users.has_login("eve"));
    assert_eq!(created(story.verify(Channel::Phone, &second)), "eve");
    assert_eq!(story.awaits(), None);
    assert_eq!(story.claims_of("eve").await, said(true, true));
}

/// What is optional is verified if it is there, and what is not configured is not verified.
#[tokio::test]
async fn what_is_not_given_is_not_verified() {
    let story = Story::new(&Channel::ALL).await;
    let (_, first) = code(story.begin(&Filled { phone: "", ..EVE }));
    assert_eq!(created(story.verify(Channel::Email, &first)), "eve");
    assert_eq!(story.claims_of("eve").await, json!({ "email_verified": true }));

    let story = Story::new(&[Channel::Phone]).await;
    let (_, first) = code(story.begin(&EVE));
    assert_eq!(created(story.verify(Channel::Phone, &first)), "eve");
    assert_eq!(story.claims_of("eve").await, said(false, true));

    let story = Story::new(&[]).await;
    assert_eq!(created(story.begin(&EVE)), "eve");
    assert_eq!(story.claims_of("eve").await, said(false, false));
}

/// The last form may come twice within a minute; apart from that a code is good once.
#[tokio::test]
async fn a_code_is_good_once() {
    let mut story = Story::new(&[Channel::Email]).await;
    let (_, right) = code(story.begin(&EVE));
    assert_eq!(created(story.verify(Channel::Email, &right)), "eve");
    let again = story.verify(Channel::Email, &right);
    assert!(matches!(&again, Ok(Next::Again(user)) if user.username == "eve"), "{again:?}");
    assert_eq!(story.verify(Channel::Email, &another(&right)).unwrap_err(), Refused::Gone);
    story.form = FormKey::of("another form");
    assert_eq!(story.verify(Channel::Email, &right).unwrap_err(), Refused::Gone);
    story.form = FormKey::of("the form");
    story.now = NOW + Duration::MINUTE;
    assert_eq!(story.verify(Channel::Email, &right).unwrap_err(), Refused::Gone);
}

/// Threat UI-10.
#[tokio::test]
async fn five_wrong_codes_are_too_many() {
    let story = Story::new(&[Channel::Email]).await;
    let (_, right) = code(story.begin(&EVE));
    let mut wrong = right.clone();
    for _ in 0..4 {
        wrong = another(&wrong);
        assert_eq!(story.verify(Channel::Email, &wrong).unwrap_err(), Refused::Wrong);
        assert_eq!(story.verify(Channel::Email, "12345").unwrap_err(), Refused::Unreadable);
    }
    wrong = another(&wrong);
    assert_eq!(story.verify(Channel::Email, &wrong).unwrap_err(), Refused::Spent);
    assert_eq!(story.verify(Channel::Email, &right).unwrap_err(), Refused::Spent);
    let (_, next) = code(story.send_again(1));
    assert_eq!(created(story.verify(Channel::Email, &next)), "eve");
}

/// Ten minutes for a code, fifteen for the sign-up, and then everything is forgotten.
#[tokio::test]
async fn everything_ends() {
    let mut story = Story::new(&[Channel::Email]).await;
    let (_, right) = code(story.begin(&EVE));
    story.now = NOW + Duration::minutes(10);
    assert_eq!(story.verify(Channel::Email, &right).unwrap_err(), Refused::Expired);
    let (_, again) = code(story.send_again(1));
    story.now = NOW + Duration::minutes(10 + 14);
    assert!(story.awaits().is_some());
    assert_eq!(story.verify(Channel::Email, &again).unwrap_err(), Refused::Expired);
    story.now = NOW + Duration::minutes(10 + 15);
    for refused in [story.verify(Channel::Email, &again), story.send_again(2)] {
        assert_eq!(refused.unwrap_err(), Refused::Gone);
    }
    assert_eq!(story.awaits(), None);
    story.sign_ups.sweep(story.now);
    assert!(story.sign_ups.under_way().entries.is_empty());
}

/// Three codes for an address in an hour, however many sign-ups ask for them; a new one ends the one before.
#[tokio::test]
async fn codes_are_sent_rarely() {
    let mut story = Story::new(&[Channel::Email]).await;
    let (_, first) = code(story.begin(&EVE));
    let (_, second) = code(story.send_again(1));
    assert!(is_nothing_sent(&story.send_again(1)), "the same form twice is one code");
    if first != second {
        assert_eq!(story.verify(Channel::Email, &first).unwrap_err(), Refused::Wrong);
    }
    code(story.send_again(2));
    let too_many = Refused::TooMany(Channel::Email, Duration::HOUR);
    assert_eq!(story.send_again(3).unwrap_err(), too_many);
    story.form = FormKey::of("another form");
    assert_eq!(story.begin(&Filled { email: "Eve@Example.com", ..EVE }).unwrap_err(), too_many);
    assert_eq!(story.awaits(), None);
    code(story.begin(&Filled { email: "eva@example.com", ..EVE }));
    story.now = NOW + Duration::HOUR;
    code(story.begin(&EVE));
}

/// Who comes when nothing more can be counted is not told that three codes were sent to them.
#[tokio::test]
async fn no_room_is_no_code_that_was_sent() {
    let story = Story::new(&[Channel::Email]).await;
    let others = |n: usize| Address::Email(format!("e{n}@example.com"));
    let admit = |n| story.sign_ups.under_way().sends.admit(&others(n), NOW);
    let full = (0..).map(admit).find_map(Result::err);
    assert_eq!(full, Some(NotAdmitted::Full));
    assert_eq!(story.begin(&EVE).unwrap_err(), Refused::Full(Channel::Email));
    assert_eq!(admit(0), Ok(()));
}

/// Threat UI-09: who has the address learns of it, and nobody else does.
#[tokio::test]
async fn an_address_of_somebody_is_like_any_other() {
    for (channels, filled, to) in [
        (&[Channel::Email][..], Filled { email: "Alice@example.com", ..EVE }, "Alice@example.com"),
        (&[Channel::Phone], Filled { phone: "+44 20 7946 0018", ..EVE }, "+442079460018"),
    ] {
        let channel = channels[0];
        let story = Story::new(channels).await;
        let Ok(Next::Code(Some(Message::AlreadyRegistered { to: noticed }))) = story.begin(&filled)
        else {
            panic!("{channel:?}: no notice");
        };
        assert_eq!(noticed.as_str(), to);
        assert_eq!(story.awaits().unwrap().2, 1);
        let mut guess = "000000".to_owned();
        for refused in [Refused::Wrong; 4].into_iter().chain([Refused::Spent; 2]) {
            assert_eq!(story.verify(channel, &guess).unwrap_err(), refused);
            guess = another(&guess);
        }
        for number in [1, 2] {
            let again = story.send_again(number);
            assert!(matches!(again, Ok(Next::Code(Some(Message::AlreadyRegistered { .. })))));
        }
        assert_eq!(story.send_again(3).unwrap_err(), Refused::TooMany(channel, Duration::HOUR));
    }
}

/// Threat UI-09: where a notice was sent, no code fits, so that nobody can guess one.
#[tokio::test]
async fn no_code_fits_where_none_was_sent() {
    let story = Story::new(&[Channel::Email]).await;
    let fits = |filled: &Filled<'_>| {
        assert!(story.begin(filled).is_ok());
        let under_way = story.sign_ups.under_way();
        let Some(Entry::Pending(pending)) = under_way.entries.get(&story.form) else { panic!() };
        let sent = pending.sent.clone().unwrap();
        (0..1_000_000_u32).any(|code| {
            let code = Code::read(&format!("{code:06}")).unwrap();
            sent.is(&story.sign_ups.codes, code)
        })
    };
    assert!(fits(&EVE));
    assert!(!fits(&Filled { email: "alice@example.com", ..EVE }));
}

/// What is verified stays so while the form is corrected, unless it is the address that changes.
#[tokio::test]
async fn a_corrected_form_keeps_what_is_verified() {
    let story = Story::new(&Channel::ALL).await;
    let (_, first) = code(story.begin(&EVE));
    code(story.verify(Channel::Email, &first));
    let (to, second) = code(story.begin(&Filled { phone: "+1 555 0198", ..EVE }));
    assert_eq!(to, "+15550198");
    // Another address must be shown to be theirs, and nobody gets in with the codes from before.
    let other = Filled { email: "alice@elsewhere.example", phone: "+1 555 0198", ..EVE };
    let (to, third) = code(story.begin(&other));
    assert_eq!(to, "alice@elsewhere.example");
    assert!(is_nothing_sent(&story.verify(Channel::Phone, &second)));
    if first != third {
        assert_eq!(story.verify(Channel::Email, &first).unwrap_err(), Refused::Wrong);
    }
    code(story.verify(Channel::Email, &third));
    assert_eq!(created(story.begin(&Filled { phone: "", ..other })), "eve");
    assert_eq!(story.claims_of("eve").await, json!({ "email_verified": true }));
}

/// No name is kept for anybody: who finishes first has it, and the other one is told.
#[tokio::test]
async fn who_finishes_first_has_the_name() {
    let mut story = Story::new(&[Channel::Email]).await;
    let alice = story.begin(&Filled { username: "ALICE", ..EVE });
    let taken = |taken, verified| Refused::Taken { taken, verified };
    assert_eq!(alice.unwrap_err(), taken(NotCreated::UsernameTaken, false));

    let (_, first) = code(story.begin(&EVE));
    story.form = FormKey::of("another form");
    let (_, second) = code(story.begin(&Filled { email: "eva@example.com", ..EVE }));
    assert_eq!(created(story.verify(Channel::Email, &second)), "eve");
    story.form = FormKey::of("the form");
    let late = story.verify(Channel::Email, &first);
    assert_eq!(late.unwrap_err(), taken(NotCreated::UsernameTaken, false));
    assert_eq!(created(story.begin(&Filled { username: "eve2", ..EVE })), "eve2");

    // And of two sign-ups with one address, the second learns that there is an account.
    let ada = Filled { username: "ada", email: "ada@example.com", ..EVE };
    let (_, first) = code(story.begin(&ada));
    story.form = FormKey::of("a third form");
    let (_, second) = code(story.begin(&Filled { username: "ada2", ..ada }));
    assert_eq!(created(story.verify(Channel::Email, &second)), "ada2");
    story.form = FormKey::of("the form");
    let late = story.verify(Channel::Email, &first);
    assert_eq!(late.unwrap_err(), taken(NotCreated::EmailTaken, true));
}

/// Once there is an account, no page of its sign-up waits for anything, however it has come to its end.
#[tokio::test]
async fn nothing_waits_once_there_is_an_account() {
    // The number is not in the corrected form any more.
    let story = Story::new(&Channel::ALL).await;
    let (_, first) = code(story.begin(&EVE));
    let (_, second) = code(story.verify(Channel::Email, &first));
    assert_eq!(created(story.begin(&Filled { phone: "", ..EVE })), "eve");
    assert_eq!(story.awaits(), None);
    assert_eq!(story.sign_ups.candidate(story.form, story.now), None);
    let finished = story.sign_ups.finished(story.form, story.now);
    assert_eq!(finished.map(|user| user.username.clone()).as_deref(), Some("eve"));
    assert_eq!(story.verify(Channel::Phone, &second).unwrap_err(), Refused::Gone);
    assert_eq!(story.send_again(2).unwrap_err(), Refused::Gone);

    // Somebody had the name when the code came, and the form came with another one.
    let mut story = Story::new(&[Channel::Email]).await;
    let (_, first) = code(story.begin(&EVE));
    story.form = FormKey::of("another form");
    let (_, other) = code(story.begin(&Filled { email: "eva@example.com", ..EVE }));
    created(story.verify(Channel::Email, &other));
    story.form = FormKey::of("the form");
    assert!(story.verify(Channel::Email, &first).is_err());
    assert_eq!(created(story.begin(&Filled { username: "eve2", ..EVE })), "eve2");
    assert!(story.sign_ups.finished(story.form, story.now).is_some());
    assert_eq!(story.verify(Channel::Email, &first).unwrap_err(), Refused::Gone);
}

/// What cannot be delivered is an answer, too.
#[tokio::test]
async fn a_delivery_may_fail() {
    let story = Story::new(&[Channel::Email]).await;
    let message = Message::AlreadyRegistered { to: Address::Email("a@example.com".into()) };
    for _ in 0..9 {
        assert!(story.sign_ups.deliver(&message).await);
    }
    assert!(!story.sign_ups.deliver(&message).await);
    let code = Code::read("424242").unwrap();
    let message = Message::EmailCode { to: "a@example.com".into(), code };
    assert!(!format!("{message:?}").contains("424242"));
}
