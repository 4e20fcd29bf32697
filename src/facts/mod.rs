//! Facts that outlive a run: `fact_caching`, in the form in which ansible-core 2.19 keeps them, so that both programs can
//! use one cache.
//!
//! * [`FactCache`]: the facts of all hosts, as the settings want them kept;
//! * `payload`: what one host's entry looks like;
//! * `jsonfile`, `redis`: one file per place to keep them.

mod cache;
mod jsonfile;
mod payload;
mod redis;

pub use cache::FactCache;
