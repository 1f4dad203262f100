//! `VpcEndpoint`: glue between the engine and the pure files of this room.

pub mod desired;
pub mod find;
pub mod observed;
pub mod plan;
pub mod policy;
pub mod preflight;
