//! How codes get to people: a seam, as every service has its own way to send mail and text messages.

use std::{error::Error, fmt};

use async_trait::async_trait;
use tracing::warn;

use super::{Address, Code};

/// Something to be sent to a person.
#[derive(Clone, Debug)]
pub(crate) enum Message {
    /// A code for whoever signs up with this e-mail address. Say that it is for nobody else's eyes, and of no
    /// meaning to somebody who did not ask for it.
    EmailCode { to: String, code: Code },
    /// The same for a phone number.
    PhoneCode { to: String, code: Code },
    /// Somebody signs up with an address that somebody has. Say that there is an account
    /// already, and that nothing has happened to it.
    AlreadyRegistered { to: Address },
}

/// Sends mail and text messages.
///
/// # Security
///
/// All kinds of message must take as long as each other, or their time says who has an account:
/// put them into a queue, and return.
#[async_trait]
pub(crate) trait Delivery: fmt::Debug + Send + Sync {
    /// Takes charge of the message. An error is logged, and the person can ask for another one.
    async fn deliver(&self, message: &Message) -> Result<(), Box<dyn Error + Send + Sync>>;
}

/// For demos only: prints codes into the log, where whoever runs the demo can read them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogDelivery;

#[async_trait]
impl Delivery for LogDelivery {
    async fn deliver(&self, message: &Message) -> Result<(), Box<dyn Error + Send + Sync>> {
        match message {
            Message::EmailCode { to, code } => print(&Address::Email(to.clone()), *code),
            Message::PhoneCode { to, code } => print(&Address::Phone(to.clone()), *code),
            Message::AlreadyRegistered { to } => {
                warn!("demo only: notice for {}: you have an account already", to.masked());
            }
        }
        Ok(())
    }
}

fn print(to: &Address, code: Code) {
    warn!("demo only: verification code for {}: {}", to.masked(), code.expose());
}
