//! What users see: stories told against a real kube-apiserver, the simulated AWS and the operator's own binary.
//!
//! Each ends with the same checks: conditions obey the rules that Flux and kstatus read them by, AWS holds what the specs say and nothing
//! else, and nothing private stands in anything that the operator wrote.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking, and says why"
)]

#[path = "stories/account_and_network.rs"]
mod account_and_network;
#[path = "stories/activation.rs"]
mod activation;
#[path = "stories/adopting.rs"]
mod adopting;
#[path = "stories/alternate_contact.rs"]
mod alternate_contact;
#[path = "stories/company.rs"]
mod company;
#[path = "stories/contact.rs"]
mod contact;
#[path = "stories/crowds.rs"]
mod crowds;
#[path = "stories/escalation_plan.rs"]
mod escalation_plan;
#[path = "stories/export.rs"]
mod export;
#[path = "stories/import.rs"]
mod import;
#[path = "stories/incident.rs"]
mod incident;
#[path = "stories/knobs.rs"]
mod knobs;
#[path = "stories/metrics.rs"]
mod metrics;
#[path = "stories/moving.rs"]
mod moving;
#[path = "stories/on_call_knobs.rs"]
mod on_call_knobs;
#[path = "stories/on_call_ownership.rs"]
mod on_call_ownership;
#[path = "stories/on_call_references.rs"]
mod on_call_references;
#[path = "stories/on_call_schedule.rs"]
mod on_call_schedule;
#[path = "stories/on_call_time.rs"]
mod on_call_time;
#[path = "stories/order.rs"]
mod order;
#[path = "stories/ownership.rs"]
mod ownership;
#[path = "stories/plan.rs"]
mod plan;
#[path = "stories/provider_config.rs"]
mod provider_config;
#[path = "stories/pruning.rs"]
mod pruning;
#[path = "stories/random.rs"]
mod random;
#[path = "stories/rebuild.rs"]
mod rebuild;
#[path = "stories/regions.rs"]
mod regions;
#[path = "stories/release.rs"]
mod release;
#[path = "stories/replicas.rs"]
mod replicas;
#[path = "stories/replication_set.rs"]
mod replication_set;
#[path = "stories/response_plan.rs"]
mod response_plan;
#[path = "stories/roster.rs"]
mod roster;
#[path = "stories/rotation_override.rs"]
mod rotation_override;
#[path = "stories/sharing.rs"]
mod sharing;
#[path = "stories/status.rs"]
mod status;
#[path = "stories/support.rs"]
mod support;
#[path = "stories/test_page.rs"]
mod test_page;
#[path = "stories/typing.rs"]
mod typing;
#[path = "stories/vpc_endpoint.rs"]
mod vpc_endpoint;
#[path = "stories/vpc_endpoint_drift.rs"]
mod vpc_endpoint_drift;
#[path = "stories/vpc_endpoint_failures.rs"]
mod vpc_endpoint_failures;
#[path = "stories/vpc_endpoint_many.rs"]
mod vpc_endpoint_many;
#[path = "stories/vpc_endpoint_net.rs"]
mod vpc_endpoint_net;
#[path = "stories/vpc_endpoint_owners.rs"]
mod vpc_endpoint_owners;
#[path = "stories/vpc_endpoint_peers.rs"]
mod vpc_endpoint_peers;
#[path = "stories/vpc_endpoint_posture.rs"]
mod vpc_endpoint_posture;
#[path = "stories/whole_account.rs"]
mod whole_account;
#[path = "stories/whole_tree.rs"]
mod whole_tree;
