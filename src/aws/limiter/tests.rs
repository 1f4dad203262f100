#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Mutex;

use tokio::{task::JoinSet, time::sleep};

use super::*;

const WRITE: Operation = Operation::CreateContact;
const READ: Operation = Operation::GetContact;

fn placement() -> Placement {
    Placement::new("123456789012", "eu-west-1")
}

fn limiter(per_second: f64) -> Limiter {
    let limiter = Limiter::new(RequestMetrics::default());
    let rates = BudgetGroup::ALL.map(|group| (group, per_second)).into();
    limiter.set_rates("test", &placement(), rates);
    limiter
}

async fn take(limiter: &Limiter, priority: Priority) {
    limiter
        .acquire(&placement(), WRITE, priority, &CancellationToken::new())
        .await
        .unwrap();
}

/// Waiters in this order, and the order in which they are served.
async fn order_served(limiter: &Limiter, waiters: &[(Priority, &'static str)]) -> String {
    let served = Arc::new(Mutex::new(String::new()));
    let mut tasks = JoinSet::new();
    for (priority, name) in waiters.iter().copied() {
        let (limiter, served) = (limiter.clone(), Arc::clone(&served));
        tasks.spawn(async move {
            take(&limiter, priority).await;
            served.lock().unwrap().push_str(name);
        });
        tokio::task::yield_now().await;
    }
    tasks.join_all().await;
    let served = served.lock().unwrap();
    served.clone()
}

#[tokio::test(start_paused = true)]
async fn the_first_call_goes_at_once_and_the_others_at_the_rate() {
    let limiter = limiter(1.0);
    let start = Instant::now();
    for _ in 0..5 {
        take(&limiter, Priority::Edit).await;
    }
    let took = start.elapsed().as_secs_f64();
    assert!((4.0..4.1).contains(&took), "{took}");
}

#[tokio::test(start_paused = true)]
async fn a_fast_rate_is_reached_in_spite_of_coarse_timers() {
    let limiter = limiter(1000.0);
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..5000 {
        let limiter = limiter.clone();
        tasks.spawn(async move { take(&limiter, Priority::Drift).await });
    }
    tasks.join_all().await;
    let took = start.elapsed().as_secs_f64();
    assert!((4.85..5.1).contains(&took), "{took}");
}

#[tokio::test(start_paused = true)]
async fn waiters_are_served_by_priority_then_by_arrival() {
    let limiter = limiter(1.0);
    take(&limiter, Priority::Edit).await;
    let waiters = [
        (Priority::Drift, "d"),
        (Priority::Create, "c"),
        (Priority::Edit, "e1 "),
        (Priority::Urgent, "u "),
        (Priority::Edit, "e2 "),
    ];
    assert_eq!(order_served(&limiter, &waiters).await, "u e1 e2 cd");
}

#[tokio::test(start_paused = true)]
async fn drift_checks_get_one_token_in_ten_while_edits_queue() {
    let limiter = limiter(1.0);
    take(&limiter, Priority::Edit).await;
    let mut waiters = vec![(Priority::Drift, "D"); 2];
    waiters.extend(vec![(Priority::Edit, "e"); 30]);
    let order = order_served(&limiter, &waiters).await;
    assert_eq!(order, "eeeeeeeeeDeeeeeeeeeDeeeeeeeeeeee");
}

#[tokio::test(start_paused = true)]
async fn who_gives_way_leaves_the_queue_and_takes_nothing() {
    let limiter = limiter(1.0);
    take(&limiter, Priority::Edit).await;
    let start = Instant::now();
    let give_way = CancellationToken::new();
    let waiting = {
        let (limiter, give_way) = (limiter.clone(), give_way.clone());
        tokio::spawn(async move {
            limiter
                .acquire(&placement(), WRITE, Priority::Urgent, &give_way)
                .await
        })
    };
    sleep(Duration::from_millis(100)).await;
    give_way.cancel();
    assert_eq!(waiting.await.unwrap(), Err(GaveWay));
    take(&limiter, Priority::Drift).await;
    assert!(start.elapsed() <= Duration::from_millis(1010));
}

#[tokio::test(start_paused = true)]
async fn told_beforehand_nobody_takes_even_a_free_token() {
    let limiter = limiter(1.0);
    let give_way = CancellationToken::new();
    give_way.cancel();
    assert_eq!(
        limiter
            .acquire(&placement(), WRITE, Priority::Urgent, &give_way)
            .await,
        Err(GaveWay)
    );
    let start = Instant::now();
    take(&limiter, Priority::Drift).await;
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_token_granted_to_a_waiter_that_is_gone_is_not_lost() {
    let limiter = limiter(1.0);
    take(&limiter, Priority::Edit).await;
    let start = Instant::now();
    let give_way = CancellationToken::new();
    let placement = placement();
    {
        let waiting = limiter.acquire(&placement, WRITE, Priority::Edit, &give_way);
        tokio::pin!(waiting);
        assert!(futures::poll!(waiting.as_mut()).is_pending());
        // Granted meanwhile, and never polled again.
        sleep(Duration::from_millis(1500)).await;
    }
    take(&limiter, Priority::Edit).await;
    assert!(start.elapsed() <= Duration::from_millis(1510));
}

#[tokio::test(start_paused = true)]
async fn when_everybody_has_left_nothing_runs_on() {
    let limiter = limiter(0.001);
    take(&limiter, Priority::Edit).await;
    let budget = limiter.budget(&placement(), BudgetGroup::ContactsWrite);
    let idle = Arc::strong_count(&budget);
    for _ in 0..3 {
        let give_way = CancellationToken::new();
        let placement = placement();
        let waiting = limiter.acquire(&placement, WRITE, Priority::Edit, &give_way);
        assert!(
            tokio::time::timeout(Duration::from_secs(1), waiting)
                .await
                .is_err()
        );
    }
    sleep(Duration::from_millis(1)).await;
    assert_eq!(Arc::strong_count(&budget), idle);
}

#[tokio::test(start_paused = true)]
async fn after_a_throttled_answer_nothing_goes_out_until_aws_said_so() {
    let limiter = limiter(100.0);
    take(&limiter, Priority::Edit).await;
    limiter.penalise(&placement(), WRITE, Some(Duration::from_secs(9)));
    let start = Instant::now();
    take(&limiter, Priority::Urgent).await;
    let waited = start.elapsed().as_secs_f64();
    assert!((9.0..9.1).contains(&waited), "{waited}");
    assert!(limiter.state(&placement())[BudgetGroup::ContactsWrite as usize].throttled);
    assert!(!limiter.state(&placement())[BudgetGroup::ContactsRead as usize].throttled);
}

#[tokio::test(start_paused = true)]
async fn waiters_of_a_throttled_budget_wait_on_and_go_slower() {
    let limiter = limiter(10.0);
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..50 {
        let limiter = limiter.clone();
        tasks.spawn(async move { take(&limiter, Priority::Edit).await });
    }
    sleep(Duration::from_millis(1)).await;
    limiter.penalise(&placement(), WRITE, None);
    tasks.join_all().await;
    let took = start.elapsed().as_secs_f64();
    assert!((6.0..10.0).contains(&took), "{took}");
}

#[tokio::test(start_paused = true)]
async fn budgets_of_other_groups_and_places_are_untouched() {
    let limiter = limiter(1.0);
    take(&limiter, Priority::Edit).await;
    let start = Instant::now();
    let give_way = CancellationToken::new();
    limiter
        .acquire(&placement(), READ, Priority::Drift, &give_way)
        .await
        .unwrap();
    let elsewhere = Placement::new("123456789012", "us-east-1");
    limiter
        .acquire(&elsewhere, WRITE, Priority::Drift, &give_way)
        .await
        .unwrap();
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn an_unlimited_budget_never_waits() {
    let limiter = limiter(f64::INFINITY);
    let start = Instant::now();
    for _ in 0..100_000 {
        take(&limiter, Priority::Drift).await;
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
}

fn rate(limiter: &Limiter, group: BudgetGroup) -> f64 {
    limiter.state(&placement())[group as usize].per_second
}

#[tokio::test]
async fn the_lowest_of_several_sources_holds_and_silence_means_the_published_quota() {
    let limiter = Limiter::new(RequestMetrics::default());
    let group = BudgetGroup::ContactsWrite;
    let set = |source: &str, per_second: f64| {
        limiter.set_rates(source, &placement(), [(group, per_second)].into());
    };
    let holds = |expected: f64| {
        let actual = rate(&limiter, group);
        assert!(
            (actual - expected).abs() < 1e-9,
            "{actual} instead of {expected}"
        );
    };
    holds(1.0);
    set("a", 5.0);
    holds(5.0);
    limiter.budget(&placement(), group);
    set("b", 3.0);
    holds(3.0);
    limiter.set_rates("c", &placement(), BTreeMap::new());
    holds(1.0);
    limiter.forget_rates("c");
    holds(3.0);
    limiter.set_rates(
        "b",
        &Placement::new("123456789012", "us-east-1"),
        BTreeMap::new(),
    );
    holds(5.0);
    limiter.forget_rates("a");
    holds(1.0);
}

#[tokio::test(start_paused = true)]
async fn a_raised_rate_wakes_who_waits() {
    let limiter = limiter(0.001);
    take(&limiter, Priority::Edit).await;
    let start = Instant::now();
    let waiting = tokio::spawn({
        let limiter = limiter.clone();
        async move { take(&limiter, Priority::Edit).await }
    });
    sleep(Duration::from_millis(5)).await;
    limiter.set_rates(
        "test",
        &placement(),
        [(BudgetGroup::ContactsWrite, 10.0)].into(),
    );
    waiting.await.unwrap();
    assert!(start.elapsed() < Duration::from_millis(200));
}

#[test]
fn groups_go_by_their_names() {
    for group in BudgetGroup::ALL {
        assert_eq!(group.as_str().parse(), Ok(group));
        assert!(group.default_rate() >= 1.0);
    }
    assert_eq!(
        "contactsWrite".parse::<BudgetGroup>(),
        Err(UnknownBudgetGroup)
    );
}

#[test]
fn urgent_comes_first_in_order() {
    assert!(Priority::ALL.is_sorted());
    assert_eq!(Priority::ALL[0], Priority::Urgent);
}
