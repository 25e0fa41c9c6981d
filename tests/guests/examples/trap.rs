//! Panics, with a message that an operator should get to see.

use gladhand_guests::guest;

guest!(|_, _| panic!("the pipeline has no stage 7"));
