//! What becomes of bad input: refused at admission, known only to the operator, or known only to AWS. And what the CRDs promise: nothing is
//! defaulted or dropped, what is fixed stays fixed, every example is taken as it is.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking, and says why"
)]

#[path = "admission/aws.rs"]
mod aws;
#[path = "admission/cases.rs"]
mod cases;
#[path = "admission/crds.rs"]
mod crds;
#[path = "admission/docs.rs"]
mod docs;
#[path = "admission/examples.rs"]
mod examples;
#[path = "admission/operator.rs"]
mod operator;
#[path = "admission/server.rs"]
mod server;
