//! The JSON schema of `SessionPersistencePolicy`, in `docs/session-persistence-policy.schema.json`: it is derived from the types
//! here, and editors read it.
//!
//! `UPDATE_SCHEMA=1 cargo test -p envoy-config --test schema` writes it. The tests compare it with what the program reads: with the
//! policies of all golden cases, with each field, and with the fields that the documentation lists.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]
#![allow(dead_code, reason = "only the schema of these types is used")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use envoy_config::diagnostic::Diagnostic;
use envoy_config::options::Options;
use envoy_config::source::Source;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

/// Settings of sessions that the Gateway API does not have.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
struct SessionPersistencePolicy {
    api_version: ApiVersion,
    kind: Kind,
    metadata: Metadata,
    spec: Spec,
    /// Written by a cluster; not read.
    status: Option<Value>,
}

#[derive(JsonSchema)]
enum ApiVersion {
    #[schemars(rename = "session-persistence.dev/v1alpha1")]
    V1Alpha1,
}

#[derive(JsonSchema)]
enum Kind {
    SessionPersistencePolicy,
}

/// Metadata of a Kubernetes object.
#[derive(JsonSchema)]
struct Metadata {
    name: String,
    /// `default` if it is left out.
    namespace: Option<String>,
}

/// Each field sets something about the sessions of the rules that the policy applies to.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
struct Spec {
    /// What the policy applies to: the most specific policy of a rule applies as a whole.
    #[schemars(length(min = 1, max = 16))]
    target_refs: Vec<TargetRef>,
    cookie: Option<Cookie>,
    /// What happens to a session whose endpoint cannot serve.
    on_endpoint_lost: Option<OnEndpointLost>,
    /// Whether scripts of other origins may read the session header. False by default.
    expose_header: Option<bool>,
    /// Requests that meet one of these matches have no session.
    #[schemars(length(min = 1, max = 16))]
    ignore: Option<Vec<HttpRouteMatch>>,
    /// Whether tokens wrap the backend's own value of the session header. False by default.
    envelope: Option<bool>,
    start_on: Option<StartOn>,
    end_on: Option<EndOn>,
    /// Whether backends do not see the session cookie or header. False by default.
    hide_from_backend: Option<bool>,
    /// Whether shared caches may store a response with a token.
    cacheable: Option<Cacheable>,
}

/// The attributes of the session cookie.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
struct Cookie {
    same_site: Option<SameSite>,
    secure: Option<Secure>,
    /// The host that sets the cookie, or a domain that it is in.
    #[schemars(length(min = 1, max = 253))]
    domain: Option<String>,
    /// Whether a browser keeps a cookie for each site that embeds this one. False by default; it needs `Secure`.
    partitioned: Option<bool>,
    /// The path, instead of the one that follows from the rule.
    #[schemars(length(max = 1024), regex(pattern = "^/"))]
    path: Option<String>,
    prefix: Option<Prefix>,
}

/// With which requests from other sites browsers send the cookie.
#[derive(JsonSchema)]
enum SameSite {
    /// With none, also not after a link.
    Strict,
    /// After a link. The default.
    Lax,
    /// With all. It needs `Secure`.
    None,
}

/// On which listeners the cookie is `Secure`.
#[derive(JsonSchema)]
enum Secure {
    /// Those with TLS. The default.
    Auto,
    /// All: TLS ends in front of Envoy.
    Always,
    Never,
}

/// What precedes the name of the session.
#[derive(JsonSchema)]
enum Prefix {
    /// It needs `Secure`, the path `/` and no domain.
    #[schemars(rename = "__Host-")]
    Host,
    /// It needs `Secure`.
    #[schemars(rename = "__Secure-")]
    Secure,
}

/// A session starts only with an answer of the backend that sets this. Without it, every answer starts one.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
enum StartOn {
    /// A cookie of the backend's own, such as `JSESSIONID`.
    BackendCookie(Named),
    BackendHeader(Named),
}

/// An answer of the backend with this ends the session.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
struct EndOn {
    backend_header: Named,
}

/// A cookie or header.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
struct Named {
    #[schemars(length(min = 1, max = 256))]
    name: String,
}

