//! The crash matrix: a story is told again and again, with the operator killed at another call each time.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::future::Future;
use std::os::unix::process::ExitStatusExt as _;

use futures::StreamExt as _;

use crate::operator::Operator;
use crate::poll::{poll, seconds};
use crate::simulator::Call;
use crate::world::{Crash, World, WorldBuilder};

/// Something a user does to a kind, which must come out right whenever the operator dies.
pub trait Story: Sync {
    /// Name, which becomes part of namespaces.
    fn name(&self) -> String;

    /// The world it happens in.
    fn world(&self) -> WorldBuilder {
        World::builder(&self.name())
    }

    /// What is there before, up to its being ready.
    fn prepare(&self, world: &World) -> impl Future<Output = ()>;

    /// What the user does; returns without waiting for its effect.
    fn act(&self, world: &World) -> impl Future<Output = ()>;

    /// Whether everything has come to its end; says what is missing.
    fn settled(&self, world: &World) -> impl Future<Output = Result<(), String>>;

    /// Whether to crash at this call of an undisturbed run; absent = at all that change something.
    fn crashes_at(&self, call: &Call) -> bool {
        call.mutating
    }
}

/// Tells the story undisturbed, then once for each of its calls and each way to crash there, `at_once` of them at a time.
/// Returns the number of crashes.
pub async fn crash_everywhere(story: &impl Story, at_once: usize) -> usize {
    let world = story.world().build().await;
    story.prepare(&world).await;
    let begin = world.last_call().await;
    story.act(&world).await;
    settle(story, &world, &"undisturbed").await;
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for call in world
        .operator_calls(begin)
        .await
        .iter()
        .filter(|call| story.crashes_at(call))
    {
        *counts.entry(call.operation.clone()).or_default() += 1;
    }
    world.finish().await;
    assert!(!counts.is_empty(), "{}: no call to crash at", story.name());
    let crashes: Vec<Crash> = counts
        .iter()
        .flat_map(|(operation, count)| (1..=*count).map(move |nth| (operation, nth)))
        .flat_map(|(operation, nth)| Crash::ways(operation, nth))
        .collect();
    let total = crashes.len();
    futures::stream::iter(crashes)
        .for_each_concurrent(at_once, |crash| async move {
            let mut world = story.world().build().await;
            story.prepare(&world).await;
            let reached = world
                .crash_at(&crash, async |world| story.act(world).await)
                .await;
            assert!(
                reached,
                "{}: no call came to the hold {crash}\n{}",
                story.name(),
                world.report(None).await
            );
            settle(story, &world, &crash).await;
            world.finish().await;
        })
        .await;
    total
}

/// Tells the story once for each named fail point of the operator (between two writes to the API server), where it aborts, `at_once` of
/// them at a time. Returns the fail points that the story came to.
pub async fn fail_everywhere(story: &impl Story, points: &[&str], at_once: usize) -> Vec<String> {
    let told = points.iter().map(|point| fail_at(story, point));
    let reached: Vec<Option<String>> = futures::stream::iter(told)
        .buffer_unordered(at_once)
        .collect()
        .await;
    reached.into_iter().flatten().collect()
}

async fn fail_at(story: &impl Story, point: &str) -> Option<String> {
    let mut world = story.world().build().await;
    story.prepare(&world).await;
    world.operator().end();
    let mut options = world.operator_options();
    options
        .environment
        .insert("INCIDENT_OPERATOR_FAIL_POINT".to_owned(), point.to_owned());
    story.act(&world).await;
    let doomed = Operator::start_unattended(&options).expect("start the operator");
    // A story that does not come to the fail point settles; then there is nothing to wait for.
    let aborted = poll(seconds(20), async || {
        let status = doomed.exit_status();
        if status.is_some() || story.settled(&world).await.is_ok() {
            Some(status)
        } else {
            None
        }
    });
    let aborted = aborted.await.ok().flatten();
    doomed.kill();
    if let Some(status) = aborted {
        assert_eq!(
            status.signal(),
            Some(6),
            "{}: the operator ended before fail point {point}: {status}",
            story.name()
        );
    }
    world
        .operator_mut()
        .restart()
        .await
        .expect("restart the operator");
    settle(story, &world, &format!("fail point {point}")).await;
    world.finish().await;
    aborted.map(|_| point.to_owned())
}

async fn settle(story: &impl Story, world: &World, how: &impl Display) {
    world
        .eventually(
            &format!("{}, {how}: everything has come to its end", story.name()),
            seconds(90),
            async || story.settled(world).await,
        )
        .await;
}
