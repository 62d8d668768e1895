//! Finds the session of a request in its header lines.

use std::rc::Rc;

use super::Route;
use crate::candidates::{Candidate, Search};
use crate::session::{self, Rejection, Session};
use crate::time::Timestamp;
use crate::token::{OpenError, Opener};

/// A request that is being read. The limits of [`candidates`](crate::candidates) apply to all its lines together.
pub struct Reading<'p, 'l> {
    /// The route that Envoy chose for the request.
    route: &'p Rc<Route>,
    /// The routes of a split rule, one for each share, in the order of the opener's shares.
    shares: &'p [Rc<Route>],
    search: Search<'l>,
    opener: Opener<'p>,
    now: Timestamp,
    session: Session,
    /// The route of the session's share, or the one that Envoy chose.
    found: &'p Rc<Route>,
    /// What the token of the session wraps.
    value: Vec<u8>,
}

impl<'p: 'l, 'l> Reading<'p, 'l> {
    pub(super) fn new(
        route: &'p Rc<Route>,
        shares: &'p [Rc<Route>],
        opener: Opener<'p>,
        now: Timestamp,
    ) -> Self {
        let search = Search::new(route.rule.carrier()).of_envelopes(route.rule.is_enveloped());
        let (session, value) = (Session::None, Vec::new());
        Self { route, shares, search, opener, now, session, found: route, value }
    }

    /// Reads the next line of [`Route::request_header`], or several lines joined with commas. Returns whether the request has a
    /// session; further lines need not be read then.
    pub fn line(&mut self, line: &'l [u8]) -> bool {
        for candidate in self.search.line(line) {
            let mut found = self.route;
            let read = match candidate {
                Candidate::Other => Err(Rejection::Unopened(OpenError::Malformed)),
                Candidate::Token(token) => match self.opener.open(token) {
                    Ok(opened) => {
                        found = opened.share.and_then(|share| self.shares.get(share)).unwrap_or(found);
                        session::pin(&found.rule, opened, self.now)
                    }
                    Err(error) => Err(Rejection::Unopened(error)),
                },
            };
            self.session.add(read);
            if self.session.is_valid() {
                self.found = found;
                self.value = self.opener.take_value();
                return true;
            }
        }
        false
    }

    /// Whether to read more lines after the first one, in which there was no session.
    #[must_use]
    pub const fn wants_more_lines(&self, first: &[u8]) -> bool {
        self.search.wants_more_lines(first)
    }

    /// The value of the backend's session header in the token of the session; empty if there is none.
    #[must_use]
    pub fn take_value(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.value)
    }

    /// The session, and the route that its token is for. If the rule is split, this can be the route of another share than the
    /// one that Envoy chose.
    #[must_use]
    pub fn session(self) -> (Session, &'p Rc<Route>) {
        (self.session, self.found)
    }
}
