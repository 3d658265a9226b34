//! From the text of a program to its code.

use crate::lang::checker::{CheckLimits, check};
use crate::lang::position::Complaints;
use crate::lang::{dump, fold, parser};
use crate::vm::{Object, generate};

/// How a program is compiled, and what is shown on the way.
#[derive(Clone, Copy, Debug, Default)]
pub struct CompileOptions {
    /// Longest pattern, deepest expression.
    pub limits: CheckLimits,
    /// Show the syntax tree.
    pub dump_ast: bool,
    /// Show the syntax tree with types.
    pub dump_types: bool,
}

/// Compiles a program. `show` gets what is to be shown: a title and a text.
///
/// # Errors
/// Everything that the first stage which finds a mistake has to say.
pub fn compile(
    source: &[u8],
    options: CompileOptions,
    show: &mut dyn FnMut(&str, &str),
) -> Result<Object, Complaints> {
    let mut parsed = parser::parse(source)?;
    if options.dump_ast {
        show("AST", &dump(&parsed.ast, parsed.root, None));
    }
    fold(&mut parsed.ast)?;
    let mut checked = check(parsed, options.limits)?;
    if options.dump_types {
        show("AST with Type Annotation", &dump(&checked.ast, checked.root, Some(&checked.types)));
    }
    fold(&mut checked.ast)?;
    if options.dump_types {
        let text = dump(&checked.ast, checked.root, Some(&checked.types));
        show("Post optimisation AST with Type Annotation", &text);
    }
    generate(checked)
}
