//! From text to tree: precedence climbing over a lexer that works on byte positions, so that errors can point.

use super::{DEEPEST, ExprError, Function, LONGEST, Node, Operator, Sign, Value, What};

/// Binary operators by spelling, longest first, with their precedence.
const OPERATORS: &[(&str, Operator, u8)] = &[
    ("||", Operator::Or, 1),
    ("or", Operator::Or, 1),
    ("&&", Operator::And, 2),
    ("and", Operator::And, 2),
    ("==", Operator::Equal, 3),
    ("!=", Operator::NotEqual, 3),
    ("<=", Operator::LessOrEqual, 4),
    (">=", Operator::GreaterOrEqual, 4),
    ("<<", Operator::ShiftLeft, 5),
    ("<", Operator::Less, 4),
    (">", Operator::Greater, 4),
    ("+", Operator::Add, 6),
    ("-", Operator::Subtract, 6),
    ("*", Operator::Multiply, 7),
    ("/", Operator::Divide, 7),
    ("^", Operator::Power, 9),
];
/// A sign binds tighter than `*` and looser than `^`: -2^2 is -4, as in mathematics.
const SIGN_PRECEDENCE: u8 = 8;

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

pub(super) fn expression(text: &str) -> Result<Node, ExprError> {
    if text.len() > LONGEST {
        return Err(ExprError::new(LONGEST, format!("the expression is longer than {LONGEST} bytes")));
    }
    let mut parser = Parser { text, at: 0, depth: 0 };
    let node = parser.choice()?;
    match parser.peek() {
        None => Ok(node),
        Some(found) => {
            Err(parser.error(format!("`{found}` does not belong here; an operator or the end was expected")))
        }
    }
}

impl<'a> Parser<'a> {
    /// `condition ? yes : no`, right-associative.
    fn choice(&mut self) -> Result<Node, ExprError> {
        self.deeper()?;
        let condition = self.binary(0)?;
        let at = self.at;
        let node = if self.eat("?") {
            let yes = self.choice()?;
            self.expect(":", "the `:` of a `condition ? a : b` is missing")?;
            let no = self.choice()?;
            Node { at, what: What::Choice(Box::new([condition, yes, no])) }
        } else {
            condition
        };
        self.depth -= 1;
        Ok(node)
    }

    fn binary(&mut self, weakest: u8) -> Result<Node, ExprError> {
        self.deeper()?;
        let mut left = self.unary()?;
        while let Some((spelling, operator, precedence)) = self.operator() {
            if precedence < weakest {
                break;
            }
            let at = self.at;
            self.at += spelling.len();
            let right_associative = operator == Operator::Power;
            let right = self.binary(if right_associative { SIGN_PRECEDENCE } else { precedence + 1 })?;
            left = Node { at, what: What::Binary(operator, Box::new(left), Box::new(right)) };
        }
        self.depth -= 1;
        Ok(left)
    }

    fn unary(&mut self) -> Result<Node, ExprError> {
        self.skip_blanks();
        let at = self.at;
        let sign = match self.peek() {
            Some('-') => Sign::Minus,
            Some('!') => Sign::Not,
            _ => return self.primary(),
        };
        self.at += 1;
        let inner = self.binary(SIGN_PRECEDENCE)?;
        Ok(Node { at, what: What::Unary(sign, Box::new(inner)) })
    }

    fn primary(&mut self) -> Result<Node, ExprError> {
        self.skip_blanks();
        let at = self.at;
        let what = match self.peek() {
            None => return Err(self.error("the expression ends where a value was expected")),
            Some('(') => {
                self.at += 1;
                let node = self.choice()?;
                self.expect(")", "the closing `)` is missing")?;
                return Ok(node);
            }
            Some('{') => self.lookup()?,
            Some(first) if first.is_ascii_alphabetic() || first == '_' => self.name_or_call()?,
            Some(_) => What::Literal(self.literal()?),
        };
        Ok(Node { at, what })
    }

