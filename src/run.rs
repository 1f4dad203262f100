//! The composition root: clients, stores, watches, queue, leader election, admin server, shutdown.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use k8s_controller::LeaderElection;
use k8s_controller::events::EventRecorder;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::core::DeserializeGuard;
use kube::runtime::events::Reporter;
use kube::{Client, Resource, ResourceExt};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::admin::{self, Admin};
#[cfg(feature = "vpc-endpoints")]
use crate::api::VpcEndpoint;
use crate::api::conditions::ConditionType;
use crate::api::{
    AlternateContact, ChannelActivation, Contact, EscalationPlan, Incident, OnCallSchedule,
    ProviderConfig, ReplicationSet, ResponsePlan, RotationOverride, TestPage,
};
use crate::aws::{Accounts, Limiter, Priority, RequestMetrics};
use crate::cli::RunArguments;
use crate::engine::clock::Clock;
use crate::engine::connect::rates;
use crate::engine::controller::{
    Hook, Listed, SecretHook, watch_grants, watch_kind, watch_metadata,
};
use crate::engine::directory::View;
use crate::engine::object::{ManagedObject, trigger};
use crate::engine::provider_config::{ProviderConfigs, follow_users};
use crate::engine::reconcile::Engine;
use crate::engine::scheduler::{ObjectKey, Runner, Scheduler};
use crate::engine::shared::{Parts, Settings, Shared};
use crate::engine::status::condition;
use crate::engine::store::{ObjectStore, Seen};
use crate::metrics::Metrics;
#[cfg(feature = "vpc-endpoints")]
use crate::resources::vpc_endpoint;
use crate::resources::{
    alternate_contact, channel_activation, contact, escalation_plan, incident, incident_mirror,
    on_call_schedule, once, replication_set, response_plan, rotation_override, test_page,
};
use crate::{aws, telemetry};

/// How long a request to the API server may take, watches apart.
const API_SERVER_TIMEOUT: Duration = Duration::from_secs(30);

