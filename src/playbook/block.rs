//! Blocks: tasks that share keywords, with what is done when one of them fails.

use std::sync::Arc;

use super::role::Role;
use super::task::Task;
use crate::source::Span;
use crate::template::Written;

/// A task, or a block of them.
#[derive(Clone, Debug)]
pub enum Item {
    /// One task.
    Task(Arc<Task>),
    /// A block.
    Block(Arc<Block>),
}

/// A `block` with its `rescue` and `always`; also what a static import or a role's task list becomes.
///
/// Its keywords have been handed down to its tasks already.
#[derive(Clone, Debug)]
pub struct Block {
    /// Its name, if it has one.
    pub name: Option<Written>,
    /// The tasks to do.
    pub tasks: Arc<[Item]>,
    /// What to do when one of them fails.
    pub rescue: Arc<[Item]>,
    /// What to do in any case afterwards.
    pub always: Arc<[Item]>,
    /// The role whose task list this is; only on the outermost block of a role.
    pub role: Option<Arc<Role>>,
    /// Where it begins.
    pub span: Span,
}

impl Item {
    /// Visit every task in order, `rescue` and `always` included.
    pub fn each_task<'a>(&'a self, visit: &mut dyn FnMut(&'a Arc<Task>)) {
        match self {
            Item::Task(task) => visit(task),
            Item::Block(block) => {
                for item in block.tasks.iter().chain(block.rescue.iter()).chain(block.always.iter()) {
                    item.each_task(visit);
                }
            }
        }
    }
}
