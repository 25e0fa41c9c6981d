//! Simulators of what Gladhand talks to, and the small client that tests and load speak to loopback with.

pub mod http;

pub mod chatwoot;

pub mod host;

pub mod database;

pub mod rest;

pub mod krayin;

pub mod ledger;

pub mod fault;

pub mod seen;

pub mod wire;
