//! What the controller and its agent say to each other.
//!
//! One request is one task on one host: a module, and one set of arguments for each loop item. The agent runs
//! the items in order and answers each with one [`FromAgent::Result`]; [`FromAgent::Done`] closes the request.
//! Bulk data never rides in arguments or results: the module asks for it ([`FromAgent::Pull`]) once it knows that
//! it is needed, and gets it in chunks for which it has granted credit, so that one slow disk cannot stop the
//! other requests on the channel.

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use crate::value::{Map, Value};

/// Bytes in one chunk of streamed content.
pub const CHUNK: usize = 64 * 1024;

/// Chunks that may be under way to one reader before it grants more credit.
pub const WINDOW: u32 = 64;

/// What one side says to the other.
pub trait Message: Serialize + DeserializeOwned {
    /// The content that the message carries: behind it in its frame, so that nothing has to copy it.
    fn content(&self) -> Option<&Bytes>;

    /// Where that content belongs.
    fn content_mut(&mut self) -> Option<&mut Bytes>;
}

/// Controller to agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ToAgent {
    /// Run a module, once for each item.
    Request(Request),
    /// A piece of the content that the request asked for; empty when `last` says that it is over.
    Chunk {
        /// The request that pulled.
        id: u32,
        /// The pull that it answers.
        pull: u32,
        /// Nothing comes after this one.
        last: bool,
        /// The bytes, at most [`CHUNK`].
        #[serde(skip)]
        data: Bytes,
    },
    /// The content that was pulled cannot be read on the controller; the message says why.
    ChunkFailed {
        /// The request that pulled.
        id: u32,
        /// The pull that it answers.
        pull: u32,
        /// The reason, for the module's error message.
        message: String,
    },
    /// The controller has consumed chunks that the agent sent; it may send as many more.
    Credit {
        /// The request that is sending.
        id: u32,
        /// Number of chunks.
        chunks: u32,
    },
    /// What the module sends cannot be stored on the controller; the message says why.
    PushFailed {
        /// The request that is sending.
        id: u32,
        /// The item that is sending; where another runs by now, nothing happens.
        item: u32,
        /// The reason, for the module's error message.
        message: String,
    },
    /// End, as at the end of standard input; a terminal (`su`, `doas`) does not pass that on.
    Goodbye,
    /// Stop the request: kill what it started, answer its running item as failed and skip the others.
    Cancel {
        /// The request to stop.
        id: u32,
    },
}

/// Agent to controller.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FromAgent {
    /// The first frame: who the agent is.
    Hello(Hello),
    /// One item's result.
    Result {
        /// The request.
        id: u32,
        /// Index of the item in [`Request::items`].
        item: u32,
        /// The module's result: `changed`, `failed`, `msg` and its own values.
        result: Map,
    },
    /// All items of the request were answered.
    Done {
        /// The request.
        id: u32,
    },
    /// Live output of a command that is still running.
    Output {
        /// The request.
        id: u32,
        /// Which of the two streams.
        stream: Stream,
        /// What it printed, raw.
        data: ByteBuf,
    },
    /// Send the content numbered `content` in the arguments of the running item: [`WINDOW`] chunks at first.
    Pull {
        /// The request.
        id: u32,
        /// Number of this pull within the request; its chunks bear it.
        pull: u32,
        /// [`Content::index`]
        content: u32,
    },
    /// The module has consumed chunks of a pull; as many more may be sent.
    Credit {
        /// The request.
        id: u32,
        /// The pull.
        pull: u32,
        /// Number of chunks.
        chunks: u32,
    },
    /// The module wants no more of a pull that is not over.
    PullEnd {
        /// The request.
        id: u32,
        /// The pull.
        pull: u32,
    },
    /// A piece of a file that the module sends to the controller (`fetch`).
    Chunk {
        /// The request.
        id: u32,
        /// Nothing comes after this one.
        last: bool,
        /// The bytes, at most [`CHUNK`].
        #[serde(skip)]
        data: Bytes,
    },
}

