//! `reboot`: reboot the host and wait until it is back.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use rprov_modules::arguments;
use rprov_wire::Map;

use super::call::{Action, Call, Done, Stop};
use super::wait_for_connection::{seconds, until_usable};
use crate::template::filter::text::shell_quote;

arguments! {
    /// Reboot a machine.
    pub struct Arguments {
        /// Seconds before the reboot.
        pre_reboot_delay: f64 = 0.0,
        /// Seconds after it, before the first attempt to connect.
        post_reboot_delay: f64 = 0.0,
        /// Seconds until the host must be back.
        reboot_timeout: f64 = 600.0,
        /// Seconds for one attempt to connect.
        connect_timeout: Option<f64>,
        /// Command that must succeed on the host when it is back.
        test_command: String = "whoami".to_owned(),
        /// Message for those who are logged in.
        msg: String = "Reboot initiated by Ansible".to_owned(),
        /// Where `shutdown` is looked for.
        search_paths: Vec<String> = ["/sbin", "/bin", "/usr/sbin", "/usr/bin", "/usr/local/sbin"].map(str::to_owned).to_vec(),
        /// Command that tells one boot from another.
        boot_time_command: String = "cat /proc/sys/kernel/random/boot_id".to_owned(),
        /// Command that reboots.
        reboot_command: Option<String>,
    }
}

/// `reboot`
pub(super) struct Reboot;

#[async_trait]
impl Action for Reboot {
    async fn run(&self, call: Call<'_>) -> Result<Done, Stop> {
        let arguments: Arguments = call.decode()?;
        if call.remote.is_local() {
            return Err(Stop::failed("Running reboot with local connection would reboot the control node."));
        }
        if call.check() {
            let mut done = Done::unchanged().with("elapsed", 0i64).with("rebooted", true);
            done.result.insert("changed".into(), true.into());
            return Ok(done);
        }
        let begin = Instant::now();
        let deadline = begin + seconds(arguments.reboot_timeout);
        let before = shell(&call, &arguments.boot_time_command).await?;
        tokio::time::sleep(seconds(arguments.pre_reboot_delay)).await;
        let command = reboot_command(&arguments);
        // The host may be gone before it has answered.
        let answered = tokio::time::timeout(Duration::from_secs(30), shell(&call, &command)).await;
        if let Ok(Err(Stop::Failed(result))) = answered {
            return Err(Stop::Failed(result));
        }
        call.remote.reset().await;
        tokio::time::sleep(seconds(arguments.post_reboot_delay)).await;
        let connect = seconds(arguments.connect_timeout.unwrap_or(10.0));
        loop {
            until_usable(&call, Duration::from_secs(1), connect, deadline)
                .await
                .map_err(|reason| failed(&begin, &format!("Timed out waiting for last boot time check: {reason}")))?;
            match shell(&call, &arguments.boot_time_command).await {
                Ok(now) if now != before => break,
                Ok(_) if Instant::now() >= deadline => {
                    return Err(failed(
                        &begin,
                        "Timed out waiting for the host to go down: it is still in the boot it was in",
                    ));
                }
                _ => {}
            }
            call.remote.reset().await;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        loop {
            match shell(&call, &arguments.test_command).await {
                Ok(_) => break,
                Err(stop) if Instant::now() >= deadline => {
                    let reason = stop.into_result().get("msg").map(ToString::to_string).unwrap_or_default();
                    return Err(failed(&begin, &format!("Timed out waiting for post-reboot test command: {reason}")));
                }
                Err(_) => tokio::time::sleep(Duration::from_secs(1)).await,
            }
        }
        let mut done = Done::unchanged().with("rebooted", true).with("elapsed", begin.elapsed().as_secs());
        done.result.insert("changed".into(), true.into());
        Ok(done)
    }
}

fn failed(begin: &Instant, message: &str) -> Stop {
    let failure =
        rprov_modules::Failure::new(message).with("rebooted", true).with("elapsed", begin.elapsed().as_secs());
    failure.into()
}

fn reboot_command(arguments: &Arguments) -> String {
    if let Some(command) = &arguments.reboot_command {
        return command.clone();
    }
    let minutes = (arguments.pre_reboot_delay / 60.0) as i64;
    let message = shell_quote(&arguments.msg);
    let paths = arguments.search_paths.join(":");
    // `shutdown` may be missing on small systems, which have `reboot`.
    format!(
        "PATH={}:$PATH; if command -v shutdown >/dev/null 2>&1; then shutdown -r {minutes} {message}; else (sleep 1; reboot) >/dev/null 2>&1 & fi",
        shell_quote(&paths)
    )
}

/// What a shell command on the host prints.
async fn shell(call: &Call<'_>, command: &str) -> Result<String, Stop> {
    let mut arguments = Map::new();
    arguments.insert("_raw_params".into(), command.into());
    let result = call.module("shell", arguments, Vec::new()).await?;
    if crate::run::is_failed(&result) {
        return Err(Stop::Failed(result));
    }
    Ok(result.get("stdout").and_then(rprov_wire::Value::as_str).unwrap_or_default().trim().to_owned())
}
