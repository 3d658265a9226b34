//! `fmt.Sprintf`: the language of verbs.

use super::{Spec, WIDTH_MAX, print};
use crate::value::Value;

/// Formats `args` by `format`; what does not fit is complained about in the output, as in Go.
pub(crate) fn sprintf(format: &str, args: &[Value]) -> String {
    let mut printer = Printer { rest: format, args, next: 0, reordered: false, out: String::new() };
    printer.run();
    if !printer.reordered && printer.next < args.len() {
        printer.out.push_str("%!(EXTRA ");
        for (i, arg) in args[printer.next..].iter().enumerate() {
            if i > 0 {
                printer.out.push_str(", ");
            }
            if !matches!(arg, Value::Nil) {
                printer.out.push_str(&arg.type_name());
                printer.out.push('=');
            }
            print::print(&mut printer.out, arg);
        }
        printer.out.push(')');
    }
    printer.out
}

struct Printer<'a> {
    rest: &'a str,
    args: &'a [Value],
    next: usize,
    /// `%[2]d` was used: then nobody counts what is left.
    reordered: bool,
    out: String,
}

impl Printer<'_> {
    fn run(&mut self) {
        while let Some(at) = self.rest.find('%') {
            self.out.push_str(&self.rest[..at]);
            self.rest = &self.rest[at + 1..];
            self.verb();
        }
        self.out.push_str(self.rest);
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn skip(&mut self, c: char) {
        self.rest = &self.rest[c.len_utf8()..];
    }

    fn verb(&mut self) {
        let mut spec = self.flags();
        let mut good = self.index();
        match self.number() {
            Some(Ok(width)) => {
                spec.minus |= width < 0;
                spec.width = Some(width.unsigned_abs() as usize);
            }
            Some(Err(())) => self.out.push_str("%!(BADWIDTH)"),
            None => {}
        }
        if self.peek() == Some('.') {
            self.skip('.');
            good &= self.index();
            match self.number() {
                Some(Ok(precision)) => spec.precision = usize::try_from(precision).ok(),
                Some(Err(())) => self.out.push_str("%!(BADPREC)"),
                None => spec.precision = Some(0),
            }
        }
        good &= self.index();
        let Some(verb) = self.peek() else {
            self.out.push_str("%!(NOVERB)");
            return;
        };
        self.skip(verb);
        if verb == 'v' {
            // With this verb the two flags mean something else.
            spec.syntax = std::mem::take(&mut spec.sharp);
            spec.names = std::mem::take(&mut spec.plus);
        }
        if verb == '%' {
            self.out.push('%');
        } else if !good {
            self.out.push_str(&format!("%!{verb}(BADINDEX)"));
        } else if let Some(arg) = self.args.get(self.next) {
            self.next += 1;
            print::verb(&mut self.out, arg, verb, &spec);
        } else {
            self.out.push_str(&format!("%!{verb}(MISSING)"));
        }
    }

    fn flags(&mut self) -> Spec {
        let mut spec = Spec::default();
        while let Some(c) = self.peek() {
            match c {
                '+' => spec.plus = true,
                '-' => spec.minus = true,
                '#' => spec.sharp = true,
                ' ' => spec.space = true,
                '0' => spec.zero = true,
                _ => break,
            }
            self.skip(c);
        }
        spec
    }

    /// `[n]`: says whether it is there and right, or not there at all.
    fn index(&mut self) -> bool {
        if self.peek() != Some('[') {
            return true;
        }
        self.reordered = true;
        let Some(end) = self.rest.find(']') else {
            self.skip('[');
            return false;
        };
        let number = self.rest[1..end].parse::<usize>();
        self.rest = &self.rest[end + 1..];
        match number {
            Ok(number) if (1..=self.args.len()).contains(&number) => {
                self.next = number - 1;
                true
            }
            _ => false,
        }
    }

    /// A number or `*`.
    fn number(&mut self) -> Option<Result<i64, ()>> {
        if self.peek() == Some('*') {
            self.skip('*');
            let arg = self.args.get(self.next);
            self.next += 1;
            return Some(match arg {
                Some(Value::Int(n)) if n.unsigned_abs() <= WIDTH_MAX as u64 => Ok(*n),
                _ => Err(()),
            });
        }
        let length = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.rest.split_at(length);
        if digits.is_empty() {
            return None;
        }
        self.rest = rest;
        Some(digits.parse().ok().filter(|n: &i64| *n <= WIDTH_MAX as i64).ok_or(()))
    }
}
