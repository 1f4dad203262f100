//! One room a kind: `desired`, `plan` and `findings` decide and are pure; `aws` sends and decides nothing.

pub mod alias;
pub mod alternate_contact;
pub mod channel_activation;
pub mod checks;
pub mod contact;
pub mod escalation_plan;
pub mod incident;
pub mod incident_mirror;
pub mod on_call_schedule;
pub mod once;
pub mod replication_set;
pub mod response_plan;
pub mod rotation_override;
pub mod test_page;
#[cfg(feature = "vpc-endpoints")]
pub mod vpc_endpoint;
