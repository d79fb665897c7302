//! The OpenID Foundation's plans Dynamic and third-party-initiated login, played by a relying party of
//! our own: it registers itself for each module, looks at every answer as the suite does, and ends
//! its registration. A test has the name of the suite's module.
//!
//! | file | what |
//! |---|---|
//! | `party.rs` | the relying party |
//! | `sign_in.rs` | what it does with people |
//! | `site.rs` | its web server, with the documents that the provider fetches |
//! | `key.rs` | what its clients sign with |
//! | `checks/` | what is looked at in every module |
//! | the others | the modules |

mod checks;
mod id_tokens;
mod initiation;
mod key;
mod party;
mod redirect_uris;
mod refresh;
mod registration;
mod request_uris;
mod rotation;
mod sign_in;
pub(crate) mod site;

use oidc_op::{FetchPolicy, Registration, RegistrationAccess, Secret};

use self::party::Party;
use crate::support::Setup;

/// The response types that the plan is run for, each in a run of its own.
const ALL: [&str; 6] =
    ["code", "id_token", "id_token token", "code id_token", "code token", "code id_token token"];
/// Those that come to the token endpoint.
const WITH_CODE: [&str; 4] = ["code", "code id_token", "code token", "code id_token token"];

/// Runs a module of plan Dynamic for these response types.
async fn each(response_types: &[&'static str], module: impl AsyncFn(&mut Party)) {
    run(response_types, "private_key_jwt", |_, _| {}, module).await;
}

/// Runs a module with this way of authentication, and a change of the provider's setup.
async fn run(
    response_types: &[&'static str],
    auth_method: &'static str,
    change: impl Fn(&mut Setup, &mut FetchPolicy),
    module: impl AsyncFn(&mut Party),
) {
    for response_type in response_types {
        // Whoever reads of a failure wants to know.
        println!("response_type: {response_type}");
        let mut party = Party::begin(response_type, auth_method, &change).await;
        module(&mut party).await;
        party.end().await;
    }
}

/// Lets anybody register.
fn open_registration(setup: &mut Setup) {
    let mut registration = Registration::default();
    registration.access = RegistrationAccess::Open;
    setup.config.registration = Some(registration);
    setup.secrets.storage = vec![Secret::new([3; 32]).unwrap()];
}
