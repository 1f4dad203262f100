//! For tests: a server on loopback that answers AWS requests as it is told to.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_config::{BehaviorVersion, SdkConfig, timeout::TimeoutConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::{AccountConfig, Accounts, BudgetGroup, Limiter, Placement, RequestMetrics, Service};

pub(super) const ACCOUNT: &str = "123456789012";
pub(super) const REGION: &str = "eu-west-1";
/// More than any answer takes on a busy machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// A request, as far as tests look at it.
#[derive(Debug, Clone)]
pub(super) struct Request {
    /// AWS's name of the operation; for ssm-incidents the path.
    pub(super) operation: String,
    pub(super) authorization: String,
    pub(super) body: String,
}

/// What to do with a request.
pub(super) enum Reply {
    Answer {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: String,
    },
    /// Closes the connection.
    Cut,
    /// Never answers.
    Silence,
}

impl Reply {
    pub(super) fn new(status: u16, body: impl Into<String>) -> Self {
        Self::Answer {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// An error of ssm-contacts.
    pub(super) fn contacts_error(code: &str, members: &str) -> Self {
        Self::new(
            400,
            format!(r#"{{"__type":"com.amazonaws.ssmcontacts#{code}"{members}}}"#),
        )
    }

    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        if let Self::Answer { headers, .. } = &mut self {
            headers.push((name, value.into()));
        }
        self
    }

    pub(super) fn identity(account: &str) -> Self {
        Self::new(
            200,
            format!(
                "<GetCallerIdentityResponse><GetCallerIdentityResult><Account>{account}</Account>\
                 <Arn>arn:aws:sts::{account}:assumed-role/operator/incident-operator</Arn><UserId>A</UserId>\
                 </GetCallerIdentityResult></GetCallerIdentityResponse>"
            ),
        )
    }

    pub(super) fn sts_error(status: u16, code: &str, message: &str) -> Self {
        Self::new(
            status,
            format!(
                "<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
            ),
        )
    }
}

/// The server. Gone when it is dropped.
pub(super) struct CannedAws {
    pub(super) url: String,
    requests: Arc<Mutex<Vec<Request>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for CannedAws {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl CannedAws {
    pub(super) async fn start(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let answer = Arc::new(answer);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&seen), Arc::clone(&answer)));
            }
        });
        Self {
            url,
            requests,
            task,
        }
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    pub(super) fn operations(&self) -> Vec<String> {
        self.requests()
            .into_iter()
            .map(|request| request.operation)
            .collect()
    }

    /// An account whose every service is this server.
    pub(super) fn config(&self) -> AccountConfig {
        config(&self.url)
    }
}

pub(super) fn config(url: &str) -> AccountConfig {
    AccountConfig {
        name: "default".to_owned(),
        placement: Placement::new(ACCOUNT, REGION),
        assume_role: None,
        endpoints: Service::ALL.map(|service| (service, url.to_owned())).into(),
        use_fips: false,
        use_dual_stack: false,
    }
}

/// Accounts with credentials that nobody checks, and no rate limits.
pub(super) fn accounts(metrics: &RequestMetrics) -> Accounts {
    accounts_with(own(), PATIENCE, metrics)
}

pub(super) fn own() -> SharedCredentialsProvider {
    SharedCredentialsProvider::new(Credentials::new("AKIAOWN", "secret", None, None, "test"))
}

pub(super) fn accounts_with(
    credentials: SharedCredentialsProvider,
    patience: Duration,
    metrics: &RequestMetrics,
) -> Accounts {
    let limiter = Limiter::new(metrics.clone());
    let rates = BudgetGroup::ALL.map(|group| (group, f64::INFINITY)).into();
    limiter.set_rates("test", &Placement::new(ACCOUNT, REGION), rates);
    let base = SdkConfig::builder()
        .credentials_provider(credentials)
        .behavior_version(BehaviorVersion::v2026_01_12())
        .http_client(super::account::http_client())
        .sleep_impl(aws_smithy_async::rt::sleep::TokioSleep::new())
        .time_source(aws_smithy_async::time::SystemTimeSource::new())
        .timeout_config(
            TimeoutConfig::builder()
                .operation_attempt_timeout(patience)
                .build(),
        );
    Accounts::from_base(base.build(), limiter, metrics.clone())
}

async fn serve(
    mut stream: TcpStream,
    seen: Arc<Mutex<Vec<Request>>>,
    answer: Arc<impl Fn(&Request) -> Reply>,
) -> Option<()> {
    let mut buffer = Vec::new();
    loop {
        let (request, used) = loop {
            if let Some(found) = parse(&buffer) {
                break found;
            }
            if stream.read_buf(&mut buffer).await.ok()? == 0 {
                return None;
            }
        };
        buffer.drain(..used);
        seen.lock().unwrap().push(request.clone());
        let Reply::Answer {
            status,
            headers,
            body,
        } = (match answer(&request) {
            Reply::Cut => return None,
            Reply::Silence => std::future::pending().await,
            reply @ Reply::Answer { .. } => reply,
        })
        else {
            return None;
        };
        let headers: String = headers
            .iter()
            .flat_map(|(name, value)| [name, ": ", value.as_str(), "\r\n"])
            .collect();
        let text = format!(
            "HTTP/1.1 {status} x\r\ncontent-length: {}\r\nx-amzn-requestid: request-1\r\n{headers}\r\n{body}",
            body.len(),
        );
        stream.write_all(text.as_bytes()).await.ok()?;
    }
}

fn parse(buffer: &[u8]) -> Option<(Request, usize)> {
    let text = std::str::from_utf8(buffer).ok()?;
    let (head, rest) = text.split_once("\r\n\r\n")?;
    let header = |wanted: &str| {
        let mut pairs = head.lines().filter_map(|line| line.split_once(": "));
        pairs
            .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value)
    };
    let length: usize = header("content-length").unwrap_or("0").parse().ok()?;
    let body = rest.get(..length)?;
    let path = head.split_whitespace().nth(1)?;
    let operation = header("x-amz-target")
        .and_then(|target| target.split_once('.'))
        .map(|(_, operation)| operation)
        .or_else(|| body.strip_prefix("Action=")?.split('&').next())
        .unwrap_or(path);
    let request = Request {
        operation: operation.to_owned(),
        authorization: header("authorization").unwrap_or_default().to_owned(),
        body: body.to_owned(),
    };
    Some((request, head.len() + 4 + length))
}
