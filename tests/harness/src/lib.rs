//! Starts the real things on one machine and talks to them: a kube-apiserver with etcd, the simulated AWS and the operator's own binary.
//!
//! ```text
//! World ── one test: namespaces, AWS account, ProviderConfig, operator, history of every object
//!   ├─ ControlPlane   one per test binary, shared; Identity = the operator's own user
//!   ├─ Cluster        what a user does: apply, get, delete, events, tables
//!   ├─ Simulator      control endpoint (faults, holds, clock, call log) and SDK clients
//!   ├─ Operator       the real binary as a child: kill -9, restart, logs, metrics
//!   └─ checks         what must hold at the end of every test
//! ```
//!
//! Children hold the read end of a pipe as their standard input and end when it closes, so nothing outlives this process, however it ends.
//! The binary `local` is the same crate's `make up`, `make down` and `make demo`.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "test support: a test fails by panicking, and says why"
)]

pub mod aws;
pub mod checks;
pub mod cluster;
pub mod control_plane;
pub mod documentation;
pub mod judges;
pub mod operator;
pub mod paths;
pub mod poll;
pub mod process;
pub mod reference;
pub mod rights;
pub mod setup;
pub mod simulator;
pub mod table;
pub mod world;

pub use cluster::Cluster;
pub use control_plane::{ControlPlane, Identity};
pub use operator::{Operator, OperatorOptions};
pub use poll::{eventually, seconds};
pub use simulator::{Fault, Hold, Simulator, SimulatorOptions, When};
pub use world::{World, WorldBuilder};