/// Why the process could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// No way to the API server.
    #[error("cannot reach the Kubernetes API server: {0}")]
    Kubernetes(#[from] kube::Error),
    /// No kubeconfig.
    #[error("no cluster to work for: {0}. Set KUBECONFIG, or run in a Pod")]
    Configuration(#[from] kube::config::InferConfigError),
    /// A file or an address.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// A bad log filter.
    #[error("--log-level: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// YAML.
    #[error("{0}")]
    Yaml(#[from] serde_saphyr::ser_error::Error),
    /// Another process has the lease now.
    #[error("the lease was lost: another replica works now")]
    LeaseLost,
}

/// Runs the operator until it is told to stop.
///
/// # Errors
/// When it cannot start, or has lost its lease.
pub fn start(arguments: RunArguments) -> Result<(), Failure> {
    telemetry::start(arguments.log_format, &arguments.log_level)?;
    // One provider for everybody; a second call only says that it is set.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let ended = runtime.block_on(run(arguments));
    // A thread may still wait for standard input.
    runtime.shutdown_background();
    ended
}

async fn run(arguments: RunArguments) -> Result<(), Failure> {
    let mut config = kube::Config::infer().await?;
    let own_namespace = arguments
        .namespace
        .clone()
        .unwrap_or_else(|| config.default_namespace.clone());
    // A watch is silent for minutes; everything else has an end, and is tried again by the queue and not by the client.
    let watch_client = Client::try_from(config.clone())?;
    config.read_timeout = Some(API_SERVER_TIMEOUT);
    config.reset_reader_on_write = true;
    config.default_retry = false;
    let client = Client::try_from(config)?;

    let requests = RequestMetrics::default();
    let metrics = Metrics::new(arguments.metrics_with_people, |registry| {
        requests.register(registry);
    });
    let limiter = Limiter::new(requests.clone());
    let accounts = Accounts::new(limiter.clone(), requests).await;
    let scheduler = Scheduler::new(arguments.concurrency);
    let stop = CancellationToken::new();
    stop_on_signals(&arguments, &stop);

    let ready = Arc::new(AtomicBool::new(false));
    let admin = Admin {
        metrics: metrics.clone(),
        scheduler: scheduler.clone(),
        ready: ready.clone(),
    };
    let address = admin::serve(admin, arguments.admin_listen, stop.clone()).await?;
    println!("admin http://{address}");

    let clock = Clock::default();
    if let Some(url) = &arguments.clock_url {
        follow_clock(url, &clock).await;
    }
    let shared = Arc::new(Shared::new(Parts {
        events: EventRecorder::new(
            client.clone(),
            Reporter {
                controller: "incident-operator".into(),
                instance: None,
            },
        ),
        client: client.clone(),
        watch_client,
        accounts,
        limiter,
        scheduler,
        clock: clock.clone(),
        settings: Settings {
            drift_interval: arguments.drift_interval,
            own_namespace: own_namespace.clone(),
            watch_namespaces: (!arguments.watch_namespaces.is_empty())
                .then(|| arguments.watch_namespaces.clone()),
            secret_namespaces: arguments.secret_namespaces.as_ref().map(|names| {
                let named = names.iter().filter(|name| !name.is_empty());
                named.cloned().collect()
            }),
            cluster_selector: arguments.cluster_selector.clone(),
            cross_namespace_references: !arguments.no_cross_namespace_refs,
        },
        metrics: metrics.clone(),
    }));
    ready.store(true, Ordering::Relaxed);

    let work = work(shared, arguments.clock_url.clone(), stop.clone());
    if !arguments.leader_election {
        metrics.set_leader(true);
        work.await;
        return Ok(());
    }
    let namespace = arguments.lease_namespace.clone().unwrap_or(own_namespace);
    let identity = format!(
        "{}-{}",
        std::env::var("HOSTNAME").unwrap_or_else(|_| "local".to_owned()),
        uuid::Uuid::new_v4().simple()
    );
    // The defaults take 21 s to notice a dead leader.
    let election = LeaderElection::new(client, &namespace, &arguments.lease_name, &identity)
        .with_lease_duration(Duration::from_secs(10))
        .with_renew_deadline(Duration::from_secs(7))
        .with_retry_period(Duration::from_secs(1));
    let leading = {
        let metrics = metrics.clone();
        async move {
            tracing::info!("leading");
            metrics.set_leader(true);
            work.await;
        }
    };
    let ended = tokio::select! {
        ended = election.with_lease(leading) => ended.is_some(),
        // Never led: nothing to hand over.
        () = wait_without_lease(&stop, &metrics) => true,
    };
    election.release().await;
    if ended || stop.is_cancelled() {
        Ok(())
    } else {
        Err(Failure::LeaseLost)
    }
}

/// Ends when told to stop while another replica leads; while leading, `work` itself ends.
async fn wait_without_lease(stop: &CancellationToken, metrics: &Metrics) {
    stop.cancelled().await;
    while metrics.is_leader() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Watches and works until `stop`.
async fn work(shared: Arc<Shared>, clock_url: Option<String>, stop: CancellationToken) {
    let watches = shared
        .settings
        .watch_namespaces
        .as_ref()
        .map_or(1, Vec::len);
    let contacts: Arc<ObjectStore<DeserializeGuard<Contact>>> =
        Arc::new(ObjectStore::new(Contact::KIND, watches));
    let activations: Arc<ObjectStore<DeserializeGuard<ChannelActivation>>> =
        Arc::new(ObjectStore::new(ChannelActivation::KIND, watches));
    let plans: Arc<ObjectStore<DeserializeGuard<EscalationPlan>>> =
        Arc::new(ObjectStore::new(EscalationPlan::KIND, watches));
    shared.directory.register(contacts.clone());
    shared.directory.register(plans.clone());
    let schedules: Arc<ObjectStore<DeserializeGuard<OnCallSchedule>>> =
        Arc::new(ObjectStore::new(OnCallSchedule::KIND, watches));
    let overrides: Arc<ObjectStore<DeserializeGuard<RotationOverride>>> =
        Arc::new(ObjectStore::new(RotationOverride::KIND, watches));
    shared.directory.register(schedules.clone());
    shared.directory.register(overrides.clone());
    let sets: Arc<ObjectStore<DeserializeGuard<ReplicationSet>>> =
        Arc::new(ObjectStore::new(ReplicationSet::KIND, 1));
    shared.directory.register(sets.clone());
    let alternate_contacts: Arc<ObjectStore<DeserializeGuard<AlternateContact>>> =
        Arc::new(ObjectStore::new(AlternateContact::KIND, 1));
    shared.directory.register(alternate_contacts.clone());
    let response_plans: response_plan::Store =
        Arc::new(ObjectStore::new(ResponsePlan::KIND, watches));
    shared.directory.register(response_plans.clone());
    let incidents: Arc<ObjectStore<DeserializeGuard<Incident>>> =
        Arc::new(ObjectStore::new(Incident::KIND, watches));
    shared.directory.register(incidents.clone());
    let test_pages: Arc<ObjectStore<DeserializeGuard<TestPage>>> =
        Arc::new(ObjectStore::new(TestPage::KIND, watches));
    shared.directory.register(test_pages.clone());
    #[cfg(feature = "vpc-endpoints")]
    let endpoints: Arc<ObjectStore<DeserializeGuard<VpcEndpoint>>> =
        Arc::new(ObjectStore::new(VpcEndpoint::KIND, watches));
    #[cfg(feature = "vpc-endpoints")]
    shared.directory.register(endpoints.clone());

    // The initial lists come before the first pass, or everything would seem to be missing.
    let (listed, mut listing) = mpsc::channel::<()>(1);
    watch_provider_configs(&shared, &listed, &stop);
    watch_grants(&shared, &listed, &stop);
    watch_contacts(&shared, &contacts, &activations, &listed, &stop);
    let nobody: Arc<Hook<ChannelActivation>> = Arc::new(|_| {});
    watch_kind::<ChannelActivation>(&shared, &activations, &nobody, &listed, &stop);
    watch_aliases(&shared, &plans, &listed, &stop);
    watch_response_plans(&shared, &response_plans, &listed, &stop);
    watch_aliases(&shared, &incidents, &listed, &stop);
    watch_aliases(&shared, &test_pages, &listed, &stop);
    #[cfg(feature = "vpc-endpoints")]
    watch_endpoints(&shared, &endpoints, &listed, &stop);
    watch_schedules(&shared, &schedules, &listed, &stop);
    watch_overrides(&shared, &overrides, &listed, &stop);
    watch_replication_sets(&shared, &sets, &listed, &stop);
    watch_alternate_contacts(&shared, &alternate_contacts, &listed, &stop);
    let users = SecretUsers {
        contacts: contacts.clone(),
        activations: activations.clone(),
        alternate_contacts: alternate_contacts.clone(),
    };
    watch_everything_else(&shared, users, &listed, &stop);
    drop(listed);
    // Ends when every watch has dropped its end.
    tokio::select! {
        _ = listing.recv() => {}
        () = stop.cancelled() => return,
    }
    tracing::info!(
        contacts = contacts.count(|_| true),
        "the initial lists are complete"
    );

    if let Some(url) = clock_url {
        let (clock, stop, shared, activations) = (
            shared.clock.clone(),
            stop.clone(),
            shared.clone(),
            activations.clone(),
        );
        tokio::spawn(async move {
            while !stop.is_cancelled() {
                tokio::time::sleep(Duration::from_millis(200)).await;
                if follow_clock(&url, &clock).await {
                    shared.directory.wake(&shared.scheduler, |_| true);
                    wake_all(&shared, &activations, |_| true);
                    wake_all(&shared, &shared.provider_configs, |_| true);
                }
            }
        });
    }
    let wake_users = {
        let shared = shared.clone();
        Box::new(move |name: &str| wake_users(&shared, name))
    };
    let mirrors = incident_mirror::Mirrors::new(shared.clone(), response_plans.clone(), incidents);
    #[cfg_attr(
        not(feature = "vpc-endpoints"),
        allow(unused_mut, reason = "a kind is added with the feature")
    )]
    let mut runners: HashMap<&'static str, Arc<dyn Runner>> = HashMap::from([
        (
            ProviderConfig::KIND,
            Arc::new(ProviderConfigs::new(shared.clone(), wake_users)) as Arc<dyn Runner>,
        ),
        (
            Contact::KIND,
            Arc::new(Engine::new(
                shared.clone(),
                contact::Contacts,
                contacts.clone(),
            )),
        ),
        (
            EscalationPlan::KIND,
            Arc::new(Engine::new(
                shared.clone(),
                escalation_plan::EscalationPlans {
                    shared: shared.clone(),
                },
                plans,
            )),
        ),
        (
            ResponsePlan::KIND,
            Arc::new(Engine::new(
                shared.clone(),
                response_plan::ResponsePlans {
                    shared: shared.clone(),
                    plans: response_plans.clone(),
                },
                response_plans,
            )),
        ),
        (
            OnCallSchedule::KIND,
            Arc::new(Engine::new(
                shared.clone(),
                on_call_schedule::OnCallSchedules::new(contacts.clone(), overrides.clone()),
                schedules.clone(),
            )),
        ),
        (
            RotationOverride::KIND,
            Arc::new(Engine::new(
                shared.clone(),
                rotation_override::RotationOverrides {
                    shared: shared.clone(),
                    schedules,
                    overrides: overrides.clone(),
                    claims: rotation_override::claims::Claims::default(),
                },
                overrides,
            )),
        ),
        (
            ReplicationSet::KIND,
            Arc::new(Engine::new(
                shared.clone(),
                replication_set::ReplicationSets {
                    shared: shared.clone(),
                    sets: sets.clone(),
                },
                sets,
            )),
        ),
        (
            AlternateContact::KIND,
            Arc::new(Engine::new(
                shared.clone(),
                alternate_contact::AlternateContacts::new(
                    shared.clone(),
                    alternate_contacts.clone(),
                ),
                alternate_contacts,
            )),
        ),
        (
            Incident::KIND,
            Arc::new(once::Requests::new(
                shared.clone(),
                incident::Incidents::default(),
            )),
        ),
        (
            TestPage::KIND,
            Arc::new(once::Requests::new(shared.clone(), test_page::TestPages)),
        ),
        (incident_mirror::KIND, Arc::new(mirrors)),
        (
            ChannelActivation::KIND,
            Arc::new(channel_activation::ChannelActivations::new(shared.clone())),
        ),
    ]);
    #[cfg(feature = "vpc-endpoints")]
    runners.insert(
        VpcEndpoint::KIND,
        Arc::new(Engine::new(
            shared.clone(),
            vpc_endpoint::VpcEndpoints::new(shared.clone()),
            endpoints,
        )),
    );
    tokio::spawn(follow_users(shared.clone(), stop.clone()));
    shared.scheduler.run(&runners, stop).await;
}