#[derive(JsonSchema)]
enum Cacheable {
    /// No: `private` is added to `Cache-Control`. The default.
    Protect,
    /// As the backend says.
    Ignore,
}

/// A Gateway, ListenerSet, HTTPRoute or GRPCRoute of the policy's namespace.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields)]
struct TargetRef {
    group: Group,
    kind: TargetKind,
    #[schemars(length(min = 1, max = 253))]
    name: String,
    /// The name of a listener of a Gateway, or of a rule of a route.
    #[schemars(length(min = 1, max = 253))]
    section_name: Option<String>,
}

#[derive(JsonSchema)]
enum Group {
    #[schemars(rename = "gateway.networking.k8s.io")]
    GatewayApi,
}

#[derive(JsonSchema)]
enum TargetKind {
    Gateway,
    ListenerSet,
    HTTPRoute,
    GRPCRoute,
}

#[derive(JsonSchema)]
enum OnEndpointLost {
    /// It moves to another endpoint, in the same answer. The default.
    Rebalance,
    /// It waits for its endpoint: its requests get 503 with `Retry-After`.
    Reject,
}

/// A match of an HTTPRoute: requests must meet all conditions.
#[derive(JsonSchema)]
#[schemars(rename_all = "camelCase", deny_unknown_fields, extend("minProperties" = 1))]
struct HttpRouteMatch {
    path: Option<PathMatch>,
    #[schemars(length(max = 16))]
    headers: Option<Vec<ValueMatch>>,
    #[schemars(length(max = 16))]
    query_params: Option<Vec<ValueMatch>>,
    method: Option<Method>,
}

/// A condition on the path of a request, without its query.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct PathMatch {
    /// `PathPrefix` by default.
    r#type: Option<PathMatchType>,
    #[schemars(length(max = 1024), regex(pattern = "^/"))]
    value: Option<String>,
}

#[derive(JsonSchema)]
enum PathMatchType {
    Exact,
    /// Whole segments.
    PathPrefix,
    /// RE2; it must match the whole path.
    RegularExpression,
}

/// A condition on a header or a query parameter.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct ValueMatch {
    /// `Exact` by default.
    r#type: Option<ValueMatchType>,
    #[schemars(length(min = 1, max = 256))]
    name: String,
    #[schemars(length(min = 1, max = 4096))]
    value: String,
}

#[derive(JsonSchema)]
enum ValueMatchType {
    Exact,
    RegularExpression,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "UPPERCASE")]
enum Method {
    Get,
    Head,
    Post,
    Put,
    Delete,
    Connect,
    Options,
    Trace,
    Patch,
}

fn page(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name)
}

/// The schema. Kubernetes and YAML treat a field that is null as absent, but the program does not allow it, so neither does this.
fn schema() -> Value {
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<SessionPersistencePolicy>().to_value();
    without_null(&mut schema);
    schema
}

/// Removes the alternative `null`, which is how a type says that a field is optional.
fn without_null(schema: &mut Value) {
    if let Value::Object(fields) = schema {
        if let Some(Value::Array(types)) = fields.get_mut("type") {
            types.retain(|one| one != "null");
            if let [one] = types.as_slice() {
                fields["type"] = one.clone();
            }
        }
        if let Some(Value::Array(values)) = fields.get_mut("enum") {
            values.retain(|one| !one.is_null());
        }
        if let Some(Value::Array(mut any)) = fields.remove("anyOf") {
            any.retain(|one| one["type"] != "null");
            if let [Value::Object(one)] = any.as_slice() {
                let described = fields.clone();
                fields.extend(one.clone());
                // What the field says about itself precedes what its type says.
                fields.extend(described);
            } else {
                fields.insert(String::from("anyOf"), Value::Array(any));
            }
        }
    }
    match schema {
        Value::Object(fields) => fields.values_mut().for_each(without_null),
        Value::Array(items) => items.iter_mut().for_each(without_null),
        _ => {}
    }
}

/// The names of all fields of `spec`, such as `cookie.path`, as far as objects are in objects.
fn fields(schema: &Value, prefix: &str, all: &mut BTreeSet<String>) {
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        all.insert(format!("{prefix}{name}"));
        fields(field, &format!("{prefix}{name}."), all);
    }
}

