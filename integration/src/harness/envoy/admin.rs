//! Envoy's admin interface.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::Value;

use crate::harness::client::{Client, ClientError};

/// The admin interface did not answer as expected.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// It did not answer.
    #[error("Envoy's admin interface: {0}")]
    Client(#[from] ClientError),
    /// It gave an unexpected response.
    #[error("Envoy's admin interface: `{path}` answered {status}: {body}")]
    Unexpected {
        /// The path of the request.
        path: String,
        /// The status.
        status: u16,
        /// The body.
        body: String,
    },
}

/// The admin interface of one Envoy.
#[derive(Debug)]
pub struct Admin {
    client: Client,
    address: SocketAddr,
}

impl Admin {
    pub(super) fn new(address: SocketAddr) -> Self {
        Self { client: Client::new(address), address }
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether Envoy accepts requests.
    pub async fn ready(&self) -> bool {
        self.client.get("/ready").await.is_ok_and(|answer| answer.status == 200)
    }

    /// The addresses of the listeners, by name.
    ///
    /// # Errors
    /// There is no response, or an unexpected one.
    pub async fn listeners(&self) -> Result<BTreeMap<String, SocketAddr>, AdminError> {
        let statuses = self.json("/listeners?format=json").await?;
        let listener = |status: &Value| {
            let address = status.pointer("/local_address/socket_address")?;
            let ip = address.get("address")?.as_str()?.parse().ok()?;
            let port = address.get("port_value")?.as_u64()?.try_into().ok()?;
            Some((status.get("name")?.as_str()?.to_owned(), SocketAddr::new(ip, port)))
        };
        let statuses = statuses.get("listener_statuses").and_then(Value::as_array);
        Ok(statuses.into_iter().flatten().filter_map(listener).collect())
    }

    /// The counters and gauges whose name contains `part`, by name.
    ///
    /// # Errors
    /// There is no response, or an unexpected one.
    pub async fn stats(&self, part: &str) -> Result<BTreeMap<String, u64>, AdminError> {
        let text = self.text("/stats").await?;
        let named = text.lines().filter_map(|line| line.split_once(": "));
        let counted = named.filter_map(|(name, value)| Some((name.to_owned(), value.parse().ok()?)));
        Ok(counted.filter(|(name, _)| name.contains(part)).collect())
    }

    /// How often an event happened to sessions (`started`, `rejected.forged`), in all rules.
    ///
    /// # Errors
    /// There is no response, or an unexpected one.
    pub async fn session_events(&self, event: &str) -> Result<u64, AdminError> {
        let counters = self.stats(&format!("session_persistence.{event}.rule.")).await?;
        Ok(counters.values().sum())
    }

    /// All metrics in the format of Prometheus.
    ///
    /// # Errors
    /// There is no response, or an unexpected one.
    pub async fn prometheus(&self) -> Result<String, AdminError> {
        self.text("/stats/prometheus").await
    }

    /// Envoy's configuration dump.
    ///
    /// # Errors
    /// There is no response, or an unexpected one.
    pub async fn config_dump(&self) -> Result<String, AdminError> {
        self.text("/config_dump").await
    }

    async fn json(&self, path: &str) -> Result<Value, AdminError> {
        let body = self.text(path).await?;
        serde_json::from_str(&body).map_err(|_| AdminError::Unexpected {
            path: path.to_owned(),
            status: 200,
            body,
        })
    }

    async fn text(&self, path: &str) -> Result<String, AdminError> {
        let answer = self.client.get(path).await?;
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        match answer.status {
            200 => Ok(body),
            status => Err(AdminError::Unexpected { path: path.to_owned(), status, body }),
        }
    }
}
