//! What goes wrong, and what is said of it. All codes and statuses live here.
//!
//! An error has three readers: the client gets a code and a fixed description, the operator gets
//! the cause through [`source`](std::error::Error::source) and the [`Observer`](crate::Observer),
//! the developer gets a type that tells where the error may go.

mod bearer;
mod code;
mod failure;
mod internal;
mod page;
mod reason;
mod redirect;
mod registration;
mod token;

pub use bearer::BearerError;
pub use code::ErrorCode;
pub(crate) use failure::Failure;
pub use failure::HostError;
pub use internal::InternalError;
pub use page::PageError;
pub use reason::Reason;
pub use redirect::{AuthorizeError, RedirectError};
pub use registration::RegistrationError;
pub use token::TokenError;
