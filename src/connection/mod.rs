//! Ways to a host, and the agent that runs there.
//!
//! * [`Settings`]: everything that variables, flags and `ansible.cfg` say of a host's connection;
//! * [`Transport`]: runs a command on the host through its login shell: over SSH, here, or inside of
//!   a container or directory that this machine holds;
//! * [`Session`]: one agent on one transport, for one user, for the whole run;
//! * [`Program`]: which of the programs that are pushed to hosts has a module;
//! * [`start_shell`]: a program on a transport, of any user, that rprov speaks to by its streams;
//! * `become`: how a session gets to be another user;
//! * [`ConnectionError`]: why there is no way to a host; never mixed with a module's failure.

mod r#become;
mod bootstrap;
mod error;
mod inside;
mod local;
mod program;
mod session;
mod settings;
mod shell;
pub mod ssh;
mod store;
mod transport;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use r#become::become_words;
pub use error::{ConnectionError, Loss};
pub use inside::{Entry, InsideTransport};
pub use local::LocalTransport;
pub use program::{Program, entry};
pub use session::{Call, Running, Session, Update};
pub use settings::{BecomeSettings, HostKeyChecking, Password, Settings};
pub use shell::{Script, start as start_shell};
pub use store::{AgentProgram, AgentStore, Packing};
pub use transport::{Ending, Exit, Process, Transport};

/// Lock, also where a thread died with the lock held: what is kept so stays valid at every step.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
