//! The source-level bridge from Jinja2 to the engine: what the engine has no word for is said with functions of ours
//! before it is compiled. Every piece of the result remembers where it came from, so that errors point at what the
//! human wrote.
//!
//! * `a.b.c | default(1)`, `a.b.c is defined`: the chain may break anywhere, so it becomes `_get_(a, 'b', 'c')`;
//! * `'%s' % x` becomes `_mod_('%s', x)`;
//! * `+x` loses its plus, `{{ 1, 2 }}` gains parentheses;
//! * where a template appends to lists or updates dictionaries, literals become changeable ones;
//! * in playbooks (not in template files) a backslash in a string literal stands for itself.

use std::ops::Range;

use super::rewritten::Rewritten;
use super::token::{Kind, Token, is_keyword, tokens};

/// A filter or test that a template names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub kind: NamedKind,
    pub name: String,
    pub range: Range<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NamedKind {
    Filter,
    Test,
}

/// How to rewrite.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    /// A backslash in a string literal stands for itself.
    pub literal_backslashes: bool,
    /// A string literal may hold a template.
    pub embedded_templates: bool,
    /// Lists and dictionaries may be changed.
    pub changeable: bool,
    /// What is subtracted may be points in time.
    pub dates: bool,
}

impl Manner {
    /// The same for an expression that stands in this text.
    pub(super) fn of_expression(self, text: &str) -> Self {
        Self { dates: text.contains("datetime") || text.contains("now("), ..self }
    }

    /// The same for all that a template of several parts consists of.
    pub(super) fn of_document(self, text: &str) -> Self {
        Self { changeable: changes_values(text), ..self.of_expression(text) }
    }
}

/// Whether a text calls a method that changes a list or dictionary.
fn changes_values(text: &str) -> bool {
    text.contains("do ")
        || [
            ".append(",
            ".extend(",
            ".insert(",
            ".pop(",
            ".remove(",
            ".update(",
            ".setdefault(",
            ".popitem(",
            ".clear(",
            ".sort(",
            ".reverse(",
        ]
        .iter()
        .any(|method| text.contains(method))
}

/// Rewrite the expression in `range` of `source`.
pub(super) fn rewrite_expression(
    source: &str,
    range: Range<usize>,
    manner: Manner,
    named: &mut Vec<Named>,
) -> Rewritten {
    let end = range.end;
    let mut rewriter = Rewriter::new(source, range, manner, named);
    let (inner, comma) = rewriter.sequence();
    let mut result = Rewritten::default();
    if comma {
        result.add("(", rewriter.start);
    }
    result.append(inner);
    rewriter.rest(&mut result);
    if comma {
        result.add(")", end);
    }
    result
}

/// Rewrite the statement in `range` of `source` (`for x in y`, `set a = b` ...).
pub(super) fn rewrite_statement(
    source: &str,
    range: Range<usize>,
    manner: Manner,
    named: &mut Vec<Named>,
) -> Rewritten {
    let end = range.end;
    let mut rewriter = Rewriter::new(source, range, manner, named);
    let mut result = Rewritten::default();
    let keyword = rewriter.peek().map(|token| token.range.clone());
    let Some(keyword) = keyword else {
        rewriter.rest(&mut result);
        return result;
    };
    let word = source.get(keyword.clone()).unwrap_or_default();
    result.copy(source, rewriter.start..keyword.end);
    rewriter.position += 1;
    rewriter.copied = keyword.end;
    if matches!(word, "set" | "for") {
        let stop = if word == "set" { "=" } else { "in" };
        while let Some(token) = rewriter.peek().cloned() {
            rewriter.position += 1;
            result.copy(source, rewriter.copied..token.range.end);
            rewriter.copied = token.range.end;
            if source.get(token.range.clone()) == Some(stop) {
                let (inner, comma) = rewriter.sequence();
                let changeable = manner.changeable && word == "set";
                if changeable {
                    result.add(" _changeable_(", token.range.end);
                }
                if comma {
                    result.add("(", token.range.end);
                }
                result.append(inner);
                if comma {
                    result.add(")", end);
                }
                if changeable {
                    result.add(")", end);
                }
            }
        }
    } else if matches!(word, "filter") {
        // A filter block names filters where an expression has its operand.
        rewriter.position = rewriter.tokens.len();
    } else {
        let (inner, _) = rewriter.sequence();
        result.append(inner);
    }
    rewriter.rest(&mut result);
    result
}

