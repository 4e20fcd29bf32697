//! Where a host stands in a play.
//!
//! A cursor is a stack of frames: the play's items, then the block, the included files or the handlers that are being
//! gone through. Its path, read as a list of numbers, puts all tasks of a play into one order, whichever files and
//! blocks they come from; the linear strategy runs the smallest path that any host stands at.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::sync::Arc;

use crate::playbook::{Block, Item, Task};
use crate::vars::Values;

/// A position in a play. Paths compare in the order in which tasks are done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path(Vec<u32>);

impl PartialOrd for Path {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Path {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

/// Tasks that a dynamic include brought in for this host.
#[derive(Clone, Debug)]
pub struct Included {
    /// Number among the files and items that the include led to, over all hosts: puts them in order.
    pub order: u32,
    /// The tasks.
    pub items: Arc<[Item]>,
    /// Variables of the include: `vars`, the loop's item.
    pub variables: Option<Arc<Values>>,
}

/// The sections of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Section {
    Tasks,
    Rescue,
    Always,
}

#[derive(Clone, Debug)]
enum Kind {
    /// The play's own items.
    Root(Arc<[Item]>),
    /// A block. `failed` says that a failure is pending until `always` is done.
    Block { block: Arc<Block>, section: Section, failed: bool },
    /// Files that an include led to, one after the other.
    Includes { groups: Arc<[Included]>, current: usize },
    /// Handlers, by their number in the play's list.
    Handlers(Vec<(u32, Arc<Task>)>),
}

#[derive(Clone, Debug)]
struct Frame {
    kind: Kind,
    index: usize,
}

impl Frame {
    fn items(&self) -> &[Item] {
        match &self.kind {
            Kind::Root(items) => items,
            Kind::Block { block, section: Section::Tasks, .. } => &block.tasks,
            Kind::Block { block, section: Section::Rescue, .. } => &block.rescue,
            Kind::Block { block, section: Section::Always, .. } => &block.always,
            Kind::Includes { groups, current } => groups.get(*current).map_or(&[], |group| &group.items),
            Kind::Handlers(_) => &[],
        }
    }
}

/// What a failure of the current task means for the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consequence {
    /// A `rescue` takes it from here.
    Rescued,
    /// Only an `always` is left to do before the host fails.
    Pending,
    /// The host has failed.
    Fatal,
}

/// A host's position in a play.
#[derive(Clone, Debug)]
pub struct Cursor {
    frames: Vec<Frame>,
    /// Uses of roles that are done, which are not done again unless they allow it.
    completed_roles: HashSet<String>,
    /// Uses of roles of which a task was run.
    begun_roles: HashSet<String>,
    /// A failure that had waited for an `always` has ended the play for the host.
    lost: bool,
}

impl Cursor {
    /// At the beginning of a play's items.
    pub fn new(items: Arc<[Item]>) -> Self {
        Self {
            frames: vec![Frame { kind: Kind::Root(items), index: 0 }],
            completed_roles: HashSet::new(),
            begun_roles: HashSet::new(),
            lost: false,
        }
    }

    /// The task that the host stands at; `None` at the end. Tasks that `selected` refuses are passed over.
    pub fn task(&mut self, selected: &dyn Fn(&Arc<Task>) -> bool) -> Option<Arc<Task>> {
        loop {
            let frame = self.frames.last_mut()?;
            if let Kind::Handlers(handlers) = &frame.kind {
                match handlers.get(frame.index) {
                    Some((_, task)) => return Some(Arc::clone(task)),
                    None => {
                        self.leave();
                        continue;
                    }
                }
            }
            match frame.items().get(frame.index).cloned() {
                Some(Item::Task(task)) if selected(&task) => return Some(task),
                Some(Item::Task(_)) => frame.index += 1,
                Some(Item::Block(block)) => {
                    let repeated = block
                        .role
                        .as_ref()
                        .is_some_and(|role| !role.allow_duplicates && self.completed_roles.contains(&role.fingerprint));
                    if repeated {
                        frame.index += 1;
                    } else {
                        let kind = Kind::Block { block, section: Section::Tasks, failed: false };
                        self.frames.push(Frame { kind, index: 0 });
                    }
                }
                None => self.next_section()?,
            }
        }
    }

