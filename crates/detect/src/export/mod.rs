//! Findings in the words of others: plain functions from findings to values.

mod navigator;
mod ocsf;

pub use navigator::navigator;
pub use ocsf::{OCSF_VERSION, OcsfLog, Product, ocsf};
