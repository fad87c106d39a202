//! Where in the project's sources an instruction comes from, through all that was inlined there.

use std::path::Path;

use addr2line::gimli::{Dwarf, EndianSlice, Error, RunTimeEndian, SectionId};
use object::{Object, ObjectSection};

use crate::Problem;

/// A function of the project's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    /// Below the project's folder.
    pub(crate) file: String,
    pub(crate) function: String,
}

/// The sources of one program.
pub(crate) struct Sources<'a> {
    lines: addr2line::Context<EndianSlice<'a, RunTimeEndian>>,
    /// The project's folder.
    root: String,
}

impl<'a> Sources<'a> {
    /// Those of a program with debug information, as it stands in its file.
    pub(crate) fn of(program: &'a [u8], root: &Path) -> Result<Sources<'a>, Problem> {
        let file = object::File::parse(program)?;
        let section = |id: SectionId| -> Result<_, Error> {
            let data = file.section_by_name(id.name()).and_then(|section| section.data().ok());
            Ok(EndianSlice::new(data.unwrap_or_default(), RunTimeEndian::Little))
        };
        Ok(Sources {
            lines: addr2line::Context::from_dwarf(Dwarf::load(section)?)?,
            root: format!("{}/", root.display()),
        })
    }

    /// The innermost function of the project's that stands at this address, if there is any: what it has inlined of others is its own.
    pub(crate) fn place(&self, address: u64) -> Result<Option<Place>, Problem> {
        let mut frames = self.lines.find_frames(address).skip_all_loads()?;
        while let Some(frame) = frames.next()? {
            let file = frame.location.and_then(|location| location.file);
            let Some(file) = file.and_then(|file| file.strip_prefix(&self.root)) else {
                continue;
            };
            let function = match &frame.function {
                Some(function) => function.raw_name()?.into_owned(),
                None => String::new(),
            };
            let file = file.to_owned();
            return Ok(Some(Place { file, function }));
        }
        Ok(None)
    }
}
