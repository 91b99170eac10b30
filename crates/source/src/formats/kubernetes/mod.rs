//! Kubernetes: what requests to its API server leave behind.

mod audit;
mod objects;
mod waiting;

pub use audit::{Audit, GUEST};
