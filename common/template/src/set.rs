//! Templates that know each other.

use crate::ast::{self, List};
use crate::error::Error;
use crate::exec;
use crate::function::Functions;
use crate::value::Value;
use crate::{builtin, parse};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Longest text of one template, in bytes.
pub const TEMPLATE_BYTES_MAX: usize = 4 << 20;

/// The text of a template, for positions.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) name: String,
    text: String,
}

impl Source {
    /// Line, from 1, and column, from 0, of a byte.
    pub(crate) fn position(&self, at: usize) -> (usize, usize) {
        let before = &self.text.as_bytes()[..at.min(self.text.len())];
        let line = 1 + before.iter().filter(|b| **b == b'\n').count();
        let column = before.iter().rev().take_while(|b| **b != b'\n').count();
        (line, column)
    }
}

/// One template, parsed.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) source: Arc<Source>,
    pub(crate) list: List,
}

/// Templates that can call each other; cloning shares them.
#[derive(Clone, Debug, Default)]
pub struct Set {
    trees: BTreeMap<String, Arc<Tree>>,
}

impl Set {
    /// Parses files or texts with their names. A template that is defined again replaces the one
    /// before, unless the new one is empty.
    ///
    /// # Errors
    /// Where a text is no template, or calls a function that nobody offers.
    pub fn parse(texts: &[(&str, &str)], functions: &dyn Functions) -> Result<Set, Error> {
        let mut set = Set::default();
        for (name, text) in texts {
            set.add(name, text, functions)?;
        }
        Ok(set)
    }

    /// Parses one more text.
    ///
    /// # Errors
    /// As [`Set::parse`]; the set is then as it was.
    pub fn add(&mut self, name: &str, text: &str, functions: &dyn Functions) -> Result<(), Error> {
        if text.len() > TEMPLATE_BYTES_MAX {
            let message = format!("template: {name}: longer than {TEMPLATE_BYTES_MAX} bytes");
            return Err(Error::Limit(message));
        }
        let knows = |name: &str| functions.signature(name).is_some() || builtin::is_known(name);
        let definitions = parse::parse(name, text, &knows)?;
        let source = Arc::new(Source { name: name.to_owned(), text: text.to_owned() });
        for definition in definitions {
            if ast::is_empty(&definition.list) && self.trees.contains_key(&definition.name) {
                continue;
            }
            let tree = Tree { source: Arc::clone(&source), list: definition.list };
            self.trees.insert(definition.name, Arc::new(tree));
        }
        Ok(())
    }

    /// Whether a template is defined.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.trees.contains_key(name)
    }

    /// The names of all templates.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.trees.keys().map(String::as_str)
    }

    /// Executes a template by its name.
    ///
    /// # Errors
    /// Where Go's `Execute` gives one, in its words, or when a limit is reached.
    pub fn execute(
        &self,
        name: &str,
        data: &Value,
        functions: &dyn Functions,
    ) -> Result<String, Error> {
        exec::execute(self, name, data, functions)
    }

    /// Executes a text that can call the templates of the set.
    ///
    /// # Errors
    /// As [`Set::parse`] and [`Set::execute`].
    pub fn execute_text(
        &self,
        name: &str,
        text: &str,
        data: &Value,
        functions: &dyn Functions,
    ) -> Result<String, Error> {
        let mut set = self.clone();
        // A text replaces whatever had its name, even when it is empty.
        set.trees.remove(name);
        set.add(name, text, functions)?;
        set.execute(name, data, functions)
    }

    pub(crate) fn tree(&self, name: &str) -> Option<&Tree> {
        self.trees.get(name).map(Arc::as_ref)
    }
}

/// One text with the templates that it defines.
#[derive(Clone, Debug)]
pub struct Template {
    name: String,
    set: Set,
}

impl Template {
    /// Parses a text.
    ///
    /// # Errors
    /// As [`Set::parse`].
    pub fn parse(name: &str, text: &str, functions: &dyn Functions) -> Result<Template, Error> {
        let set = Set::parse(&[(name, text)], functions)?;
        Ok(Template { name: name.to_owned(), set })
    }

    /// Executes it.
    ///
    /// # Errors
    /// As [`Set::execute`].
    pub fn execute(&self, data: &Value, functions: &dyn Functions) -> Result<String, Error> {
        self.set.execute(&self.name, data, functions)
    }
}
