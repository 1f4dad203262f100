//! One room a kind: `desired`, `plan` and `findings` decide and are pure; `aws` sends and decides nothing.

pub mod channel_activation;
pub mod contact;