    /// `{64: 11.56, "pool": 2}[key]`
    fn lookup(&mut self) -> Result<What, ExprError> {
        self.at += 1;
        let mut entries = Vec::new();
        loop {
            let key = self.literal()?;
            self.expect(":", "a table entry is written `key: value`")?;
            entries.push((key, self.choice()?));
            if !self.eat(",") {
                break;
            }
        }
        self.expect("}", "the closing `}` of the table is missing")?;
        self.expect("[", "a table is followed by its key, as in `{1: 2, 3: 4}[k]`")?;
        let key = self.choice()?;
        self.expect("]", "the closing `]` is missing")?;
        Ok(What::Lookup(entries, Box::new(key)))
    }

    fn name_or_call(&mut self) -> Result<What, ExprError> {
        let start = self.at;
        let name = self.word();
        self.at += name.len();
        if !self.eat("(") {
            return Ok(What::Name(name.into()));
        }
        let (function, least, most) = match name {
            "min" => (Function::Min, 1, usize::MAX),
            "max" => (Function::Max, 1, usize::MAX),
            "ceil" => (Function::Ceil, 1, 1),
            "floor" => (Function::Floor, 1, 1),
            _ => {
                let problem = format!("there is no function `{name}`; there are min, max, ceil and floor");
                return Err(ExprError::new(start, problem));
            }
        };
        let mut arguments = vec![self.choice()?];
        while self.eat(",") {
            arguments.push(self.choice()?);
        }
        self.expect(")", "the closing `)` of the function is missing")?;
        if !(least..=most).contains(&arguments.len()) {
            return Err(ExprError::new(start, format!("`{name}` takes one value")));
        }
        Ok(What::Call(function, arguments))
    }

    /// A number such as `1.225e12` or `.42`, or a text in quotes.
    fn literal(&mut self) -> Result<Value, ExprError> {
        self.skip_blanks();
        let rest = &self.text[self.at..];
        if let Some(quote @ ('"' | '\'')) = rest.chars().next() {
            let inner = &rest[1..];
            let end = inner.find(quote).ok_or_else(|| self.error("the closing quote of a text is missing"))?;
            self.at += end + 2;
            return Ok(Value::Text(inner[..end].into()));
        }
        let length = number_length(rest.as_bytes());
        let number: f64 = rest[..length].parse().map_err(|_| {
            let found = rest.chars().next().map_or_else(|| "the end".to_owned(), |c| format!("`{c}`"));
            self.error(format!("a number or a text was expected, not {found}"))
        })?;
        self.at += length;
        Ok(Value::Number(number))
    }

    fn operator(&mut self) -> Option<(&'static str, Operator, u8)> {
        self.skip_blanks();
        let rest = &self.text[self.at..];
        let word = self.word();
        OPERATORS.iter().copied().find(|(spelling, _, _)| {
            if spelling.starts_with(|c: char| c.is_ascii_alphabetic()) {
                word == *spelling
            } else {
                rest.starts_with(spelling)
            }
        })
    }

    fn word(&self) -> &'a str {
        let text: &'a str = self.text;
        let rest = &text[self.at..];
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
        &rest[..end]
    }

    fn peek(&mut self) -> Option<char> {
        self.skip_blanks();
        self.text[self.at..].chars().next()
    }

    fn eat(&mut self, token: &str) -> bool {
        self.skip_blanks();
        let found = self.text[self.at..].starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn expect(&mut self, token: &str, problem: &str) -> Result<(), ExprError> {
        if self.eat(token) { Ok(()) } else { Err(self.error(problem)) }
    }

    fn skip_blanks(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
    }

    fn deeper(&mut self) -> Result<(), ExprError> {
        self.depth += 1;
        // A value inside parentheses costs two levels: the choice and the binary expression below it.
        if self.depth > 2 * DEEPEST {
            return Err(self.error(format!("the expression is nested deeper than {DEEPEST} levels")));
        }
        Ok(())
    }

    fn error(&self, problem: impl Into<String>) -> ExprError {
        ExprError::new(self.at, problem)
    }
}

/// How many bytes at the beginning make a number: digits, a point, and an exponent if digits follow it.
fn number_length(text: &[u8]) -> usize {
    let digits = |from: usize| text[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut end = digits(0);
    if text.get(end) == Some(&b'.') {
        end += 1 + digits(end + 1);
    }
    if matches!(text.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(end + 1), Some(b'+' | b'-')));
        let exponent = digits((end + 1 + sign).min(text.len()));
        if exponent > 0 {
            end += 1 + sign + exponent;
        }
    }
    end
}
