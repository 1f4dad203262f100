//! A simulator in the test's own process, and a client that speaks plain HTTP/1.1 to it.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "test support, shared by test files that each use a part of it"
)]

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use incident_operator_simulator::server::Server;
use incident_operator_simulator::world::{Options, World};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub const ACCOUNT: &str = "222222222222";

/// An answer as it came over the wire.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub text: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        if self.text.is_empty() {
            return Value::Null;
        }
        serde_json::from_str(&self.text).expect("JSON")
    }

    /// The type of the error, however the protocol says it.
    pub fn error(&self) -> String {
        self.header("x-amzn-errortype")
            .unwrap_or_default()
            .to_owned()
    }

    pub fn message(&self) -> String {
        let body = self.json();
        body["Message"]
            .as_str()
            .or(body["message"].as_str())
            .unwrap_or_default()
            .to_owned()
    }
}

/// Who calls, and where.
#[derive(Clone)]
pub struct Client {
    pub address: SocketAddr,
    pub account: String,
    pub region: String,
}

/// Starts a simulator.
pub async fn start(options: Options) -> (Server, Client) {
    let server = Server::start(([127, 0, 0, 1], 0).into(), World::new(options))
        .await
        .unwrap();
    let client = Client {
        address: server.address,
        account: ACCOUNT.to_owned(),
        region: "us-east-1".to_owned(),
    };
    (server, client)
}

/// Starts one whose accounts are onboarded in us-east-1 and eu-west-1.
pub async fn onboarded() -> (Server, Client) {
    start(Options {
        onboarded: Some(vec!["us-east-1".to_owned(), "eu-west-1".to_owned()]),
        ..Options::default()
    })
    .await
}

impl Client {
    pub fn in_region(&self, region: &str) -> Self {
        Self {
            region: region.to_owned(),
            ..self.clone()
        }
    }

    pub fn of_account(&self, account: &str) -> Self {
        Self {
            account: account.to_owned(),
            ..self.clone()
        }
    }

    pub fn authorization(&self, service: &str) -> (&'static str, String) {
        (
            "authorization",
            format!(
                "AWS4-HMAC-SHA256 Credential=AKIA{}/20260101/{}/{service}/aws4_request, SignedHeaders=host, Signature=abc",
                self.account, self.region
            ),
        )
    }

    /// One request on a connection of its own; none if the connection ends without an answer.
    pub async fn send(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, String)],
        body: &str,
    ) -> Option<Answer> {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let mut request = format!(
            "{method} {target} HTTP/1.1\r\nhost: simulator\r\nconnection: close\r\ncontent-length: {}\r\n",
            body.len()
        );
        for (name, value) in headers {
            let _ = write!(request, "{name}: {value}\r\n");
        }
        request.push_str("\r\n");
        request.push_str(body);
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer))
            .await
            .expect("an answer in time");
        let answer = String::from_utf8(answer).unwrap();
        let (head, text) = answer.split_once("\r\n\r\n")?;
        let mut lines = head.lines();
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        Some(Answer {
            status,
            headers,
            text: text.to_owned(),
        })
    }

    pub async fn try_contacts(&self, operation: &str, input: Value) -> Option<Answer> {
        let headers = [
            self.authorization("ssm-contacts"),
            ("x-amz-target", format!("SSMContacts.{operation}")),
            ("content-type", "application/x-amz-json-1.1".to_owned()),
        ];
        self.send("POST", "/", &headers, &input.to_string()).await
    }

    pub async fn contacts(&self, operation: &str, input: Value) -> Answer {
        self.try_contacts(operation, input)
            .await
            .expect("an answer")
    }

    /// A call that must succeed.
    pub async fn ok(&self, operation: &str, input: Value) -> Value {
        let answer = self.contacts(operation, input).await;
        assert_eq!(answer.status, 200, "{operation}: {}", answer.text);
        answer.json()
    }

    pub async fn incidents(&self, method: &str, target: &str, input: Value) -> Answer {
        let headers = [
            self.authorization("ssm-incidents"),
            ("content-type", "application/json".to_owned()),
        ];
        let body = if input.is_null() {
            String::new()
        } else {
            input.to_string()
        };
        self.send(method, target, &headers, &body)
            .await
            .expect("an answer")
    }

    pub async fn sts(&self, form: &str) -> Answer {
        let headers = [
            self.authorization("sts"),
            (
                "content-type",
                "application/x-www-form-urlencoded; charset=utf-8".to_owned(),
            ),
        ];
        self.send("POST", "/", &headers, form)
            .await
            .expect("an answer")
    }

    pub async fn control(&self, method: &str, path: &str, body: Value) -> Answer {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.send(method, &format!("/_control/{path}"), &[], &body)
            .await
            .expect("an answer")
    }

    /// A control call that must succeed.
    pub async fn steer(&self, method: &str, path: &str, body: Value) -> Value {
        let answer = self.control(method, path, body).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        answer.json()
    }

    pub fn contact_arn(&self, alias: &str) -> String {
        format!(
            "arn:aws:ssm-contacts:{}:{}:contact/{alias}",
            self.region, self.account
        )
    }

    /// A PERSONAL contact with an empty plan.
    pub async fn person(&self, alias: &str) -> String {
        let made = self
            .ok(
                "CreateContact",
                json!({"Alias": alias, "Type": "PERSONAL", "Plan": {"Stages": []}}),
            )
            .await;
        made["ContactArn"].as_str().unwrap().to_owned()
    }

    /// An e-mail channel whose code has not been sent.
    pub async fn mail(&self, contact: &str, name: &str) -> String {
        let made = self
            .ok(
                "CreateContactChannel",
                json!({
                    "ContactId": contact,
                    "Name": name,
                    "Type": "EMAIL",
                    "DeliveryAddress": {"SimpleAddress": format!("{name}@example.com")},
                    "DeferActivation": true,
                }),
            )
            .await;
        made["ContactChannelArn"].as_str().unwrap().to_owned()
    }

    /// The arn of the account's replication set.
    pub async fn set_arn(&self) -> String {
        let listed = self
            .incidents("POST", "/listReplicationSets", json!({}))
            .await;
        listed.json()["replicationSetArns"][0]
            .as_str()
            .unwrap()
            .to_owned()
    }
}

/// A call of ssm-contacts that must fail with this error; gives the body.
pub async fn refused(client: &Client, operation: &str, input: Value, error: &str) -> Value {
    let answer = client.contacts(operation, input).await;
    assert_eq!(answer.error(), error, "{operation}: {}", answer.text);
    answer.json()
}
