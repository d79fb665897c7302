/// A session at the browser, as far as the request says something of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Here {
    /// It is the very session that the ID token was issued in: its `sid` at the client.
    pub(super) hinted: bool,
    /// It is of the person whom the ID token names.
    pub(super) named: bool,
}

/// What becomes of a request that is in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// The session at this place ends, without a question.
    End(usize),
    /// The person is asked, about the session at this place first.
    Ask(usize),
    /// There is nothing to end.
    Nobody,
}

/// The person is asked unless the request brings an ID token of a session at this browser ([RP-Initiated
/// Logout §2], [§6]; threat LO-01): who has that is the client of the session, and has just sent the
/// person here.
///
/// [RP-Initiated Logout §2]: https://openid.net/specs/openid-connect-rpinitiated-1_0.html#RPLogout
/// [§6]: https://openid.net/specs/openid-connect-rpinitiated-1_0.html#Security
pub(super) fn decide(here: &[Here]) -> Decision {
    let place = |of: fn(&Here) -> bool| here.iter().position(of);
    match place(|session| session.hinted) {
        Some(hinted) => Decision::End(hinted),
        None if here.is_empty() => Decision::Nobody,
        None => Decision::Ask(place(|session| session.named).unwrap_or(0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_asked_and_about_whom() {
        let other = Here::default();
        let named = Here { named: true, ..other };
        let hinted = Here { hinted: true, named: true };
        for (here, decision) in [
            (&[][..], Decision::Nobody),
            (&[other], Decision::Ask(0)),
            (&[named], Decision::Ask(0)),
            (&[hinted], Decision::End(0)),
            (&[other, other], Decision::Ask(0)),
            (&[other, named], Decision::Ask(1)),
            (&[other, hinted], Decision::End(1)),
            (&[named, hinted, other], Decision::End(1)),
        ] {
            assert_eq!(decide(here), decision, "{here:?}");
        }
    }
}
