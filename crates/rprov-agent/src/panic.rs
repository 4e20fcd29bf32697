//! A module that panics fails its item; here its panic becomes a message.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};

thread_local! {
    static LOCATION: RefCell<Option<String>> = const { RefCell::new(None) };
    static SECRET: Cell<bool> = const { Cell::new(false) };
}

/// Let panics report to standard error, where they are part of what is known of an agent that died, without the
/// values of a secret request; and keep the place for the item's result.
pub(crate) fn install_hook() {
    panic::set_hook(Box::new(|information| {
        let location = information.location().map(ToString::to_string);
        let place = location.clone().unwrap_or_default();
        if SECRET.get() {
            eprintln!("rprov-agent: panic at {place}");
        } else {
            eprintln!("rprov-agent: panic at {place}: {}", text(information.payload()));
        }
        LOCATION.with_borrow_mut(|slot| *slot = location);
    }));
}

/// Run `action`; the message of its panic where it does. With `secret`, the message is the place alone.
pub(crate) fn catch<T>(secret: bool, action: impl FnOnce() -> T) -> Result<T, String> {
    SECRET.set(secret);
    LOCATION.with_borrow_mut(|slot| *slot = None);
    // Nothing that the module may have left half done is used again: its context ends with it.
    let result = panic::catch_unwind(AssertUnwindSafe(action));
    SECRET.set(false);
    result.map_err(|payload| {
        let place = LOCATION.with_borrow_mut(Option::take).map(|place| format!(" at {place}")).unwrap_or_default();
        if secret { format!("panicked{place}") } else { format!("panicked{place}: {}", text(payload.as_ref())) }
    })
}

fn text(payload: &(dyn Any + Send)) -> &str {
    let owned = payload.downcast_ref::<String>().map(String::as_str);
    owned.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message")
}
