//! The domain of Gladhand: what an event, a delivery, a lane, an effect is, and the rules they follow.
//!
//! Pure: no tokio, no IO, no wasmtime, no sqlx, and no name of a CRM. Time and ids come in as parameters.
//! `port` holds the traits through which an attempt reaches what is stored.

pub mod ids;

pub mod clock;

pub mod event;

pub mod entity;

pub mod intake;

pub mod connection;

pub mod descriptor;

pub mod delivery;

pub mod lane;

pub mod outcome;

pub mod failure;

pub mod retry;

pub mod pause;

pub mod breaker;

pub mod effect;

pub mod exchange;

pub mod budget;

pub mod attempt;

pub mod port;

pub mod standing;