fn wake_all<K: ManagedObject>(
    shared: &Shared,
    store: &ObjectStore<DeserializeGuard<K>>,
    wanted: impl Fn(&K) -> bool,
) {
    for guard in store.filter(|g| g.0.as_ref().is_ok_and(&wanted)) {
        if let Ok(object) = &guard.0 {
            shared.scheduler.wake(object.key(), object.priority());
        }
    }
}

fn wake_users(shared: &Shared, name: &str) {
    shared
        .directory
        .wake(&shared.scheduler, |v| v.provider_config() == Some(name));
}

fn watch_provider_configs(shared: &Arc<Shared>, listed: &Listed, stop: &CancellationToken) {
    let own = shared.clone();
    let seen: Arc<Hook<ProviderConfig>> = Arc::new(
        move |seen: &Seen<DeserializeGuard<ProviderConfig>>| match seen {
            Seen::Applied { now, before } => {
                if let Ok(config) = &now.0
                    && before
                        .as_ref()
                        .is_none_or(|b| trigger(&**b) != trigger(&**now))
                {
                    let placement =
                        aws::Placement::new(&config.spec.account_id, &config.spec.region);
                    own.limiter
                        .set_rates(&config.name_any(), &placement, rates(&config.spec));
                    wake_users(&own, &config.name_any());
                }
            }
            Seen::Gone(config) => {
                let name = config.meta().name.clone().unwrap_or_default();
                own.limiter.forget_rates(&name);
                own.accounts.forget(&name);
                wake_users(&own, &name);
            }
        },
    );
    watch_kind::<ProviderConfig>(shared, &shared.provider_configs, &seen, listed, stop);
}

