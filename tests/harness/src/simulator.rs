//! The simulated AWS: its process, its control endpoint and SDK clients for it.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::aws;
use crate::paths::{scratch, simulator_binary};
use crate::process::Process;

/// How to start a simulator.
#[derive(Clone, Debug, Default)]
pub struct SimulatorOptions {
    /// Every account has an active replication set from its first call on; in these Regions, or that of the call when empty.
    pub onboarded: Option<Vec<String>>,
    /// Keeps its state here over restarts.
    pub state: Option<PathBuf>,
    /// Delay of every AWS call in milliseconds.
    pub latency_milliseconds: Option<u64>,
    /// Port to listen on; absent = a free one.
    pub port: Option<u16>,
    /// Further arguments.
    pub arguments: Vec<String>,
    /// Where its log goes; absent = the scratch directory of this process.
    pub log: Option<PathBuf>,
}

/// A simulated AWS. Cheap to clone; the process ends with the last clone.
#[derive(Clone, Debug)]
pub struct Simulator {
    process: Option<Arc<Process>>,
    endpoint: String,
    http: reqwest::Client,
}

impl Simulator {
    /// Starts one.
    pub async fn start(options: &SimulatorOptions) -> Result<Self> {
        static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let mut command = Command::new(simulator_binary()?);
        command
            .arg("--exit-with-stdin")
            .arg("--listen")
            .arg(format!("127.0.0.1:{}", options.port.unwrap_or(0)));
        if let Some(regions) = &options.onboarded {
            command.arg(format!(
                "--onboarded{}{}",
                if regions.is_empty() { "" } else { "=" },
                regions.join(",")
            ));
        }
        if let Some(state) = &options.state {
            command.arg("--state").arg(state);
        }
        if let Some(latency) = options.latency_milliseconds {
            command.arg("--latency-ms").arg(latency.to_string());
        }
        command.args(&options.arguments);
        let log = options.log.clone().unwrap_or_else(|| {
            scratch().join(format!(
                "simulator-{}.log",
                COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
            ))
        });
        let process = Process::start("simulator", command, &log)?;
        let endpoint = process.line("listening ", Duration::from_secs(20)).await?;
        let started = Self {
            process: Some(Arc::new(process)),
            ..Self::at(&endpoint)?
        };
        let policies = aws::policies()?;
        started.control("PUT", "policies", Some(policies)).await?;
        Ok(started)
    }

