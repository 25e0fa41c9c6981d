//! The operator's mapping rules and the text work that is too heavy for a component. Pure.
//!
//! It must not know a CRM, a connector or where a value comes from: JSON in, JSON out.

pub mod fields;

pub mod text;

pub use fields::{Error, fields};
