//! Clocks that are wrong, or are set.

use std::time::Duration;

use holdfast_host::Clock;
use jiff::{Timestamp, ToSpan};

use super::{HOUR, MINUTE, clock, count, daily, looked, runs, set_schedule, settled, started};
use crate::support::{
    TestServer, eventually, ready,
    server::{number, sql},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_was_ahead_loses_no_start() {
    let clock = clock();
    let server = TestServer::start_at(clock.clone()).await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    let base = clock.now();
    let due = base + 30.minutes();
    set_schedule(&admin, &ready, daily(&clock, 30)).await;
    clock.set_wall_clock(base + (400 * 24).hours());
    started(&admin, &ready).await;
    settled(&server, &clock).await;
    let work = ready.agent.take_run().await;
    ready.agent.finish(&work, 1, "/srv/data").await;
    ready.agent.running.clear();
    clock.set_wall_clock(base);
    looked(&server, &clock).await;
    clock.advance(10 * MINUTE);
    let planned = format!(
        "SELECT (SELECT count(*) FROM jobs WHERE next_due_at = {}) = 1 \
         AND (SELECT count(*) FROM occurrences WHERE due_at > {}) = 0",
        due.as_millisecond(),
        (base + 1.hours()).as_millisecond()
    );
    eventually("the schedule is reckoned anew", async || {
        (number(&server, &planned).await == Some(1)).then_some(())
    })
    .await;
    clock.advance(20 * MINUTE);
    ready.agent.take_run().await;
    assert_eq!(runs(&admin, &ready).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_due_while_a_clock_is_not_trusted_yet_is_started_then() {
    let clock = clock();
    let server = TestServer::start_at(clock.clone()).await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    let base = clock.now();
    let due = (base + 1.minutes()).as_millisecond();
    set_schedule(&admin, &ready, daily(&clock, 1)).await;
    clock.set_wall_clock(base + (400 * 24).hours());
    let work = ready.agent.take_run().await;
    ready.agent.finish(&work, 1, "/srv/data").await;
    ready.agent.running.clear();
    clock.set_wall_clock(base);
    looked(&server, &clock).await;
    clock.advance(10 * MINUTE);
    ready.agent.take_run().await;
    let known =
        format!("SELECT count(*) FROM occurrences WHERE state = 'started' AND due_at = {due}");
    assert_eq!(number(&server, &known).await, Some(1));
}

/// A machine whose clock has no battery starts in the past, until its clock is set.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_behind_for_a_moment_undoes_nothing() {
    let clock = clock();
    let mut server = TestServer::start_at(clock.clone()).await;
    let admin = server.admin().await;
    let mut ready = ready(&server, &admin, "box").await;
    // The job is older than its schedule, which asked for nothing then.
    let older = "UPDATE jobs SET created_at = created_at - 864000000";
    sql(&server, older).await;
    set_schedule(&admin, &ready, daily(&clock, 30)).await;
    clock.advance(30 * MINUTE);
    let work = ready.agent.take_run().await;
    ready.agent.finish(&work, 1, "/srv/data").await;
    ready.agent.running.clear();
    settled(&server, &clock).await;
    let rows = async || number(&server, "SELECT count(*) FROM occurrences").await;
    assert_eq!(rows().await, Some(1));
    let true_time = clock.now();
    let wrong: Timestamp = "2000-01-01T00:00:00Z".parse().expect("a time");
    server.stop().await;
    clock.set_wall_clock(wrong);
    server.resume().await;
    looked(&server, &clock).await;
    clock.advance(Duration::from_secs(20));
    looked(&server, &clock).await;
    let rows = async || number(&server, "SELECT count(*) FROM occurrences").await;
    assert_eq!(rows().await, Some(1), "no occurrence is lost");
    clock.set_wall_clock(true_time + 20.seconds());
    looked(&server, &clock).await;
    // Once more, while the server is at work.
    clock.set_wall_clock(wrong);
    looked(&server, &clock).await;
    clock.set_wall_clock(true_time + 20.seconds());
    looked(&server, &clock).await;
    assert_eq!(rows().await, Some(1), "no occurrence is lost or added");
    assert_eq!(runs(&admin, &ready).await.len(), 1, "it is started once");
    // The next day is the next start.
    clock.advance(24 * HOUR);
    settled(&server, &clock).await;
    assert_eq!(runs(&admin, &ready).await.len(), 2);
    assert_eq!(count(&server, "missed").await, Some(0));
    assert_eq!(rows().await, Some(2));
}
