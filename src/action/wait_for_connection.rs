//! `wait_for_connection`: until the host can be worked on.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use rprov_modules::arguments;
use rprov_wire::Map;

use super::call::{Action, Call, Done, Stop};

arguments! {
    /// Waits until remote system is reachable/usable.
    pub struct Arguments {
        /// Seconds for one attempt.
        connect_timeout: f64 = 5.0,
        /// Seconds before the first attempt.
        delay: f64 = 0.0,
        /// Seconds between attempts.
        sleep: f64 = 1.0,
        /// Seconds for all of it.
        timeout: f64 = 600.0,
    }
}

/// `wait_for_connection`
pub(super) struct WaitForConnection;

#[async_trait]
impl Action for WaitForConnection {
    async fn run(&self, call: Call<'_>) -> Result<Done, Stop> {
        let arguments: Arguments = call.decode()?;
        let begin = Instant::now();
        if call.check() {
            return Ok(Done::unchanged().with("elapsed", 0i64).with("skipped", true));
        }
        tokio::time::sleep(seconds(arguments.delay)).await;
        until_usable(
            &call,
            seconds(arguments.sleep),
            seconds(arguments.connect_timeout),
            begin + seconds(arguments.timeout),
        )
        .await
        .map_err(|reason| Stop::failed(format!("timed out waiting for ping module test: {reason}")))?;
        Ok(Done::unchanged().with("elapsed", begin.elapsed().as_secs()))
    }
}

/// A duration of that many seconds.
pub(super) fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds.clamp(0.0, 1e9))
}

/// Try to run a module on the host, on a new connection each time, until it works or the time is up.
pub(super) async fn until_usable(
    call: &Call<'_>,
    pause: Duration,
    connect_timeout: Duration,
    deadline: Instant,
) -> Result<(), String> {
    loop {
        let attempt = tokio::time::timeout(
            connect_timeout.max(Duration::from_millis(100)),
            call.module("ping", Map::new(), Vec::new()),
        );
        let reason = match attempt.await {
            Ok(Ok(result)) if !crate::run::is_failed(&result) => return Ok(()),
            Ok(Ok(result)) => result.get("msg").map(ToString::to_string).unwrap_or_default(),
            Ok(Err(stop)) => stop.into_result().get("msg").map(ToString::to_string).unwrap_or_default(),
            Err(_) => "no answer".to_owned(),
        };
        call.remote.reset().await;
        if Instant::now() + pause >= deadline {
            return Err(reason);
        }
        tokio::time::sleep(pause).await;
    }
}