#[test]
fn the_schema_in_the_documentation_is_that_of_the_types() {
    let path = page("session-persistence-policy.schema.json");
    let text = format!("{:#}\n", schema());
    if std::env::var_os("UPDATE_SCHEMA").is_some_and(|value| value == "1") {
        fs::write(&path, text).unwrap();
        return;
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        found,
        text,
        "it is old: UPDATE_SCHEMA=1 cargo test -p envoy-config --test schema writes {}",
        path.display()
    );
}

/// The policies of the golden cases as JSON, with whether the program finds nothing wrong with their fields.
fn policies() -> Vec<(String, Value, bool)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut found = Vec::new();
    for case in fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        for file in fs::read_dir(&case).unwrap().map(|entry| entry.unwrap().path()) {
            if file.extension().is_none_or(|extension| extension != "yaml") || file.ends_with("envoy.yaml") {
                continue;
            }
            let text = fs::read_to_string(&file).unwrap();
            for document in
                text.split("\n---\n").filter(|text| text.contains("\nkind: SessionPersistencePolicy\n"))
            {
                let policy: Value = serde_saphyr::from_str(document).unwrap();
                let source = Source { name: String::from("policy.yaml"), text: document.to_owned() };
                let diagnostics = envoy_config::compile(&[source], &Options::default()).diagnostics;
                let read = !diagnostics.iter().any(|diagnostic| is_about_fields(diagnostic.code.name()));
                found.push((format!("{}: {}", case.display(), policy["metadata"]["name"]), policy, read));
            }
        }
    }
    found
}

/// Whether a finding is one that a schema can have as well: everything but what depends on other objects.
fn is_about_fields(code: &str) -> bool {
    ["unknown-field", "missing-field", "wrong-type", "wrong-length", "unknown-value", "unknown-version"]
        .contains(&code)
}

#[test]
fn policies_that_the_program_reads_follow_the_schema_and_others_do_not() {
    let schema = jsonschema::validator_for(&schema()).unwrap();
    let (mut good, mut bad) = (0, 0);
    for (name, policy, read) in policies() {
        let errors: Vec<String> =
            schema.iter_errors(&policy).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert_eq!(errors.is_empty(), read, "{name}\n{policy:#}\n{}", errors.join("\n"));
        *(if read { &mut good } else { &mut bad }) += 1;
    }
    assert!(good > 10 && bad > 3, "{good} good and {bad} bad policies");
}

#[test]
fn the_program_knows_every_field_of_the_schema() {
    let mut all = BTreeSet::new();
    fields(&schema()["properties"]["spec"], "", &mut all);
    for field in &all {
        let nested =
            field.split('.').rev().fold(json!([{"no": "such value"}]), |value, name| json!({name: value}));
        let policy = json!({
            "apiVersion": "session-persistence.dev/v1alpha1", "kind": "SessionPersistencePolicy",
            "metadata": {"name": "one"}, "spec": nested,
        });
        let source = Source { name: String::from("policy.yaml"), text: policy.to_string() };
        let found = envoy_config::compile(&[source], &Options::default()).diagnostics;
        let path = format!("spec.{field}");
        let at = |one: &&Diagnostic| one.field.as_deref().is_some_and(|found| found.starts_with(&path));
        let unknown =
            |one: &Diagnostic| one.field.as_ref() == Some(&path) && one.code.name() == "unknown-field";
        assert!(found.iter().any(|one| at(&one)) && !found.iter().any(unknown), "{field}: {found:?}");
    }
}

#[test]
fn the_documentation_lists_every_field_of_the_schema() {
    let text = fs::read_to_string(page("session-policy.md")).unwrap();
    let table = text.split("\n## ").find(|section| section.starts_with("Fields\n")).unwrap();
    let listed: BTreeSet<String> = table
        .lines()
        .filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned()))
        .collect();
    let properties = schema();
    let properties = properties["properties"]["spec"]["properties"].as_object().unwrap();
    let top = |name: &String| name.split('.').next().unwrap_or_default().to_owned();
    assert_eq!(listed.iter().map(top).collect::<BTreeSet<_>>(), properties.keys().cloned().collect());
}
