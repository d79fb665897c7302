//! How well somebody is known who has signed in: the context classes, and which one a client wants.

use oidc_op::{Acr, Hints, Interaction, Login};

use crate::{sign_in::Method, users::User};

/// The context classes that a sign-in here can satisfy.
#[derive(Clone, Debug, Default)]
pub(crate) struct Assurance {
    /// By a password.
    pub(crate) password: Option<Acr>,
    /// By a password and a code.
    pub(crate) second_factor: Option<Acr>,
}

impl Assurance {
    /// Whether the client would rather have a second factor than a password alone, or must.
    pub(crate) fn wants_second_factor(&self, interaction: &Interaction) -> bool {
        self.prefers_second_factor(&interaction.hints, interaction.acr_binds)
    }

    fn prefers_second_factor(&self, hints: &Hints, binds: bool) -> bool {
        let Some(second) = &self.second_factor else { return false };
        let ours = |acr: &&Acr| *acr == second || Some(*acr) == self.password.as_ref();
        match hints.acr_values.iter().find(ours) {
            Some(best) => best == second,
            // Any class will do, and a password alone has none.
            None => binds && hints.acr_values.is_empty() && self.password.is_none(),
        }
    }

    /// What is said of somebody who has proved by this who they are, and by a code too if they gave one. What is
    /// less than a password has no class.
    pub(crate) fn login(&self, user: &User, method: Method, second_factor: bool) -> Login {
        let mut login = Login::new(user.subject.clone());
        let (acr, amr) = match (method, second_factor) {
            (Method::Password, true) => {
                (self.second_factor.as_ref().or(self.password.as_ref()), &["pwd", "otp"][..])
            }
            (Method::Password, false) => (self.password.as_ref(), &["pwd"][..]),
            (Method::Pin, true) => (None, &["pin", "otp"][..]),
            (Method::Pin, false) => (None, &["pin"][..]),
            (Method::OneTimeToken, _) => (None, &["otp"][..]),
        };
        login.acr = acr.cloned();
        login.amr = amr.iter().map(|method| (*method).into()).collect();
        login
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_class_that_there_is_decides() {
        let acr = |name: &str| (!name.is_empty()).then(|| Acr::new(name));
        for (password, second, wanted, binds, asked) in [
            ("pwd", "mfa", &["mfa"][..], false, true),
            ("pwd", "mfa", &["mfa", "pwd"], false, true),
            ("pwd", "mfa", &["pwd", "mfa"], false, false),
            ("pwd", "mfa", &["gold", "mfa"], true, true),
            ("pwd", "mfa", &["gold"], true, false),
            ("pwd", "mfa", &[], true, false),
            ("", "mfa", &[], true, true),
            ("", "mfa", &[], false, false),
            ("pwd", "", &["mfa"], true, false),
        ] {
            let classes = Assurance { password: acr(password), second_factor: acr(second) };
            let mut hints = Hints::default();
            hints.acr_values = wanted.iter().map(|name| Acr::new(*name)).collect();
            let found = classes.prefers_second_factor(&hints, binds);
            assert_eq!(found, asked, "{password} {second} {wanted:?} {binds}");
        }
    }
}
