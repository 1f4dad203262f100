//! The end of the demo: an incident, from the first page to its resolution.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use harness::cluster::documents;
use harness::table;
use serde_json::{Value, json};

use crate::environment::{ACCOUNT, Environment, shown};

/// How long each step may take.
const STEP: Duration = Duration::from_mins(1);
/// How long the incident may wait to be started.
const DEADLINE: jiff::SignedDuration = jiff::SignedDuration::from_mins(10);
/// Longer than the first stage of the escalation plan that the examples engage.
const STAGE: Duration = Duration::from_mins(6);

/// An incident is started, nobody answers, the next ones are paged, one of them acknowledges, it is resolved.
pub async fn show(environment: &Environment, examples: &Path, begin: Instant) -> Result<()> {
    let manifest = examples.join("incidents/checkout.yaml");
    let Ok(text) = std::fs::read_to_string(&manifest) else {
        return Ok(());
    };
    let (cluster, simulator) = (&environment.cluster, &environment.simulator);
    let say = |what: &str| println!("{:5.1} s  {what}", begin.elapsed().as_secs_f64());
    let mut object = documents(&text)?
        .into_iter()
        .next()
        .context("no Incident")?;
    let deadline = simulator.now().await?.checked_add(DEADLINE)?;
    object["spec"]["startDeadline"] = json!(deadline.round(jiff::Unit::Second)?.to_string());
    let incident = Incident {
        environment,
        namespace: object["metadata"]["namespace"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        name: object["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
    };

    println!("\nAn incident (kubectl get incidents -A):\n");
    cluster
        .try_apply(&object)
        .await
        .context("apply the Incident")?;
    say(&format!(
        "kubectl apply -f {}, with a deadline ten minutes from now",
        shown(&manifest)
    ));
    let status = incident
        .wait("to be open and page somebody", |s| {
            s["phase"] == "Open" && !paged(s).is_empty()
        })
        .await?;
    let first = paged(&status);
    say(&format!("it is open, and AWS pages {}", first.join(", ")));
    println!("\n{}", table::of_kind(cluster, "Incident").await?);

    simulator.advance(STAGE).await?;
    say(
        "the clock of the simulated AWS is moved on by six minutes: from here on its times lie in the future",
    );
    let status = incident
        .wait("to escalate", |s| paged(s).len() > first.len())
        .await?;
    let next: Vec<String> = paged(&status)
        .into_iter()
        .filter(|who| !first.contains(who))
        .collect();
    say(&format!(
        "six minutes later nobody has answered: AWS pages {}",
        next.join(", ")
    ));

    let pages = simulator.pages(ACCOUNT).await?;
    let page = pages
        .last()
        .and_then(|page| page["pageArn"].as_str())
        .context("no page")?;
    simulator.accept_page(page).await?;
    let acknowledged = |s: &Value| {
        s["summary"]["acknowledgedBy"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let status = incident
        .wait("to be acknowledged", |s| !acknowledged(s).is_empty())
        .await?;
    say(&format!(
        "{} acknowledges: nobody else is paged",
        acknowledged(&status)
    ));
    println!("\n{}", table::of_kind(cluster, "Incident").await?);

    object["spec"]["resolve"] = json!(true);
    cluster
        .try_apply(&object)
        .await
        .context("resolve the Incident")?;
    incident
        .wait("to be resolved", |s| s["phase"] == "Resolved")
        .await?;
    say("kubectl patch: resolve: true; it is over");
    println!("\n{}", table::of_kind(cluster, "Incident").await?);
    Ok(())
}

/// Who has been paged, by name.
fn paged(status: &Value) -> Vec<String> {
    let engagements = status["engagements"].as_array().into_iter().flatten();
    let pages = engagements.flat_map(|e| e["pages"].as_array().into_iter().flatten());
    let sent = pages.filter(|page| page["sentAt"].is_string());
    let mut names: Vec<String> = sent
        .filter_map(|p| Some(p["contact"].as_str()?.to_owned()))
        .collect();
    names.sort();
    names.dedup();
    names
}

/// The incident of the demo.
struct Incident<'a> {
    environment: &'a Environment,
    namespace: String,
    name: String,
}

impl Incident<'_> {
    /// Its status, once `come` says that it has come so far.
    async fn wait(&self, what: &str, come: impl Fn(&Value) -> bool) -> Result<Value> {
        let deadline = Instant::now() + STEP;
        loop {
            let cluster = &self.environment.cluster;
            let found = cluster
                .get("Incident", Some(&self.namespace), &self.name)
                .await?;
            let status = found.context("the Incident is gone")?.data["status"].clone();
            if come(&status) {
                return Ok(status);
            }
            if Instant::now() >= deadline {
                bail!("the incident was waited for {what} for {STEP:?}: {status:#}");
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}
