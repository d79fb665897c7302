//! What crosses HTTP, free of any framework: [`Request`] in, [`Reply`] out.

mod authorization;
mod cookie;
mod html;
mod json;
mod page;
mod params;
mod reply;
mod request;

pub(crate) use authorization::Authorization;
pub(crate) use cookie::{CookieNames, set_cookie};
pub(crate) use json::json_object;
pub(crate) use page::{error_page, form_post};
pub(crate) use params::Params;
pub(crate) use reply::Cors;
pub use reply::Reply;
pub use request::Request;
