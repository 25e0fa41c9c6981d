//! Every trap of facts/chatwoot.md §1, one test each, in the order of its sections.

mod events;

mod conversations;

mod contacts;

mod messages;

mod channels;