    /// The items of the top frame are done: go on to its next part, or leave it. `None` at the end of the play.
    fn next_section(&mut self) -> Option<()> {
        let frame = self.frames.last_mut()?;
        match &mut frame.kind {
            Kind::Root(_) => return None,
            Kind::Block { section: section @ (Section::Tasks | Section::Rescue), .. } => {
                *section = Section::Always;
                frame.index = 0;
            }
            Kind::Block { failed: true, .. } => {
                self.frames.pop();
                if self.fail() == Consequence::Fatal {
                    self.lost = true;
                    return None;
                }
            }
            Kind::Block { block, .. } => {
                if let Some(role) = block.role.clone() {
                    self.complete_role(&role.fingerprint);
                }
                self.leave();
            }
            Kind::Includes { groups, current } if *current + 1 < groups.len() => {
                *current += 1;
                frame.index = 0;
            }
            Kind::Includes { .. } | Kind::Handlers(_) => self.leave(),
        }
        Some(())
    }

    /// A task of that use of a role was run, and not skipped.
    pub fn begin_role(&mut self, fingerprint: &str) {
        if !self.begun_roles.contains(fingerprint) {
            self.begun_roles.insert(fingerprint.to_owned());
        }
    }

    /// A use of a role is done. One of which nothing was run may come again.
    fn complete_role(&mut self, fingerprint: &str) {
        if self.begun_roles.contains(fingerprint) {
            self.completed_roles.insert(fingerprint.to_owned());
        }
    }

    /// Leave the top frame, and the item below that it stood on.
    fn leave(&mut self) {
        self.frames.pop();
        self.advance();
    }

    /// The current task is done.
    pub fn advance(&mut self) {
        if let Some(frame) = self.frames.last_mut() {
            frame.index += 1;
        }
    }

    /// The current task failed: go to where that leads.
    pub fn fail(&mut self) -> Consequence {
        while let Some(frame) = self.frames.last_mut() {
            if let Kind::Block { block, section, failed } = &mut frame.kind {
                match section {
                    Section::Tasks if !block.rescue.is_empty() => {
                        *section = Section::Rescue;
                        frame.index = 0;
                        return Consequence::Rescued;
                    }
                    Section::Tasks | Section::Rescue if !block.always.is_empty() => {
                        *section = Section::Always;
                        *failed = true;
                        frame.index = 0;
                        return if self.rescue_ahead() { Consequence::Rescued } else { Consequence::Pending };
                    }
                    _ => {}
                }
            }
            self.frames.pop();
        }
        Consequence::Fatal
    }

    /// Whether a block further out will rescue what failed in here.
    fn rescue_ahead(&self) -> bool {
        self.frames.iter().rev().skip(1).any(|frame| {
            matches!(&frame.kind, Kind::Block { block, section: Section::Tasks, .. } if !block.rescue.is_empty())
        })
    }

    /// Whether a failure is waiting for the end of an `always`.
    pub fn failure_pending(&self) -> bool {
        self.frames.iter().any(|frame| matches!(frame.kind, Kind::Block { failed: true, .. }))
    }

    /// Whether the host is inside of a block's `rescue` or `always`.
    pub fn rescuing(&self) -> bool {
        self.frames
            .iter()
            .any(|frame| matches!(frame.kind, Kind::Block { section: Section::Rescue | Section::Always, .. }))
    }

    /// Go through included tasks; the include itself is done when they are.
    pub fn enter_includes(&mut self, groups: Vec<Included>) {
        if groups.is_empty() {
            self.advance();
        } else {
            self.frames.push(Frame { kind: Kind::Includes { groups: groups.into(), current: 0 }, index: 0 });
        }
    }