fn watch_contacts(
    shared: &Arc<Shared>,
    contacts: &Arc<ObjectStore<DeserializeGuard<Contact>>>,
    activations: &Arc<ObjectStore<DeserializeGuard<ChannelActivation>>>,
    listed: &Listed,
    stop: &CancellationToken,
) {
    let (own, requests) = (shared.clone(), activations.clone());
    let also: Arc<Hook<Contact>> =
        Arc::new(move |seen: &Seen<DeserializeGuard<Contact>>| match seen {
            Seen::Applied { now, before } => {
                let channels = |g: &DeserializeGuard<Contact>| {
                    g.0.as_ref()
                        .ok()
                        .and_then(|c| c.status.as_ref().map(|s| s.channels.clone()))
                };
                if channels(now) != before.as_ref().and_then(|b| channels(b)) {
                    // Requests wait for their channel to exist.
                    wake_all(&own, &requests, |a| {
                        a.spec.contact_ref.name == now.name_any()
                            && a.namespace() == now.namespace()
                    });
                }
            }
            Seen::Gone(gone) => alias_is_free(&own, &**gone),
        });
    watch_kind::<Contact>(shared, contacts, &also, listed, stop);
}

fn watch_schedules(
    shared: &Arc<Shared>,
    schedules: &Arc<ObjectStore<DeserializeGuard<OnCallSchedule>>>,
    listed: &Listed,
    stop: &CancellationToken,
) {
    let own = shared.clone();
    let also: Arc<Hook<OnCallSchedule>> = Arc::new(
        move |seen: &Seen<DeserializeGuard<OnCallSchedule>>| match seen {
            Seen::Applied { now, before } => {
                if rotations_changed(now) != before.as_ref().and_then(|b| rotations_changed(b)) {
                    look_at_overrides(&own, &**now);
                }
            }
            Seen::Gone(gone) => {
                let namespace = gone.meta().namespace.clone().unwrap_or_default();
                own.metrics.forget_on_call(&namespace, &gone.name_any());
                alias_is_free(&own, &**gone);
            }
        },
    );
    watch_kind::<OnCallSchedule>(shared, schedules, &also, listed, stop);
}

