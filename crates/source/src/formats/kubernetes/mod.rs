//! Kubernetes: what requests to its API server leave behind.

mod audit;
mod waiting;

pub use audit::Audit;
