//! What is measured: each row is one way to configure Envoy and the requests that it gets.
//!
//! A row with a baseline has a ratio. The baseline gets the same requests from the same clients, as far as Envoy's own
//! filter can serve them.

/// How an Envoy is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Setup {
    /// The route without session persistence, and no filter but the router.
    Plain,
    /// Envoy's `stateful_session` with a cookie.
    StatefulCookie,
    /// Envoy's `stateful_session` with a header.
    StatefulHeader,
    /// A Lua script that pins to the endpoint in an unsigned cookie.
    Lua,
    /// A rule with a cookie, as `envoy-config` renders it.
    Cookie,
    /// A rule with a header, as `envoy-config` renders it.
    Header,
    /// A rule with a cookie and the `stateful_session` pin.
    CookieByStateful,
    /// A rule with a header and the `stateful_session` pin.
    HeaderByStateful,
    /// A rule with a cookie, and health checks of its backends, which give it the `stateful_session` pin.
    Checked,
    /// A rule with a cookie and strict sessions.
    Strict,
    /// A rule with a cookie, and 1,000 pods in addition to the backends, which are pods, too.
    Pods,
    /// A rule whose sessions end after a second.
    ShortLived,
    /// A rule without sessions, in an Envoy that also serves one with sessions.
    Elsewhere,
}

/// Who sends the requests, and what they bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Traffic {
    /// Requests of clients that have no session and get none.
    Sessionless,
    /// Requests of clients that get a session with each answer.
    New,
    /// One client that returns again and again.
    Returning,
    /// Many returning clients, one after the other.
    Many,
    /// One client whose session has expired.
    Expired,
    /// One returning client that sends twenty other cookies in front of its own.
    ForeignCookies,
    /// One returning client (or one without a session) that fetches 1 MB.
    LargeBody,
}

/// One measurement.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// What other rows and the results call it.
    pub(super) id: &'static str,
    /// What the reader calls it.
    pub(super) name: &'static str,
    /// How Envoy is configured.
    pub(super) setup: Setup,
    /// What it gets.
    pub(super) traffic: Traffic,
    /// The row that it is compared with.
    pub(super) baseline: Option<&'static str>,
    /// The highest ratio of instructions that passes.
    pub(super) limit: Option<f64>,
}

impl Setup {
    /// All of them, in the order in which they start.
    pub(super) const ALL: [Self; 13] = [
        Self::Plain,
        Self::StatefulCookie,
        Self::StatefulHeader,
        Self::Lua,
        Self::Cookie,
        Self::Header,
        Self::CookieByStateful,
        Self::HeaderByStateful,
        Self::Checked,
        Self::Strict,
        Self::Pods,
        Self::ShortLived,
        Self::Elsewhere,
    ];

    /// What progress messages call it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Plain => "no session persistence",
            Self::StatefulCookie => "stateful_session, cookie",
            Self::StatefulHeader => "stateful_session, header",
            Self::Lua => "a Lua script",
            Self::Cookie => "this filter, cookie",
            Self::Header => "this filter, header",
            Self::CookieByStateful => "this filter, cookie, stateful_session pin",
            Self::HeaderByStateful => "this filter, header, stateful_session pin",
            Self::Checked => "this filter, cookie, health checks",
            Self::Strict => "this filter, cookie, strict sessions",
            Self::Pods => "this filter, cookie, 1,000 pods",
            Self::ShortLived => "this filter, sessions of one second",
            Self::Elsewhere => "this filter on another route",
        }
    }

    /// Whether this project's filter serves the route.
    pub(super) const fn is_ours(self) -> bool {
        !matches!(self, Self::Plain | Self::StatefulCookie | Self::StatefulHeader | Self::Lua)
    }
}

impl Traffic {
    /// All of them, in the order of the report.
    pub(super) const ALL: [Self; 7] = [
        Self::Sessionless,
        Self::Returning,
        Self::Many,
        Self::New,
        Self::Expired,
        Self::ForeignCookies,
        Self::LargeBody,
    ];

    /// The heading of its rows.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Sessionless => "Route without sessions",
            Self::Returning => "Returning client",
            Self::Many => "10,000 returning clients, one after the other",
            Self::New => "New client",
            Self::Expired => "Client with an expired session",
            Self::ForeignCookies => "Returning client with 20 other cookies",
            Self::LargeBody => "Returning client, 1 MB response body",
        }
    }

    /// Whether every answer has to begin a session.
    pub(super) const fn begins_sessions(self) -> bool {
        matches!(self, Self::New | Self::Expired)
    }

    /// How many of its requests cost about as much as one small one.
    pub(super) const fn weight(self) -> usize {
        match self {
            Self::LargeBody => 10,
            _ => 1,
        }
    }
}

