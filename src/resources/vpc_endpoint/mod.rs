//! `VpcEndpoint`: glue between the engine and the pure files of this room.

pub mod aws;
pub mod desired;
pub mod figures;
pub mod find;
pub mod neighbours;
pub mod observed;
pub mod plan;
pub mod policy;
pub mod posture;
pub mod preflight;
pub mod refusal;
pub mod report;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use kube::Resource;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::api::VpcEndpoint;
use crate::api::common::{AdoptionPolicy, AppliedStatus, CommonSpec, ManagementPolicy};
use crate::api::provider_config::ProviderConfigSpec;
use crate::api::vpc_endpoint::{EndpointType, VpcEndpointStatus};
use crate::aws::{CallError, Placement, Priority, Session, SharedList, arn};
use crate::engine::object::managed_object;
use crate::engine::ownership::TagPlan;
use crate::engine::status::accept;
use crate::engine::{
    Applied, Error, ExternalObject, ExternalResource, ManagedObject, Memory, Provider, Report,
    Reported, Shared, Sight,
};
use aws::Ages;
use desired::{Desired, Place};
use find::Sought;
use observed::{Observed, VpcDns, id_of};
use plan::{Change, ENDPOINT_SLOT, GROUP_SLOT};
use posture::cost::Price;

managed_object!(VpcEndpoint, VpcEndpointStatus, "VpcEndpoint", |spec|
suspended: spec.common.suspend.unwrap_or(false),
accepted: spec.common.accepted_findings.as_deref().unwrap_or_default(),
provider: Some(spec.common.provider_config_ref.as_ref().map_or("default", |r| r.name.as_str())));

impl ExternalObject for VpcEndpoint {
    fn common_spec(&self) -> &CommonSpec {
        &self.spec.common
    }
}

/// How old a list may be for a pass that somebody waits for: many of them share one.
const NOW: Duration = Duration::from_secs(1);
/// The same for what changes seldom.
const LATELY: Duration = Duration::from_secs(10);
/// The same for a drift check: checks are spread over the interval, and however many there are, there is one list a minute.
const DRIFT_AGE: Duration = Duration::from_secs(60);
/// The same for what changes seldom.
const STANDING_AGE: Duration = Duration::from_secs(120);
/// The same for the catalogue of services.
const CATALOGUE_AGE: Duration = Duration::from_secs(900);
/// AWS may show what was before a change for so long.
const SHOWS_LATE: Duration = Duration::from_secs(8);

/// DNS attributes by account, Region and VPC.
type DnsLists = HashMap<(Placement, String), Arc<SharedList<VpcDns>>>;

/// The kind `VpcEndpoint`.
pub struct VpcEndpoints {
    shared: Arc<Shared>,
    /// When this process last wrote: by id of an endpoint or a group, and by VPC and service for those that have none yet.
    written: Mutex<HashMap<String, Instant>>,
    /// When a pass over an object began to look at its network. What it has read then serves it to its end, however long AWS takes to answer.
    looked: Mutex<HashMap<String, Instant>>,
    /// DNS attributes of VPCs.
    dns: Mutex<DnsLists>,
}

impl VpcEndpoints {
    /// Nothing is known yet.
    pub fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            written: Mutex::default(),
            looked: Mutex::default(),
            dns: Mutex::default(),
        }
    }

    /// When the last one of these was written.
    fn written_at<'a>(&self, whats: impl IntoIterator<Item = &'a str>) -> Option<Instant> {
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let times = whats.into_iter().filter_map(|what| written.get(what));
        times.max().copied()
    }

    fn note_write(&self, whats: &[&str]) {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.retain(|_, at| at.elapsed() < Duration::from_secs(300));
        let now = Instant::now();
        written.extend(whats.iter().map(|what| ((*what).to_owned(), now)));
    }

    fn note_look(&self, identity: String, began: Instant) {
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        looked.insert(identity, began);
    }

    /// How long ago the pass began to look; once, since what it looks at later is to be newer.
    fn look(&self, identity: &str) -> Option<Duration> {
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        looked.remove(identity).map(|began| began.elapsed())
    }

    fn dns_list(&self, placement: &Placement, vpc_id: &str) -> Arc<SharedList<VpcDns>> {
        let mut lists = self.dns.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (placement.clone(), vpc_id.to_owned());
        Arc::clone(lists.entry(key).or_default())
    }

    fn ages(&self, priority: Priority, written_at: Option<Instant>) -> Ages {
        let half = self.shared.settings.drift_interval / 2;
        if priority == Priority::Drift {
            return Ages {
                moving: DRIFT_AGE.min(half),
                standing: STANDING_AGE.min(half),
                catalogue: CATALOGUE_AGE,
                written_at,
            };
        }
        Ages {
            moving: NOW,
            standing: if priority == Priority::Edit {
                NOW
            } else {
                LATELY.min(half)
            },
            catalogue: CATALOGUE_AGE,
            written_at,
        }
    }
}

