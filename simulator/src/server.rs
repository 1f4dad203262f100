//! Connections: HTTP/1.1 with keep-alive.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

use crate::control;
use crate::pipeline::{self, Outcome};
use crate::world::World;

const MAX_BODY: usize = 4 << 20;
const SAVE_EVERY: Duration = Duration::from_millis(200);
/// How long calls under way may take to end when the simulator stops.
const DRAIN: Duration = Duration::from_secs(2);

/// Ends a connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is cut")]
struct Cut;

/// A running simulator.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// What it holds.
    pub world: Arc<World>,
    stop: watch::Sender<bool>,
    running: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Loads the state and listens.
    pub async fn start(listen: SocketAddr, world: World) -> io::Result<Self> {
        world.load()?;
        let world = Arc::new(world);
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let stop = watch::Sender::new(false);
        let running = tokio::spawn(run(listener, Arc::clone(&world), stop.subscribe()));
        Ok(Self {
            address,
            world,
            stop,
            running,
        })
    }

    /// Takes no more connections, ends idle ones, and saves the state.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        let _ = self.running.await;
    }
}

async fn run(listener: TcpListener, world: Arc<World>, mut stop: watch::Receiver<bool>) {
    let connections = stop.clone();
    let (open, mut all_closed) = mpsc::channel::<()>(1);
    if world.keeps_state() {
        tokio::spawn(keep_saving(Arc::clone(&world), stop.clone()));
    }
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let open = open.clone();
                    let serving = serve(stream, Arc::clone(&world), connections.clone());
                    tokio::spawn(async move {
                        serving.await;
                        drop(open);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            },
            () = stopped(&mut stop) => break,
        }
    }
    drop(open);
    let _ = tokio::time::timeout(DRAIN, all_closed.recv()).await;
    keep(&world).await;
}

async fn keep_saving(world: Arc<World>, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(SAVE_EVERY) => keep(&world).await,
            () = stopped(&mut stop) => return,
        }
    }
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn keep(world: &Arc<World>) {
    let world = Arc::clone(world);
    let saved = tokio::task::spawn_blocking(move || world.save_if_changed()).await;
    if let Ok(Err(error)) = saved {
        tracing::error!(%error, "the state was not saved");
    }
}

async fn serve(stream: TcpStream, world: Arc<World>, mut stop: watch::Receiver<bool>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| respond(Arc::clone(&world), request));
    // Without a timer, idle connections stay open: clients pool them.
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        () = stopped(&mut stop) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

async fn respond(
    world: Arc<World>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Cut> {
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MAX_BODY).collect().await else {
        return Ok(plain(StatusCode::PAYLOAD_TOO_LARGE));
    };
    let body = body.to_bytes();
    if head.uri.path().starts_with("/_control") {
        return Ok(control::respond(&world, head, body).await);
    }
    // A task of its own: the effect of a call does not depend on its client staying.
    let outcome = tokio::spawn(outcome(world, head, body)).await;
    match outcome {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(cut)) => Err(cut),
        Err(_) => Ok(plain(StatusCode::INTERNAL_SERVER_ERROR)),
    }
}

async fn outcome(
    world: Arc<World>,
    head: Parts,
    body: Bytes,
) -> Result<Response<Full<Bytes>>, Cut> {
    let Outcome::Answered(answer, request_id) = pipeline::answer(world, head, body).await else {
        return Err(Cut);
    };
    let empty = answer.body.is_empty();
    let mut response = Response::new(Full::new(Bytes::from(answer.body)));
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if !empty {
        headers.insert(
            http::header::CONTENT_TYPE,
            HeaderValue::from_static(answer.content_type),
        );
    }
    if let Ok(request_id) = HeaderValue::from_str(&request_id) {
        headers.insert("x-amzn-requestid", request_id);
    }
    for (name, value) in answer.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    Ok(response)
}

fn plain(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::new()));
    *response.status_mut() = status;
    response
}
