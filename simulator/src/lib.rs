//! A stand-in for AWS: ssm-contacts, ssm-incidents and STS on one port, with a control endpoint for tests.

pub mod auth;
pub mod call_log;
pub mod clock;
pub mod control;
pub mod error;
pub mod fault;
pub mod hold;
pub mod iam;
pub mod knobs;
pub mod lock;
pub mod matching;
pub mod paging;
pub mod pipeline;
pub mod protocol;
pub mod quota;
pub mod server;
pub mod services;
pub mod state;
pub mod tokens;
pub mod validation;
pub mod world;
