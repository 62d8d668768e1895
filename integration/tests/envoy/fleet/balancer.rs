//! The balancer in front of the fleet: an Envoy that passes each connection on to the next member, and knows nothing of HTTP.

use std::collections::HashMap;
use std::net::SocketAddr;

use integration::harness::deadline;
use integration::harness::deployment::Deployment;
use integration::harness::envoy::Process;
use rustix::process::{Pid, Signal, kill_process};

use super::PATIENCE;
use super::member::Member;
use crate::setup::start;

/// A member whose `/ready` answers 503 for a second gets no connections: longer than a hot restart takes, so that connections go to
/// the new process.
const BOOTSTRAP: &str = r#"
admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}}
static_resources:
  listeners:
  - name: fleet
    address: {socket_address: {address: 127.0.0.1, port_value: 0}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.tcp_proxy
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
          stat_prefix: fleet
          cluster: fleet
          max_connect_attempts: 3
          access_log:
          - name: envoy.access_loggers.stdout
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog
              log_format: {text_format_source: {inline_string: "connection %DOWNSTREAM_REMOTE_ADDRESS% %UPSTREAM_HOST%\n"}}
  clusters:
  - name: fleet
    connect_timeout: 1s
    lb_policy: ROUND_ROBIN
    common_lb_config: {healthy_panic_threshold: {}}
    health_checks:
    - timeout: 5s
      interval: 0.1s
      no_traffic_interval: 0.1s
      healthy_threshold: 1
      unhealthy_threshold: 10
      http_health_check: {host: localhost, path: /ready, retriable_statuses: [{start: 503, end: 504}]}
    load_assignment:
      cluster_name: fleet
      endpoints:
      - lb_endpoints:
"#;

pub(super) struct Balancer {
    envoy: Process,
}

impl Balancer {
    pub(super) async fn start(members: &[Member]) -> Self {
        let endpoints = members.iter().map(|member| {
            format!(
                "        - endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {}}}}}, \
                 health_check_config: {{port_value: {}}}}}\n",
                member.http.port(),
                member.admin.port()
            )
        });
        let bootstrap = BOOTSTRAP.trim_start().to_owned() + &endpoints.collect::<String>();
        let deployment = Deployment::of_bootstrap(bootstrap).unwrap().without_keys().with_workers(2);
        Self { envoy: start(&deployment).await }
    }

    /// Where clients connect.
    pub(super) fn address(&self) -> SocketAddr {
        self.envoy.listener("fleet").unwrap()
    }

    /// Waits until this number of members get connections.
    pub(super) async fn until_healthy(&self, members: u64) {
        let healthy = async || {
            let stats = self.envoy.admin().stats("cluster.fleet.membership_healthy").await.ok()?;
            stats.values().all(|healthy| *healthy == members).then_some(())
        };
        assert!(deadline::until(PATIENCE, healthy).await.is_ok(), "not {members} healthy members");
    }

    /// Ends it; the members that connections were passed on to, by the address of the client. Of thousands of connections, some have
    /// the address of an earlier one.
    pub(super) async fn stop(mut self) -> HashMap<SocketAddr, Vec<SocketAddr>> {
        // It writes the rest of its log then.
        let id = Pid::from_raw(self.envoy.id().try_into().unwrap()).unwrap();
        kill_process(id, Signal::TERM).unwrap();
        tokio::time::timeout(PATIENCE, self.envoy.ended()).await.unwrap().unwrap();
        let log = self.envoy.log();
        let connections = log.lines().filter_map(|line| line.strip_prefix("connection ")?.split_once(' '));
        let mut members: HashMap<SocketAddr, Vec<SocketAddr>> = HashMap::new();
        for (client, member) in connections {
            if let (Ok(client), Ok(member)) = (client.parse(), member.parse()) {
                members.entry(client).or_default().push(member);
            }
        }
        members
    }
}