    /// One that runs already.
    pub fn at(endpoint: &str) -> Result<Self> {
        // Not through the environment's proxy: it is on this machine.
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_mins(1))
            .build()?;
        Ok(Self {
            process: None,
            endpoint: endpoint.to_owned(),
            http,
        })
    }

    /// The simulator of this process, started on first use without onboarded accounts. Tests share it and keep to accounts of their own, so
    /// whoever changes its clock, latency or quotas starts another.
    pub async fn shared() -> Result<Self> {
        static SHARED: OnceCell<(Arc<Process>, String)> = OnceCell::const_new();
        let (_, endpoint) = SHARED
            .get_or_try_init(|| async {
                let started = Self::start(&SimulatorOptions::default()).await?;
                anyhow::Ok((started.process.context("a process")?, started.endpoint))
            })
            .await?;
        // Connections belong to the runtime they were made in, so only the process is shared.
        Self::at(endpoint)
    }

    /// Its URL.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The URL that a following clock is read from.
    pub fn clock_url(&self) -> String {
        format!("{}/_control/clock", self.endpoint)
    }

    /// Its process, when it was started here.
    pub fn process(&self) -> Option<&Process> {
        self.process.as_deref()
    }

    /// SDK client for ssm-contacts, without retries.
    pub fn contacts(&self, account: &str, region: &str) -> aws_sdk_ssmcontacts::Client {
        aws_sdk_ssmcontacts::Client::new(&aws::config(&self.endpoint, account, region))
    }

    /// SDK client for ssm-incidents, without retries.
    pub fn incidents(&self, account: &str, region: &str) -> aws_sdk_ssmincidents::Client {
        aws_sdk_ssmincidents::Client::new(&aws::config(&self.endpoint, account, region))
    }

    /// A call of EC2's query protocol; answers with the XML. Enough to furnish a network without EC2's SDK, which takes minutes to build.
    pub async fn ec2(
        &self,
        account: &str,
        region: &str,
        action: &str,
        parameters: &[(&str, &str)],
    ) -> Result<String> {
        let key = aws::access_key(account);
        let scope = format!("{key}/20260101/{region}/ec2/aws4_request");
        let signature = "SignedHeaders=host, Signature=none";
        let mut form = vec![("Action", action), ("Version", "2016-11-15")];
        form.extend_from_slice(parameters);
        let response = self
            .http
            .post(&self.endpoint)
            .header(
                "authorization",
                format!("AWS4-HMAC-SHA256 Credential={scope}, {signature}"),
            )
            .form(&form)
            .send()
            .await
            .with_context(|| action.to_owned())?;
        let status = response.status();
        let text = response.text().await?;
        if !status.is_success() {
            bail!("{action}: {status} {text}");
        }
        Ok(text)
    }

    /// A call of the Account service, such as `getAlternateContact`; `None` = it has no such contact.
    pub async fn alternate_contact(
        &self,
        account: &str,
        operation: &str,
        input: &Value,
    ) -> Result<Option<Value>> {
        let key = aws::access_key(account);
        let scope = format!("{key}/20260101/us-east-1/account/aws4_request");
        let signature = "SignedHeaders=host, Signature=none";
        let response = self
            .http
            .post(format!("{}/{operation}", self.endpoint))
            .header(
                "authorization",
                format!("AWS4-HMAC-SHA256 Credential={scope}, {signature}"),
            )
            .json(input)
            .send()
            .await
            .with_context(|| operation.to_owned())?;
        let status = response.status();
        let text = response.text().await?;
        if status.as_u16() == 404 {
            return Ok(None);
        }
        if !status.is_success() {
            bail!("{operation}: {status} {text}");
        }
        Ok(Some(serde_json::from_str(&text)?))
    }

    /// A request to the control endpoint.
    pub async fn control(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        let method = reqwest::Method::from_bytes(method.as_bytes())?;
        let mut request = self
            .http
            .request(method.clone(), format!("{}/_control/{path}", self.endpoint));
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request
            .send()
            .await
            .with_context(|| format!("{method} /_control/{path}"))?;
        let status = response.status();
        let text = response.text().await?;
        if !status.is_success() {
            bail!("{method} /_control/{path}: {status} {text}");
        }
        if text.is_empty() {
            Ok(Value::Null)
        } else {
            serde_json::from_str(&text)
                .with_context(|| format!("{method} /_control/{path}: {text}"))
        }
    }

    /// The AWS calls of an account (absent = all) after a sequence number, oldest first.
    pub async fn calls(&self, account: Option<&str>, since: u64) -> Result<Vec<Call>> {
        let account = account.map_or(String::new(), |account| format!("&account={account}"));
        let answer = self
            .control("GET", &format!("calls?since={since}{account}"), None)
            .await?;
        serde_json::from_value(answer["calls"].clone()).context("calls")
    }

    /// Forgets the call log of an account (absent = all).
    pub async fn clear_calls(&self, account: Option<&str>) -> Result<()> {
        self.control(
            "DELETE",
            &format!(
                "calls{}",
                account.map_or(String::new(), |account| format!("?account={account}"))
            ),
            None,
        )
        .await?;
        Ok(())
    }

    /// Arms a fault; returns its id.
    pub async fn fault(&self, fault: &Fault) -> Result<String> {
        id(&self
            .control("POST", "faults", Some(&serde_json::to_value(fault)?))
            .await?)
    }

    /// Takes a fault away (absent = all of them).
    pub async fn clear_fault(&self, id: Option<&str>) -> Result<()> {
        self.control(
            "DELETE",
            &id.map_or("faults".to_owned(), |id| format!("faults/{id}")),
            None,
        )
        .await?;
        Ok(())
    }

    /// Arms a hold; returns its id.
    pub async fn hold(&self, hold: &Hold) -> Result<String> {
        id(&self
            .control("POST", "holds", Some(&serde_json::to_value(hold)?))
            .await?)
    }

    /// Waits until a call waits at the hold. False when none came in time.
    pub async fn held(&self, id: &str, timeout: Duration) -> Result<bool> {
        let deadline = tokio::time::Instant::now() + timeout;
        loop {
            let rest = deadline
                .saturating_duration_since(tokio::time::Instant::now())
                .min(Duration::from_secs(20));
            let answer = self
                .control(
                    "GET",
                    &format!("holds/{id}?wait={}", rest.as_millis()),
                    None,
                )
                .await?;
            if answer["state"] == "held" {
                return Ok(true);
            }
            if rest.is_zero() {
                return Ok(false);
            }
        }
    }

    /// Lets the held call go on.
    pub async fn release(&self, id: &str) -> Result<()> {
        self.control("POST", &format!("holds/{id}/release"), Some(&json!({})))
            .await?;
        Ok(())
    }

    /// Releases and forgets a hold; with `drop`, a call whose client has gone has no effect any more.
    pub async fn forget_hold(&self, id: &str, drop: bool) -> Result<()> {
        self.control(
            "DELETE",
            &format!("holds/{id}{}", if drop { "?drop=true" } else { "" }),
            None,
        )
        .await?;
        Ok(())
    }

    /// The simulated time.
    pub async fn now(&self) -> Result<Timestamp> {
        self.control("GET", "clock", None).await?["now"]
            .as_str()
            .context("now")?
            .parse()
            .context("now")
    }

    /// Sets the simulated time.
    pub async fn set_clock(&self, now: Timestamp) -> Result<()> {
        self.control("PUT", "clock", Some(&json!({"now": now.to_string()})))
            .await?;
        Ok(())
    }

    /// Moves the simulated time forward.
    pub async fn advance(&self, by: Duration) -> Result<()> {
        self.control(
            "POST",
            "clock/advance",
            Some(&json!({"seconds": by.as_secs()})),
        )
        .await?;
        Ok(())
    }

    /// Sets the delay of every call, or of one operation.
    pub async fn latency(&self, milliseconds: u64, operation: Option<&str>) -> Result<()> {
        let mut body = json!({"milliseconds": milliseconds});
        if let Some(operation) = operation {
            body["operation"] = json!(operation);
        }
        self.control("PUT", "latency", Some(&body)).await?;
        Ok(())
    }

    /// Throttles as the published quotas say, times a factor, with a burst.
    pub async fn published_quotas(&self, multiplier: f64, burst: u32) -> Result<()> {
        self.control(
            "PUT",
            "quotas",
            Some(&json!({"mode": "published", "multiplier": multiplier, "burst": burst})),
        )
        .await?;
        Ok(())
    }

    /// Throttles nothing.
    pub async fn no_quotas(&self) -> Result<()> {
        self.control("PUT", "quotas", Some(&json!({"mode": "none"})))
            .await?;
        Ok(())
    }

    /// Sets knobs, for an account or all.
    pub async fn knobs(&self, account: Option<&str>, knobs: &Value) -> Result<()> {
        let query = account.map_or(String::new(), |account| format!("?account={account}"));
        self.control("PUT", &format!("knobs{query}"), Some(knobs))
            .await?;
        Ok(())
    }

    /// Denies an account these IAM actions (none = everything is allowed again).
    pub async fn deny(&self, account: &str, actions: &[&str]) -> Result<()> {
        self.control(
            "PUT",
            &format!("iam?account={account}"),
            Some(&json!({"deny": actions})),
        )
        .await?;
        Ok(())
    }

    /// Allows an account these IAM actions only.
    pub async fn allow_only(&self, account: &str, actions: &[&str]) -> Result<()> {
        self.control(
            "PUT",
            &format!("iam?account={account}"),
            Some(&json!({"allow": actions})),
        )
        .await?;
        Ok(())
    }

    /// Every activation code sent in an account, oldest first.
    pub async fn codes(&self, account: &str) -> Result<Vec<SentCode>> {
        let answer = self
            .control("GET", &format!("codes?account={account}"), None)
            .await?;
        serde_json::from_value(answer["codes"].clone()).context("codes")
    }

    /// Every page of an account that reached a human, oldest first, as the control endpoint tells it.
    pub async fn pages(&self, account: &str) -> Result<Vec<Value>> {
        let answer = self
            .control("GET", &format!("pages?account={account}"), None)
            .await?;
        serde_json::from_value(answer["pages"].clone()).context("pages")
    }

    /// The person answers a page.
    pub async fn accept_page(&self, page_arn: &str) -> Result<()> {
        let body = json!({"pageArn": page_arn});
        self.control("POST", "pages/accept", Some(&body)).await?;
        Ok(())
    }

    /// The person answers UNSUBSCRIBE on this channel.
    pub async fn unsubscribe(&self, channel_arn: &str) -> Result<()> {
        self.control(
            "POST",
            "unsubscribe",
            Some(&json!({"channelArn": channel_arn})),
        )
        .await?;
        Ok(())
    }

    /// The person subscribes to this channel again.
    pub async fn subscribe(&self, channel_arn: &str) -> Result<()> {
        self.control(
            "POST",
            "subscribe",
            Some(&json!({"channelArn": channel_arn})),
        )
        .await?;
        Ok(())
    }

    /// Sets an account up for Incident Manager.
    pub async fn onboard(&self, account: &str, regions: &[&str]) -> Result<()> {
        self.control(
            "POST",
            &format!("accounts/{account}/onboard"),
            Some(&json!({"regions": regions})),
        )
        .await?;
        Ok(())
    }

    /// Undoes [`Self::onboard`].
    pub async fn offboard(&self, account: &str) -> Result<()> {
        self.control(
            "POST",
            &format!("accounts/{account}/offboard"),
            Some(&json!({})),
        )
        .await?;
        Ok(())
    }

    /// Everything an account holds.
    pub async fn account(&self, account: &str) -> Result<Value> {
        self.control("GET", &format!("accounts/{account}"), None)
            .await
    }

    /// Forgets an account.
    pub async fn forget_account(&self, account: &str) -> Result<()> {
        self.control("DELETE", &format!("accounts/{account}"), None)
            .await?;
        Ok(())
    }
}

