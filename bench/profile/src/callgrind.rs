//! What callgrind writes: which instructions were executed how often, and what the calls between functions cost. The format is described in valgrind's manual
//! (chapter "Callgrind Format Specification").

use std::collections::HashMap;

use crate::Problem;

/// How callgrind is to write it: by the addresses of instructions, which tell more than lines; names and addresses in full.
pub(crate) const OPTIONS: [&str; 7] = [
    "--dump-instr=yes",
    "--dump-line=no",
    "--compress-strings=no",
    "--compress-pos=no",
    "--collect-systime=yes", // counts system calls as well
    "--demangle=no",         // functions of different types have names of their own only so
    "--quiet",
];

/// One run of a program.
#[derive(Debug, Default)]
pub(crate) struct Profile {
    pub(crate) functions: Vec<Function>,
    pub(crate) costs: Vec<Cost>,
    pub(crate) calls: Vec<Call>,
}

/// A function, by the file of its code and its name in there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Function {
    pub(crate) object: String,
    pub(crate) name: String,
}

/// The place of a function in [`Profile::functions`].
pub(crate) type FunctionId = usize;

/// What an instruction of a function has cost in all.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cost {
    pub(crate) function: FunctionId,
    pub(crate) address: u64,
    pub(crate) spent: Spent,
}

/// So many times a function has called another one, at this address.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) caller: FunctionId,
    pub(crate) address: u64,
    pub(crate) callee: FunctionId,
    pub(crate) count: u64,
    /// What was spent until it came back.
    pub(crate) spent: Spent,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spent {
    pub(crate) instructions: u64,
    pub(crate) system_calls: u64,
}

impl Profile {
    pub(crate) fn parse(text: &str) -> Result<Profile, Problem> {
        let mut reader = Reader::default();
        for (number, line) in (1..).zip(text.lines()) {
            reader
                .line(line)
                .map_err(|problem| format!("line {number} of callgrind's file, {line:?}: {problem}"))?;
        }
        Ok(reader.profile)
    }
}

#[derive(Default)]
struct Reader {
    profile: Profile,
    ids: HashMap<Function, FunctionId>,
    object: String,
    function: Option<FunctionId>,
    callee_object: Option<String>,
    callee: Option<FunctionId>,
    /// Of the call whose cost stands in the next line.
    calls: Option<u64>,
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), Problem> {
        if line.starts_with("0x") {
            return self.cost(line);
        }
        match line.split_once('=') {
            Some(("ob", object)) => self.object = object.to_owned(),
            Some(("fn", name)) => self.function = Some(self.id(self.object.clone(), name)),
            Some(("cob", object)) => self.callee_object = Some(object.to_owned()),
            Some(("cfn", name)) => {
                let object = self.callee_object.take().unwrap_or_else(|| self.object.clone());
                self.callee = Some(self.id(object, name));
            }
            Some(("calls", counts)) => self.calls = Some(counts.split(' ').next().unwrap_or_default().parse()?),
            _ => self.header(line)?,
        }
        Ok(())
    }

    fn header(&self, line: &str) -> Result<(), Problem> {
        match line.split_once(": ") {
            Some(("positions", positions)) if positions.trim() != "instr" => Err("not the positions asked for".into()),
            Some(("events", events)) if !events.starts_with("Ir sysCount ") => Err("not the events asked for".into()),
            _ => Ok(()),
        }
    }

    fn id(&mut self, object: String, name: &str) -> FunctionId {
        let name = name.to_owned();
        let function = Function { object, name };
        if let Some(id) = self.ids.get(&function) {
            return *id;
        }
        let id = self.profile.functions.len();
        self.profile.functions.push(function.clone());
        self.ids.insert(function, id);
        id
    }

    /// An address, and what was spent there; what is zero at the end of a line is left out.
    fn cost(&mut self, line: &str) -> Result<(), Problem> {
        let mut fields = line.split_whitespace();
        let address = fields.next().and_then(|field| field.strip_prefix("0x"));
        let address = u64::from_str_radix(address.unwrap_or_default(), 16)?;
        let mut number = || fields.next().map_or(Ok(0), str::parse);
        let spent = Spent {
            instructions: number()?,
            system_calls: number()?,
        };
        let function = self.function.ok_or("outside of any function")?;
        match self.calls.take() {
            None => self.profile.costs.push(Cost {
                function,
                address,
                spent,
            }),
            Some(count) => self.profile.calls.push(Call {
                caller: function,
                address,
                callee: self.callee.take().ok_or("a call of no function")?,
                count,
                spent,
            }),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# callgrind format
version: 1
positions: instr
event: sysTime : sysTime (elapsed ms)
events: Ir sysCount sysTime
summary: 61 2 0

ob=/program
fl=/src/main.rs
fn=main
0x1000 3
fi=/src/inlined.rs
0x1004 4
cob=/libc.so
cfi=/read.c
cfn=read
calls=2 0x77
0x1008 50 2
cfn=help
calls=1 0x2000
0x100c 4

fn=help
0x2000 4

ob=/libc.so
fn=read
0x77 50 2 1
";

    fn name(profile: &Profile, id: FunctionId) -> String {
        let Function { object, name } = &profile.functions[id];
        format!("{object} {name}")
    }

    #[test]
    fn reads_costs_and_calls_with_the_functions_they_belong_to() {
        let profile = Profile::parse(TEXT).unwrap();
        let costs: Vec<_> = profile
            .costs
            .iter()
            .map(|cost| {
                (
                    name(&profile, cost.function),
                    cost.address,
                    cost.spent.instructions,
                    cost.spent.system_calls,
                )
            })
            .collect();
        assert_eq!(
            costs,
            [
                ("/program main".to_owned(), 0x1000, 3, 0),
                ("/program main".to_owned(), 0x1004, 4, 0),
                ("/program help".to_owned(), 0x2000, 4, 0),
                ("/libc.so read".to_owned(), 0x77, 50, 2),
            ]
        );
        let calls: Vec<_> = profile
            .calls
            .iter()
            .map(|call| {
                (
                    name(&profile, call.caller),
                    name(&profile, call.callee),
                    call.address,
                    call.count,
                )
            })
            .collect();
        assert_eq!(
            calls,
            [
                ("/program main".to_owned(), "/libc.so read".to_owned(), 0x1008, 2),
                ("/program main".to_owned(), "/program help".to_owned(), 0x100c, 1),
            ]
        );
        let spent = Spent {
            instructions: 50,
            system_calls: 2,
        };
        assert_eq!(profile.calls[0].spent, spent);
    }

    #[test]
    fn refuses_a_file_that_was_written_otherwise() {
        for (right, wrong) in [
            ("positions: instr", "positions: line"),
            ("events: Ir sysCount sysTime", "events: Ir"),
            ("0x1000 3", "0x1000 three"),
            ("fn=main\n", ""),
        ] {
            assert!(TEXT.contains(right));
            assert!(Profile::parse(&TEXT.replace(right, wrong)).is_err(), "{wrong}");
        }
    }
}
