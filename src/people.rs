//! What a host asks and says of one person: who is signed in, what they have given away, what has
//! changed about their account.

use crate::{
    authorize,
    env::{Event, What},
    error::InternalError,
    grant::{self, GrantId, HeldGrants},
    logout::{self, SignedOut},
    provider::Provider,
    secret::{Handle, HandleKind},
    session::{self, HeldConsents, HeldSessions, Login, Session, SessionId, SubjectChange},
    store::Cursor,
    types::{ClientId, Subject},
    wire::Request,
};

impl Provider {
    /// Who is signed in at this browser: the current account.
    ///
    /// # Errors
    ///
    /// The store or the host failed; nobody is declared signed out because of that.
    pub async fn session(&self, request: Request<'_>) -> Result<Option<Session>, InternalError> {
        Ok(self.accounts(request).await?.into_iter().next())
    }

    /// Everybody who is signed in at this browser, the current account first.
    ///
    /// # Errors
    ///
    /// As [`session`](Self::session).
    pub async fn accounts(&self, request: Request<'_>) -> Result<Vec<Session>, InternalError> {
        Ok(session::present(self.core(), &request).await?)
    }

    /// Signs a person in at this browser, outside of any request of a client; answers the header
    /// fields to send along. Others who are signed in here stay so, as far as
    /// [`Limits::accounts`](crate::Limits::accounts) goes.
    ///
    /// # Errors
    ///
    /// The store or the source of randomness failed; or there is more in `login` than can be kept
    /// ([`Login::check`]).
    ///
    /// # Security
    ///
    /// `login` is believed: check the person's credentials first. Unlike [`resume`](Self::resume) it
    /// looks at no `Origin`: protect the form against other sites, or they sign people in to an
    /// account that is not theirs.
    pub async fn sign_in(
        &self,
        request: Request<'_>,
        login: &Login,
    ) -> Result<authorize::Cookies, InternalError> {
        let core = self.core();
        let fresh = Handle::random(HandleKind::Session, &*core.entropy)?;
        let sessions = session::sign_in(core, &request, fresh, login, None).await?;
        core.observer.observe(&Event::new(What::SignedIn).subject(&login.subject));
        Ok(sessions.cookies(core))
    }

    /// Signs out everybody who is signed in at this browser, and ends their sessions' unredeemed codes and the
    /// refresh tokens that are not for offline access; answers what to show and to send along: the clients of the
    /// sessions hear of it in [frames](SignedOut::frames). Access tokens that are out already live to their end.
    ///
    /// # Errors
    ///
    /// The store failed; sessions that have not ended are then still there. Ask again.
    ///
    /// # Security
    ///
    /// It looks at no `Origin`: call it for a POST, and protect the form against other sites.
    pub async fn sign_out(&self, request: Request<'_>) -> Result<SignedOut, InternalError> {
        Ok(logout::sign_out(self.core(), &request).await?)
    }

    /// Ends every session and grant of a person, access tokens included: after a password change, or
    /// when the account is closed. One write, whatever they hold.
    ///
    /// # Errors
    ///
    /// The store failed; nothing may have changed.
    pub async fn revoke_all(&self, subject: &Subject) -> Result<(), InternalError> {
        let core = self.core();
        Ok(session::revoke_all(core, subject, core.clock.now()).await?)
    }

    /// Where a person is signed in, at most `limit` sessions at once: for a page of them.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub async fn sessions(
        &self,
        subject: &Subject,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<HeldSessions, InternalError> {
        Ok(session::held(self.core(), subject, after, limit).await?)
    }

    /// Ends one of a person's sessions, with its unredeemed codes and the refresh tokens that are not for
    /// offline access, and has its clients told. Answers whether there was one to end; somebody else's
    /// stays as it is.
    ///
    /// # Errors
    ///
    /// The store failed; nothing may have changed.
    pub async fn end_session_of(
        &self,
        subject: &Subject,
        session: SessionId,
    ) -> Result<bool, InternalError> {
        let core = self.core();
        let ended = session::end_held(core, subject, session).await?;
        if ended {
            core.observer.observe(&Event::new(What::SignedOut).subject(subject));
        }
        Ok(ended)
    }

