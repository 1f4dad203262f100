//! `VpcEndpoint`: glue between the engine and the pure files of this room.

pub mod observed;