    /// How many includes are around the host's place.
    pub fn include_depth(&self) -> usize {
        self.frames.iter().filter(|frame| matches!(frame.kind, Kind::Includes { .. })).count()
    }

    /// Go through handlers; the flush itself is done when they are.
    pub fn enter_handlers(&mut self, handlers: Vec<(u32, Arc<Task>)>) {
        self.frames.push(Frame { kind: Kind::Handlers(handlers), index: 0 });
    }

    /// Whether the host came to its end by a failure that had to wait for an `always`.
    pub fn is_lost(&self) -> bool {
        self.lost
    }

    /// Whether handlers are being gone through.
    pub fn in_handlers(&self) -> bool {
        self.frames.iter().any(|frame| matches!(frame.kind, Kind::Handlers(_)))
    }

    /// Nothing more is to be done.
    pub fn end(&mut self) {
        self.frames.clear();
    }

    /// Leave the innermost role that is being gone through; false if there is none.
    pub fn end_role(&mut self) -> bool {
        let inside = |frame: &Frame| matches!(&frame.kind, Kind::Block { block, .. } if block.role.is_some());
        let Some(depth) = self.frames.iter().rposition(inside) else { return false };
        if let Some(Frame { kind: Kind::Block { block, .. }, .. }) = self.frames.get(depth)
            && let Some(role) = block.role.clone()
        {
            self.complete_role(&role.fingerprint);
        }
        self.frames.truncate(depth);
        self.advance();
        true
    }

    /// Nothing is left to do but the handlers, when the play comes to them next (`force_handlers`, on a host that has
    /// failed).
    pub fn only_handlers(&mut self) {
        self.frames.truncate(1);
        let Some(Frame { kind: Kind::Root(items), index }) = self.frames.last_mut() else { return };
        let flush = |item: &Item| matches!(item, Item::Task(task) if task.implicit && task.is("meta"));
        match items.iter().enumerate().skip(*index).find(|(_, item)| flush(item)) {
            Some((found, _)) => {
                *items = items.iter().take(found + 1).cloned().collect();
                *index = found;
            }
            None => self.frames.clear(),
        }
    }

    /// Run a handler that was notified by one before it, with those that are being gone through. False if its turn is
    /// over, or no handlers are being gone through.
    pub fn add_handler(&mut self, number: u32, task: Arc<Task>) -> bool {
        for frame in self.frames.iter_mut().rev() {
            let Kind::Handlers(handlers) = &mut frame.kind else { continue };
            let current = handlers.get(frame.index).map(|(number, _)| *number);
            if current.is_none_or(|current| number <= current) {
                return false;
            }
            if let Err(place) = handlers.binary_search_by_key(&number, |(number, _)| *number) {
                handlers.insert(place, (number, task));
            }
            return true;
        }
        false
    }

    /// The variables that the includes around the current task handed down, outermost first.
    pub fn include_variables(&self) -> Vec<Arc<Values>> {
        self.frames
            .iter()
            .filter_map(|frame| match &frame.kind {
                Kind::Includes { groups, current } => groups.get(*current).and_then(|group| group.variables.clone()),
                _ => None,
            })
            .collect()
    }

    /// The current position.
    pub fn path(&self) -> Path {
        let mut path = Vec::with_capacity(self.frames.len() * 2);
        for frame in &self.frames {
            match &frame.kind {
                Kind::Root(_) => path.push(frame.index as u32),
                Kind::Block { section, .. } => path.extend([*section as u32, frame.index as u32]),
                Kind::Includes { groups, current } => {
                    path.extend([groups.get(*current).map_or(0, |group| group.order), frame.index as u32]);
                }
                Kind::Handlers(handlers) => {
                    path.extend([0, handlers.get(frame.index).map_or(u32::MAX, |(number, _)| *number)])
                }
            }
        }
        Path(path)
    }
}