impl Message for ToAgent {
    fn content(&self) -> Option<&Bytes> {
        if let ToAgent::Chunk { data, .. } = self { Some(data) } else { None }
    }

    fn content_mut(&mut self) -> Option<&mut Bytes> {
        if let ToAgent::Chunk { data, .. } = self { Some(data) } else { None }
    }
}

impl Message for FromAgent {
    fn content(&self) -> Option<&Bytes> {
        if let FromAgent::Chunk { data, .. } = self { Some(data) } else { None }
    }

    fn content_mut(&mut self) -> Option<&mut Bytes> {
        if let FromAgent::Chunk { data, .. } = self { Some(data) } else { None }
    }
}

/// Who the agent is, said once when it starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hello {
    /// Version of the program that the agent was built from.
    pub version: String,
    /// The agent's process id on the host.
    pub pid: u32,
    /// The effective user it runs as.
    pub uid: u32,
    /// That user's home directory, from `HOME`.
    pub home: String,
}

/// A module call, for one or more loop items.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The controller's number for it; unique on this channel while it runs.
    pub id: u32,
    /// The module's short name (`copy`).
    pub module: String,
    /// What holds for every item.
    pub options: Options,
    /// One set of arguments for each loop item; exactly one where there is no loop.
    pub items: Vec<Map>,
}

/// What the task says of a module call, beside the module's own arguments.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Options {
    /// Predict, and change nothing.
    pub check: bool,
    /// Return `diff`.
    pub diff: bool,
    /// Send what commands print while they run.
    pub live: bool,
    /// Arguments and results are secret: nothing of them may be logged.
    pub no_log: bool,
    /// Nobody sees more of a good result than that it is one: values that are dear to find out may be left out.
    pub brief: bool,
    /// The task's `environment`, for the processes that the module starts.
    pub environment: Vec<(String, String)>,
    /// Seconds after which the agent itself gives up on each item; 0 for no limit.
    pub timeout: u32,
    /// `-v` count.
    pub verbosity: u8,
    /// Working directory of the request; empty for the agent's own.
    pub directory: String,
    /// Shell for `shell` tasks; empty for `/bin/sh`.
    pub shell: String,
    /// Do it as a job of its own (`async`); the result says which, and the module's own result goes to its file.
    pub job: Option<Job>,
}

/// A job that outlives the request that starts it, and the agent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Where the files of jobs are; `~` is the user's home.
    pub directory: String,
    /// Seconds after which it is killed.
    pub limit: u32,
}

/// A reference, inside a module's arguments, to content that stays on the controller until it is pulled.
///
/// It is written into the arguments as a map by [`Content::to_value`] and read back by [`Content::from_value`].
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    /// Number of the content within its request.
    pub index: u32,
    /// Size in bytes.
    pub size: u64,
    /// SHA-1 of the content, in lower case hexadecimal digits: what Ansible returns as `checksum`.
    pub sha1: String,
}

/// Where the bytes of a [`Content`] are, on the controller.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// In memory: a rendered template, or a `content:`.
    Bytes(std::sync::Arc<[u8]>),
    /// In a file of the controller, read when it is pulled.
    File(std::path::PathBuf),
}

impl Content {
    /// As an argument value.
    pub fn to_value(&self) -> Value {
        Value::from_iter([
            ("index", Value::from(self.index)),
            ("size", Value::from(self.size)),
            ("sha1", Value::from(self.sha1.as_str())),
        ])
    }

    /// From an argument value; `None` if it is not a content reference.
    pub fn from_value(value: &Value) -> Option<Content> {
        Some(Content {
            index: u32::try_from(value.get("index")?.as_int()?).ok()?,
            size: u64::try_from(value.get("size")?.as_int()?).ok()?,
            sha1: value.get("sha1")?.as_str()?.to_owned(),
        })
    }
}

/// One of a command's two output streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}
