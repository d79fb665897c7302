//! What crosses HTTP, free of any framework: [`Request`] in, [`Reply`] out.

mod authorization;
mod cookie;
mod frames;
mod html;
mod json;
mod location;
mod page;
mod params;
mod reply;
mod request;

pub(crate) use authorization::Authorization;
pub(crate) use cookie::{CookieNames, set_cookie};
pub(crate) use frames::FramesPage;
pub(crate) use json::json_object;
pub(crate) use location::{host, separator, with_parameters};
pub(crate) use page::{error_page, form_post, form_post_again};
pub(crate) use params::Params;
pub(crate) use reply::Cors;
pub use reply::Reply;
pub use request::Request;
