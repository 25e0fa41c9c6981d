//! What every store promises, whatever database it stands on.

pub mod intake;

pub mod lanes;

pub mod settling;

pub mod identity;

pub mod journal;

pub mod effects;

pub mod locks;

pub mod changes;

pub mod crash;

pub mod settings;

pub mod listing;

pub mod queue;

pub mod again;

pub mod operators;

pub mod retention;

pub mod standings;

/// One `#[tokio::test]` per promise.
macro_rules! for_each {
    ($backend:path) => {
        crate::contract::for_each! { $backend,
            intake: [
                an_event_is_taken_once_by_its_delivery_key,
                an_event_is_taken_once_by_what_happened,
                keys_of_another_source_are_others,
                twins_in_one_batch_are_one_event,
                concurrent_events_of_one_contact_see_each_other,
                what_is_skipped_at_intake_makes_no_lane,
                what_nobody_understands_is_kept,
            ],
            lanes: [
                a_lane_that_was_empty_is_held_and_others_keep_their_time,
                a_lane_runs_one_at_a_time_in_the_order_in_which_things_happened,
                lanes_of_two_contacts_run_side_by_side,
                a_newer_state_replaces_an_older_one_that_never_ran,
                a_state_runs_on_the_newest_body,
                a_claim_respects_every_limit_in_order,
                a_paused_connection_and_one_without_a_route_are_not_claimed,
                two_claims_never_get_the_same_lane,
                a_claim_that_nobody_waits_for_leases_nothing_for_long,
                an_intake_and_an_operator_wake_the_claimer,
                a_long_lane_is_worked_off_in_order,
                a_lane_that_is_empty_begins_again_as_if_it_were_new,
            ],
            settling: [
                a_settled_lane_goes_on_with_what_came_meanwhile,
                a_waiting_head_holds_its_lane_and_no_other,
                a_dead_head_does_not_hold_its_lane,
                a_deferral_is_no_attempt_and_is_never_superseded,
                a_stale_lease_settles_nothing,
                a_head_that_is_not_due_parks_its_lane,
            ],
            identity: [
                what_lacked_an_identity_comes_back_behind_what_waits_and_in_order,
                what_comes_later_stays_behind_what_came_back,
                a_contact_that_became_known_during_the_attempt_is_tried_again,
                a_contact_that_stays_unknown_is_not_tried_again,
                what_waited_is_told_who_the_contact_is,
                many_come_back_in_bounded_batches,
                what_is_older_than_thirty_days_stays_skipped,
                a_lane_that_is_marked_while_its_last_delivery_runs_is_not_empty,
            ],
            journal: [
                the_first_intent_is_sent_and_its_answer_replayed,
                an_intent_without_an_answer_is_in_doubt_for_everybody,
                what_another_delivery_did_is_in_doubt,
                what_did_not_happen_is_sent_again,
                one_doubtful_key_puts_all_in_doubt,
                a_key_of_another_account_or_state_is_another,
                two_intents_at_once_are_not_both_sent,
                a_stale_lease_intends_nothing_and_commits_nothing,
            ],
            effects: [
                a_conclusion_counts_only_while_the_row_says_what_was_shown,
                a_later_attempt_is_told_what_the_earlier_ones_sent,
            ],
            locks: [
                locks_are_taken_all_or_none,
                locks_of_two_accounts_are_two,
                a_settle_frees_the_locks,
                a_stale_lease_locks_nothing,
                two_at_once_get_one_lock,
            ],
            changes: [
                links_are_committed_with_the_settle,
                a_link_is_put_redirected_and_removed_in_order,
                identity_links_are_shared_by_the_account,
                a_link_that_led_nowhere_is_one_deed_however_often_it_is_told,
                a_cache_entry_expires_and_is_of_its_state,
                a_variable_is_kept_per_connection,
            ],
            crash: [
                what_was_acknowledged_survives,
                a_running_delivery_runs_again_and_knows_that_it_was_cut_short,
                a_dead_process_settles_nothing,
                locks_of_a_dead_process_are_free,
                an_open_intent_of_a_dead_process_is_in_doubt,
            ],
            settings: [
                what_is_configured_is_read_back_by_name,
                a_name_is_taken_once,
                a_source_with_connections_stays,
                secrets_are_read_back_and_replaced,
                a_connection_takes_with_it_what_only_it_had,
                a_component_is_stored_once_and_routed,
            ],
            listing: [
                deliveries_are_listed_newest_first_page_by_page,
                a_listing_is_filtered,
                what_waits_of_a_paused_connection_is_listed_as_paused,
                a_delivery_shows_everything_that_was_recorded,
                counts_follow_every_step,
                lanes_that_nobody_works_on_are_counted,
            ],
            queue: [
                a_delivery_that_waits_runs_now,
                one_that_came_last_is_not_lost_with_the_lane_that_runs,
                one_that_runs_is_not_touched,
                a_skipped_head_lets_its_lane_go_on,
                dead_letters_are_retried_and_discarded_by_what_they_are,
                a_held_lane_runs_nothing_until_it_is_released,
                a_dead_head_holds_its_lane_where_its_connection_says_so,
                a_held_lane_goes_on_when_its_head_is_skipped,
                a_held_lane_goes_on_when_its_head_is_discarded,
                a_held_lane_goes_on_when_it_is_released,
                what_happens_to_others_lets_no_lane_go_on_that_its_head_holds,
                a_dead_head_holds_what_comes_later_though_nothing_waited,
                held_lanes_are_listed_with_who_holds_them,
                a_contact_is_queued_as_it_is_now,
                a_contact_is_queued_that_only_its_conversations_named,
                what_is_live_goes_before_bulk,
                a_lease_is_renewed_while_it_holds,
            ],
            again: [
                a_dead_letter_runs_again_on_the_newest_state,
                a_retried_transition_knows_that_a_later_one_succeeded,
                a_transition_of_the_same_moment_is_later_by_its_arrival,
                what_is_left_on_its_way_is_told_until_it_has_arrived,
                who_skips_what_has_sent_leaves_word_of_it,
                a_dead_letter_keeps_its_place_though_its_lane_was_removed_meanwhile,
            ],
            operators: [
                what_is_in_doubt_is_listed_and_concluded_once,
                links_are_listed_put_and_removed,
                events_are_followed,
                deeds_are_kept,
                configuring_raises_the_revision,
            ],
            retention: [
                what_is_old_goes_and_what_is_needed_stays,
                a_sweep_takes_small_steps,
                a_lane_goes_an_hour_after_it_was_empty_and_no_other_does,
            ],
            standings: [
                a_standing_is_replaced_only_by_who_saw_it,
            ],
        }
    };
    ($backend:path, $($module:ident: [$($test:ident),* $(,)?]),* $(,)?) => {
        $(mod $module {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                crate::contract::$module::$test($backend()).await;
            })*
        })*
    };
}
pub(crate) use for_each;
