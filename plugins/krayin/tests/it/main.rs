//! The connector against a small Krayin in memory: which calls it makes, what is then in Krayin.

mod world;

mod krayin;

mod contact;

mod identity;

mod conversation;

mod message;

mod faults;

mod lost_answer;

mod setup;
