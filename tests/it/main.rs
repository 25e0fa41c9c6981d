//! End to end: the real host against simulated neighbours, and what must hold over the whole tree.

mod day;

mod edges;

mod krayin_sim;
