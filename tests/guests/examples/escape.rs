//! Looks for a way out, and reports all that it could see of the machine it runs on.

use std::net::{TcpListener, TcpStream, ToSocketAddrs, UdpSocket};

use gladhand_guests::{guest, skipped};

guest!(|_, _| {
    let seen: Vec<String> = attempts()
        .into_iter()
        .filter_map(|(what, seen)| seen.map(|seen| format!("{what}: {seen}")))
        .collect();
    Ok(skipped(seen.join("; ")))
});

/// What was tried and what came of it; `None` where nothing did, as it should be.
#[expect(
    clippy::disallowed_methods,
    reason = "reading the environment is what is tried here"
)]
fn attempts() -> Vec<(&'static str, Option<String>)> {
    vec![
        ("file", std::fs::read_to_string("/etc/passwd").ok()),
        ("directory", std::fs::read_dir("/").ok().map(|_| "/".into())),
        (
            "written",
            std::fs::write("/tmp/gladhand-escape", "x")
                .ok()
                .map(|()| "/tmp".into()),
        ),
        ("environment", std::env::vars().next().map(|(name, _)| name)),
        ("PATH", std::env::var("PATH").ok()),
        ("arguments", std::env::args().next()),
        (
            "tcp",
            TcpStream::connect("127.0.0.1:80")
                .ok()
                .map(|_| "connected".into()),
        ),
        (
            "listener",
            TcpListener::bind("127.0.0.1:0")
                .ok()
                .map(|_| "bound".into()),
        ),
        (
            "udp",
            UdpSocket::bind("127.0.0.1:0").ok().map(|_| "bound".into()),
        ),
        (
            "name",
            "localhost:80"
                .to_socket_addrs()
                .ok()
                .map(|_| "resolved".into()),
        ),
    ]
}
