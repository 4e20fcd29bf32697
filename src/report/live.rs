//! On a terminal, a line below the output: what is running where and for how long.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::event::Event;
use super::reporter::Sink;

/// A writer that takes the live line away while it writes, so that both can share a terminal.
pub struct AboveLive<W> {
    bar: ProgressBar,
    inner: W,
    buffer: Vec<u8>,
}

impl<W> std::fmt::Debug for AboveLive<W> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("AboveLive")
    }
}

impl<W: Write> AboveLive<W> {
    /// Write to `inner`, above the live line.
    pub fn new(bar: ProgressBar, inner: W) -> Self {
        Self { bar, inner, buffer: Vec::new() }
    }
}

impl<W: Write> Write for AboveLive<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let buffer = std::mem::take(&mut self.buffer);
        let inner = &mut self.inner;
        self.bar.suspend(|| {
            inner.write_all(&buffer)?;
            inner.flush()
        })
    }
}

/// The live line.
#[derive(Debug)]
pub struct Live {
    bar: ProgressBar,
    task: String,
    running: BTreeMap<Arc<str>, (Instant, String)>,
}

impl Live {
    /// A live line on standard error, and the bar that writers have to respect.
    pub fn start() -> (Self, ProgressBar) {
        let bar = ProgressBar::new_spinner();
        bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(10));
        // The template is a constant; should it ever be wrong, the default style serves.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        (Self { bar: bar.clone(), task: String::new(), running: BTreeMap::new() }, bar)
    }

    fn show(&self) {
        if self.running.is_empty() {
            self.bar.set_message("");
            return;
        }
        let hosts: Vec<String> = self
            .running
            .iter()
            .take(4)
            .map(|(host, (since, last))| {
                let seconds = since.elapsed().as_secs();
                match last.is_empty() {
                    true => format!("{host} {seconds}s"),
                    false => format!("{host} {seconds}s: {last}"),
                }
            })
            .collect();
        let more = self.running.len().saturating_sub(4);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        self.bar.set_message(format!("{} | {}{more}", self.task, hosts.join(", ")));
    }
}

impl Sink for Live {
    fn event(&mut self, event: &Event) {
        match event {
            Event::TaskStart { task, hosts, .. } => {
                self.task.clone_from(&task.name);
                for host in hosts {
                    self.running.insert(Arc::clone(host), (Instant::now(), String::new()));
                }
            }
            Event::Result(result) => {
                self.running.remove(&result.host);
            }
            Event::Output { host, text, .. } => {
                if let Some((_, last)) = self.running.get_mut(host)
                    && let Some(line) = text.lines().rev().find(|line| !line.trim().is_empty())
                {
                    // A host's output is data: it must not steer the terminal.
                    *last = line.chars().filter(|character| !character.is_control()).take(60).collect();
                }
            }
            Event::Recap(_) => self.running.clear(),
            _ => {}
        }
        self.show();
    }

    fn finish(&mut self) {
        self.bar.finish_and_clear();
    }
}
