//! `filters` of a rule or backendRef (`HTTPRouteFilter`, `GRPCRouteFilter`): which there are, and which can be
//! combined.

mod cors;
mod external_auth;
mod header_modifier;
mod redirect_and_rewrite;
mod request_mirror;

use std::collections::HashMap;

pub use self::external_auth::{AuthProtocol, ExternalAuth};
pub use self::header_modifier::{Header, HeaderModifier};
pub use self::redirect_and_rewrite::{PathModifier, RequestRedirect, UrlRewrite};
pub use self::request_mirror::RequestMirror;
pub(in crate::manifest) use self::request_mirror::fraction as fraction_in_millionths;

use super::{BackendRef, RouteKind};
use crate::diagnostic::{Code, Diagnostic};
use crate::http_value::Cors;
use crate::manifest::read::field_path::At;
use crate::manifest::read::fields::{Fields, Known};
use crate::manifest::read::findings::Findings;
use crate::manifest::read::list::list;
use crate::manifest::read::syntax::names;
use crate::manifest::read::value::{parsed, word};
use crate::source::{Span, Spanned};

/// A filter.
#[derive(Clone, Debug)]
pub enum Filter {
    /// `RequestHeaderModifier`.
    RequestHeaders(HeaderModifier),
    /// `ResponseHeaderModifier`.
    ResponseHeaders(HeaderModifier),
    /// `RequestRedirect`.
    Redirect(RequestRedirect),
    /// `URLRewrite`.
    Rewrite(UrlRewrite),
    /// `RequestMirror`.
    Mirror(Box<RequestMirror>),
    /// `CORS`.
    Cors(Cors),
    /// `ExtensionRef`, which is not supported: the kind with its group.
    Extension(String),
    /// `ExternalAuth`.
    ExternalAuth(Box<ExternalAuth>),
}

impl Filter {
    /// How it changes the path, if it does.
    #[must_use]
    pub fn path(&self) -> Option<&PathModifier> {
        match self {
            Self::Redirect(RequestRedirect { path, .. }) | Self::Rewrite(UrlRewrite { path, .. }) => {
                path.as_ref()
            }
            Self::RequestHeaders(_)
            | Self::ResponseHeaders(_)
            | Self::Mirror(_)
            | Self::Cors(_)
            | Self::Extension(_)
            | Self::ExternalAuth(_) => None,
        }
    }
}

const HTTP_FILTER: Known = Known {
    read: &[
        "type",
        "requestHeaderModifier",
        "responseHeaderModifier",
        "requestMirror",
        "requestRedirect",
        "urlRewrite",
        "cors",
        "externalAuth",
        "extensionRef",
    ],
    unread: &[],
    unsupported: &[],
};

const GRPC_FILTER: Known = Known {
    read: &["type", "requestHeaderModifier", "responseHeaderModifier", "requestMirror", "extensionRef"],
    unread: &[],
    unsupported: &[],
};

const EXTENSION: Known = Known { read: &["group", "kind", "name"], unread: &[], unsupported: &[] };

/// The values of `type` in an HTTPRoute.
const HTTP_TYPES: &[(&str, Type)] = &[
    ("RequestHeaderModifier", Type::RequestHeaders),
    ("ResponseHeaderModifier", Type::ResponseHeaders),
    ("RequestMirror", Type::Mirror),
    ("RequestRedirect", Type::Redirect),
    ("URLRewrite", Type::Rewrite),
    ("CORS", Type::Cors),
    ("ExternalAuth", Type::ExternalAuth),
    ("ExtensionRef", Type::Extension),
];

/// The values of `type` in a GRPCRoute.
const GRPC_TYPES: &[(&str, Type)] = &[
    ("RequestHeaderModifier", Type::RequestHeaders),
    ("ResponseHeaderModifier", Type::ResponseHeaders),
    ("RequestMirror", Type::Mirror),
    ("ExtensionRef", Type::Extension),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Type {
    RequestHeaders,
    ResponseHeaders,
    Mirror,
    Redirect,
    Rewrite,
    Cors,
    ExternalAuth,
    Extension,
}

impl Type {
    /// The field of this type.
    const fn field(self) -> &'static str {
        match self {
            Self::RequestHeaders => "requestHeaderModifier",
            Self::ResponseHeaders => "responseHeaderModifier",
            Self::Mirror => "requestMirror",
            Self::Redirect => "requestRedirect",
            Self::Rewrite => "urlRewrite",
            Self::Cors => "cors",
            Self::ExternalAuth => "externalAuth",
            Self::Extension => "extensionRef",
        }
    }

    /// Whether a list can have several filters of this type.
    const fn repeats(self) -> bool {
        matches!(self, Self::Mirror | Self::Extension | Self::ExternalAuth)
    }
}

