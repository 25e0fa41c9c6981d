//! Egress against real servers on the loopback interface: what leaves, what comes back, what is recorded.

mod support;

mod network;

mod answers;

mod credentials;

mod effects;

mod ages;

mod budgets;

mod breaker;

mod limits;
