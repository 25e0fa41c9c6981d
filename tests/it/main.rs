//! End to end: the real host against simulated neighbours, and what must hold over the whole tree.

mod day;

mod edges;

mod bed;

mod webhooks;

mod refusals;

mod isolation;

mod trouble;

mod limits;

mod logs;

mod cost;

mod neighbours;

mod pauses;

mod policy;

mod relinked;

mod retried;

mod restart;

mod shared;

mod leases;

mod severed;

mod exhaust;

mod operator;

mod components;

mod schemas;

mod codes;

mod secrets;

mod krayin_sim;