/// When each rotation of a schedule was last changed in AWS.
fn rotations_changed(schedule: &DeserializeGuard<OnCallSchedule>) -> Option<Vec<Option<Time>>> {
    let status = schedule.0.as_ref().ok()?.status.as_ref()?;
    let changed = status.rotations.iter().map(|r| r.changed_at.clone());
    Some(changed.collect())
}

/// AWS may forget overrides when their rotation is changed, which is about to happen.
fn look_at_overrides(shared: &Shared, schedule: &dyn View) {
    let soon = Duration::from_secs(5);
    for key in shared.references.naming(&schedule.key(), None) {
        if key.kind == RotationOverride::KIND {
            shared.scheduler.wake_later(key, Priority::Urgent, soon);
        }
    }
}

/// A schedule shows the overrides that AWS has: it looks again when one was made or taken away.
fn watch_overrides(
    shared: &Arc<Shared>,
    overrides: &Arc<ObjectStore<DeserializeGuard<RotationOverride>>>,
    listed: &Listed,
    stop: &CancellationToken,
) {
    let own = shared.clone();
    let also: Arc<Hook<RotationOverride>> =
        Arc::new(move |seen: &Seen<DeserializeGuard<RotationOverride>>| {
            let applied = |guard: &DeserializeGuard<RotationOverride>| {
                let status = guard.0.as_ref().ok().and_then(|o| o.status.as_ref());
                status.map(|s| s.overrides.clone()).unwrap_or_default()
            };
            let (object, before, now) = match seen {
                Seen::Applied { now, before } => {
                    let before = before.as_ref().map(|b| applied(b));
                    (now, before.unwrap_or_default(), applied(now))
                }
                Seen::Gone(gone) => (gone, applied(gone), vec![]),
            };
            if before != now
                && let Ok(object) = &object.0
            {
                let schedule = ObjectKey {
                    kind: OnCallSchedule::KIND,
                    namespace: object.namespace(),
                    name: object.spec.schedule_ref.name.clone(),
                };
                own.scheduler.wake(schedule, Priority::Urgent);
            }
        });
    watch_kind::<RotationOverride>(shared, overrides, &also, listed, stop);
}

/// Of several objects for one account the first has it: when one goes, the others look again.
fn watch_replication_sets(
    shared: &Arc<Shared>,
    sets: &Arc<ObjectStore<DeserializeGuard<ReplicationSet>>>,
    listed: &Listed,
    stop: &CancellationToken,
) {
    let (own, others) = (shared.clone(), sets.clone());
    let also: Arc<Hook<ReplicationSet>> =
        Arc::new(move |seen: &Seen<DeserializeGuard<ReplicationSet>>| {
            if matches!(seen, Seen::Gone(_)) {
                wake_all(&own, &others, |_| true);
            }
        });
    watch_kind::<ReplicationSet>(shared, sets, &also, listed, stop);
}

