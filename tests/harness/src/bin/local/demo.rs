//! `make demo`: everything in the foreground, the examples applied, and what came of them shown.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use harness::aws;
use harness::checks::{condition, is_ready};
use harness::cluster::documents;
use harness::control_plane::write_atomically;
use harness::process::Identified;
use harness::setup::GROUP;
use harness::{Cluster, ControlPlane, table};
use kube::ResourceExt as _;
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};

use crate::environment::{ACCOUNT, DEMO_LABEL, Environment, REGION, shown};

/// How long the examples may take to become Ready.
const READY: Duration = Duration::from_mins(2);

/// The kind that says who is on call.
const SCHEDULE: &str = "OnCallSchedule";

/// Runs it.
pub async fn run(directory: &Path, examples: &Path, once: bool) -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let directory = prepare(directory)?;
    let objects = read(examples)?;
    let begin = Instant::now();
    let theirs = ControlPlane::users_own("DEMO_KUBECONFIG")?;
    let starting = Environment::start(
        &directory,
        theirs,
        |step| println!("{:5.1} s  {step}", begin.elapsed().as_secs_f64()),
        |_| Ok(()),
    );
    let environment = tokio::select! {
        environment = starting => environment?,
        _ = interrupt.recv() => bail!("interrupted"),
        _ = terminate.recv() => bail!("interrupted"),
    };
    let mut namespaces = vec![];
    let outcome = tokio::select! {
        outcome = show(&environment, examples, &objects, begin, &mut namespaces) => outcome,
        _ = interrupt.recv() => Err(anyhow::anyhow!("interrupted")),
        _ = terminate.recv() => Err(anyhow::anyhow!("interrupted")),
    };
    if outcome.is_ok() && !once {
        suggest(&environment, &objects).await;
        println!("\nCtrl-C ends the demo.");
        println!("After that, step by step: docs/walk-through.md, with `make up`.");
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        println!();
    }
    if !environment.is_ours() {
        println!("taking the demo out of the cluster");
        if let Err(error) = environment.uninstall(&namespaces).await {
            eprintln!("something of the demo is left in the cluster: {error:#}");
        }
    }
    environment.end();
    match outcome {
        Ok(()) => println!(
            "demo ended after {:.0} s; logs are in {}",
            begin.elapsed().as_secs_f64(),
            shown(&directory)
        ),
        Err(_) => eprintln!("logs are in {}", shown(&directory)),
    }
    outcome
}

/// An empty directory, unless a demo lives in it.
fn prepare(directory: &Path) -> Result<PathBuf> {
    let claim = directory.join("demo.json");
    let claimed = std::fs::read(&claim).ok();
    let claimed = claimed.and_then(|bytes| serde_json::from_slice::<Identified>(&bytes).ok());
    if let Some(running) = claimed.filter(Identified::is_running) {
        let (place, pid) = (directory.display(), running.pid);
        bail!("a demo runs already in {place} (process {pid}): end it with Ctrl-C first");
    }
    if claim.exists() {
        std::fs::remove_dir_all(directory)
            .with_context(|| format!("empty {}", directory.display()))?;
    }
    std::fs::create_dir_all(directory)
        .with_context(|| format!("create {}", directory.display()))?;
    let directory = std::fs::canonicalize(directory)?;
    let us = Identified::of("demo", std::process::id())?;
    write_atomically(&directory.join("demo.json"), &serde_json::to_vec(&us)?)?;
    Ok(directory)
}

/// The objects in every YAML file of a directory, by file name.
pub fn read(examples: &Path) -> Result<Vec<Value>> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(examples)
        .with_context(|| format!("read {}", examples.display()))?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml" || extension == "yml")
        })
        .collect();
    files.sort();
    let mut objects = vec![];
    for file in files {
        let text = std::fs::read_to_string(&file)?;
        objects.extend(documents(&text).with_context(|| file.display().to_string())?);
    }
    if objects.is_empty() {
        bail!("{} holds no manifests", examples.display());
    }
    Ok(objects)
}

pub fn name_of(object: &Value) -> String {
    let namespace = object["metadata"]["namespace"]
        .as_str()
        .map_or(String::new(), |namespace| format!("{namespace}/"));
    format!(
        "{} {namespace}{}",
        object["kind"].as_str().unwrap_or_default(),
        object["metadata"]["name"].as_str().unwrap_or_default()
    )
}

fn is_ours(object: &Value) -> bool {
    object["apiVersion"]
        .as_str()
        .is_some_and(|version| version.starts_with(GROUP))
}

/// Whether the operator says in a status what came of the object; a grant has none.
fn has_status(object: &Value) -> bool {
    is_ours(object) && object["kind"] != "AccessGrant"
}

