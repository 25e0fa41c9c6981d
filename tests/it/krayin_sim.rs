//! The Krayin simulator against the recordings of a real server, and what can be switched in it.

mod behaviour;
mod compare;
mod faults;
mod leads;
mod persons;
mod replay;
mod switches;
mod talk;