struct Rewriter<'a, 'n> {
    source: &'a str,
    tokens: Vec<Token>,
    position: usize,
    /// Everything before this place of the source is in the result.
    copied: usize,
    start: usize,
    end: usize,
    manner: Manner,
    named: &'n mut Vec<Named>,
    /// Inside of the arguments of `default`, where what is undefined may stay so.
    lenient: bool,
}

enum Link {
    Attribute { raw: Rewritten, name: Range<usize> },
    Item { raw: Rewritten, key: Rewritten },
    Slice { raw: Rewritten },
    Call { raw: Rewritten, arguments: Rewritten },
}

enum Step {
    Filter { raw: Rewritten, name: Range<usize>, arguments: Option<Rewritten> },
    Test { raw: Rewritten },
}

impl<'a, 'n> Rewriter<'a, 'n> {
    fn new(source: &'a str, range: Range<usize>, manner: Manner, named: &'n mut Vec<Named>) -> Self {
        Self {
            source,
            tokens: tokens(source, range.clone()),
            position: 0,
            copied: range.start,
            start: range.start,
            end: range.end,
            manner,
            named,
            lenient: false,
        }
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.position)
    }

    fn text_at(&self, ahead: usize) -> &'a str {
        self.tokens
            .get(self.position + ahead)
            .and_then(|token| self.source.get(token.range.clone()))
            .unwrap_or_default()
    }

    fn kind_at(&self, ahead: usize) -> Option<Kind> {
        self.tokens.get(self.position + ahead).map(|token| token.kind)
    }

    /// Copy what is left: spaces at the end, or what no rule knew.
    fn rest(&mut self, result: &mut Rewritten) {
        result.copy(self.source, self.copied..self.end);
        self.copied = self.end;
    }

    /// Copy the spaces before the next token.
    fn gap(&mut self, result: &mut Rewritten) {
        if let Some(token) = self.tokens.get(self.position) {
            result.copy(self.source, self.copied..token.range.start);
            self.copied = token.range.start;
        }
    }

    /// Copy the next token, with the spaces before it.
    fn copy_token(&mut self, result: &mut Rewritten) -> Range<usize> {
        self.gap(result);
        let Some(token) = self.tokens.get(self.position).cloned() else {
            return self.end..self.end;
        };
        self.position += 1;
        self.copied = token.range.end;
        if token.kind == Kind::Text && self.manner.literal_backslashes {
            self.copy_literally(result, &token.range);
        } else {
            result.copy(self.source, token.range.clone());
        }
        token.range
    }

    fn copy_literally(&self, result: &mut Rewritten, range: &Range<usize>) {
        let Some(text) = self.source.get(range.clone()) else { return };
        let Some(quote) = text.chars().next() else { return };
        if !text.contains('\\') {
            result.copy(self.source, range.clone());
            return;
        }
        for (at, character) in text.char_indices() {
            let place = range.start + at;
            let inside = at > 0 && at + 1 < text.len();
            if inside && (character == '\\' || character == quote) {
                result.add("\\", place);
            }
            result.copy(self.source, place..place + character.len_utf8());
        }
    }

    fn operand_begins(&self) -> bool {
        match self.kind_at(0) {
            Some(Kind::Name) => !is_keyword(self.text_at(0)),
            Some(Kind::Number | Kind::Text) => true,
            Some(Kind::Operator) => matches!(self.text_at(0), "(" | "[" | "{"),
            None => false,
        }
    }

    /// Operands and operators up to a closing bracket or the end; whether a comma stands between them.
    fn sequence(&mut self) -> (Rewritten, bool) {
        let mut result = Rewritten::default();
        let mut comma = false;
        // The operator before this token, whether it is a sign, and whether an operand stands before this token.
        let mut operator = String::new();
        let mut sign = false;
        let mut after_operand = false;
        while self.peek().is_some() {
            let word = self.text_at(0);
            if matches!(word, ")" | "]" | "}") && self.kind_at(0) == Some(Kind::Operator) {
                break;
            }
            if self.operand_begins() {
                self.gap(&mut result);
                let place = self.copied;
                let literal = self.kind_at(0) == Some(Kind::Number);
                let mut operand = self.operand();
                if !literal && !sign && !matches!(operator.as_str(), "*" | "/" | "//" | "**") {
                    while let Some((saved, mut right)) = self.step_over("%") {
                        if matches!(self.text_at(0), "-" | "+") {
                            self.copy_token(&mut right);
                        }
                        if !self.operand_begins() {
                            (self.position, self.copied) = saved;
                            break;
                        }
                        right.append(self.operand());
                        operand = self.called("_mod_(", place, operand, right);
                    }
                }
                if self.manner.dates && !sign && !matches!(operator.as_str(), "+" | "-" | "*" | "/" | "//" | "%" | "**")
                {
                    operand = self.differences(operand, place);
                }
                result.append(operand);
                operator.clear();
                sign = false;
                after_operand = true;
                continue;
            }
            let unary = word == "+" && !after_operand && self.kind_at(1).is_some();
            if unary {
                self.gap(&mut result);
                result.add(" ", self.copied);
                self.copied += 1;
                self.position += 1;
                continue;
            }
            comma |= word == "," && self.kind_at(0) == Some(Kind::Operator);
            operator = word.to_owned();
            sign = word == "-" && !after_operand;
            after_operand = false;
            self.copy_token(&mut result);
        }
        (result, comma)
    }

    /// Step over this operator, if it is the next token: where the rewriter stood before it, and the beginning of what
    /// stands to its right.
    fn step_over(&mut self, operator: &str) -> Option<((usize, usize), Rewritten)> {
        let saved = (self.position, self.copied);
        let token = self.tokens.get(self.position).filter(|token| token.kind == Kind::Operator)?;
        if self.source.get(token.range.clone()) != Some(operator) {
            return None;
        }
        self.copied = token.range.end;
        self.position += 1;
        let mut right = Rewritten::default();
        self.gap(&mut right);
        Some((saved, right))
    }

    /// An operation as a call of the function that does it: `_mod_(left,right)`.
    fn called(&self, function: &str, place: usize, left: Rewritten, right: Rewritten) -> Rewritten {
        let mut whole = Rewritten::default();
        whole.add(function, place);
        whole.append(left);
        whole.add(",", place);
        whole.append(right);
        whole.add(")", self.copied);
        whole
    }

    /// An operand with what is taken from it, `a - b - c`: the engine's `-` knows no dates. Where an operator follows that
    /// binds more tightly, the operand stays as it is.
    fn differences(&mut self, mut operand: Rewritten, place: usize) -> Rewritten {
        while let Some((saved, mut right)) = self.step_over("-") {
            if self.operand_begins() {
                right.append(self.operand());
                if !matches!(self.text_at(0), "*" | "/" | "//" | "%" | "**") {
                    operand = self.called("_sub_(", place, operand, right);
                    continue;
                }
            }
            (self.position, self.copied) = saved;
            break;
        }
        operand
    }

    /// A bracketed group: the opening bracket, what is inside, the closing bracket.
    fn group(&mut self) -> (Rewritten, Rewritten) {
        let mut raw = Rewritten::default();
        self.copy_token(&mut raw);
        let (mut inner, _) = self.sequence();
        self.gap(&mut inner);
        raw.append(inner.clone());
        if self.peek().is_some() {
            self.copy_token(&mut raw);
        }
        (raw, inner)
    }

    fn primary(&mut self) -> Rewritten {
        let mut base = Rewritten::default();
        let place = self.copied;
        match (self.kind_at(0), self.text_at(0)) {
            (Some(Kind::Operator), open) => {
                let (raw, _) = self.group();
                let maker = match open {
                    "[" => "_list_(",
                    "{" => "_dict_(",
                    _ => "",
                };
                if self.manner.changeable && !maker.is_empty() {
                    base.add(maker, place);
                    base.append(raw);
                    base.add(")", self.copied);
                } else {
                    base.append(raw);
                }
            }
            (Some(Kind::Text), _) => {
                let embedded = self.manner.embedded_templates && self.text_at(0).contains("{{");
                if embedded {
                    base.add("_template_(", place);
                }
                self.copy_token(&mut base);
                if embedded {
                    base.add(")", self.copied);
                }
                while self.kind_at(0) == Some(Kind::Text) {
                    self.copy_token(&mut base);
                }
            }
            _ => {
                self.copy_token(&mut base);
            }
        }
        base
    }

    fn links(&mut self) -> Vec<Link> {
        let mut links = Vec::new();
        loop {
            if self.kind_at(0) != Some(Kind::Operator) {
                break;
            }
            match self.text_at(0) {
                "." if matches!(self.kind_at(1), Some(Kind::Name | Kind::Number)) => {
                    let mut raw = Rewritten::default();
                    self.copy_token(&mut raw);
                    let name = self.copy_token(&mut raw);
                    links.push(Link::Attribute { raw, name });
                }
                "[" => {
                    let slice = self.holds_colon();
                    let (raw, key) = self.group();
                    links.push(if slice { Link::Slice { raw } } else { Link::Item { raw, key } });
                }
                "(" => {
                    let (raw, arguments) = self.group();
                    links.push(Link::Call { raw, arguments });
                }
                _ => break,
            }
        }
        links
    }

    /// Whether the bracket that comes next holds a colon of its own.
    fn holds_colon(&self) -> bool {
        let mut depth = 0_usize;
        for token in self.tokens.iter().skip(self.position) {
            if token.kind != Kind::Operator {
                continue;
            }
            match self.source.get(token.range.clone()).unwrap_or_default() {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => {
                    depth -= 1;
                    if depth == 0 {
                        return false;
                    }
                }
                ":" if depth == 1 => return true,
                _ => {}
            }
        }
        false
    }

    /// A dotted name (`ansible.builtin.bool`), copied.
    fn dotted(&mut self, raw: &mut Rewritten) -> Range<usize> {
        let mut range = self.copy_token(raw);
        while self.text_at(0) == "." && self.kind_at(1) == Some(Kind::Name) {
            self.copy_token(raw);
            range.end = self.copy_token(raw).end;
        }
        range
    }

    fn name(&mut self, kind: NamedKind, range: &Range<usize>) {
        let name: String =
            self.source.get(range.clone()).unwrap_or_default().chars().filter(|c| !c.is_whitespace()).collect();
        self.named.push(Named { kind, name, range: range.clone() });
    }

    fn operand(&mut self) -> Rewritten {
        let place = self.copied;
        let base = self.primary();
        let links = self.links();
        let mut steps = Vec::new();
        let mut lenient = None;
        loop {
            if self.text_at(0) == "|" && self.kind_at(1) == Some(Kind::Name) {
                let mut raw = Rewritten::default();
                self.copy_token(&mut raw);
                let name = self.dotted(&mut raw);
                self.name(NamedKind::Filter, &name);
                let forgiving =
                    matches!(short(self.source.get(name.clone()).unwrap_or_default()), "default" | "d" | "mandatory");
                let arguments = if self.text_at(0) == "(" {
                    let outer = std::mem::replace(&mut self.lenient, forgiving);
                    let (group, inner) = self.group();
                    self.lenient = outer;
                    raw.append(group);
                    Some(inner)
                } else {
                    None
                };
                if forgiving {
                    lenient = Some(steps.len());
                }
                steps.push(Step::Filter { raw, name, arguments });
            } else if self.text_at(0) == "is" && self.kind_at(0) == Some(Kind::Name) {
                let mut raw = Rewritten::default();
                self.copy_token(&mut raw);
                if self.text_at(0) == "not" {
                    self.copy_token(&mut raw);
                }
                if self.kind_at(0) != Some(Kind::Name) {
                    steps.push(Step::Test { raw });
                    break;
                }
                let name = self.dotted(&mut raw);
                self.name(NamedKind::Test, &name);
                if self.text_at(0) == "(" {
                    let (group, _) = self.group();
                    raw.append(group);
                } else if self.operand_begins()
                    && !matches!(self.text_at(0), "recursive" | "ignore" | "with" | "without")
                {
                    self.gap(&mut raw);
                    let argument = self.primary();
                    raw.append(argument);
                    for link in self.links() {
                        raw.append(link.into_raw());
                    }
                }
                if matches!(short(self.source.get(name).unwrap_or_default()), "defined" | "undefined") {
                    lenient = Some(steps.len());
                }
                steps.push(Step::Test { raw });
            } else {
                break;
            }
        }
        let Some(lenient) = lenient else {
            let mut result = if self.lenient {
                self.guarded(base, links, place)
            } else {
                links.into_iter().fold(base, |mut result, link| {
                    result.append(link.into_raw());
                    result
                })
            };
            for step in steps {
                result.append(step.into_raw());
            }
            return result;
        };
        let mut result = self.guarded(base, links, place);
        for (index, step) in steps.into_iter().enumerate() {
            match step {
                Step::Filter { name, arguments, raw: _ } if index < lenient => {
                    let mut whole = Rewritten::default();
                    whole.add("_filter_(", place);
                    whole.append(result);
                    whole.add(",'", name.start);
                    whole.copy(self.source, name.clone());
                    whole.add("'", name.end);
                    if let Some(arguments) = arguments
                        && !arguments.text.trim().is_empty()
                    {
                        whole.add(",", name.end);
                        whole.append(arguments);
                    }
                    whole.add(")", name.end);
                    result = whole;
                }
                step => result.append(step.into_raw()),
            }
        }
        result
    }

    /// A chain of attributes, items and calls that may break anywhere and is undefined then.
    fn guarded(&self, base: Rewritten, links: Vec<Link>, place: usize) -> Rewritten {
        let mut result = base;
        let mut pending: Vec<(Rewritten, Option<Range<usize>>)> = Vec::new();
        let flush = |result: Rewritten, pending: &mut Vec<(Rewritten, Option<Range<usize>>)>| {
            if pending.is_empty() {
                return result;
            }
            let mut whole = Rewritten::default();
            whole.add("_get_(", place);
            whole.append(result);
            for (key, _) in pending.drain(..) {
                whole.add(",", place);
                whole.append(key);
            }
            whole.add(")", place);
            whole
        };
        for link in links {
            match link {
                Link::Attribute { name, .. } => {
                    let mut key = Rewritten::default();
                    let numeric = self.source.get(name.clone()).is_some_and(|t| t.bytes().all(|b| b.is_ascii_digit()));
                    if numeric {
                        key.copy(self.source, name.clone());
                    } else {
                        key.add("'", name.start);
                        key.copy(self.source, name.clone());
                        key.add("'", name.end);
                    }
                    pending.push((key, Some(name)));
                }
                Link::Item { key, .. } => pending.push((key, None)),
                Link::Slice { raw } => {
                    result = flush(result, &mut pending);
                    result.append(raw);
                }
                Link::Call { raw, arguments } => match pending.pop() {
                    Some((method, Some(name))) => {
                        let target = flush(result, &mut pending);
                        let mut whole = Rewritten::default();
                        whole.add("_call_(", place);
                        whole.append(target);
                        whole.add(",", name.start);
                        whole.append(method);
                        if !arguments.text.trim().is_empty() {
                            whole.add(",", name.end);
                            whole.append(arguments);
                        }
                        whole.add(")", name.end);
                        result = whole;
                    }
                    other => {
                        pending.extend(other);
                        result = flush(result, &mut pending);
                        result.append(raw);
                    }
                },
            }
        }
        flush(result, &mut pending)
    }
}

impl Link {
    fn into_raw(self) -> Rewritten {
        match self {
            Link::Attribute { raw, .. } | Link::Item { raw, .. } | Link::Slice { raw } | Link::Call { raw, .. } => raw,
        }
    }
}

impl Step {
    fn into_raw(self) -> Rewritten {
        match self {
            Step::Filter { raw, .. } | Step::Test { raw } => raw,
        }
    }
}

/// A filter's or test's name without `ansible.builtin.`.
fn short(name: &str) -> &str {
    name.strip_prefix("ansible.builtin.").unwrap_or(name)
}