const fn row(id: &'static str, name: &'static str, setup: Setup, traffic: Traffic) -> Row {
    Row { id, name, setup, traffic, baseline: None, limit: None }
}

impl Row {
    const fn against(self, baseline: &'static str) -> Self {
        Self { baseline: Some(baseline), ..self }
    }

    const fn at_most(self, limit: f64) -> Self {
        Self { limit: Some(limit), ..self }
    }

    /// All of them, in the order of the report.
    pub(super) const ALL: [Self; 22] = [
        row("plain", "no session filter", Setup::Plain, Traffic::Sessionless),
        row("elsewhere", "this filter on another route", Setup::Elsewhere, Traffic::Sessionless)
            .against("plain"),
        row("stateful-cookie", "stateful_session, cookie", Setup::StatefulCookie, Traffic::Returning),
        row("lua", "Lua, unsigned cookie", Setup::Lua, Traffic::Returning).against("stateful-cookie"),
        row("cookie", "this filter, cookie", Setup::Cookie, Traffic::Returning)
            .against("stateful-cookie")
            .at_most(1.30),
        row(
            "cookie-pin",
            "this filter, cookie, `stateful_session` pin",
            Setup::CookieByStateful,
            Traffic::Returning,
        )
        .against("stateful-cookie")
        .at_most(1.25),
        row("checked", "this filter, cookie, health checks", Setup::Checked, Traffic::Returning)
            .against("stateful-cookie"),
        row("strict", "this filter, cookie, strict sessions", Setup::Strict, Traffic::Returning)
            .against("stateful-cookie"),
        row("pods", "this filter, cookie, 1,000 pods", Setup::Pods, Traffic::Returning)
            .against("stateful-cookie"),
        row("stateful-header", "stateful_session, header", Setup::StatefulHeader, Traffic::Returning),
        row("header", "this filter, header", Setup::Header, Traffic::Returning)
            .against("stateful-header")
            .at_most(1.35),
        row(
            "header-pin",
            "this filter, header, `stateful_session` pin",
            Setup::HeaderByStateful,
            Traffic::Returning,
        )
        .against("stateful-header")
        .at_most(1.28),
        row("many-stateful", "stateful_session, cookie", Setup::StatefulCookie, Traffic::Many),
        row("many", "this filter, cookie", Setup::Cookie, Traffic::Many)
            .against("many-stateful")
            .at_most(1.40),
        row("new-stateful", "stateful_session, cookie", Setup::StatefulCookie, Traffic::New),
        row("new", "this filter, cookie", Setup::Cookie, Traffic::New).against("new-stateful"),
        // Envoy's own sessions do not expire: a client without its cookie is the nearest case.
        row("expired", "this filter, cookie", Setup::ShortLived, Traffic::Expired).against("new-stateful"),
        row("foreign-stateful", "stateful_session, cookie", Setup::StatefulCookie, Traffic::ForeignCookies),
        row("foreign", "this filter, cookie", Setup::Cookie, Traffic::ForeignCookies)
            .against("foreign-stateful"),
        row("large-plain", "no session filter", Setup::Plain, Traffic::LargeBody),
        row("large-stateful", "stateful_session, cookie", Setup::StatefulCookie, Traffic::LargeBody),
        row("large", "this filter, cookie", Setup::Cookie, Traffic::LargeBody).against("large-stateful"),
    ];

    /// The row of this name.
    #[cfg(test)]
    pub(super) fn named(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|row| row.id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_every_baseline_is_a_row_of_envoy_s_own() {
        for (position, row) in Row::ALL.into_iter().enumerate() {
            assert!(Row::ALL.iter().skip(position + 1).all(|other| other.id != row.id), "{}", row.id);
            if let Some(baseline) = row.baseline {
                assert!(!Row::named(baseline).unwrap().setup.is_ours(), "{}", row.id);
            }
            assert!(row.limit.is_none() || row.baseline.is_some(), "{}", row.id);
        }
    }

    #[test]
    fn rows_that_are_compared_get_the_same_requests() {
        let compared = Row::ALL.into_iter().filter_map(|row| Some((row, Row::named(row.baseline?).unwrap())));
        for (row, baseline) in compared.filter(|(row, _)| row.traffic != Traffic::Expired) {
            assert_eq!(row.traffic, baseline.traffic, "{}", row.id);
        }
    }
}
