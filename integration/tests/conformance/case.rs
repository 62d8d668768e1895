//! A request and its expected response: from which backend, what the backend received, or which status.

use std::sync::atomic::{AtomicU32, Ordering};

use hyper::Method;
use integration::harness::client::Answer;
use serde_json::Value;
use url::Url;

use crate::infrastructure::Target;

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) host: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
}

/// A request and its expected response.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) ask: Ask,
    statuses: Vec<u16>,
    location: Option<String>,
    reached: Option<Reached>,
    answered: Vec<(String, Values)>,
}

/// What the backend received, where it differs from the request.
#[derive(Clone, Debug)]
struct Reached {
    target: Target,
    path: Option<String>,
    host: Option<String>,
    headers: Vec<(String, Values)>,
}

/// The expected values of a header.
#[derive(Clone, Debug)]
enum Values {
    /// One of these, its lines joined by commas; blanks do not count.
    OneOf(Vec<String>),
    /// Not there.
    Absent,
}

/// A GET of this path.
pub(crate) fn get(path: &str) -> Ask {
    ask(Method::GET, path)
}

/// A request for this path.
pub(crate) fn ask(method: Method, path: &str) -> Ask {
    Ask { method, path: path.to_owned(), host: None, headers: Vec::new() }
}

impl Ask {
    /// With this `Host`.
    pub(crate) fn host(self, host: &str) -> Self {
        Self { host: Some(host.to_owned()), ..self }
    }

    /// With this header.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A pod of this Service answers and received the same request, unless the case says otherwise.
    pub(crate) fn reaches(self, target: Target) -> Case {
        let reached = Reached { target, path: None, host: None, headers: Vec::new() };
        Case { reached: Some(reached), ..self.answers(200) }
    }

    /// The answer has this status.
    pub(crate) fn answers(self, status: u16) -> Case {
        self.answers_one_of(&[status])
    }

    /// The answer has one of these statuses.
    pub(crate) fn answers_one_of(self, statuses: &[u16]) -> Case {
        let statuses = statuses.to_vec();
        Case { ask: self, statuses, location: None, reached: None, answered: Vec::new() }
    }

    /// The answer has this status and sends the client to this URL.
    pub(crate) fn redirects(self, status: u16, location: &str) -> Case {
        Case { location: Some(location.to_owned()), ..self.answers(status) }
    }
}

impl Case {
    /// The same with a number of its own wherever the path says `{unique}`.
    pub(crate) fn made_unique(&self) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let mut case = self.clone();
        case.ask.path =
            case.ask.path.replace("{unique}", &NUMBER.fetch_add(1, Ordering::Relaxed).to_string());
        case
    }

    /// The backend saw this path.
    pub(crate) fn with_path(self, path: &str) -> Self {
        self.seen(|reached| reached.path = Some(path.to_owned()))
    }

    /// The backend saw this `Host`.
    pub(crate) fn with_host(self, host: &str) -> Self {
        self.seen(|reached| reached.host = Some(host.to_owned()))
    }

    /// The backend saw this header, its lines joined by commas.
    pub(crate) fn with(self, name: &str, value: &str) -> Self {
        self.seen(|reached| reached.headers.push((name.to_owned(), Values::OneOf(vec![value.to_owned()]))))
    }

    /// The backend did not see this header.
    pub(crate) fn without(self, name: &str) -> Self {
        self.seen(|reached| reached.headers.push((name.to_owned(), Values::Absent)))
    }

    /// The answer has this header, its lines joined by commas.
    pub(crate) fn answering(self, name: &str, value: &str) -> Self {
        self.answering_one_of(name, &[value])
    }

    /// The answer has this header with one of these values.
    pub(crate) fn answering_one_of(mut self, name: &str, values: &[&str]) -> Self {
        let values = values.iter().map(|&value| value.to_owned()).collect();
        self.answered.push((name.to_owned(), Values::OneOf(values)));
        self
    }

    /// The answer does not have this header.
    pub(crate) fn answering_without(mut self, name: &str) -> Self {
        self.answered.push((name.to_owned(), Values::Absent));
        self
    }

    fn seen(mut self, tell: impl FnOnce(&mut Reached)) -> Self {
        tell(self.reached.as_mut().expect("a request that reaches a backend"));
        self
    }

    /// What is wrong with an answer; `host` is what was asked for, and `scheme` how.
    pub(crate) fn problems(&self, answer: &Answer, scheme: &str, host: &str) -> Vec<String> {
        let mut problems = Vec::new();
        if !self.statuses.contains(&answer.status) {
            problems.push(format!("the status is {}, not one of {:?}", answer.status, self.statuses));
        }
        for (name, values) in &self.answered {
            problems.extend(
                values.problem(&format!("the answer's {name}"), &answer.values(&name.to_lowercase())),
            );
        }
        if let Some(location) = &self.location {
            let requested = Url::parse(&format!("{scheme}://{host}{}", self.ask.path)).unwrap();
            let expected = Url::parse(location).unwrap();
            let found = answer.value("location").map(|found| requested.join(&found).unwrap());
            if found.as_ref() != Some(&expected) {
                problems.push(format!("it redirects to {:?}, not to {expected}", found.map(String::from)));
            }
        }
        if let Some(reached) = &self.reached
            && problems.is_empty()
        {
            problems.extend(reached.problems(answer, &self.ask, host));
        }
        problems
    }
}

impl Reached {
    fn problems(&self, answer: &Answer, ask: &Ask, host: &str) -> Vec<String> {
        let Some(echo) = answer.echo() else { return vec![String::from("no backend answered")] };
        let Target { namespace, service } = self.target;
        let expected = [
            ("namespace", namespace),
            ("service", service),
            ("path", self.path.as_deref().unwrap_or(&ask.path)),
            ("host", self.host.as_deref().unwrap_or(host)),
            ("method", ask.method.as_str()),
        ];
        let wrong = expected.into_iter().filter_map(|(name, expected)| {
            let found = echo[name].as_str().unwrap_or_default();
            (found != expected).then(|| format!("the backend's {name} is {found:?}, not {expected:?}"))
        });
        let headers = self.headers.iter().filter_map(|(name, values)| {
            values.problem(&format!("the request's {name}"), &seen(&echo, name))
        });
        wrong.chain(headers).collect()
    }
}

impl Values {
    fn problem(&self, what: &str, found: &[String]) -> Option<String> {
        let same = |one: &str, other: &str| one.replace(' ', "") == other.replace(' ', "");
        match self {
            Self::Absent if found.is_empty() => None,
            Self::Absent => Some(format!("{what} is {found:?}, but must not be there")),
            Self::OneOf(values) => {
                let joined = found.join(",");
                let fits = !found.is_empty() && values.iter().any(|value| same(value, &joined));
                (!fits).then(|| format!("{what} is {found:?}, not one of {values:?}"))
            }
        }
    }
}

/// The values of a header that the backend saw.
fn seen(echo: &Value, name: &str) -> Vec<String> {
    let headers = echo["headers"].as_object().unwrap();
    let found = headers.iter().filter(|(found, _)| found.eq_ignore_ascii_case(name));
    let values = found.flat_map(|(_, values)| values.as_array().unwrap());
    values.map(|value| value.as_str().unwrap().to_owned()).collect()
}
