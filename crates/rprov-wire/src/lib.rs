//! The frames that cross the SSH channel between the controller and its agent.
//!
//! A frame is a little-endian `u32` length followed by that many bytes: a message in
//! [postcard](https://docs.rs/postcard), and behind it, as they are, the bytes of the content that it carries.
//! Both ends are built from the same source (the agent is matched by content hash), so the format carries no
//! version and may change freely.
//!
//! * [`value`]: the dynamic value that arguments and results are made of;
//! * [`message`]: what each side may say;
//! * [`frame`]: lengths, limits, reading and writing.

pub mod frame;
pub mod message;
pub mod value;

pub use bytes::Bytes;
pub use frame::{
    FrameError, MAX_FRAME, MAX_LINE_FRAME, decode, encode, from_text, head, read_frame, read_line_frame, to_text,
    write_frame,
};
pub use message::{CHUNK, Content, FromAgent, Hello, Message, Options, Request, Source, Stream, ToAgent, WINDOW};
pub use value::{Map, Value};
