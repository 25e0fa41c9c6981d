//! The store's promises. `contract` is written against the traits and runs on every database; what only one database can
//! break is tested beside its backend.

mod bed;

mod configured;

mod events;

mod planner;

mod contract;

mod sqlite;

mod postgres;

mod encryption;

mod reads;

/// Runs every contract test on one backend.
macro_rules! on {
    ($name:ident, $backend:path) => {
        mod $name {
            crate::contract::for_each!($backend);
        }
    };
}

on!(on_sqlite, crate::sqlite::backend);
on!(on_postgres, crate::postgres::backend);
