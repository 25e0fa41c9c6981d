//! Tests that run guests in the real engine.

mod doubles;

mod built;

mod crm;

mod world;

mod guests;

mod golden;

mod loading;

mod artefacts;
