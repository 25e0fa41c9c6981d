//! What a connector can ask its host for, one file per interface of the contract.
//!
//! Each file has the `Host` methods, in the words of the domain, and the bindings' trait on [`View`], which only
//! converts. A [`Stop`](crate::stop::Stop) becomes a trap in `?`, nowhere else.

pub mod http;

pub mod links;

pub mod variables;

pub mod cache;

pub mod locks;

pub mod mapping;

pub mod text;

pub mod log;

pub mod clock;

#[cfg(test)]
pub mod doubles;

use crate::bindings::gladhand::connector::types;

pub use crate::state::View;

/// Interface `types` has no functions, so there is nothing to do.
impl types::Host for View<'_> {}