/// Of several objects for one contact the first has it: when one goes, those that could not have it look again. Each shows which contacts
/// its account is without, so the others of an account look again when one of them comes or goes.
fn watch_alternate_contacts(
    shared: &Arc<Shared>,
    contacts: &Arc<ObjectStore<DeserializeGuard<AlternateContact>>>,
    listed: &Listed,
    stop: &CancellationToken,
) {
    let (own, others) = (shared.clone(), contacts.clone());
    let also: Arc<Hook<AlternateContact>> =
        Arc::new(move |seen: &Seen<DeserializeGuard<AlternateContact>>| {
            let is_set = |guard: &DeserializeGuard<AlternateContact>| {
                guard.0.as_ref().is_ok_and(alternate_contact::is_set)
            };
            let (guard, went) = match seen {
                Seen::Gone(gone) => (gone, true),
                Seen::Applied { now, before } => {
                    if before.as_ref().is_none_or(|b| is_set(b) == is_set(now)) {
                        return;
                    }
                    (now, false)
                }
            };
            if let Ok(object) = &guard.0 {
                wake_all(&own, &others, |other| {
                    alternate_contact::concerns(object, went, other)
                });
            }
        });
    watch_kind::<AlternateContact>(shared, contacts, &also, listed, stop);
}

/// Endpoints of a VPC stand in each other's way, and need each other: when one comes, goes or lets go of something, the others that this
/// concerns look again.
#[cfg(feature = "vpc-endpoints")]
fn watch_endpoints(
    shared: &Arc<Shared>,
    endpoints: &Arc<ObjectStore<DeserializeGuard<VpcEndpoint>>>,
    listed: &Listed,
    stop: &CancellationToken,
) {
    let (own, others) = (shared.clone(), endpoints.clone());
    let also: Arc<Hook<VpcEndpoint>> =
        Arc::new(move |seen: &Seen<DeserializeGuard<VpcEndpoint>>| {
            let object = |guard: &Arc<DeserializeGuard<VpcEndpoint>>| guard.0.clone().ok();
            let (before, now) = match seen {
                Seen::Gone(gone) => (object(gone), None),
                Seen::Applied { now, before } => (before.as_ref().and_then(object), object(now)),
            };
            vpc_endpoint::figures::count(&own.metrics, before.as_ref(), now.as_ref());
            // What was there when the operator started has been seen by everybody already.
            if before.is_none() {
                return;
            }
            let concerned = vpc_endpoint::neighbours::concerned(before.as_ref(), now.as_ref());
            let Some(concerned) = concerned else { return };
            for guard in others.filter(|g| g.0.as_ref().is_ok_and(|o| concerned.includes(o))) {
                // AWS is listed anew by then.
                let soon = Duration::from_secs(2);
                own.scheduler
                    .wake_later(others.key(&guard), Priority::Edit, soon);
            }
        });
    watch_kind::<VpcEndpoint>(shared, endpoints, &also, listed, stop);
}

/// A response plan may show incidents that were opened elsewhere.
fn watch_response_plans(
    shared: &Arc<Shared>,
    plans: &response_plan::Store,
    listed: &Listed,
    stop: &CancellationToken,
) {
    let own = shared.clone();
    let also: Arc<Hook<ResponsePlan>> =
        Arc::new(move |seen: &Seen<DeserializeGuard<ResponsePlan>>| {
            let trigger = |guard: &DeserializeGuard<ResponsePlan>| {
                guard.0.as_ref().ok().map(incident_mirror::trigger)
            };
            match seen {
                Seen::Applied { now, before } => {
                    if trigger(now) != before.as_ref().and_then(|b| trigger(b)) {
                        let key = incident_mirror::key(&**now);
                        own.scheduler.wake(key, Priority::Edit);
                    }
                }
                Seen::Gone(gone) => own.scheduler.forget(&incident_mirror::key(&**gone)),
            }
        });
    watch_kind::<ResponsePlan>(shared, plans, &also, listed, stop);
}