/// The environment has a ProviderConfig of this name that suits the simulator.
fn is_default_provider(object: &Value) -> bool {
    object["kind"] == "ProviderConfig" && object["metadata"]["name"] == "default"
}

async fn show(
    environment: &Environment,
    examples: &Path,
    objects: &[Value],
    begin: Instant,
    namespaces: &mut Vec<String>,
) -> Result<()> {
    let cluster = &environment.cluster;
    let elapsed = || begin.elapsed().as_secs_f64();
    println!("{:5.1} s  applying {}", elapsed(), shown(examples));
    make_namespaces(cluster, objects, namespaces).await?;
    for object in objects {
        if is_default_provider(object) {
            println!(
                "         {} is left out: the environment has its own",
                name_of(object)
            );
            continue;
        }
        cluster
            .try_apply(object)
            .await
            .with_context(|| format!("apply {}", name_of(object)))?;
        println!("         {} applied", name_of(object));
    }
    wait(cluster, objects, begin).await?;
    println!("{:5.1} s  everything is Ready", elapsed());
    let activated = give_codes_back(environment, objects).await?;
    if !activated.is_empty() {
        let people = activated.join(", ");
        println!(
            "{:5.1} s  {people} gave back the codes they got: they can be paged now",
            elapsed()
        );
    }
    for line in not_reachable(objects, &activated) {
        println!("         {line}");
    }

    println!("\nWho is on call (kubectl get oncallschedules -A):\n");
    println!("{}", table::of_kind(cluster, SCHEDULE).await?);
    for (kind, namespaced) in cluster.our_kinds().await? {
        if kind == SCHEDULE {
            continue;
        }
        let table = table::of_kind(cluster, &kind).await?;
        if !table.is_empty() {
            let everywhere = if namespaced { " -A" } else { "" };
            let plural = kind.to_lowercase();
            println!("{kind} (kubectl get {plural}s{everywhere}):\n\n{table}");
        }
    }
    let state = aws::replication_set(&environment.simulator, ACCOUNT, REGION).await?;
    println!(
        "What the simulated AWS holds (account {ACCOUNT}, {REGION}, replication set {}):\n",
        state.as_deref().unwrap_or("absent")
    );
    println!("{}", held(environment).await?);
    crate::account::show(environment, examples, begin).await?;
    crate::network::show(environment, examples, begin).await?;
    crate::incident::show(environment, examples, begin).await
}

/// What AWS holds: one person in full, the others by name, then schedules with their rotations, and plans.
async fn held(environment: &Environment) -> Result<String> {
    let contacts = aws::contacts(&environment.simulator, ACCOUNT, REGION).await?;
    let (people, others): (Vec<_>, Vec<_>) = contacts
        .into_iter()
        .partition(|contact| contact.kind == "PERSONAL");
    let mut text = aws::render(people.get(..1).unwrap_or_default())?;
    let more: Vec<&str> = people.iter().skip(1).map(|p| p.alias.as_str()).collect();
    if !more.is_empty() {
        writeln!(text, "PERSONAL {}", more.join(", "))?;
    }
    let mut rest = aws::render(&others)?;
    for person in &people {
        rest = rest.replace(&person.arn, &person.alias);
    }
    text.push_str(&rest);
    let alias = |arn: &str| arn.rsplit('/').next().unwrap_or_default().to_owned();
    for rotation in aws::rotations(&environment.simulator, ACCOUNT, REGION).await? {
        let of = others
            .iter()
            .find(|schedule| schedule.rotations.contains(&rotation.arn));
        let members: Vec<String> = rotation.members.iter().map(|arn| alias(arn)).collect();
        let hand_offs: Vec<String> = rotation.hand_offs.into_iter().collect();
        writeln!(
            text,
            "ROTATION {} of {}: {}; {} in {}",
            rotation.name,
            of.map_or("no schedule", |schedule| schedule.alias.as_str()),
            members.join(", "),
            hand_offs.join(", "),
            rotation.zone
        )?;
    }
    Ok(text)
}

/// Makes the namespaces that the examples speak of and that do not exist.
pub async fn make_namespaces(
    cluster: &Cluster,
    objects: &[Value],
    made: &mut Vec<String>,
) -> Result<()> {
    let named: BTreeSet<&str> = objects
        .iter()
        .filter_map(|object| object["metadata"]["namespace"].as_str())
        .collect();
    for name in named {
        if cluster.get("Namespace", None, name).await?.is_none() {
            let labels = json!({DEMO_LABEL: "true"});
            cluster.try_create(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})).await?;
            made.push(name.to_owned());
        }
    }
    Ok(())
}

