#![allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used
)]
use aws_sdk_ssmcontacts::types as ct;
use incident_operator::aws::*;
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

fn rss() -> String {
    std::fs::read_to_string("/proc/self/status")
        .unwrap()
        .lines()
        .filter(|l| l.starts_with("VmRSS") || l.starts_with("RssAnon"))
        .collect::<String>()
}
fn cpu() -> f64 {
    let s = std::fs::read_to_string("/proc/self/stat").unwrap();
    let rest = s.rsplit_once(')').unwrap().1;
    let f: Vec<&str> = rest.split_whitespace().collect();
    (f[11].parse::<f64>().unwrap() + f[12].parse::<f64>().unwrap()) / 100.0
}
async fn create(s: &Session, alias: &str) -> Result<String, CallError> {
    let req = s
        .contacts()
        .create_contact()
        .alias(alias)
        .r#type(ct::ContactType::Personal)
        .plan(ct::Plan::builder().set_stages(Some(vec![])).build())
        .tags(ct::Tag::builder().key(tag::OWNER).value("prod").build())
        .idempotency_token(token::idempotency_token("prod", alias, "1", "contact", 0));
    s.send(Operation::CreateContact, req.send())
        .await
        .map(|o| o.contact_arn)
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    println!("start {}", rss());
    let metrics = RequestMetrics::default();
    let limiter = Limiter::new(metrics.clone());
    let accounts = Accounts::new(limiter.clone(), metrics.clone()).await;
    println!("accounts {}", rss());
    let region = std::env::args().nth(1).unwrap_or("us-east-1".into());
    let n: usize = std::env::args()
        .nth(2)
        .and_then(|n| n.parse().ok())
        .unwrap_or(1000);
    let multiplier: f64 = std::env::args()
        .nth(3)
        .and_then(|n| n.parse().ok())
        .unwrap_or(f64::INFINITY);
    let config = AccountConfig {
        name: "default".into(),
        placement: Placement::new("123456789012", region),
        assume_role: None,
        endpoints: BTreeMap::new(),
        use_fips: false,
        use_dual_stack: false,
    };
    limiter.set_rates(
        "default",
        &config.placement,
        BudgetGroup::ALL
            .into_iter()
            .map(|g| (g, g.default_rate() * multiplier))
            .collect(),
    );
    let account = accounts.account(&config);
    let never = CancellationToken::new();
    println!(
        "confirm {:?}",
        account.confirm(Priority::Edit, never.clone()).await
    );
    println!(
        "set {:?}",
        account
            .replication_set(Duration::from_secs(60), Priority::Edit, never.clone())
            .await
    );
    let s = account.session(Priority::Edit, never.clone());
    println!("create {:?}", create(&s, "alice").await);
    println!("create again {:?}", create(&s, "alice").await);
    let other = s
        .contacts()
        .create_contact()
        .alias("alice")
        .r#type(ct::ContactType::Personal)
        .plan(ct::Plan::builder().build());
    println!(
        "create same alias {}",
        s.send(Operation::CreateContact, other.send())
            .await
            .unwrap_err()
    );
    println!("bad alias {}", create(&s, "Alice Bad!").await.unwrap_err());
    let missing = s
        .send(
            Operation::GetContact,
            s.contacts()
                .get_contact()
                .contact_id("arn:aws:ssm-contacts:us-east-1:123456789012:contact/nobody")
                .send(),
        )
        .await
        .unwrap_err();
    println!("missing {missing} / {:?}", missing);
    let ch = |name: &str, addr: &str| {
        s.contacts()
            .create_contact_channel()
            .contact_id("arn:aws:ssm-contacts:us-east-1:123456789012:contact/alice")
            .name(name)
            .r#type(ct::ChannelType::Sms)
            .defer_activation(true)
            .delivery_address(
                ct::ContactChannelAddress::builder()
                    .simple_address(addr)
                    .build(),
            )
    };
    println!(
        "bad address {}",
        s.send(
            Operation::CreateContactChannel,
            ch("m", "+1500x5550199").send()
        )
        .await
        .unwrap_err()
    );
    println!(
        "long address {}",
        s.send(
            Operation::CreateContactChannel,
            ch("m", &"1".repeat(330)).send()
        )
        .await
        .unwrap_err()
    );
    let chan = s
        .send(
            Operation::CreateContactChannel,
            ch("mobile", "+15005550199").send(),
        )
        .await
        .unwrap()
        .contact_channel_arn;
    println!(
        "dup channel {}",
        s.send(
            Operation::CreateContactChannel,
            ch("mobile", "+15005550199").send()
        )
        .await
        .map(|_| ())
        .map_err(|e| e.to_string())
        .unwrap_err()
    );
    println!(
        "code {:?}",
        s.send(
            Operation::SendActivationCode,
            s.contacts()
                .send_activation_code()
                .contact_channel_id(&chan)
                .send()
        )
        .await
        .map(|_| ())
    );
    println!(
        "wrong code {}",
        s.send(
            Operation::ActivateContactChannel,
            s.contacts()
                .activate_contact_channel()
                .contact_channel_id(&chan)
                .activation_code("000000")
                .send()
        )
        .await
        .unwrap_err()
    );
    println!(
        "tags {:?}",
        s.send(
            Operation::ListTagsForContact,
            s.contacts()
                .list_tags_for_resource()
                .resource_arn("arn:aws:ssm-contacts:us-east-1:123456789012:contact/alice")
                .send()
        )
        .await
        .map(|o| o.tags)
    );
    // a role
    let role = AccountConfig {
        name: "role".into(),
        assume_role: Some(AssumeRole {
            role_arn: "arn:aws:iam::111122223333:role/r".into(),
            external_id: None,
            session_name: None,
        }),
        placement: Placement::new("111122223333", config.placement.region.clone()),
        ..config.clone()
    };
    println!(
        "role {:?}",
        accounts
            .account(&role)
            .confirm(Priority::Edit, never.clone())
            .await
    );
    let wrong = AccountConfig {
        placement: Placement::new("999999999999", config.placement.region.clone()),
        ..role.clone()
    };
    println!(
        "wrong {}",
        accounts
            .account(&wrong)
            .confirm(Priority::Edit, never.clone())
            .await
            .unwrap_err()
    );
    println!("before load {}", rss());
    let t = Instant::now();
    let c0 = cpu();
    let sem = Arc::new(tokio::sync::Semaphore::new(32));
    let mut set = tokio::task::JoinSet::new();
    for i in 0..n {
        let (s, sem) = (s.clone(), sem.clone());
        set.spawn(async move {
            let _p = if sem.available_permits() > 100_000 {
                None
            } else {
                Some(sem.acquire().await.unwrap())
            };
            create(&s, &format!("c{i}")).await.map(drop)
        });
    }
    let r = set.join_all().await;
    println!(
        "{} creates ok={} in {:?}, cpu {:.3} ms each, {}",
        n,
        r.iter().filter(|r| r.is_ok()).count(),
        t.elapsed(),
        (cpu() - c0) * 1000.0 / n as f64,
        rss()
    );
    for e in r.iter().filter_map(|r| r.as_ref().err()).take(3) {
        println!("  {e}");
    }
    let t = Instant::now();
    let c0 = cpu();
    let mut set = tokio::task::JoinSet::new();
    for i in 0..n {
        let (s, sem) = (s.clone(), sem.clone());
        set.spawn(async move {
            let _p = sem.acquire().await.unwrap();
            s.send(
                Operation::GetContact,
                s.contacts()
                    .get_contact()
                    .contact_id(format!(
                        "arn:aws:ssm-contacts:us-east-1:123456789012:contact/c{i}"
                    ))
                    .send(),
            )
            .await
            .map(drop)
        });
    }
    let r = set.join_all().await;
    println!(
        "{} gets ok={} in {:?}, cpu {:.3} ms each, {}",
        n,
        r.iter().filter(|r| r.is_ok()).count(),
        t.elapsed(),
        (cpu() - c0) * 1000.0 / n as f64,
        rss()
    );
    println!("{:?}", limiter.state(&config.placement));
    let mut registry = prometheus_client::registry::Registry::default();
    metrics.register(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    println!(
        "{}",
        text.lines()
            .filter(|l| l.contains("requests_total")
                || l.contains("throttles")
                || l.contains("wait_seconds_sum"))
            .collect::<Vec<_>>()
            .join("\n")
    );
}