/// Watches a kind that has an alias and nobody but its referrers to tell.
fn watch_aliases<K: ManagedObject>(
    shared: &Arc<Shared>,
    store: &Arc<ObjectStore<DeserializeGuard<K>>>,
    listed: &Listed,
    stop: &CancellationToken,
) {
    let own = shared.clone();
    let also: Arc<Hook<K>> = Arc::new(move |seen: &Seen<DeserializeGuard<K>>| {
        if let Seen::Gone(gone) = seen {
            alias_is_free(&own, &**gone);
        }
    });
    watch_kind::<K>(shared, store, &also, listed, stop);
}

/// `gone` has left its alias, which several kinds share: whoever was refused because of it need not wait.
fn alias_is_free(shared: &Shared, gone: &dyn View) {
    let Some(alias) = gone.alias() else { return };
    shared.directory.wake(&shared.scheduler, |view| {
        let ready = view.common();
        let ready = ready.and_then(|c| condition(c, ConditionType::Ready));
        ready.is_none_or(|c| c.status != "True") && view.alias().as_ref() == Some(&alias)
    });
}

/// Kinds that take values from Secrets.
struct SecretUsers {
    contacts: Arc<ObjectStore<DeserializeGuard<Contact>>>,
    activations: Arc<ObjectStore<DeserializeGuard<ChannelActivation>>>,
    alternate_contacts: Arc<ObjectStore<DeserializeGuard<AlternateContact>>>,
}

fn watch_everything_else(
    shared: &Arc<Shared>,
    users: SecretUsers,
    listed: &Listed,
    stop: &CancellationToken,
) {
    let own = shared.clone();
    let SecretUsers {
        contacts: people,
        activations: requests,
        alternate_contacts,
    } = users;
    let secret_changed: Arc<SecretHook> = Arc::new(move |namespace: &str, name: &str| {
        let wake = |key: ObjectKey| own.scheduler.wake(key, Priority::Edit);
        let here = |n: Option<String>| n.as_deref() == Some(namespace);
        for guard in people.filter(|g| {
            g.0.as_ref()
                .is_ok_and(|c| here(c.namespace()) && contact::uses_secret(c, name))
        }) {
            wake(people.key(&guard));
        }
        for guard in requests.filter(|g| {
            g.0.as_ref()
                .is_ok_and(|a| here(a.namespace()) && channel_activation::uses_secret(a, name))
        }) {
            wake(requests.key(&guard));
        }
        if own.settings.own_namespace == namespace {
            for guard in alternate_contacts.filter(|g| {
                g.0.as_ref()
                    .is_ok_and(|c| alternate_contact::uses_secret(c, name))
            }) {
                wake(alternate_contacts.key(&guard));
            }
        }
    });
    let own = shared.clone();
    let namespace_changed = Arc::new(move |namespace: &str| {
        own.directory.wake(&own.scheduler, |v| {
            v.key().namespace.as_deref() == Some(namespace)
        });
    });
    watch_metadata(shared, &secret_changed, namespace_changed, listed, stop);
}

/// Sets `clock` to what the URL says; true when that was a jump.
pub(crate) async fn follow_clock(url: &str, clock: &Clock) -> bool {
    #[derive(serde::Deserialize)]
    struct Answer {
        now: Timestamp,
    }
    let Some(text) = get(url).await else {
        return false;
    };
    serde_json::from_str::<Answer>(&text).is_ok_and(|answer| clock.set(answer.now))
}

/// A plain HTTP GET of a loopback URL; only the hidden clock needs one.
async fn get(url: &str) -> Option<String> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let rest = url.strip_prefix("http://")?;
    let (host, path) = rest.split_once('/')?;
    let mut stream = tokio::net::TcpStream::connect(host).await.ok()?;
    let request = format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    let body = answer.split_once("\r\n\r\n")?.1;
    Some(body[body.find('{')?..=body.rfind('}')?].to_owned())
}

fn stop_on_signals(arguments: &RunArguments, stop: &CancellationToken) {
    let stopping = stop.clone();
    tokio::spawn(async move {
        let terminated = async {
            match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
                Ok(mut signal) => {
                    signal.recv().await;
                }
                Err(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            () = terminated => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        tracing::info!("stopping");
        stopping.cancel();
    });
    if arguments.exit_with_stdin {
        let stopping = stop.clone();
        tokio::spawn(async move {
            use tokio::io::AsyncReadExt;
            let mut sink = [0; 64];
            let mut stdin = tokio::io::stdin();
            while stdin.read(&mut sink).await.is_ok_and(|n| n > 0) {}
            stopping.cancel();
        });
    }
}