fn id(answer: &Value) -> Result<String> {
    let id = &answer["id"];
    id.as_str()
        .map(ToOwned::to_owned)
        .or_else(|| id.as_u64().map(|id| id.to_string()))
        .with_context(|| format!("an id in {answer}"))
}

/// A call as the simulator logged it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Call {
    /// Sequence number, rising.
    pub seq: u64,
    /// When it came, in simulated time.
    pub time: String,
    /// Account of the credentials.
    pub account: String,
    /// Region of the signature.
    #[serde(default)]
    pub region: Option<String>,
    /// Service of the signature.
    pub service: String,
    /// Operation.
    #[serde(default)]
    pub operation: String,
    /// IAM actions it needs.
    #[serde(default)]
    pub iam_actions: Vec<String>,
    /// ARNs it concerns.
    #[serde(default)]
    pub resources: Vec<String>,
    /// ARN of whoever called.
    #[serde(default)]
    pub principal: String,
    /// What the caller calls itself.
    #[serde(default)]
    pub user_agent: Option<String>,
    /// Status of the answer.
    #[serde(default)]
    pub http_status: Option<u16>,
    /// Error code of the answer.
    #[serde(default)]
    pub error: Option<String>,
    /// Whether the operation changes something.
    #[serde(default)]
    pub mutating: bool,
    /// Idempotency token.
    #[serde(default)]
    pub token: Option<String>,
    /// The decoded input. May hold addresses.
    #[serde(default)]
    pub request: Value,
}

