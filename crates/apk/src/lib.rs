//! What does this app let out, and is it really ours?
//!
//! A package is parsed as it is: container, manifest, resources, network policy, signatures, DEX code, native libraries.
//! Nothing is executed, decompiled or written to disk; bytes are hostile, and [`Limits`] bound what they may cost. Each
//! finding has a [`Proof`]: where it stands, the constant that makes it one, and the interface that consumes it.
//!
//! ```
//! use ambit_apk::{Error, Limits, scan_bytes};
//!
//! let refused = scan_bytes("no.apk", b"no package", &Limits::default());
//! assert!(matches!(refused, Err(Error::Bad { .. })));
//! ```

mod accepted;
mod check;
mod code;
mod container;
mod contents;
mod cursor;
mod dex;
mod diff;
mod error;
mod find;
mod finding;
mod hierarchy;
mod limits;
mod manifest;
mod names;
mod network;
mod ours;
mod package;
mod page;
mod report;
mod resources;
mod sarif;
mod scan;
mod sign;
mod text;
mod told;
mod xml;

pub use accepted::{AcceptList, Accepted};
pub use check::{CHECKS, Check};
pub use container::{Container, Entry, Oddity};
pub use contents::{Altered, ClassChange, Contents};
pub use diff::{AppDiff, Condition, Holds, diff};
pub use error::Error;
pub use find::find;
pub use finding::{Confidence, Finding, Proof};
pub use limits::{Budget, Limits};
pub use manifest::{Address, Asked, Component, ComponentKind, Declared, Filter, Manifest};
pub use names::Owner;
pub use network::{Effective, Pins};
pub use ours::{Ours, Pinned, digest_of, ours};
pub use page::page;
pub use report::{AppReport, Coverage, Endpoint, Library, PackageKind, PathText, Secret};
pub use sarif::sarif;
pub use scan::{scan, scan_bytes};
pub use sign::{Certificate, Scheme, SchemeVerdict, Signature, Signer, Standing, StoreTraces};
pub use told::Detail;