/// Waits until every object of ours is Ready, and says what changes meanwhile.
pub async fn wait(cluster: &Cluster, objects: &[Value], begin: Instant) -> Result<()> {
    let mut waiting: Vec<&Value> = objects
        .iter()
        .filter(|object| has_status(object) && !is_default_provider(object))
        .collect();
    let applied = Instant::now();
    let deadline = applied + READY;
    let mut said: BTreeMap<String, String> = BTreeMap::new();
    loop {
        let mut still = vec![];
        for object in waiting {
            let kind = object["kind"].as_str().unwrap_or_default();
            let found = cluster
                .get(
                    kind,
                    object["metadata"]["namespace"].as_str(),
                    object["metadata"]["name"].as_str().unwrap_or_default(),
                )
                .await?;
            let found = found.with_context(|| format!("{} is gone", name_of(object)))?;
            let suspended = object["spec"]["suspend"] == true;
            let ready = suspended || is_ready(&found);
            let state = match condition(&found, "Ready") {
                _ if suspended => "suspended".to_owned(),
                Some(ready) if ready.is_true() => "Ready".to_owned(),
                Some(ready) => format!("waits: {}: {}", ready.reason, ready.message),
                None => "waits: the operator has not looked at it yet".to_owned(),
            };
            let name = name_of(object);
            if (ready || applied.elapsed() > Duration::from_secs(3))
                && said.get(&name) != Some(&state)
            {
                println!("{:5.1} s  {name}: {state}", begin.elapsed().as_secs_f64());
            }
            said.insert(name, state);
            if !ready {
                still.push(object);
            }
        }
        if still.is_empty() {
            return Ok(());
        }
        if Instant::now() >= deadline {
            let left: Vec<String> = still
                .iter()
                .map(|object| {
                    format!(
                        "  {}: {}",
                        name_of(object),
                        said.get(&name_of(object)).map_or("", String::as_str)
                    )
                })
                .collect();
            bail!("not Ready after {READY:?}:\n{}", left.join("\n"));
        }
        waiting = still;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Plays the people: gives back every code that was sent, but that of the first ChannelActivation, which is left to whoever watches. Waits
/// until the channels are activated and the schedules know it. Returns who they are.
async fn give_codes_back(environment: &Environment, objects: &[Value]) -> Result<Vec<String>> {
    let cluster = &environment.cluster;
    let codes = environment.simulator.codes(ACCOUNT).await?;
    let activations = objects
        .iter()
        .filter(|object| object["kind"] == "ChannelActivation");
    let mut given = vec![];
    for activation in activations.skip(1) {
        let (Some(namespace), Some(name)) = (
            activation["metadata"]["namespace"].as_str(),
            activation["metadata"]["name"].as_str(),
        ) else {
            continue;
        };
        let found = cluster
            .get("ChannelActivation", Some(namespace), name)
            .await?;
        let found = found.with_context(|| format!("{} is gone", name_of(activation)))?;
        let channel = found.data["status"]["channelArn"].as_str();
        let sent = codes
            .iter()
            .rfind(|sent| channel == Some(sent.channel_arn.as_str()));
        let Some(sent) = sent else { continue };
        let place = &activation["spec"]["codeFrom"]["secretKeyRef"];
        let key = place["key"].as_str().unwrap_or_default();
        cluster
            .try_apply(&json!({
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {
                    "name": place["name"],
                    "namespace": namespace,
                    "labels": {(format!("{GROUP}/contact-data")): "true"},
                },
                "stringData": {key: sent.code},
            }))
            .await?;
        let person = activation["spec"]["contactRef"]["name"].as_str();
        given.push((namespace, name, person.unwrap_or_default().to_owned()));
    }
    let deadline = Instant::now() + READY;
    loop {
        let mut waiting = vec![];
        for (namespace, name, person) in &given {
            let found = cluster
                .get("ChannelActivation", Some(namespace), name)
                .await?;
            let phase = found.map(|found| found.data["status"]["phase"].clone());
            if phase != Some(json!("Activated")) {
                waiting.push(person.clone());
            }
        }
        // Schedules hear of it from the contacts.
        for schedule in cluster.list(SCHEDULE, None).await? {
            let on_call = schedule.data["status"]["onCallNow"].as_array();
            let stale = on_call.into_iter().flatten().any(|one| {
                one["reachable"] == false
                    && given
                        .iter()
                        .any(|(_, _, person)| one["contact"] == person.as_str())
            });
            if stale {
                waiting.push(schedule.name_any());
            }
        }
        if waiting.is_empty() {
            return Ok(given.into_iter().map(|(_, _, person)| person).collect());
        }
        if Instant::now() >= deadline {
            bail!(
                "codes were given back, but nothing came of it: {}",
                waiting.join(", ")
            );
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Whom nobody can page although they are among the people, and why: those who were sent a code that was not given back, and those who were
/// sent none.
fn not_reachable(objects: &[Value], activated: &[String]) -> Vec<String> {
    let asked: Vec<&str> = objects
        .iter()
        .filter(|object| object["kind"] == "ChannelActivation")
        .filter_map(|object| object["spec"]["contactRef"]["name"].as_str())
        .collect();
    let (waiting, never): (Vec<&str>, Vec<&str>) = objects
        .iter()
        .filter(|object| object["kind"] == "Contact")
        .filter_map(|object| object["metadata"]["name"].as_str())
        .filter(|person| !activated.iter().any(|one| one == person))
        .partition(|person| asked.contains(person));
    let mut lines = vec![];
    if !waiting.is_empty() {
        let people = waiting.join(", ");
        lines.push(format!(
            "{people}: a code was sent and is not given back, so not reachable yet; that is left to you"
        ));
    }
    if !never.is_empty() {
        let people = never.join(", ");
        lines.push(format!(
            "{people}: no ChannelActivation asks for a code, so not reachable"
        ));
    }
    lines
}

async fn suggest(environment: &Environment, objects: &[Value]) {
    let files = &environment.files;
    let kubectl = shown(Path::new(&files.kubectl));
    let contact = objects.iter().find(|object| object["kind"] == "Contact");
    let place = |field: &str| {
        contact
            .and_then(|contact| contact["metadata"][field].as_str())
            .unwrap_or("default")
            .to_owned()
    };
    let (namespace, name) = (place("namespace"), place("name"));
    let control = format!("{}/_control", environment.simulator.endpoint());
    let mut commands = vec![
        (
            format!(". {}", shown(&files.env)),
            "KUBECONFIG, AWS_ENDPOINT_URL and dummy credentials".to_owned(),
        ),
        (
            format!("{kubectl} get incident-manager -A"),
            "every kind of ours".to_owned(),
        ),
        (
            format!("{kubectl} explain oncallschedule.spec.rotations"),
            "the manual".to_owned(),
        ),
        (
            format!("{kubectl} -n {namespace} edit contact {name}"),
            "AWS follows".to_owned(),
        ),
        (
            format!("{kubectl} -n {namespace} describe contact {name}"),
            "conditions, findings, events".to_owned(),
        ),
        (
            "aws ssm-contacts list-contacts".to_owned(),
            "any AWS client; change something, and it is put back within 30 s".to_owned(),
        ),
    ];
    if let Some(schedule) = objects.iter().find(|object| object["kind"] == SCHEDULE) {
        let text = |field: &str| schedule["metadata"][field].as_str().unwrap_or_default();
        commands.push((
            format!(
                "{kubectl} -n {} describe oncallschedule {}",
                text("namespace"),
                text("name")
            ),
            "who is on call until when, coverage, findings".to_owned(),
        ));
    }
    if let Some((secret, key, code)) = code_to_give_back(environment, objects).await {
        commands.push((
            format!("{kubectl} -n {namespace} create secret generic {secret} --from-literal={key}={code}"),
            "the code that AWS sent; a real one reaches the person alone".to_owned(),
        ));
        commands.push((
            format!("{kubectl} -n {namespace} label secret {secret} {GROUP}/contact-data=true"),
            "now the channel is activated".to_owned(),
        ));
    }
    commands.push((
        format!("{kubectl} -n {namespace} delete contact {name}"),
        "AWS is empty of it again".to_owned(),
    ));
    commands.push((
        format!("curl -s '{control}/calls?account={ACCOUNT}'"),
        "every call that AWS got".to_owned(),
    ));
    commands.push((
        format!("curl -s {}/metrics", environment.admin()),
        "the operator's metrics".to_owned(),
    ));
    println!("Try next, in another terminal:\n");
    for (command, what) in commands {
        println!("  {command:58}  # {what}");
    }
}

/// The Secret that the first ChannelActivation of the examples waits for, and the code that belongs into it.
async fn code_to_give_back(
    environment: &Environment,
    objects: &[Value],
) -> Option<(String, String, String)> {
    let activation = objects
        .iter()
        .find(|object| object["kind"] == "ChannelActivation")?;
    let place = &activation["spec"]["codeFrom"]["secretKeyRef"];
    let (secret, key) = (place["name"].as_str()?, place["key"].as_str()?);
    let (namespace, name) = (
        activation["metadata"]["namespace"].as_str()?,
        activation["metadata"]["name"].as_str()?,
    );
    let found = environment
        .cluster
        .get("ChannelActivation", Some(namespace), name)
        .await
        .ok()??;
    let channel = found.data["status"]["channelArn"].as_str()?;
    let codes = environment.simulator.codes(ACCOUNT).await.ok()?;
    let sent = codes
        .into_iter()
        .rfind(|sent| sent.channel_arn == channel)?;
    Some((secret.to_owned(), key.to_owned(), sent.code))
}
