//! A loopback listener whose connections can be reset in the middle of a request, as a crashing server's are.
//! It knows no protocol and no provider.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// Port 0 of 127.0.0.1.
#[derive(Debug)]
pub struct Listener(TcpListener);

/// What a handler may do to the connection that its request came on.
#[derive(Debug, Clone)]
pub struct Connection {
    peer: SocketAddr,
    is_reset: Arc<AtomicBool>,
}

/// One accepted connection.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    is_reset: Arc<AtomicBool>,
}

impl Listener {
    /// Binds; from then on connections queue until they are accepted.
    pub fn bind() -> io::Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        TcpListener::from_std(listener).map(Self)
    }

    /// Where it listens.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl Connection {
    /// Who connected.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// The next byte that would be written resets the connection instead.
    pub fn reset(&self) {
        self.is_reset.store(true, Ordering::Relaxed);
    }

    fn new(peer: SocketAddr) -> Self {
        Self {
            peer,
            is_reset: Arc::default(),
        }
    }
}

impl axum::serve::Listener for Listener {
    type Io = Wire;
    type Addr = Connection;

    async fn accept(&mut self) -> (Wire, Connection) {
        loop {
            // An error here belongs to a connection that is gone already, or passes with the next one.
            let Ok((stream, peer)) = self.0.accept().await else {
                tokio::task::yield_now().await;
                continue;
            };
            // Without it the delayed acknowledgement of loopback costs 40 ms on every second answer.
            stream.set_nodelay(true).ok();
            let connection = Connection::new(peer);
            let wire = Wire {
                stream,
                is_reset: connection.is_reset.clone(),
            };
            return (wire, connection);
        }
    }

    fn local_addr(&self) -> io::Result<Connection> {
        self.address().map(Connection::new)
    }
}

impl Connected<IncomingStream<'_, Listener>> for Connection {
    fn connect_info(stream: IncomingStream<'_, Listener>) -> Self {
        stream.remote_addr().clone()
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_reset.load(Ordering::Relaxed) {
            self.stream.set_zero_linger().ok();
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_reset.load(Ordering::Relaxed) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
