//! Unit and property tests of the plan.