pub(in crate::manifest) fn read(
    at: At<'_>,
    route: RouteKind,
    findings: &mut Findings,
) -> Option<Vec<Spanned<Filter>>> {
    let mut types = Vec::new();
    let filters = list(at, 0..=16, findings, |at, findings| filter(at, route, &mut types, findings))?;
    let mut first: HashMap<Type, Span> = HashMap::new();
    for Spanned { value, span } in types {
        match first.get(&value) {
            Some(&earlier) if !value.repeats() => {
                let message = "a filter of this type can be used only once";
                let error = Diagnostic::error(Code::DuplicateValue, span, message);
                findings.add(at.path.place(error).label("duplicate").related(earlier, "first occurrence"));
            }
            Some(_) => {}
            None => {
                first.insert(value, span);
            }
        }
    }
    if let (Some(&redirect), Some(&rewrite)) = (first.get(&Type::Redirect), first.get(&Type::Rewrite)) {
        let message = "a `RequestRedirect` cannot be combined with a `URLRewrite`: a redirected request is not forwarded";
        let error = Diagnostic::error(Code::IncompatibleFilters, rewrite, message);
        findings.add(at.path.place(error).label("the rewrite").related(redirect, "the redirect"));
    }
    Some(filters)
}

fn filter(
    at: At<'_>,
    route: RouteKind,
    types: &mut Vec<Spanned<Type>>,
    findings: &mut Findings,
) -> Option<Spanned<Filter>> {
    let (known, words) = match route {
        RouteKind::Http => (&HTTP_FILTER, HTTP_TYPES),
        RouteKind::Grpc => (&GRPC_FILTER, GRPC_TYPES),
    };
    let fields = Fields::of(at, known, findings)?;
    let kind = fields.required("type", findings, word(words))?;
    types.push(kind.clone());
    let own = kind.value.field();
    let word = words.iter().find(|(_, known)| *known == kind.value).map_or("", |(word, _)| *word);
    for other in words.iter().map(|(_, other)| other.field()).filter(|field| *field != own) {
        if let Some(entry) = fields.entry(other).filter(|_| fields.has(other)) {
            let message = format!("field `{other}` is not allowed with `type: {word}`; expected `{own}`");
            let error = Diagnostic::error(Code::MisplacedField, entry.key.span, message);
            findings.add(at.path.place(error).related(kind.span, "the type is set here"));
        }
    }
    let value = match kind.value {
        Type::RequestHeaders => {
            fields.required(own, findings, header_modifier::read).map(Filter::RequestHeaders)
        }
        Type::ResponseHeaders => {
            fields.required(own, findings, header_modifier::read).map(Filter::ResponseHeaders)
        }
        Type::Extension => fields.required(own, findings, extension).map(Filter::Extension),
        Type::ExternalAuth => {
            fields.required(own, findings, external_auth::read).map(Box::new).map(Filter::ExternalAuth)
        }
        Type::Redirect => {
            fields.required(own, findings, redirect_and_rewrite::redirect).map(Filter::Redirect)
        }
        Type::Rewrite => fields.required(own, findings, redirect_and_rewrite::rewrite).map(Filter::Rewrite),
        Type::Mirror => {
            fields.required(own, findings, request_mirror::read).map(Box::new).map(Filter::Mirror)
        }
        Type::Cors => fields.required(own, findings, cors::read).map(Filter::Cors),
    };
    Some(Spanned { value: value?, span: at.span() })
}

/// Reports filters that replace a matched prefix in a rule without exactly one prefix.
pub(in crate::manifest) fn reject_prefix_replacement<'f>(
    rule: At<'_>,
    filters: impl Iterator<Item = &'f Spanned<Filter>>,
    findings: &mut Findings,
) {
    for filter in filters {
        if let Some(PathModifier::Prefix(_)) = filter.value.path() {
            let message =
                "`ReplacePrefixMatch` requires a rule with exactly one match, of the type `PathPrefix`";
            let error = Diagnostic::error(Code::MissingPrefixMatch, filter.span, message);
            findings.add(rule.path.place(error).hint("split the rule, or use `ReplaceFullPath`"));
        }
    }
}

/// Reports a redirect in a rule with backends.
pub(in crate::manifest) fn reject_redirect_with_backends(
    rule: At<'_>,
    filters: &[Spanned<Filter>],
    backends: &[BackendRef],
    findings: &mut Findings,
) {
    let redirect = filters.iter().find(|filter| matches!(filter.value, Filter::Redirect(_)));
    if let (Some(redirect), Some(backend)) = (redirect, backends.first()) {
        let message = "a rule with a `RequestRedirect` cannot have backendRefs";
        let error = Diagnostic::error(Code::RedirectWithBackends, backend.span, message);
        findings.add(rule.path.place(error).related(redirect.span, "the redirect"));
    }
}

/// The kind, as `group/Kind`.
fn extension(at: At<'_>, findings: &mut Findings) -> Option<String> {
    let fields = Fields::of(at, &EXTENSION, findings)?;
    let group = fields.required("group", findings, parsed(Code::InvalidGroup, names::group));
    let kind = fields.required("kind", findings, parsed(Code::InvalidKind, names::kind));
    fields.required("name", findings, parsed(Code::InvalidObjectName, names::reference))?;
    let (group, kind) = (group?.value, kind?.value);
    Some(if group.is_empty() { kind } else { format!("{group}/{kind}") })
}
