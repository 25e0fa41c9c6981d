//! What Chatwoot really sends, against what the reader makes of it: by fixture, and by trap.

mod fixture;

mod fixtures;

mod traps;

mod keys;

mod hostile;

mod transitions;
