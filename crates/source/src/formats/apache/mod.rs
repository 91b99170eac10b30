//! Apache: the access log in any of its forms, and the error log.

mod access;
mod error;

pub use access::{Access, DeclaredAccess};
pub use error::ErrorLog;
