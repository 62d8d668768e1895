//! Reading a request: its header lines in, its session out.

use std::rc::Rc;

use super::Route;
use crate::candidates::{Candidate, Search};
use crate::session::{self, Refusal, Session};
use crate::time::Timestamp;
use crate::token::{OpenError, Opener};

/// A request that is being read. The limits of [`candidates`](crate::candidates) are for all its lines together.
pub struct Reading<'p, 'l> {
    /// Where the request came to.
    route: &'p Rc<Route>,
    /// The routes to the shares of a split rule, in the order in which the opener knows the shares.
    shares: &'p [Rc<Route>],
    search: Search<'l>,
    opener: Opener<'p>,
    now: Timestamp,
    session: Session,
    /// The route that the session's token is for, or else the one that the request came to.
    found: &'p Rc<Route>,
}

impl<'p: 'l, 'l> Reading<'p, 'l> {
    pub(super) fn new(
        route: &'p Rc<Route>,
        shares: &'p [Rc<Route>],
        opener: Opener<'p>,
        now: Timestamp,
    ) -> Self {
        let search = Search::new(route.rule.carrier());
        Self { route, shares, search, opener, now, session: Session::None, found: route }
    }

    /// Reads the next line of [`Route::request_header`], or several that were joined with commas. Gives whether the request
    /// has a session, so that the other lines need not be read.
    pub fn line(&mut self, line: &'l [u8]) -> bool {
        for candidate in self.search.line(line) {
            let mut found = self.route;
            let read = match candidate {
                Candidate::Other => Err(Refusal::Unopened(OpenError::Malformed)),
                Candidate::Token(token) => match self.opener.open(token) {
                    Ok(opened) => {
                        found = opened.share.and_then(|share| self.shares.get(share)).unwrap_or(found);
                        session::pin(&found.rule, opened, self.now)
                    }
                    Err(error) => Err(Refusal::Unopened(error)),
                },
            };
            self.session.add(read);
            if let Session::Pinned(_) = self.session {
                self.found = found;
                return true;
            }
        }
        false
    }

    /// Whether it is worth while to look for more lines behind the first one, which gave no session.
    #[must_use]
    pub const fn goes_on_behind(&self, first: &[u8]) -> bool {
        self.search.goes_on_behind(first)
    }

    /// The session of what was read, and the route that its token is for: if the rule is split, that may be one to another
    /// share than the request came to.
    #[must_use]
    pub fn session(self) -> (Session, &'p Rc<Route>) {
        (self.session, self.found)
    }
}
