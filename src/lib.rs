//! incident-operator: AWS Systems Manager Incident Manager as Kubernetes resources.
//!
//! The rooms: [`api`] is what users write, [`engine`] the loop that every kind shares, [`aws`] what knows the SDK, [`resources`] a room for
//! each kind, [`run`] puts them together.

pub mod admin;
pub mod api;
pub mod aws;
pub mod cli;
pub mod cluster;
pub mod engine;
pub mod export;
pub mod import;
pub mod metrics;
pub mod permissions;
pub mod plan;
pub mod release;
pub mod resources;
pub mod run;
pub mod schedule;
pub mod telemetry;
