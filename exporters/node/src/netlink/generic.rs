//! Generic netlink: families of questions that the kernel numbers when it starts.
//! `linux/genetlink.h`.

use std::io;

use rustix::net::netlink::GENERIC;

use super::{Netlink, attribute, attributes, u16_at};

/// `struct genlmsghdr`, at the beginning of questions and answers.
pub(crate) const GENERIC_BYTES: usize = 4;

/// The family that knows the numbers of the others.
const CONTROL: u16 = 16;
const GET_FAMILY: u8 = 3;
const CONTROL_ID: u16 = 1;
const CONTROL_NAME: u16 = 2;
const VERSION: u8 = 1;

/// One family over a socket that stays open.
pub(crate) struct Generic {
    netlink: Netlink,
    name: &'static str,
    id: Option<u16>,
}

impl Generic {
    /// Opens nothing yet.
    pub(crate) fn new(name: &'static str) -> Generic {
        Generic { netlink: Netlink::new(Some(GENERIC)), name, id: None }
    }

    /// Calls `each` with the attributes of every message of a dump. The error of a kernel without
    /// this family is [`io::ErrorKind::NotFound`].
    pub(crate) fn dump(
        &mut self,
        command: u8,
        question: &[u8],
        mut each: impl FnMut(&[u8]),
    ) -> io::Result<()> {
        let id = match self.id.take() {
            Some(id) => id,
            None => self.find()?,
        };
        let body = body(command, question);
        self.netlink.dump((id, &body), |message| {
            each(message.get(GENERIC_BYTES..).unwrap_or_default());
        })?;
        // After an error the number is asked for again: a module that was loaded anew has another.
        self.id = Some(id);
        Ok(())
    }

    /// The number of the family.
    pub(crate) fn find(&mut self) -> io::Result<u16> {
        let mut name = self.name.as_bytes().to_vec();
        name.push(0);
        let question = body(GET_FAMILY, &attribute(CONTROL_NAME, &name));
        let mut id = None;
        self.netlink.ask((CONTROL, &question), |message| {
            let found = attributes(message, GENERIC_BYTES).find(|(kind, _)| *kind == CONTROL_ID);
            id = found.and_then(|(_, value)| u16_at(value, 0)).or(id);
        })?;
        id.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }
}

fn body(command: u8, question: &[u8]) -> Vec<u8> {
    let mut body = vec![command, VERSION, 0, 0];
    body.extend(question);
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_numbers_the_families_that_it_has() {
        fn check(name: &'static str, expected: Result<u16, io::ErrorKind>) {
            let found = Generic::new(name).find();
            assert_eq!(found.map_err(|error| error.kind()), expected, "{name}");
        }
        check("nlctrl", Ok(CONTROL));
        check("no such family", Err(io::ErrorKind::NotFound));
    }

    #[test]
    fn a_dump_gives_the_attributes_of_each_message() {
        let mut names = Vec::new();
        let mut families = Generic::new("nlctrl");
        for _ in 0..2 {
            families
                .dump(GET_FAMILY, &[], |message| {
                    let name = attributes(message, 0).find(|(kind, _)| *kind == CONTROL_NAME);
                    names.extend(name.map(|(_, name)| crate::netlink::text(name).into_owned()));
                })
                .unwrap();
        }
        assert_eq!(names.iter().filter(|name| *name == "nlctrl").count(), 2, "{names:?}");
    }
}
