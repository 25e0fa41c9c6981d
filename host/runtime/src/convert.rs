//! Between the contract's types and the domain's. What comes from a guest is bounded and checked here, once.

pub mod from_guest;

pub mod to_guest;
