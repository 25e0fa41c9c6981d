//! When a host has nothing to do before the clock moves, and when it will have.

use gladhand_core::clock::Timestamp;
use gladhand_core::delivery::{Delivery, DeliveryState};

/// A lane is at rest where nothing of it runs, and its head, if there is one, waits for a time that has not come.
pub fn is_resting(deliveries: &[Delivery], now: Timestamp) -> bool {
    let waits = |delivery: &Delivery| next_try(delivery).is_some_and(|at| at > now);
    deliveries.iter().all(|delivery| match delivery.state {
        DeliveryState::Running => false,
        DeliveryState::Waiting => waits(delivery),
        DeliveryState::Pending => deliveries.iter().any(|head| {
            (head.connection, &head.lane) == (delivery.connection, &delivery.lane) && waits(head)
        }),
        _ => true,
    })
}

/// When a delivery that waits is tried next.
pub fn next_try(delivery: &Delivery) -> Option<Timestamp> {
    let is_waiting = delivery.state == DeliveryState::Waiting;
    delivery.not_before.filter(|_| is_waiting)
}