/// An activation code that was sent.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SentCode {
    /// The channel it was sent to.
    pub channel_arn: String,
    /// The code.
    pub code: String,
    /// When.
    #[serde(default)]
    pub sent_at: Value,
}

/// Before or after a call has its effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum When {
    /// Nothing has happened yet.
    Before,
    /// It has happened, but the caller does not know.
    After,
}

/// A fault to arm; see `simulator/README.md`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fault {
    /// `throttle`, `internal`, `access-denied`, `quota`, `validation`, `data-encryption`, `cut`, `slow` or `error`.
    pub kind: String,
    /// Account it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Service it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Operation it is for; absent = any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// Which matching call from now on is the first to fail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nth: Option<u32>,
    /// How many fail; 0 = all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// Chance of each matching call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// Before or after the effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<When>,
    /// Error code, for kind `error`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Message of the error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What the throttling answer asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u32>,
    /// For kind `slow`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
}

impl Fault {
    /// The next matching call fails, once.
    pub fn new(kind: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            account: None,
            service: None,
            operation: None,
            nth: None,
            times: None,
            probability: None,
            when: None,
            code: None,
            message: None,
            retry_after_seconds: None,
            delay_ms: None,
        }
    }

    /// Only in this account.
    #[must_use]
    pub fn account(mut self, account: &str) -> Self {
        self.account = Some(account.to_owned());
        self
    }

    /// Only for this operation.
    #[must_use]
    pub fn operation(mut self, operation: &str) -> Self {
        self.operation = Some(operation.to_owned());
        self
    }

    /// Begins with the nth matching call.
    #[must_use]
    pub fn nth(mut self, nth: u32) -> Self {
        self.nth = Some(nth);
        self
    }

    /// So many calls; 0 = all.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Before or after the effect.
    #[must_use]
    pub fn when(mut self, when: When) -> Self {
        self.when = Some(when);
        self
    }

    /// Delay for kind `slow`.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay_ms = Some(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX));
        self
    }
}

/// A hold to arm: the nth matching call from now on waits until released.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hold {
    /// Account it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Operation.
    pub operation: String,
    /// Which matching call, from 1.
    pub nth: u32,
    /// Before or after the effect.
    pub when: When,
}

impl Hold {
    /// A hold on the nth call of an operation.
    pub fn new(operation: &str, nth: u32, when: When) -> Self {
        Self {
            account: None,
            operation: operation.to_owned(),
            nth,
            when,
        }
    }

    /// Only in this account.
    #[must_use]
    pub fn account(mut self, account: &str) -> Self {
        self.account = Some(account.to_owned());
        self
    }
}
