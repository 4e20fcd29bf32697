//! From words to an expression.

use super::XPathError;
use super::syntax::{Axis, Comparison, Expression, Operator, Path, Step, Test};
use super::token::{Token, split};

/// How deep expressions may be in each other.
const DEEPEST: usize = 64;

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

/// Read an expression.
pub(super) fn parse(text: &str) -> Result<Expression, XPathError> {
    let mut parser = Parser { tokens: split(text)?, at: 0, depth: 0 };
    let expression = parser.expression()?;
    match parser.peek() {
        None => Ok(expression),
        Some(token) => Err(XPathError(format!("{} is one too many", shown(Some(token))))),
    }
}

fn shown(token: Option<&Token>) -> String {
    match token {
        None => "the end".to_owned(),
        Some(Token::Name(name)) => format!("`{name}`"),
        Some(Token::Number(number)) => format!("`{number}`"),
        Some(Token::Literal(text)) => format!("'{text}'"),
        Some(Token::Symbol(symbol)) => format!("`{symbol}`"),
    }
}

type Made = Result<Expression, XPathError>;

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn is_next(&self, ahead: usize, symbol: &str) -> bool {
        matches!(self.tokens.get(self.at + ahead), Some(Token::Symbol(next)) if *next == symbol)
    }

    fn eat(&mut self, symbol: &str) -> bool {
        let found = self.is_next(0, symbol);
        self.at += usize::from(found);
        found
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Name(next)) if next == word);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, symbol: &str) -> Result<(), XPathError> {
        if self.eat(symbol) {
            return Ok(());
        }
        Err(XPathError(format!("`{symbol}` is expected before {}", shown(self.peek()))))
    }

    fn expression(&mut self) -> Made {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(XPathError(format!("more than {DEEPEST} expressions in each other")));
        }
        let mut left = self.conjunction()?;
        while self.eat_word("or") {
            left = Expression::Or(Box::new(left), Box::new(self.conjunction()?));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn conjunction(&mut self) -> Made {
        let mut left = self.equality()?;
        while self.eat_word("and") {
            left = Expression::And(Box::new(left), Box::new(self.equality()?));
        }
        Ok(left)
    }

    fn equality(&mut self) -> Made {
        let mut left = self.relation()?;
        loop {
            let comparison = if self.eat("=") {
                Comparison::Equal
            } else if self.eat("!=") {
                Comparison::Unequal
            } else {
                return Ok(left);
            };
            left = Expression::Compare(comparison, Box::new(left), Box::new(self.relation()?));
        }
    }

    fn relation(&mut self) -> Made {
        let mut left = self.sum()?;
        loop {
            let comparison = if self.eat("<=") {
                Comparison::LessOrEqual
            } else if self.eat("<") {
                Comparison::Less
            } else if self.eat(">=") {
                Comparison::GreaterOrEqual
            } else if self.eat(">") {
                Comparison::Greater
            } else {
                return Ok(left);
            };
            left = Expression::Compare(comparison, Box::new(left), Box::new(self.sum()?));
        }
    }

    fn sum(&mut self) -> Made {
        let mut left = self.product()?;
        loop {
            let operator = if self.eat("+") {
                Operator::Add
            } else if self.eat("-") {
                Operator::Subtract
            } else {
                return Ok(left);
            };
            left = Expression::Compute(operator, Box::new(left), Box::new(self.product()?));
        }
    }

    fn product(&mut self) -> Made {
        let mut left = self.negation()?;
        loop {
            let operator = if self.eat("*") {
                Operator::Multiply
            } else if self.eat_word("div") {
                Operator::Divide
            } else if self.eat_word("mod") {
                Operator::Remainder
            } else {
                return Ok(left);
            };
            left = Expression::Compute(operator, Box::new(left), Box::new(self.negation()?));
        }
    }

    fn negation(&mut self) -> Made {
        let mut signs = 0;
        while self.eat("-") {
            signs += 1;
        }
        let expression = self.union()?;
        Ok(match signs {
            0 => expression,
            // What is no number becomes one by any sign.
            signs if signs % 2 == 1 => Expression::Negate(Box::new(expression)),
            _ => Expression::Negate(Box::new(Expression::Negate(Box::new(expression)))),
        })
    }

    fn union(&mut self) -> Made {
        let mut left = self.path()?;
        while self.eat("|") {
            left = Expression::Union(Box::new(left), Box::new(self.path()?));
        }
        Ok(left)
    }

    fn path(&mut self) -> Made {
        let is_call = match self.peek() {
            Some(Token::Literal(_) | Token::Number(_)) => true,
            Some(Token::Name(name)) => {
                self.is_next(1, "(") && !matches!(name.as_str(), "node" | "text" | "comment" | "processing-instruction")
            }
            _ => self.is_next(0, "("),
        };
        if is_call {
            let primary = self.primary()?;
            let predicates = self.predicates()?;
            let mut steps = Vec::new();
            if self.eat("//") {
                steps.push(any_depth());
                self.steps(&mut steps)?;
            } else if self.eat("/") {
                self.steps(&mut steps)?;
            }
            if predicates.is_empty() && steps.is_empty() {
                return Ok(primary);
            }
            return Ok(Expression::Filter(Box::new(primary), predicates, steps));
        }
        let mut steps = Vec::new();
        let is_absolute = if self.eat("//") {
            steps.push(any_depth());
            self.steps(&mut steps)?;
            true
        } else if self.eat("/") {
            let goes_on = matches!(self.peek(), Some(Token::Name(_)))
                || ["*", ".", "..", "@"].iter().any(|symbol| self.is_next(0, symbol));
            if goes_on {
                self.steps(&mut steps)?;
            }
            true
        } else {
            self.steps(&mut steps)?;
            false
        };
        Ok(Expression::Path(Path { is_absolute, steps }))
    }

    fn primary(&mut self) -> Made {
        if self.eat("(") {
            let inner = self.expression()?;
            self.expect(")")?;
            return Ok(inner);
        }
        let token = self.peek().cloned();
        self.at += 1;
        match token {
            Some(Token::Literal(text)) => Ok(Expression::Literal(text)),
            Some(Token::Number(number)) => Ok(Expression::Number(number)),
            Some(Token::Name(name)) => {
                self.expect("(")?;
                let mut arguments = Vec::new();
                while !self.eat(")") {
                    if !arguments.is_empty() {
                        self.expect(",")?;
                    }
                    arguments.push(self.expression()?);
                }
                Ok(Expression::Call(name, arguments))
            }
            other => Err(XPathError(format!("{} is not expected here", shown(other.as_ref())))),
        }
    }

    fn predicates(&mut self) -> Result<Vec<Expression>, XPathError> {
        let mut predicates = Vec::new();
        while self.eat("[") {
            predicates.push(self.expression()?);
            self.expect("]")?;
        }
        Ok(predicates)
    }

    fn steps(&mut self, steps: &mut Vec<Step>) -> Result<(), XPathError> {
        loop {
            steps.push(self.step()?);
            if self.eat("//") {
                steps.push(any_depth());
            } else if !self.eat("/") {
                return Ok(());
            }
        }
    }

    fn step(&mut self) -> Result<Step, XPathError> {
        if self.eat("..") {
            return Ok(Step { axis: Axis::Parent, test: Test::Node, predicates: Vec::new() });
        }
        if self.eat(".") {
            return Ok(Step { axis: Axis::Itself, test: Test::Node, predicates: Vec::new() });
        }
        let axis = match self.peek() {
            Some(Token::Symbol("@")) => {
                self.at += 1;
                Axis::Attribute
            }
            Some(Token::Name(name)) if self.is_next(1, "::") => {
                let axis = axis(name)?;
                self.at += 2;
                axis
            }
            _ => Axis::Child,
        };
        let test = self.test()?;
        Ok(Step { axis, test, predicates: self.predicates()? })
    }

    fn test(&mut self) -> Result<Test, XPathError> {
        if self.eat("*") {
            return Ok(Test::Any);
        }
        let Some(Token::Name(name)) = self.peek().cloned() else {
            return Err(XPathError(format!("{} is no step of a path", shown(self.peek()))));
        };
        self.at += 1;
        if self.eat("(") {
            let test = match name.as_str() {
                "node" => Test::Node,
                "text" => Test::Text,
                "comment" => Test::Comment,
                "processing-instruction" => match self.peek().cloned() {
                    Some(Token::Literal(target)) => {
                        self.at += 1;
                        Test::Instruction(Some(target))
                    }
                    _ => Test::Instruction(None),
                },
                _ => return Err(XPathError(format!("`{name}()` is no step of a path"))),
            };
            self.expect(")")?;
            return Ok(test);
        }
        Ok(match name.split_once(':') {
            Some((prefix, "*")) => Test::AnyOf(prefix.to_owned()),
            Some((prefix, local)) => Test::Named(Some(prefix.to_owned()), local.to_owned()),
            None => Test::Named(None, name),
        })
    }
}

fn any_depth() -> Step {
    Step { axis: Axis::DescendantOrSelf, test: Test::Node, predicates: Vec::new() }
}

fn axis(name: &str) -> Result<Axis, XPathError> {
    Ok(match name {
        "ancestor" => Axis::Ancestor,
        "ancestor-or-self" => Axis::AncestorOrSelf,
        "attribute" => Axis::Attribute,
        "child" => Axis::Child,
        "descendant" => Axis::Descendant,
        "descendant-or-self" => Axis::DescendantOrSelf,
        "following" => Axis::Following,
        "following-sibling" => Axis::FollowingSibling,
        "parent" => Axis::Parent,
        "preceding" => Axis::Preceding,
        "preceding-sibling" => Axis::PrecedingSibling,
        "self" => Axis::Itself,
        _ => return Err(XPathError(format!("there is no axis `{name}` here"))),
    })
}
