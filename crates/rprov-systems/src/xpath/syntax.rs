//! Expressions as types.

use super::XPathError;

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    /// One of them is true.
    Or(Box<Expression>, Box<Expression>),
    /// Both are true.
    And(Box<Expression>, Box<Expression>),
    /// A comparison.
    Compare(Comparison, Box<Expression>, Box<Expression>),
    /// A sum and its like.
    Compute(Operator, Box<Expression>, Box<Expression>),
    /// With the other sign.
    Negate(Box<Expression>),
    /// The nodes of both.
    Union(Box<Expression>, Box<Expression>),
    /// The nodes at the end of a path.
    Path(Path),
    /// Those of the nodes that the predicates let through, and a path from there.
    Filter(Box<Expression>, Vec<Expression>, Vec<Step>),
    /// Text.
    Literal(String),
    /// A number.
    Number(f64),
    /// A function's result.
    Call(String, Vec<Expression>),
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What is done with two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// Steps from the root or from the present node.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    /// It begins at the root.
    pub is_absolute: bool,
    /// The steps.
    pub steps: Vec<Step>,
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Where to.
    pub axis: Axis,
    /// To what.
    pub test: Test,
    /// On what conditions.
    pub predicates: Vec<Expression>,
}

/// Directions in the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are XPath's")]
pub enum Axis {
    Ancestor,
    AncestorOrSelf,
    Attribute,
    Child,
    Descendant,
    DescendantOrSelf,
    Following,
    FollowingSibling,
    Parent,
    Preceding,
    PrecedingSibling,
    Itself,
}

/// What a step leads to.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// Any element, or attribute.
    Any,
    /// Any of a namespace, given by its prefix.
    AnyOf(String),
    /// Those of that name.
    Named(Option<String>, String),
    /// Any node.
    Node,
    /// Text.
    Text,
    /// Comments.
    Comment,
    /// Processing instructions, of that name if one is given.
    Instruction(Option<String>),
}

impl Expression {
    /// Read an expression.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(text: &str) -> Result<Self, XPathError> {
        super::parse::parse(text)
    }

    /// Whether it selects attributes.
    pub fn selects_attributes(&self) -> bool {
        match self {
            Expression::Path(Path { steps, .. }) | Expression::Filter(_, _, steps) => {
                steps.last().is_some_and(|step| step.axis == Axis::Attribute)
            }
            Expression::Union(left, right) => left.selects_attributes() && right.selects_attributes(),
            _ => false,
        }
    }
}
