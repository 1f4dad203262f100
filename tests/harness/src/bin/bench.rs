//! Speed and memory of the operator's release build against the real API server and the simulated AWS: `make bench`.
//!
//! Each figure stands beside what it must reach; the exit code is 1 when one does not. It measures the machine too, so compare runs on one.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Parser;
use futures::{StreamExt as _, TryStreamExt as _};
use harness::checks::is_ready;
use harness::poll::poll;
use harness::simulator::Call;
use harness::{Operator, SimulatorOptions, World, WorldBuilder, seconds};
use jiff::Timestamp;
use kube::ResourceExt;
use kube::runtime::{WatchStreamExt as _, watcher};
use serde_json::{Value, json};
use tokio::sync::Mutex;

/// Calls in flight, the operator's default.
const IN_FLIGHT: f64 = 32.0;
/// The simulator's delay.
const LATENCY: f64 = 0.030;
/// Channels of each contact.
const CHANNELS: usize = 2;

#[derive(Parser)]
struct Arguments {
    /// Number of contacts.
    #[arg(long, default_value_t = 1000)]
    contacts: usize,
    /// Only the parts whose names contain this.
    #[arg(long)]
    only: Option<String>,
}

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut report = Report::default();
    let begin = Instant::now();
    let outcome = bench(&arguments, &mut report).await;
    println!("\n{}", report.text());
    println!(
        "{} contacts, {:.0} s altogether",
        arguments.contacts,
        begin.elapsed().as_secs_f64()
    );
    match outcome {
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
        Ok(()) if report.rows.iter().all(|row| row.good) => ExitCode::SUCCESS,
        Ok(()) => {
            println!("some figures miss what they must reach");
            ExitCode::FAILURE
        }
    }
}

async fn bench(arguments: &Arguments, report: &mut Report) -> Result<()> {
    let wanted = |part: &str| {
        arguments
            .only
            .as_deref()
            .is_none_or(|only| part.contains(only))
    };
    if wanted("unthrottled") {
        unthrottled(arguments.contacts, report)
            .await
            .context("unthrottled")?;
    }
    if wanted("company") {
        company(report).await.context("company")?;
    }
    if wanted("incidents") {
        incidents(report).await.context("incidents")?;
    }
    if wanted("endpoints") {
        endpoints(report).await.context("endpoints")?;
    }
    if wanted("alternate") {
        alternate(report).await.context("alternate contacts")?;
    }
    if wanted("throttled") && arguments.only.as_deref() != Some("unthrottled") {
        throttled(arguments.contacts, report)
            .await
            .context("throttled")?;
    }
    Ok(())
}

#[derive(Default)]
struct Report {
    rows: Vec<Row>,
}

struct Row {
    figure: String,
    must: String,
    seen: String,
    good: bool,
}

impl Report {
    fn add(&mut self, figure: &str, must: String, seen: String, good: bool) {
        println!(
            "  {figure}: {seen} (must reach: {must}) {}",
            if good { "" } else { "MISSED" }
        );
        self.rows.push(Row {
            figure: figure.to_owned(),
            must,
            seen,
            good,
        });
    }

    /// A number that may be at most so much.
    fn at_most(&mut self, figure: &str, seen: f64, limit: f64, unit: &str) {
        self.add(
            figure,
            format!("{limit:.2} {unit}"),
            format!("{seen:.2} {unit}"),
            seen <= limit,
        );
    }

