//! End to end: the real host against simulated neighbours, and what must hold over the whole tree.

mod day;

mod edges;

mod bed;

mod webhooks;

mod refusals;

mod isolation;

mod trouble;

mod limits;

mod neighbours;

mod restart;

mod exhaust;

mod operator;

mod components;

mod schemas;

mod codes;

mod secrets;

mod krayin_sim;
