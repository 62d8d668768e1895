//! Finds all pods of a Service by their control ports, and stops or starts them.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::task::JoinSet;

use super::control::{START, STATUS, STOP, Status};
use crate::harness::client::{Client, ClientError};

/// How long a control port may take: its pod may just have been deleted.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where the control ports are.
#[derive(Clone, Debug)]
pub enum Peers {
    /// At these addresses.
    At(Vec<SocketAddr>),
    /// At every address of this `HOST:PORT`, looked up each time: pods come and go.
    Named(String),
}

/// A command for a pod failed.
#[derive(Debug, thiserror::Error)]
pub enum PeersError {
    /// The control ports cannot be found.
    #[error("cannot look up the pods: {0}")]
    Lookup(#[from] io::Error),
    /// No control port answered for a pod of this name.
    #[error("there is no pod {0:?}")]
    Unknown(String),
    /// Without it, no pod would be left to start the others.
    #[error("{0:?} is the last pod that answers")]
    Last(String),
    /// Its control port does not answer.
    #[error("the control port of {pod:?} does not answer: {problem}")]
    Silent {
        /// The pod.
        pod: String,
        /// The error.
        problem: ClientError,
    },
}

impl Peers {
    /// The pods whose control ports answer, by name.
    ///
    /// # Errors
    /// The name does not resolve.
    pub async fn statuses(&self) -> Result<Vec<Status>, PeersError> {
        Ok(self.ask(Question::Status).await?.into_iter().map(|(_, status)| status).collect())
    }

    /// Stops the pod of this name, unless it is the only one that listens.
    ///
    /// # Errors
    /// There is no such pod, it is the last one, or it does not answer.
    pub async fn stop(&self, pod: &str) -> Result<(), PeersError> {
        let pods = self.ask(Question::Status).await?;
        let Some((address, _)) = pods.iter().find(|(_, status)| status.pod == pod) else {
            return Err(PeersError::Unknown(pod.to_owned()));
        };
        if !pods.iter().any(|(_, other)| other.listening && other.pod != pod) {
            return Err(PeersError::Last(pod.to_owned()));
        }
        let told = Question::Stop.put(*address).await;
        told.map(drop).map_err(|problem| PeersError::Silent { pod: pod.to_owned(), problem })
    }

    /// Starts all pods.
    ///
    /// # Errors
    /// The name does not resolve.
    pub async fn start(&self) -> Result<Vec<Status>, PeersError> {
        Ok(self.ask(Question::Start).await?.into_iter().map(|(_, status)| status).collect())
    }

    async fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        match self {
            Self::At(addresses) => Ok(addresses.clone()),
            Self::Named(name) => Ok(tokio::net::lookup_host(name).await?.collect()),
        }
    }

    /// The answers of the pods, by name. Pods that do not answer are left out.
    async fn ask(&self, question: Question) -> io::Result<Vec<(SocketAddr, Status)>> {
        let mut asked = JoinSet::new();
        for address in self.addresses().await? {
            asked.spawn(async move { Some((address, question.put(address).await.ok()?)) });
        }
        let mut answers: Vec<_> = asked.join_all().await.into_iter().flatten().collect();
        answers.sort_by(|(_, one), (_, other)| one.pod.cmp(&other.pod));
        Ok(answers)
    }
}

#[derive(Clone, Copy)]
enum Question {
    Status,
    Stop,
    Start,
}

impl Question {
    async fn put(self, address: SocketAddr) -> Result<Status, ClientError> {
        let client = Client::new(address);
        let asked = async {
            match self {
                Self::Status => client.get(STATUS).await,
                Self::Stop => client.post(STOP).await,
                Self::Start => client.post(START).await,
            }
        };
        let answer = tokio::time::timeout(PATIENCE, asked).await.map_err(|_| ClientError::Timeout)??;
        serde_json::from_slice(&answer.body)
            .map_err(|_| ClientError::Garbage(String::from_utf8_lossy(&answer.body).into_owned()))
    }
}