    fn text(&self) -> String {
        let width = |column: fn(&Row) -> &String| {
            self.rows
                .iter()
                .map(|row| column(row).chars().count())
                .max()
                .unwrap_or(0)
        };
        let (figures, musts) = (width(|row| &row.figure), width(|row| &row.must));
        let lines = self.rows.iter().map(|row| {
            let verdict = if row.good { "ok    " } else { "MISSED" };
            format!(
                "{verdict}  {:figures$}  must {:musts$}  seen {}",
                row.figure, row.must, row.seen
            )
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

fn limits(per_second: impl Fn(&str) -> f64) -> Value {
    let groups = [
        "ContactsRead",
        "ContactsWrite",
        "RotationsRead",
        "EngagementsWrite",
        "EngagementsRead",
        "EngagementLists",
        "IncidentsRead",
        "IncidentsWrite",
        "ReplicationSetWrite",
        "AccountRead",
        "AccountWrite",
        "EC2Read",
        "EC2Write",
        "Identity",
    ];
    let limits: Vec<Value> = groups
        .iter()
        .map(|group| json!({"group": group, "perSecond": per_second(group)}))
        .collect();
    json!({"rateLimits": limits})
}

fn builder(name: &str) -> WorldBuilder {
    World::builder(name).without_history().without_operator()
}

fn contact(index: usize) -> Value {
    json!({
        "apiVersion": "incident-operator.dev/v1alpha1", "kind": "Contact", "metadata": {"name": name(index)},
        "spec": {
            "displayName": format!("Responder {index}"),
            "channels": [
                {"name": "mail", "type": "Email", "address": format!("responder-{index}@example.com")},
                {"name": "mobile", "type": "SMS", "address": format!("+1500{index:07}")},
            ],
            "engagementPlan": [
                {"channel": "mobile", "engageAfterMinutes": 0, "retryIntervalMinutes": 1},
                {"channel": "mail", "engageAfterMinutes": 5},
            ],
        },
    })
}

fn name(index: usize) -> String {
    format!("responder-{index:04}")
}

/// Applies all contacts, 16 at a time, and waits until all are Ready. Returns the seconds it took.
async fn apply_all(world: &World, count: usize, patience: Duration) -> Result<f64> {
    let begin = Instant::now();
    let applied: Mutex<BTreeMap<String, Instant>> = Mutex::default();
    let apply = futures::stream::iter(0..count).map(|index| {
        let applied = &applied;
        async move {
            let object = world.at_home(contact(index));
            applied.lock().await.insert(name(index), Instant::now());
            world.try_apply(&object).await.map(drop)
        }
    });
    let apply = apply.buffer_unordered(16).try_collect::<()>();
    // A watch, since lists of a thousand objects would measure themselves.
    let api = world.cluster.api("Contact", Some(&world.namespace)).await?;
    let ready = async {
        let mut ready: BTreeMap<String, Instant> = BTreeMap::new();
        let versions = watcher(api, watcher::Config::default());
        let mut versions = std::pin::pin!(versions.default_backoff().applied_objects());
        while ready.len() < count {
            let version = tokio::time::timeout(patience, versions.next()).await;
            let Ok(Some(version)) = version else {
                bail!("{} of {count} Ready, and nothing happens", ready.len())
            };
            let version = version?;
            if is_ready(&version) {
                ready.entry(version.name_any()).or_insert_with(Instant::now);
            }
        }
        Ok(ready)
    };
    let outcome = tokio::try_join!(apply, ready);
    let took = begin.elapsed().as_secs_f64();
    let ready = match outcome {
        Ok(((), ready)) => ready,
        Err(error) => bail!(
            "{error:#}\n{}",
            world.report(Some(("Contact", &name(count - 1)))).await
        ),
    };
    let applied = applied.into_inner();
    let delay = |(name, at): (&String, &Instant)| {
        Some(at.duration_since(*applied.get(name)?).as_secs_f64())
    };
    let mut delays: Vec<f64> = ready.iter().filter_map(delay).collect();
    delays.sort_by(f64::total_cmp);
    let [half, most, last] = [50, 99, 100].map(|hundredths| share(&delays, hundredths));
    println!("  from apply to Ready: p50 {half:.1} s, p99 {most:.1} s, the last {last:.1} s");
    Ok(took)
}

/// The value below which so many in a hundred of these sorted ones lie.
fn share(sorted: &[f64], hundredths: usize) -> f64 {
    let place = (sorted.len() * hundredths / 100).min(sorted.len().saturating_sub(1));
    sorted.get(place).copied().unwrap_or(0.0)
}

/// The checks that every test ends with, at this size.
async fn finish(world: World) -> Result<()> {
    world.simulator.latency(0, None).await?;
    world.simulator.no_quotas().await?;
    world.finish().await;
    Ok(())
}

fn arrived(call: &Call) -> Option<Timestamp> {
    call.time.parse().ok()
}

/// From the first to the last call, in seconds.
fn span(calls: &[Call]) -> f64 {
    let times: Vec<Timestamp> = calls.iter().filter_map(arrived).collect();
    let (first, last) = (times.iter().min(), times.iter().max());
    first.zip(last).map_or(0.0, |(first, last)| {
        last.duration_since(*first).as_secs_f64()
    })
}

fn mebibytes(operator: &Operator) -> Result<f64> {
    #[allow(clippy::cast_precision_loss, reason = "memory is far below 2^52 bytes")]
    Ok(operator.usage()?.resident_bytes as f64 / 1024.0 / 1024.0)
}

#[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn float(count: usize) -> f64 {
    count as f64
}

fn by_operation(calls: &[Call]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for call in calls {
        *counts.entry(&call.operation).or_default() += 1;
    }
    counts
        .iter()
        .map(|(operation, count)| format!("{operation} {count}"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Creation, drift, restart and edits without throttling.
async fn unthrottled(count: usize, report: &mut Report) -> Result<()> {
    println!("{count} contacts, {LATENCY} s latency, no throttling");
    let options = SimulatorOptions {
        latency_milliseconds: Some(30),
        ..SimulatorOptions::default()
    };
    let builder = builder("bench")
        .own_simulator(options)
        .provider(limits(|_| 100_000.0));
    let mut world = builder.drift("1h").try_build().await?;
    world.start_operator().await?;
    let provider = world.id.clone();
    world.ready("ProviderConfig", &provider).await;
    tokio::time::sleep(seconds(3)).await;
    report.at_most("memory, idle", mebibytes(world.operator())?, 20.0, "MiB");

    let before = world.operator().usage()?;
    let since = world.last_call().await;
    let took = apply_all(&world, count, seconds(60)).await?;
    let used = world.operator().usage()?.processor_seconds - before.processor_seconds;
    let calls = world.operator_calls(since).await;
    println!("  {}", by_operation(&calls));
    report.at_most(
        "apply to all Ready",
        took,
        1.5 * float(calls.len()) * LATENCY / IN_FLIGHT,
        "s",
    );
    println!("  the calls alone took {:.1} s", span(&calls));
    let writes = calls.iter().filter(|call| call.mutating).count();
    report.at_most(
        "mutating calls per created contact",
        float(writes) / float(count),
        2.0 + float(CHANNELS),
        "",
    );
    report.at_most(
        "processor time per created contact",
        used * 1000.0 / float(count),
        5.0,
        "ms",
    );
    report.at_most(
        "memory, all contacts",
        mebibytes(world.operator())?,
        64.0,
        "MiB",
    );

    restart(&mut world, count, report).await?;
    drift(&mut world, count, report).await?;
    edits(&mut world, count, report).await?;
    finish(world).await
}

/// Which of these ARNs the calls concern.
fn seen<'a>(calls: &'a [Call], arns: &BTreeSet<String>) -> BTreeSet<&'a str> {
    calls
        .iter()
        .flat_map(|call| &call.resources)
        .filter(|arn| arns.contains(*arn))
        .map(String::as_str)
        .collect()
}

async fn arns(world: &World) -> Result<BTreeSet<String>> {
    let contacts = world
        .cluster
        .list("Contact", Some(&world.namespace))
        .await?;
    Ok(contacts
        .iter()
        .filter_map(|contact| {
            contact.data["status"]["arn"]
                .as_str()
                .map(ToOwned::to_owned)
        })
        .collect())
}

async fn restart(world: &mut World, count: usize, report: &mut Report) -> Result<()> {
    println!("restart with {count} synced contacts");
    let arns = arns(world).await?;
    // The ProviderConfig counts its users every few seconds; before that it is not synced.
    let provider = world.id.clone();
    let counted = poll(seconds(30), async || -> Result<()> {
        let config = world.cluster.get("ProviderConfig", None, &provider).await?;
        let users = config.map(|config| config.data["status"]["inUseBy"].clone());
        if users == Some(json!(count)) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        bail!("it says {users:?}")
    });
    counted.await.map_err(anyhow::Error::msg)?;
    world.operator().end();
    let mark = world.audit().map_or(0, |log| log.mark());
    let since = world.last_call().await;
    let (begin, started) = (Instant::now(), Timestamp::now());
    world.operator_mut().restart().await?;
    let all = poll(seconds(300), async || -> Result<()> {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let observed = seen(&world.operator_calls(since).await, &arns).len();
        if observed == arns.len() {
            Ok(())
        } else {
            bail!("{observed} of {} observed", arns.len())
        }
    });
    all.await.map_err(anyhow::Error::msg)?;
    let took = begin.elapsed().as_secs_f64();
    tokio::time::sleep(seconds(2)).await;
    let calls = world.operator_calls(since).await;
    println!("  {}", by_operation(&calls));
    let reads_one = |call: &&Call| call.resources.iter().any(|arn| arns.contains(arn));
    let reads = calls.iter().filter(reads_one);
    let first = reads.filter_map(arrived).min();
    let first = first.context("no contact was read")?;
    report.at_most(
        "start to first reconcile",
        first.duration_since(started).as_secs_f64(),
        3.0,
        "s",
    );
    report.at_most(
        "restart to all observed",
        took,
        1.5 * float(calls.len()) * LATENCY / IN_FLIGHT + 3.0,
        "s",
    );
    let aws_writes = calls.iter().filter(|call| call.mutating).count();
    let writes = world.operator_writes(mark);
    for write in &writes {
        println!("  wrote: {write:?}");
    }
    let writes = writes.len();
    report.at_most(
        "writes after a restart (API server and AWS)",
        float(writes + aws_writes),
        0.0,
        "",
    );
    report.at_most(
        "memory after a restart",
        mebibytes(world.operator())?,
        64.0,
        "MiB",
    );
    Ok(())
}

async fn drift(world: &mut World, count: usize, report: &mut Report) -> Result<()> {
    // Long enough that the reads of one cycle, 32 at a time, take less than half of it.
    let interval = (float(count) * 2.0 * LATENCY / IN_FLIGHT * 2.0)
        .max(5.0)
        .ceil();
    println!("drift checks every {interval} s");
    set_drift(world, &format!("{interval}s")).await?;
    // The restart's own look at everything, and the first spread by jitter.
    tokio::time::sleep(Duration::from_secs_f64(interval * 1.2)).await;
    let mark = world.audit().map_or(0, |log| log.mark());
    let since = world.last_call().await;
    let begin = world.operator().usage()?;
    let mut memory = vec![];
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_secs_f64(interval)).await;
        memory.push(mebibytes(world.operator())?);
    }
    let used = world.operator().usage()?.processor_seconds - begin.processor_seconds;
    let calls = world.operator_calls(since).await;
    let of = |operation: &str| {
        float(
            calls
                .iter()
                .filter(|call| call.operation == operation)
                .count(),
        )
    };
    // A check that the window cuts in two shows one of its reads only.
    let checks = of("GetContact").max(of("ListContactChannels")).max(1.0);
    println!(
        "  {checks} checks in {:.0} s: {}",
        interval * 4.0,
        by_operation(&calls)
    );
    let reads = of("GetContact") + of("ListContactChannels") + of("GetContactChannel");
    report.at_most("reads per drift check", reads / checks, 2.0, "");
    report.at_most(
        "ownership reads per drift check",
        of("ListTagsForResource") / checks,
        0.25,
        "",
    );
    report.at_most(
        "processor time per drift check",
        used * 1000.0 / checks,
        1.0,
        "ms",
    );
    report.at_most(
        "memory, growth from drift cycle 2 to 5",
        memory[3] - memory[0],
        2.0,
        "MiB",
    );
    report.at_most("memory, drift cycle 5", memory[3], 64.0, "MiB");
    let aws_writes = calls.iter().filter(|call| call.mutating).count();
    report.at_most(
        "writes in four drift cycles",
        float(world.operator_writes(mark).len() + aws_writes),
        0.0,
        "",
    );
    Ok(())
}

/// People of the company.
const PEOPLE: usize = 200;
/// Schedules of the company; every fourth has a second rotation.
const SCHEDULES: usize = 40;
/// What a tool that gets every object by itself sends for the same, tags included, in each cycle: two reads a contact and one a channel, three a
/// rotation.
const ONE_BY_ONE: usize = 2 * PEOPLE + CHANNELS * PEOPLE + 3 * (SCHEDULES + SCHEDULES / 4);

fn schedule(index: usize) -> Value {
    let rotation = |name: &str, hour: usize| {
        let members: Vec<Value> = (0..5)
            .map(|place| json!({"name": self::name((index * 5 + place) % PEOPLE)}))
            .collect();
        json!({
            "name": name, "startTime": "2026-01-05T00:00:00Z", "timeZone": "Europe/Berlin", "contactRefs": members,
            "recurrence": {"type": "Weekly", "weekly": {"handOffs": [{"day": "Mon", "time": format!("{hour:02}:00")}]}},
        })
    };
    let mut rotations = vec![rotation("primary", 9)];
    if index.is_multiple_of(4) {
        rotations.push(rotation("secondary", 10));
    }
    json!({
        "apiVersion": "incident-operator.dev/v1alpha1", "kind": "OnCallSchedule",
        "metadata": {"name": format!("schedule-{index:02}")}, "spec": {"rotations": rotations},
    })
}

/// What a company of people, rotations and schedules costs when nothing changes.
async fn company(report: &mut Report) -> Result<()> {
    println!(
        "{PEOPLE} contacts, {SCHEDULES} schedules, {} rotations",
        SCHEDULES + SCHEDULES / 4
    );
    let options = SimulatorOptions {
        latency_milliseconds: Some(30),
        ..SimulatorOptions::default()
    };
    let builder = builder("company")
        .own_simulator(options)
        .provider(limits(|_| 100_000.0));
    let mut world = builder.drift("1h").try_build().await?;
    world.start_operator().await?;
    apply_all(&world, PEOPLE, seconds(60)).await?;
    for index in 0..SCHEDULES {
        let object = world.at_home(schedule(index));
        world.try_apply(&object).await?;
    }
    for index in 0..SCHEDULES {
        world
            .ready("OnCallSchedule", &format!("schedule-{index:02}"))
            .await;
    }
    let interval = 10.0;
    set_drift(&mut world, "10s").await?;
    tokio::time::sleep(Duration::from_secs_f64(interval * 1.5)).await;
    // As many cycles as lie between two reads of an object's tags.
    let cycles = 6;
    let mark = world.audit().map_or(0, |log| log.mark());
    let since = world.last_call().await;
    let begin = world.operator().usage()?;
    tokio::time::sleep(Duration::from_secs_f64(interval * float(cycles))).await;
    let used = world.operator().usage()?.processor_seconds - begin.processor_seconds;
    let calls = world.operator_calls(since).await;
    println!("  in {cycles} cycles: {}", by_operation(&calls));
    report.at_most(
        "company: AWS calls per drift cycle",
        float(calls.len()) / float(cycles),
        // A third less than one by one.
        float(ONE_BY_ONE) / 1.5,
        "",
    );
    report.at_most(
        "company: processor time per drift cycle",
        used * 1000.0 / float(cycles),
        float(PEOPLE + 3 * SCHEDULES),
        "ms",
    );
    report.at_most("company: memory", mebibytes(world.operator())?, 64.0, "MiB");
    let aws_writes = calls.iter().filter(|call| call.mutating).count();
    let writes = world.operator_writes(mark);
    for write in &writes {
        println!("  wrote: {write:?}");
    }
    report.at_most(
        "company: writes in six drift cycles",
        float(writes.len() + aws_writes),
        0.0,
        "",
    );
    finish(world).await
}

async fn set_drift(world: &mut World, interval: &str) -> Result<()> {
    let flags = &mut world.operator_mut().options_mut().flags;
    let place = flags
        .iter()
        .position(|flag| flag == "--drift-interval")
        .context("--drift-interval")?;
    interval.clone_into(&mut flags[place + 1]);
    world.operator_mut().restart().await
}

/// Edits while a thousand drift checks wait for tokens.
async fn edits(world: &mut World, count: usize, report: &mut Report) -> Result<()> {
    let reads = 100.0;
    println!("edits while drift checks queue at {reads} reads a second");
    let provider = world.id.clone();
    let limits = limits(|group| {
        if group == "ContactsRead" {
            reads
        } else {
            100_000.0
        }
    });
    world
        .cluster
        .merge("ProviderConfig", None, &provider, &json!({"spec": limits}))
        .await?;
    set_drift(world, "1s").await?;
    tokio::time::sleep(seconds(5)).await;
    let edits = count.min(100);
    let mut edited = vec![];
    let since = world.last_call().await;
    for index in 0..edits {
        let display = format!("Edited {index}");
        let object = world
            .cluster
            .merge(
                "Contact",
                Some(&world.namespace),
                &name(index),
                &json!({"spec": {"displayName": display}}),
            )
            .await?;
        edited.push((
            object.data["status"]["arn"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            object.name_any(),
            Timestamp::now(),
        ));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let mut delays = vec![];
    let done = poll(seconds(60), async || -> Result<()> {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let calls = world.operator_calls(since).await;
        delays.clear();
        for (arn, name, at) in &edited {
            let update = calls
                .iter()
                .find(|call| call.operation == "UpdateContact" && call.resources.contains(arn));
            let update = update
                .and_then(arrived)
                .with_context(|| format!("no UpdateContact for {name}"))?;
            delays.push(update.duration_since(*at).as_secs_f64().max(0.0) * 1000.0);
        }
        Ok(())
    });
    done.await.map_err(anyhow::Error::msg)?;
    delays.sort_by(f64::total_cmp);
    // Its own reads wait for a token each, and take the latency.
    let limit = 200.0 + 2.0 * (1000.0 / reads + LATENCY * 1000.0);
    report.at_most(
        "edit to AWS while drift checks queue, p50",
        share(&delays, 50),
        limit,
        "ms",
    );
    report.at_most(
        "edit to AWS while drift checks queue, p99",
        share(&delays, 99),
        limit,
        "ms",
    );
    Ok(())
}

/// The published quota of a group, in calls a second.
fn published(group: &str) -> f64 {
    match group {
        "ContactsRead" | "RotationsRead" => 20.0,
        "IncidentsRead" | "EngagementsWrite" => 10.0,
        "IncidentsWrite" | "EngagementsRead" => 5.0,
        "EngagementLists" => 2.0,
        _ => 1.0,
    }
}

/// Response plans of the part with incidents.
const PLANS: usize = 100;
/// Incidents that are open at once.
const INCIDENTS: usize = 10;

fn plan_name(index: usize) -> String {
    format!("plan-{index:03}")
}

fn response_plan(index: usize) -> Value {
    json!({
        "apiVersion": "incident-operator.dev/v1alpha1", "kind": "ResponsePlan", "metadata": {"name": plan_name(index)},
        "spec": {
            "incidentTemplate": {"title": format!("Service {index} fails"), "impact": "High"},
            "engagements": [{"contactRef": {"name": name(index % 10)}}],
        },
    })
}

/// What response plans cost when nothing changes, how soon an incident is started while their checks queue under the published quotas, and
/// what it costs to watch open ones.
async fn incidents(report: &mut Report) -> Result<()> {
    println!("{PLANS} response plans, {INCIDENTS} open incidents, published quotas");
    let options = SimulatorOptions {
        latency_milliseconds: Some(30),
        ..SimulatorOptions::default()
    };
    let builder = builder("incidents")
        .own_simulator(options)
        .provider(limits(|_| 100_000.0));
    let mut world = builder.drift("1h").try_build().await?;
    world.start_operator().await?;
    apply_all(&world, 10, seconds(60)).await?;
    for index in 0..PLANS {
        world
            .try_apply(&world.at_home(response_plan(index)))
            .await?;
    }
    for index in 0..PLANS {
        world.ready("ResponsePlan", &plan_name(index)).await;
    }
    let provider = world.id.clone();
    let quotas = json!({"spec": limits(published)});
    world
        .cluster
        .merge("ProviderConfig", None, &provider, &quotas)
        .await?;
    // A cycle takes ten seconds at ten reads a second: the queue is never empty.
    set_drift(&mut world, "10s").await?;
    tokio::time::sleep(seconds(15)).await;
    let (since, mark) = (
        world.last_call().await,
        world.audit().map_or(0, |log| log.mark()),
    );
    tokio::time::sleep(seconds(30)).await;
    let calls = world.operator_calls(since).await;
    println!("  in 30 s: {}", by_operation(&calls));
    let of = |operation: &str| calls.iter().filter(|c| c.operation == operation).count();
    let reads = calls.iter().filter(|call| {
        call.operation.contains("Incident") || call.operation.contains("ResponsePlan")
    });
    report.at_most(
        "reads per check of a response plan",
        float(reads.count()) / float(of("GetResponsePlan").max(1)),
        1.2,
        "",
    );
    let wrote = world.operator_writes(mark).len() + calls.iter().filter(|c| c.mutating).count();
    report.at_most("writes for response plans at rest", float(wrote), 0.0, "");

    let since = world.last_call().await;
    let mut started = vec![];
    for index in 0..INCIDENTS {
        let deadline = Timestamp::now().checked_add(jiff::SignedDuration::from_mins(10))?;
        let incident = json!({
            "apiVersion": "incident-operator.dev/v1alpha1", "kind": "Incident", "metadata": {"name": format!("incident-{index}")},
            "spec": {"responsePlanRef": {"name": plan_name(index)}, "startDeadline": deadline.to_string()},
        });
        world.try_apply(&world.at_home(incident)).await?;
        started.push((plan_name(index), Timestamp::now()));
        tokio::time::sleep(seconds(1)).await;
    }
    let mut delays = vec![];
    let done = poll(seconds(60), async || -> Result<()> {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let calls = world.operator_calls(since).await;
        delays.clear();
        for (plan, at) in &started {
            let ending = format!("response-plan/{plan}");
            let start = calls.iter().find(|call| {
                call.operation == "StartIncident"
                    && call.resources.iter().any(|r| r.ends_with(&ending))
            });
            let start = start
                .and_then(arrived)
                .with_context(|| format!("no StartIncident for {plan}"))?;
            delays.push(start.duration_since(*at).as_secs_f64().max(0.0) * 1000.0);
        }
        Ok(())
    });
    done.await.map_err(anyhow::Error::msg)?;
    delays.sort_by(f64::total_cmp);
    // Every read before it waits for a token of ten a second.
    report.at_most(
        "incident to AWS while drift checks queue, worst",
        share(&delays, 100),
        1000.0,
        "ms",
    );

    for index in 0..INCIDENTS {
        world.ready("Incident", &format!("incident-{index}")).await;
    }
    tokio::time::sleep(seconds(20)).await;
    let (since, mark) = (
        world.last_call().await,
        world.audit().map_or(0, |log| log.mark()),
    );
    let used = world.operator().usage()?;
    tokio::time::sleep(seconds(60)).await;
    let used = world.operator().usage()?.processor_seconds - used.processor_seconds;
    let calls = world.operator_calls(since).await;
    println!("  in 60 s: {}", by_operation(&calls));
    let watching = calls
        .iter()
        .filter(|call| !call.operation.contains("ResponsePlan"));
    report.at_most(
        "AWS calls per open incident and minute",
        float(watching.count()) / float(INCIDENTS),
        40.0,
        "",
    );
    let wrote = world.operator_writes(mark).len();
    report.at_most(
        "writes for open incidents in which nothing happens",
        float(wrote),
        0.0,
        "",
    );
    report.at_most(
        "processor time per minute with plans and open incidents",
        used * 1000.0,
        2000.0,
        "ms",
    );
    report.at_most(
        "incidents: memory",
        mebibytes(world.operator())?,
        64.0,
        "MiB",
    );
    finish(world).await
}

/// VPCs of the part with endpoints.
const VPCS: usize = 20;
/// Services of which each VPC has an endpoint.
const SERVICES: [&str; 10] = [
    "ssm",
    "ssmmessages",
    "ec2messages",
    "ec2",
    "kms",
    "logs",
    "ssm-incidents",
    "ssm-contacts",
    "sns",
    "sqs",
];

/// What two hundred endpoints cost when nothing changes.
async fn endpoints(report: &mut Report) -> Result<()> {
    let count = VPCS * SERVICES.len();
    println!("{count} VPC endpoints with security groups in {VPCS} VPCs");
    let options = SimulatorOptions {
        latency_milliseconds: Some(30),
        ..SimulatorOptions::default()
    };
    let builder = builder("endpoints")
        .own_simulator(options)
        .provider(limits(|_| 100_000.0));
    let mut world = builder.drift("1h").try_build().await?;
    let quota = json!({"vpcs_quota": VPCS});
    let account = world.account.clone();
    world.simulator.knobs(Some(&account), &quota).await?;
    world.start_operator().await?;
    let begin = Instant::now();
    for vpc in 0..VPCS {
        for object in vpc_with_endpoints(&world, vpc).await? {
            world.try_apply(&world.at_home(object)).await?;
        }
    }
    for vpc in 0..VPCS {
        for service in SERVICES {
            world
                .ready("VpcEndpoint", &format!("{service}-{vpc:02}"))
                .await;
        }
    }
    println!("  all Ready after {:.1} s", begin.elapsed().as_secs_f64());
    let interval = 10;
    set_drift(&mut world, &format!("{interval}s")).await?;
    tokio::time::sleep(seconds(interval * 2)).await;
    let (since, mark) = (
        world.last_call().await,
        world.audit().map_or(0, |log| log.mark()),
    );
    let used = world.operator().usage()?;
    let cycles = 6;
    tokio::time::sleep(seconds(interval * cycles)).await;
    let used = world.operator().usage()?.processor_seconds - used.processor_seconds;
    let calls = world.operator_calls(since).await;
    println!("  in {cycles} drift cycles: {}", by_operation(&calls));
    let cycles = float(usize::try_from(cycles)?);
    let of = |operation: &str| calls.iter().filter(|c| c.operation == operation).count();
    // Two lists a cycle, since one is half a cycle old at most; a page has a thousand.
    report.at_most(
        "endpoints: DescribeVpcEndpoints per drift cycle",
        float(of("DescribeVpcEndpoints")) / cycles,
        3.0,
        "",
    );
    let others = calls
        .iter()
        .filter(|c| c.operation != "DescribeVpcEndpoints" && c.operation != "DescribeVpcAttribute");
    report.at_most(
        "endpoints: other calls per drift cycle, attributes of VPCs apart",
        float(others.count()) / cycles,
        20.0,
        "",
    );
    // Two attributes of each VPC, twice a cycle.
    report.at_most(
        "endpoints: DescribeVpcAttribute per drift cycle and VPC",
        float(of("DescribeVpcAttribute")) / cycles / float(VPCS),
        5.0,
        "",
    );
    report.at_most(
        "endpoints: processor time per check",
        used * 1000.0 / cycles / float(count),
        3.0,
        "ms",
    );
    report.at_most(
        "endpoints: memory",
        mebibytes(world.operator())?,
        64.0,
        "MiB",
    );
    let wrote = world.operator_writes(mark).len() + calls.iter().filter(|c| c.mutating).count();
    report.at_most("endpoints: writes at rest", float(wrote), 0.0, "");
    world.simulator.latency(0, None).await?;
    world.simulator.no_quotas().await?;
    Ok(())
}

/// Furnishes a VPC and makes the manifests of its endpoints.
async fn vpc_with_endpoints(world: &World, index: usize) -> Result<Vec<Value>> {
    let call = async |action: &str, parameters: &[(&str, &str)], answer: &str| {
        let (account, region) = (&world.account, &world.region);
        let xml = world
            .simulator
            .ec2(account, region, action, parameters)
            .await?;
        let rest = xml.split_once(&format!("<{answer}>"));
        let text = rest.and_then(|(_, rest)| rest.split_once('<'));
        text.map(|(text, _)| text.to_owned())
            .with_context(|| format!("{action} answered without {answer}"))
    };
    let vpc = call("CreateVpc", &[("CidrBlock", "10.0.0.0/16")], "vpcId").await?;
    let on = [
        ("VpcId", vpc.as_str()),
        ("EnableDnsHostnames.Value", "true"),
    ];
    call("ModifyVpcAttribute", &on, "return").await?;
    let mut subnets = vec![];
    for (zone, range) in [("a", "10.0.1.0/24"), ("b", "10.0.2.0/24")] {
        let zone = format!("{}{zone}", world.region);
        let subnet = [
            ("VpcId", vpc.as_str()),
            ("CidrBlock", range),
            ("AvailabilityZone", &zone),
        ];
        subnets.push(call("CreateSubnet", &subnet, "subnetId").await?);
    }
    let endpoint = |service: &&str| {
        json!({
            "apiVersion": "incident-operator.dev/v1alpha1", "kind": "VpcEndpoint",
            "metadata": {"name": format!("{service}-{index:02}")},
            "spec": {
                "vpcId": vpc, "service": service, "type": "Interface", "subnetIds": subnets,
                "managedSecurityGroup": {"ingress": [{"cidr": "10.0.0.0/16"}]},
            },
        })
    };
    Ok(SERVICES.iter().map(endpoint).collect())
}

/// Accounts of the organization in the part with alternate contacts.
const MEMBERS: usize = 10;
/// The types of alternate contacts.
const TYPES: [&str; 3] = ["Billing", "Operations", "Security"];

/// What all alternate contacts of an organization cost.
async fn alternate(report: &mut Report) -> Result<()> {
    let count = MEMBERS * TYPES.len();
    println!("{count} alternate contacts of {MEMBERS} accounts");
    let options = SimulatorOptions {
        latency_milliseconds: Some(30),
        ..SimulatorOptions::default()
    };
    let builder = builder("alternate")
        .own_simulator(options)
        .provider(limits(|_| 100_000.0));
    let mut world = builder.drift("1h").try_build().await?;
    let member = |index: usize| format!("9{}{index:02}", &world.account[1..10]);
    let members: Vec<String> = (0..MEMBERS).map(member).collect();
    let path = format!("accounts/{}/organization", world.account);
    let organization = json!({"members": members});
    world
        .simulator
        .control("PUT", &path, Some(&organization))
        .await?;
    world.start_operator().await?;
    let (since, begin) = (world.last_call().await, Instant::now());
    let mut names = vec![];
    for account in &members {
        for type_ in TYPES {
            let name = format!("{}-{account}-{}", world.id, type_.to_lowercase());
            let object = json!({
                "apiVersion": "incident-operator.dev/v1alpha1", "kind": "AlternateContact", "metadata": {"name": name},
                "spec": {
                    "type": type_, "accountId": account, "name": "Team", "title": "On call",
                    "email": "team@example.com", "phone": "+1 500 555 0140",
                },
            });
            world.try_apply(&world.at_home(object)).await?;
            names.push(name);
        }
    }
    for name in &names {
        world.ready("AlternateContact", name).await;
    }
    println!("  all Ready after {:.1} s", begin.elapsed().as_secs_f64());
    let calls = world.operator_calls(since).await;
    let wrote = calls.iter().filter(|c| c.mutating).count();
    report.at_most(
        "alternate contacts: mutating calls per created contact",
        float(wrote) / float(count),
        1.0,
        "",
    );
    let interval = 10;
    set_drift(&mut world, &format!("{interval}s")).await?;
    tokio::time::sleep(seconds(interval * 2)).await;
    let (since, mark) = (
        world.last_call().await,
        world.audit().map_or(0, |log| log.mark()),
    );
    let cycles = 6;
    tokio::time::sleep(seconds(interval * cycles)).await;
    let calls = world.operator_calls(since).await;
    println!("  in {cycles} drift cycles: {}", by_operation(&calls));
    let cycles = float(usize::try_from(cycles)?);
    let reads = calls
        .iter()
        .filter(|c| c.operation == "GetAlternateContact");
    // One each; the interval is jittered.
    report.at_most(
        "alternate contacts: reads per check",
        float(reads.count()) / cycles / float(count),
        1.3,
        "",
    );
    let wrote = world.operator_writes(mark).len() + calls.iter().filter(|c| c.mutating).count();
    report.at_most("alternate contacts: writes at rest", float(wrote), 0.0, "");
    world.simulator.latency(0, None).await?;
    world.simulator.no_quotas().await?;
    Ok(())
}

/// Creation under budgets of 50 times the published quotas.
async fn throttled(count: usize, report: &mut Report) -> Result<()> {
    println!("{count} contacts under 50 times the published quotas");
    let options = SimulatorOptions {
        latency_milliseconds: Some(30),
        arguments: ["--quotas", "published", "--quota-multiplier", "50"]
            .map(ToOwned::to_owned)
            .to_vec(),
        ..SimulatorOptions::default()
    };
    let builder = builder("budget")
        .own_simulator(options)
        .provider(limits(|group| 50.0 * published(group)));
    let mut world = builder.drift("1h").try_build().await?;
    world.start_operator().await?;
    let since = world.last_call().await;
    let took = apply_all(&world, count, seconds(60)).await?;
    let calls = world.operator_calls(since).await;
    println!("  {}", by_operation(&calls));
    let writes = calls.iter().filter(|call| call.mutating).count();
    report.at_most(
        "apply to all Ready, 50 writes a second",
        took,
        1.2 * float(writes) / 50.0,
        "s",
    );
    let refused = calls
        .iter()
        .filter(|call| {
            call.error
                .as_deref()
                .is_some_and(|error| error.contains("Throttl"))
        })
        .count();
    report.at_most("throttled answers", float(refused), 0.0, "");
    finish(world).await
}
