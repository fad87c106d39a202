//! What holds for every store, on each of them.

mod behaviour;
#[cfg(all(feature = "etcd", unix))]
mod cluster;
mod concurrency;
mod durable;
#[cfg(all(feature = "etcd", unix))]
mod etcd;
#[cfg(all(feature = "etcd", unix))]
mod etcd_places;
#[cfg(all(feature = "etcd", unix))]
mod gate;
mod linear;
mod places;
mod recorder;
#[cfg(all(feature = "etcd", unix))]
mod watching;

use places::{Kind, Place};

/// Each line of behaviour as a test of each store.
macro_rules! suite {
    ($($test:ident),* $(,)?) => {
        mod memory { $(#[test] fn $test() { crate::behaviour::$test(&crate::Place::new(crate::Kind::Memory)); })* }
        mod sql { $(#[test] fn $test() { crate::behaviour::$test(&crate::Place::new(crate::Kind::Sql)); })* }
        mod dbm_dumb { $(#[test] fn $test() { crate::behaviour::$test(&crate::Place::new(crate::Kind::DbmDumb)); })* }
        mod dbm_sqlite { $(#[test] fn $test() { crate::behaviour::$test(&crate::Place::new(crate::Kind::DbmSqlite)); })* }
        mod own { $(#[test] fn $test() { crate::behaviour::$test(&crate::Place::new(crate::Kind::Own)); })* }
        #[cfg(all(feature = "etcd", unix))]
        mod etcd_cluster { $(#[test] fn $test() { crate::Place::find(crate::Kind::Etcd).iter().for_each(crate::behaviour::$test); })* }
    };
}

suite!(
    a_name_stands_for_the_entry_that_was_put_last,
    a_new_name_is_put_once_only,
    of_many_who_put_a_new_name_at_a_time_one_succeeds,
    tags_change_and_the_uri_stays,
    names_are_removed_and_counted,
    a_name_is_removed_only_if_it_still_leads_there,
    a_prefix_is_a_literal_start_in_its_own_case,
    a_pattern_matches_from_the_start_and_not_to_the_end,
    names_are_found_by_all_or_any_of_their_tags_where_there_are_tags,
    names_of_all_letters_and_lengths_are_kept,
    twenty_clients_lose_nothing,
    what_was_kept_is_there_again_if_the_store_is_persistent,
    a_name_server_gives_the_same_answers_to_both_generations,
    a_name_server_on_the_event_loop_does_too,
);
