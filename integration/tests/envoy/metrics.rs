//! The filter's counters as Prometheus gets them.

use std::collections::BTreeMap;

use integration::harness::envoy::Process;
use integration::harness::manifests::Manifests;

use crate::setup::{COOKIE, client, deployment, manifests, pods, route, rule, rule_of, start};

/// One line of the text format: a name, labels, and a value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

impl Series {
    /// Reads a line.
    pub(crate) fn parse(line: &str) -> Self {
        let (name, rest) = line.split_at(line.find(['{', ' ']).unwrap());
        let mut labels = BTreeMap::new();
        let mut rest = rest.strip_prefix('{').unwrap_or(rest);
        while let Some((label, value)) = rest.split_once("=\"") {
            let mut text = String::new();
            let mut characters = value.char_indices();
            let end = loop {
                match characters.next().unwrap() {
                    (end, '"') => break end,
                    (_, '\\') => text.push(match characters.next().unwrap().1 {
                        'n' => '\n',
                        escaped => escaped,
                    }),
                    (_, character) => text.push(character),
                }
            };
            labels.insert(label.trim_start_matches(',').to_owned(), text);
            rest = value.split_at(end + 1).1;
        }
        let value = rest.trim_start_matches('}').trim().parse().unwrap();
        Self { name: name.to_owned(), labels, value }
    }
}

/// All series of an Envoy.
pub(crate) async fn scrape(envoy: &Process) -> Vec<Series> {
    let text = envoy.admin().prometheus().await.unwrap();
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(Series::parse).collect()
}

/// The counters of the filter, without the prefix of their names, as `name rule reason`.
pub(crate) async fn counters(envoy: &Process) -> BTreeMap<String, f64> {
    let own = |series: Series| {
        let name = series.name.strip_prefix("session_persistence_")?.to_owned();
        let mut labels = series.labels;
        let rule = labels.remove("session_persistence_rule").unwrap();
        let reason =
            labels.remove("session_persistence_reason").map_or_else(String::new, |text| format!(" {text}"));
        assert!(labels.is_empty(), "{name}: {labels:?}");
        Some((format!("{name} {rule}{reason}"), series.value))
    };
    scrape(envoy).await.into_iter().filter_map(own).collect()
}

#[tokio::test]
async fn counters_sum_up_all_workers_and_have_labels() {
    let pods = pods::<1>();
    let dotted = route("shop.rule.v1.2", &[rule("/", &[("backend", 1)], COOKIE)]);
    let manifests = Manifests::gateway().service("backend", &pods).with(&dotted);
    let envoy = start(&deployment(&manifests).with_workers(4)).await;
    let workers: Vec<_> = (0..24).map(|_| client(&envoy)).collect();
    for client in &workers {
        client.get("/").await.unwrap();
        client.get_with("/", &[("cookie", "session=nonsense")]).await.unwrap();
    }
    let id = rule_of(&manifests, "default/shop.rule.v1.2/0/0").id().to_string();
    assert!(id.starts_with("default/shop.rule.v1.2@"), "{id}");
    let expected = [(format!("rejected {id} malformed"), 24.0), (format!("started {id}"), 48.0)];
    assert_eq!(counters(&envoy).await, expected.into());
}

/// Ids of configurations that are written by hand can have any form. Only an end like `_rq_200` becomes a label of Envoy's own.
#[tokio::test]
async fn any_rule_id_is_a_label() {
    let pods = pods::<1>();
    let manifests = manifests(&pods, COOKIE);
    let rendered = deployment(&manifests);
    let id = rule_of(&manifests, "default/route/0/0").id().to_string();
    for hostile in ["rule.a.rule.b", "cluster.c.upstream_rq", "a b=c,d{e}:f|g#h", "ü.é", "vhost.x.route.y"]
    {
        assert!(rendered.bootstrap().contains(&id));
        let bootstrap = rendered.bootstrap().replace(&id, hostile);
        let envoy =
            start(&integration::harness::deployment::Deployment::of_bootstrap(bootstrap).unwrap()).await;
        let client = client(&envoy);
        client.get_with("/", &[("cookie", "session=nonsense")]).await.unwrap();
        let expected = [(format!("rejected {hostile} malformed"), 1.0), (format!("started {hostile}"), 1.0)];
        assert_eq!(counters(&envoy).await, expected.into());
    }
}