fn sought(object: &VpcEndpoint, sight: &Sight<'_, VpcEndpoints>, region: &str) -> Sought {
    let spec = &object.spec;
    let common = VpcEndpoint::common_status(sight.status);
    let items = || common.applied.iter().flat_map(|a| &a.items);
    let recorded = items()
        .filter(|i| i.slot == ENDPOINT_SLOT)
        .map(|i| i.id.as_str())
        .chain(common.arn.as_deref().filter(|_| common.origin.is_some()))
        .map(|arn| id_of(arn).to_owned())
        .collect();
    let group = items().find(|i| i.slot == GROUP_SLOT).map(|i| i.id.clone());
    let observes = spec.common.management_policy == Some(ManagementPolicy::Observe);
    let adopts = spec.common.adoption_policy.unwrap_or_default() != AdoptionPolicy::Never;
    Sought {
        recorded,
        recorded_group: group,
        claim: (
            sight.claimant.owner.clone(),
            sight.claimant.object.as_str().to_owned(),
        ),
        named: spec.vpc_endpoint_id.clone(),
        vpc_id: spec.vpc_id.clone(),
        service_name: desired::service_name(spec, region),
        type_: Some(spec.type_),
        takes_others: adopts || observes,
        observes,
        deleting: object.meta().deletion_timestamp.is_some(),
    }
}

impl ExternalResource for VpcEndpoints {
    type Object = VpcEndpoint;
    type References = Place;
    type Desired = Desired;
    type Observed = Observed;
    type Change = Change;
    type Surroundings = ();

    const SLOT: &'static str = ENDPOINT_SLOT;
    const NEEDS_REPLICATION_SET: bool = false;

    fn identity(object: &VpcEndpoint, provider: &Provider) -> String {
        let region = &provider.account.config.placement.region;
        let what = object
            .spec
            .vpc_endpoint_id
            .clone()
            .unwrap_or_else(|| desired::service_name(&object.spec, region));
        format!("{}/{what}", object.spec.vpc_id)
    }

    fn display_name(object: &VpcEndpoint) -> String {
        let spec = &object.spec;
        match (
            &spec.vpc_endpoint_id,
            object.status.as_ref().and_then(|s| s.id.as_ref()),
        ) {
            (Some(id), _) | (None, Some(id)) => format!("the endpoint {id}"),
            (None, None) => {
                let service = spec.service.as_ref().or(spec.service_name.as_ref());
                format!(
                    "the endpoint for {} in {}",
                    service.map_or("", String::as_str),
                    spec.vpc_id
                )
            }
        }
    }

    fn desired(
        object: &VpcEndpoint,
        place: &Place,
        tags: BTreeMap<String, String>,
    ) -> Result<Desired, Error> {
        desired::desired(object, place, tags)
    }

    fn plan(
        desired: &Desired,
        observed: Option<&Observed>,
        _: Memory<'_>,
    ) -> Result<Vec<Change>, Error> {
        plan::plan(desired, observed)
    }

    fn due(
        _: &Desired,
        observed: Option<&Observed>,
        changes: Vec<Change>,
        _: Timestamp,
    ) -> Vec<Change> {
        plan::due(observed, changes)
    }

    fn explain(error: &CallError) -> Option<Error> {
        refusal::explain(error)
    }

    fn tag_changes(
        plan: &TagPlan,
        wanted: Option<(&Desired, &BTreeMap<String, String>)>,
        observed: Option<&Observed>,
    ) -> Vec<Change> {
        plan::tag_changes(plan, wanted.map(|(_, all)| all), observed)
    }

    fn plan_delete(observed: &Observed) -> Vec<Change> {
        plan::plan_delete(observed)
    }

