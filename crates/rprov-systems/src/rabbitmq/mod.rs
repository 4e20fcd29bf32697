//! RabbitMQ, for the modules of community.rabbitmq: by its program on the host, or by its management interface.
//!
//! * [`broker`]: what can be asked and done, either way;
//! * [`ctl`]: the program `rabbitmqctl`;
//! * [`api`]: the management interface, over HTTP.

pub mod api;
pub mod broker;
pub mod ctl;

pub use broker::{Broker, Permission, TopicPermission};
