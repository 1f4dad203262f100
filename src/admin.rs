//! The admin server: liveness, readiness and metrics.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::engine::scheduler::Scheduler;
use crate::metrics::Metrics;

/// What the routes look at.
#[derive(Clone)]
pub struct Admin {
    /// Metrics.
    pub metrics: Metrics,
    /// The queue.
    pub scheduler: Arc<Scheduler>,
    /// The process can serve; true for those who wait for the lease too.
    pub ready: Arc<AtomicBool>,
}

/// Binds and serves until `stop`. Returns the address.
///
/// # Errors
/// When the address cannot be bound.
pub async fn serve(
    admin: Admin,
    address: SocketAddr,
    stop: CancellationToken,
) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind(address).await?;
    let bound = listener.local_addr()?;
    let routes = Router::new()
        .route("/livez", get(|| async { "ok" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(admin);
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, routes)
            .with_graceful_shutdown(stop.cancelled_owned())
            .await
        {
            tracing::error!(%error, "the admin server ended");
        }
    });
    Ok(bound)
}

async fn readyz(State(admin): State<Admin>) -> impl IntoResponse {
    if admin.ready.load(Ordering::Relaxed) {
        (StatusCode::OK, "ok")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "starting")
    }
}

async fn metrics(State(admin): State<Admin>) -> impl IntoResponse {
    for (priority, objects) in admin.scheduler.depth() {
        admin.metrics.set_queued(priority.as_str(), objects);
    }
    (
        [(
            header::CONTENT_TYPE,
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        )],
        admin.metrics.encode(),
    )
}