    fn going(observed: &Observed) -> Option<Error> {
        plan::going(observed)
    }

    fn project(
        observed: Option<Observed>,
        desired: &Desired,
        change: &Change,
        id: Option<&str>,
    ) -> Option<Observed> {
        plan::project(observed, desired, change, id)
    }

    fn must_observe_after(change: &Change) -> bool {
        !matches!(change, Change::SetTags { .. } | Change::RemoveTags { .. })
    }

    fn arn(observed: &Observed) -> String {
        observed.arn.clone()
    }

    fn other_type(observed: &Observed) -> Option<String> {
        observed.obstacle.clone()
    }

    fn items(_: &Desired, observed: &Observed) -> Vec<(String, String)> {
        let endpoint =
            (!observed.arn.is_empty()).then(|| (ENDPOINT_SLOT.to_owned(), observed.arn.clone()));
        let group = observed
            .group
            .as_ref()
            .map(|g| (GROUP_SLOT.to_owned(), g.id.clone()));
        endpoint.into_iter().chain(group).collect()
    }

    fn has(observed: &Observed, id: &str) -> bool {
        observed.arn == id || observed.group.as_ref().is_some_and(|g| g.id == id)
    }

    fn is_wanted(desired: &Desired, slot: &str) -> bool {
        slot == ENDPOINT_SLOT || (slot == GROUP_SLOT && desired.group.is_some())
    }

    fn same_incarnation(observed: &Observed, applied: &AppliedStatus) -> bool {
        let mut items = applied.items.iter();
        items.any(|i| i.slot == ENDPOINT_SLOT && i.id == observed.arn)
    }

    fn tick(
        object: &VpcEndpoint,
        status: &mut VpcEndpointStatus,
        _: Timestamp,
    ) -> Option<Timestamp> {
        report::unseen(&object.spec, status);
        None
    }

    fn foretell(desired: &Desired, _: &[Change], status: &mut VpcEndpointStatus, _: Timestamp) {
        plan::foretell(desired, status);
    }

    fn report(reported: Reported<'_, Self>, status: &mut VpcEndpointStatus) -> Report {
        let accepted = reported.object.accepted_findings();
        let accept = |findings| accept(findings, accepted, reported.now);
        report::report(reported.desired, reported.observed, accept, status)
    }

    fn unfinished(desired: &Desired, observed: Option<&Observed>, _: Timestamp) -> Option<Error> {
        plan::unfinished(desired, observed?)
    }

    fn surroundings(&self, _: &VpcEndpoint, _: Option<&Observed>) {}

    async fn resolve(
        &self,
        _: &Shared,
        provider: &Provider,
        object: &VpcEndpoint,
    ) -> Result<Place, Error> {
        let priority = object.priority();
        let session = provider.account.session(priority, CancellationToken::new());
        let placement = &session.account.config.placement;
        let own = Self::identity(object, provider);
        let began = Instant::now();
        let mut ages = self.ages(priority, None);
        let known = object.status.as_ref().is_some_and(|s| s.id.is_some());
        if !known {
            ages = self.ages(Priority::Create, self.written_at([own.as_str()]));
        }
        let mut network = aws::network(&session, ages).await?;
        let spec = &object.spec;
        if !desired::names_what_is_there(spec, &network) {
            // It may have been made since, right before this object. One that was judged already is not worth a list of its own.
            let common = object.status.as_ref().map(|s| &s.common);
            let judged = common.and_then(|c| c.observed_generation) == object.metadata.generation;
            let age = if judged { NOW } else { Duration::ZERO };
            (ages.standing, ages.moving) = (age, age);
            network = aws::network(&session, ages).await?;
        }
        let private_dns =
            spec.type_ == EndpointType::Interface && spec.private_dns_enabled.unwrap_or(true);
        if private_dns && network.vpcs.contains_key(&spec.vpc_id) {
            let list = self.dns_list(placement, &spec.vpc_id);
            let dns = aws::dns(&session, &list, &spec.vpc_id, ages.standing).await?;
            network.dns = Arc::new(BTreeMap::from([(spec.vpc_id.clone(), dns)]));
        }
        self.note_look(own, began);
        let name = desired::service_name(spec, &placement.region);
        let service = aws::service(&session, &name, ages.catalogue).await?;
        Ok(Place {
            account_id: placement.account_id.clone(),
            region: placement.region.clone(),
            owner: provider.spec.owner_id.clone(),
            service_missing: service.is_none(),
            hour: hour(&provider.spec),
            network,
            service,
        })
    }

