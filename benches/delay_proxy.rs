//! A WAN in one process: forwards TCP connections and delays both directions, without limiting their throughput.
//!
//! `delay_proxy LISTEN UPSTREAM RTT_MILLISECONDS`. Standard library only, so that `rustc -O` builds it. A byte takes half
//! of the round trip each way. Opening a connection costs what it costs on a real line: the caller may send after one
//! round trip, and the server sees the connection half of one later.

use std::error::Error;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let (Some(listen), Some(upstream), Some(rtt)) = (words.next(), words.next(), words.next()) else {
        return Err("usage: delay_proxy LISTEN UPSTREAM RTT_MILLISECONDS".into());
    };
    let rtt = Duration::from_secs_f64(rtt.parse::<f64>()? / 1000.0);
    let listener = TcpListener::bind(&listen).map_err(|error| format!("{listen}: {error}"))?;
    for connection in listener.incoming() {
        let client = connection?;
        let upstream = upstream.clone();
        thread::spawn(move || {
            if let Err(error) = serve(&client, &upstream, rtt) {
                eprintln!("{upstream}: {error}");
                let _ = client.shutdown(Shutdown::Both);
            }
        });
    }
    Ok(())
}

/// Joins one caller to the server, until both directions have ended.
fn serve(client: &TcpStream, upstream: &str, rtt: Duration) -> std::io::Result<()> {
    // What the caller sends before its handshake would have ended leaves when it does.
    let handshaken = Instant::now() + rtt;
    thread::sleep(rtt + rtt / 2);
    let server = TcpStream::connect(upstream)?;
    for stream in [client, &server] {
        stream.set_nodelay(true)?;
    }
    let up = delay(client.try_clone()?, server.try_clone()?, rtt / 2, handshaken);
    let down = delay(server, client.try_clone()?, rtt / 2, handshaken);
    for direction in [up, down] {
        // A direction that panicked has nothing more to forward.
        let _ = direction.join();
    }
    Ok(())
}

/// Forwards one direction: a thread reads at once and notes when, another writes what has become due.
fn delay(mut from: TcpStream, mut to: TcpStream, delay: Duration, earliest: Instant) -> thread::JoinHandle<()> {
    let (sender, receiver) = mpsc::channel::<(Instant, Vec<u8>)>();
    thread::spawn(move || {
        let mut buffer = vec![0; 256 * 1024];
        loop {
            let length = from.read(&mut buffer).unwrap_or(0);
            let due = Instant::now().max(earliest) + delay;
            if sender.send((due, buffer[..length].to_vec())).is_err() || length == 0 {
                return;
            }
        }
    });
    thread::spawn(move || {
        for (due, bytes) in receiver {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if bytes.is_empty() || to.write_all(&bytes).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    })
}
