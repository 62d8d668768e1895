//! One request, and what has to come of it: an answer of the right backend, which saw the right request, or another answer.

use hyper::Method;
use integration::client::Answer;

use crate::infrastructure::Target;

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) host: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
}

/// A request and what has to come of it.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) ask: Ask,
    statuses: Vec<u16>,
    reached: Option<Reached>,
}

/// What answered.
#[derive(Clone, Debug)]
struct Reached {
    target: Target,
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

    /// A pod of this Service answers and has seen this very request.
    pub(crate) fn reaches(self, target: Target) -> Case {
        let reached = Reached { target };
        Case { reached: Some(reached), ..self.answers(200) }
    }

    /// The answer has this status.
    pub(crate) fn answers(self, status: u16) -> Case {
        self.answers_one_of(&[status])
    }

    /// The answer has one of these statuses.
    pub(crate) fn answers_one_of(self, statuses: &[u16]) -> Case {
        let statuses = statuses.to_vec();
        Case { ask: self, statuses, reached: None }
    }
}

impl Case {
    /// What is wrong with an answer; `host` is what was asked for.
    pub(crate) fn problems(&self, answer: &Answer, host: &str) -> Vec<String> {
        let mut problems = Vec::new();
        if !self.statuses.contains(&answer.status) {
            problems.push(format!("the status is {}, not one of {:?}", answer.status, self.statuses));
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
            ("path", ask.path.as_str()),
            ("host", host),
            ("method", ask.method.as_str()),
        ];
        let wrong = expected.into_iter().filter_map(|(name, expected)| {
            let found = echo[name].as_str().unwrap_or_default();
            (found != expected).then(|| format!("the backend's {name} is {found:?}, not {expected:?}"))
        });
        wrong.collect()
    }
}