    async fn observe(&self, sight: Sight<'_, Self>) -> Result<Option<Observed>, CallError> {
        let Sight {
            session, object, ..
        } = sight;
        let placement = &session.account.config.placement;
        let sought = sought(object, &sight, &placement.region);
        let known = || {
            let ids = sought.recorded.iter().chain(&sought.recorded_group);
            ids.map(String::as_str)
        };
        let mut written_at = self.written_at(known());
        let mut ages = self.ages(session.priority, written_at);
        if let Some(age) = self.look(sight.identity) {
            ages.moving = ages.moving.max(age);
            ages.standing = ages.standing.max(age);
        }
        let mut network = aws::network(session, ages).await?;
        let mut found = find::find(&sought, &network);
        let lacks_group = object.spec.managed_security_group.is_some() && found.group.is_none();
        if found.endpoint.is_none() || lacks_group {
            // It may have been made since the list was read, without an answer; or what was in the way has gone.
            written_at = written_at.max(self.written_at([sight.identity]));
            network = aws::network(session, self.ages(session.priority, written_at)).await?;
            found = find::find(&sought, &network);
        }
        if found.endpoint.is_none() && found.group.is_none() && found.obstacle.is_none() {
            return Ok(None);
        }
        let ids = found.endpoint.as_ref().map(|e| e.id.as_str()).into_iter();
        let ids: Vec<&str> = ids
            .chain(found.group.as_ref().map(|g| g.id.as_str()))
            .collect();
        // Of one that is not recorded yet nobody knows when it was made: with the last one that was made there, at the latest.
        let unrecorded = ids.iter().any(|id| known().all(|known| known != *id));
        let ids = ids.into_iter().chain(unrecorded.then_some(sight.identity));
        let just_written = self
            .written_at(ids)
            .is_some_and(|at| at.elapsed() < SHOWS_LATE);
        Ok(Some(Observed {
            arn: found
                .endpoint
                .as_ref()
                .map(|e| arn_of(placement, &e.id))
                .unwrap_or_default(),
            endpoint: found.endpoint,
            group: found.group,
            network,
            obstacle: found.obstacle,
            just_written,
        }))
    }

    async fn read_tags(
        &self,
        session: &Session,
        observed: &mut Observed,
    ) -> Result<Option<BTreeMap<String, String>>, CallError> {
        let Some(endpoint) = &mut observed.endpoint else {
            return Ok(Some(
                observed
                    .group
                    .as_ref()
                    .map(|g| g.tags.clone())
                    .unwrap_or_default(),
            ));
        };
        // They came with the list; what is about to be written is looked at anew.
        if session.priority != Priority::Drift
            && let Some(tags) = aws::tags(session, &endpoint.id).await?
        {
            endpoint.tags = tags;
        }
        Ok(Some(endpoint.tags.clone()))
    }

    async fn apply(
        &self,
        session: &Session,
        identity: &str,
        change: &Change,
        token: &str,
        ids: &BTreeMap<String, String>,
    ) -> Result<Applied, CallError> {
        let placement = &session.account.config.placement;
        let mut whats = change.ids();
        whats.extend(ids.get(GROUP_SLOT).map(String::as_str));
        whats.push(identity);
        // Before and after: what is read meanwhile may be either.
        self.note_write(&whats);
        let applied = aws::apply(session, change, token, ids, |id| arn_of(placement, id)).await;
        let made = applied
            .as_ref()
            .ok()
            .and_then(|applied| applied.id.as_deref());
        whats.extend(made.map(id_of));
        self.note_write(&whats);
        applied
    }
}

/// What an hour of an interface endpoint in a zone costs, as the ProviderConfig says.
fn hour(spec: &ProviderConfigSpec) -> Price {
    let said = spec.prices.as_ref();
    let said = said.and_then(|p| p.interface_endpoint_hour_usd.as_deref());
    // The schema takes no other text.
    said.and_then(|text| text.parse().ok()).unwrap_or_default()
}

fn arn_of(placement: &Placement, id: &str) -> String {
    format!(
        "arn:{}:ec2:{}:{}:vpc-endpoint/{id}",
        arn::partition(&placement.region),
        placement.region,
        placement.account_id
    )
}
