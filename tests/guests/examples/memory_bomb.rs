//! Takes memory until there is no more.

use gladhand_guests::guest;

guest!(|_, _| {
    let mut hoard = Vec::new();
    loop {
        hoard.push(std::hint::black_box(vec![1_u8; 1 << 20]));
    }
});
