//! CEL expressions over the JSON body of an answer.
//!
//! The original checks an expression when the configuration is read: it must parse, and name
//! nothing but `body` and the standard functions. What it needs at run time may still be missing.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use cel::common::ast::{EntryExpr, Expr, IdedEntryExpr, IdedExpr};
use cel::{Context, Program, Value};
use common_config::Error;
use common_config::yaml::{FromNode, Node};

/// Longest expression; those of the guides have a hundred characters.
const EXPRESSION_BYTES_MAX: usize = 16 << 10;

/// Deepest brackets; the parser calls itself for each.
const NESTING_MAX: usize = 64;

/// The one variable.
const BODY: &str = "body";

/// Functions of the standard definitions; operators are named with signs.
const FUNCTIONS: &[&str] = &[
    "size",
    "contains",
    "endsWith",
    "startsWith",
    "matches",
    "bool",
    "bytes",
    "double",
    "duration",
    "dyn",
    "int",
    "string",
    "timestamp",
    "type",
    "uint",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getFullYear",
    "getHours",
    "getMilliseconds",
    "getMinutes",
    "getMonth",
    "getSeconds",
];

/// Names of types, which are values too.
const TYPES: &[&str] = &[
    "bool",
    "bytes",
    "double",
    "int",
    "list",
    "map",
    "null_type",
    "string",
    "type",
    "uint",
    "google",
];

/// A compiled expression.
#[derive(Clone)]
pub struct Cel {
    text: String,
    program: Arc<Program>,
}

impl Cel {
    /// Compiles an expression; the error says what is wrong with it.
    pub fn compile(text: &str) -> Result<Cel, String> {
        if text.trim().is_empty() {
            return Err("the expression is empty".to_owned());
        }
        if text.len() > EXPRESSION_BYTES_MAX || nesting(text) > NESTING_MAX {
            return Err("the expression is too large".to_owned());
        }
        let program = Program::compile(text).map_err(|errors| errors.to_string())?;
        check(program.expression(), &BTreeSet::from([BODY]))?;
        Ok(Cel { text: text.to_owned(), program: Arc::new(program) })
    }

    /// The expression as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the expression is true of a body; numbers are all floats, as the original has them.
    pub fn eval(&self, body: &serde_json::Value) -> Result<bool, String> {
        let mut context = Context::default();
        context.add_variable_from_value(BODY, value_of(body));
        match self.program.execute(&context) {
            Ok(Value::Bool(verdict)) => Ok(verdict),
            Ok(other) => Err(format!("expression is a {}, not a bool", other.type_of())),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl fmt::Debug for Cel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cel({:?})", self.text)
    }
}

impl PartialEq for Cel {
    fn eq(&self, other: &Cel) -> bool {
        self.text == other.text
    }
}

impl FromNode for Cel {
    fn from_node(node: &Node) -> Result<Cel, Error> {
        let text = String::from_node(node)?;
        Cel::compile(&text).map_err(|_| {
            let message = format!("\"Could not compile CEL program\" expression={text:?}");
            Error::at(node.at, message)
        })
    }
}

/// How deep the brackets go, those in texts included.
fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' | b'?' | b'!' | b'-' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

fn check(expression: &IdedExpr, known: &BTreeSet<&str>) -> Result<(), String> {
    match &expression.expr {
        Expr::Unspecified | Expr::Literal(_) => Ok(()),
        Expr::Ident(name) if known.contains(name.as_str()) || TYPES.contains(&name.as_str()) => {
            Ok(())
        }
        Expr::Ident(name) => Err(format!("undeclared reference to '{name}'")),
        Expr::Call(call) => {
            let is_operator = call.func_name.contains(|c: char| !c.is_ascii_alphanumeric());
            if !is_operator && !FUNCTIONS.contains(&call.func_name.as_str()) {
                return Err(format!("undeclared reference to '{}'", call.func_name));
            }
            call.target.iter().try_for_each(|target| check(target, known))?;
            call.args.iter().try_for_each(|arg| check(arg, known))
        }
        Expr::List(list) => list.elements.iter().try_for_each(|element| check(element, known)),
        Expr::Map(map) => map.entries.iter().try_for_each(|entry| check_entry(entry, known)),
        Expr::Struct(thing) => Err(format!("undeclared reference to '{}'", thing.type_name)),
        Expr::Select(select) => check(&select.operand, known),
        Expr::Comprehension(loops) => {
            check(&loops.iter_range, known)?;
            check(&loops.accu_init, known)?;
            let mut inner = known.clone();
            inner.extend([loops.iter_var.as_str(), loops.accu_var.as_str()]);
            inner.extend(loops.iter_var2.as_deref());
            let parts = [&loops.loop_cond, &loops.loop_step, &loops.result];
            parts.into_iter().try_for_each(|part| check(part, &inner))
        }
    }
}

fn check_entry(entry: &IdedEntryExpr, known: &BTreeSet<&str>) -> Result<(), String> {
    match &entry.expr {
        EntryExpr::StructField(field) => check(&field.value, known),
        EntryExpr::MapEntry(entry) => {
            check(&entry.key, known)?;
            check(&entry.value, known)
        }
    }
}

fn value_of(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(flag) => Value::Bool(*flag),
        serde_json::Value::Number(number) => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        serde_json::Value::String(text) => Value::String(Arc::new(text.clone())),
        serde_json::Value::Array(list) => {
            Value::List(Arc::new(list.iter().map(value_of).collect()))
        }
        serde_json::Value::Object(map) => {
            let entries = map.iter().map(|(key, value)| (key.clone(), value_of(value)));
            let entries: std::collections::HashMap<String, Value> = entries.collect();
            Value::Map(entries.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_names_only_what_there_is() {
        let check = |text: &str, good: bool| {
            let compiled = Cel::compile(text);
            assert_eq!(compiled.is_ok(), good, "{text}: {compiled:?}");
        };
        check("body.foo == 'bar'", true);
        check("body.list.exists(x, x == 2.0) && has(body.foo)", true);
        check("size(body) > 1 ? body[0] == null : !body.ok", true);
        check("type(body) == list || {'a': body}['a'] == 1", true);
        check("", false);
        check("body.foo ==", false);
        check("other == 1", false);
        check("body.all(x, y == 1)", false);
        check("nofunc(body)", false);
        check("body.nofunc()", false);
        check(&"(".repeat(10_000), false);
        check(&format!("{}body{}", "(".repeat(1000), ")".repeat(1000)), false);
        check(&format!("{}body", "!".repeat(1000)), false);
    }

    #[test]
    fn numbers_of_a_body_are_floats_and_only_a_bool_is_a_verdict() {
        let check = |text: &str, body: &str, expected: Option<bool>| {
            let body = serde_json::from_str(body).unwrap();
            assert_eq!(Cel::compile(text).unwrap().eval(&body).ok(), expected, "{text} {body}");
        };
        check("body.n > 1.5", r#"{"n": 2}"#, Some(true));
        check("body[2] == 'c'", r#"["a", "b", "c"]"#, Some(true));
        check("body", "true", Some(true));
        check("body == 'foo'", r#""foo""#, Some(true));
        check("!has(body.foo)", "{}", Some(true));
        check("body.foo == 1.0", "{}", None);
        check("body.n", r#"{"n": 2}"#, None);
        check("body.a.matches('^q')", r#"{"a": "qux"}"#, Some(true));
    }
}