    /// Ends all of a person's sessions one after the other, and has their clients told; answers how many
    /// there were. Unlike [`revoke_all`](Self::revoke_all) it leaves what is for offline access.
    ///
    /// # Errors
    ///
    /// The store failed; some may have ended. Ask again.
    pub async fn end_sessions_of(&self, subject: &Subject) -> Result<u32, InternalError> {
        Ok(session::end_all(self.core(), subject).await?)
    }

    /// What a person has given to clients and not taken back, at most `limit` at once: for a page of
    /// their apps and devices.
    ///
    /// # Errors
    ///
    /// [`Reason::CursorUnfit`](crate::Reason::CursorUnfit) if `after` is no cursor of the store; or the store or
    /// the host failed.
    pub async fn grants(
        &self,
        subject: &Subject,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<HeldGrants, InternalError> {
        Ok(grant::held(self.core(), subject, after, limit).await?)
    }

    /// Ends one of a person's grants with all its tokens, and answers whether there was one to end.
    /// Somebody else's stays as it is.
    ///
    /// # Errors
    ///
    /// The store failed; nothing may have changed.
    pub async fn revoke_grant(
        &self,
        subject: &Subject,
        grant: GrantId,
    ) -> Result<bool, InternalError> {
        let core = self.core();
        let ended = grant::revoke_held(core, subject, grant).await?;
        if let Some(ended) = &ended {
            let event = Event::new(What::GrantRevoked);
            core.observer.observe(&event.client(&ended.client).subject(subject));
        }
        Ok(ended.is_some())
    }

    /// What a person has agreed to and not taken back, at most `limit` at once.
    ///
    /// # Errors
    ///
    /// [`Reason::CursorUnfit`](crate::Reason::CursorUnfit) if `after` is no cursor of the store; or the store
    /// failed.
    pub async fn consents(
        &self,
        subject: &Subject,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<HeldConsents, InternalError> {
        Ok(session::consents(self.core(), subject, after, limit).await?)
    }

    /// Tells of a change of a person's account. Their sessions and grants end, as with
    /// [`revoke_all`](Self::revoke_all); when the account is gone, what they have agreed to as well, and what their
    /// sign-ins [brought along](Login::claims) is erased.
    ///
    /// # Errors
    ///
    /// The store failed; ask again.
    pub async fn subject_changed(
        &self,
        subject: &Subject,
        change: SubjectChange,
    ) -> Result<(), InternalError> {
        self.revoke_all(subject).await?;
        // They stand no more; now their clients hear of it.
        self.end_sessions_of(subject).await?;
        if change == SubjectChange::Deleted {
            grant::revoke_all_held(self.core(), subject).await?;
            let mut after = None;
            loop {
                let page = self.consents(subject, after.as_ref(), 100).await?;
                for consent in &page.consents {
                    self.withdraw_consent(subject, &consent.client).await?;
                }
                let Some(next) = page.next else { break };
                after = Some(next);
            }
        }
        self.core().observer.observe(&Event::new(What::SubjectChanged).subject(subject));
        Ok(())
    }

    /// Takes back what a person has agreed that a client may have, and with it every unredeemed code
    /// and every refresh token that stands on it. Access tokens that are out already live to their end; to
    /// end these too, use [`revoke_all`](Self::revoke_all) or [`revoke_grant`](Self::revoke_grant). A consent that was not remembered leaves nothing to take
    /// back.
    ///
    /// # Errors
    ///
    /// The store failed; nothing may have changed.
    pub async fn withdraw_consent(
        &self,
        subject: &Subject,
        client: &ClientId,
    ) -> Result<(), InternalError> {
        let core = self.core();
        Ok(session::withdraw(core, subject, client, core.clock.now()).await?)
    }
}
