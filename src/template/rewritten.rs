//! Source that was rewritten, each piece of which remembers where it came from.

use std::ops::Range;

/// Rewritten source, with the way back.
#[derive(Clone, Debug, Default)]
pub(super) struct Rewritten {
    pub text: String,
    pieces: Vec<Piece>,
}

#[derive(Clone, Copy, Debug)]
struct Piece {
    new: usize,
    old: usize,
    copied: bool,
}

impl Rewritten {
    /// Copy a range of the source.
    pub fn copy(&mut self, source: &str, range: Range<usize>) {
        if let Some(text) = source.get(range.clone())
            && !text.is_empty()
        {
            self.pieces.push(Piece { new: self.text.len(), old: range.start, copied: true });
            self.text.push_str(text);
        }
    }

    /// Add text that stands for the place `old` of the source.
    pub fn add(&mut self, text: &str, old: usize) {
        if !text.is_empty() {
            self.pieces.push(Piece { new: self.text.len(), old, copied: false });
            self.text.push_str(text);
        }
    }

    /// Add what was rewritten separately.
    pub fn append(&mut self, other: Rewritten) {
        let shift = self.text.len();
        self.pieces.extend(other.pieces.into_iter().map(|piece| Piece { new: piece.new + shift, ..piece }));
        self.text.push_str(&other.text);
    }

    /// The place in the source of a place in the result.
    pub fn original(&self, new: usize) -> usize {
        let index = self.pieces.partition_point(|piece| piece.new <= new);
        match index.checked_sub(1).and_then(|index| self.pieces.get(index)) {
            Some(piece) if piece.copied => piece.old + (new - piece.new),
            Some(piece) => piece.old,
            None => 0,
        }
    }

    /// The range in the source of a range in the result.
    pub fn original_range(&self, range: Range<usize>) -> Range<usize> {
        let start = self.original(range.start);
        let end = self.original(range.end.saturating_sub(1)) + 1;
        start..end.max(start + 1)
    }
}
