//! What callers may use.

use std::collections::{BTreeSet, HashMap};

use crate::exposed::Exposed;

/// Which objects, which of their members, and whether anything may be changed.
#[derive(Debug, Default)]
pub(crate) struct Permissions {
    pub(crate) exposed: Exposed,
    /// The members of those objects of which not all can be used, by the name of the object.
    members: HashMap<String, BTreeSet<String>>,
    pub(crate) read_only: bool,
}

/// What a caller wants to do with a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    Call,
    Read,
    Set,
}

impl Permissions {
    /// From now on only what is allowed of this object can be used, this among it.
    pub(crate) fn allow(&mut self, object: &str, members: impl IntoIterator<Item = String>) {
        self.members.entry(object.to_owned()).or_default().extend(members);
    }

    /// Whether anything of this object can be used.
    pub(crate) fn includes(&self, object: &str) -> bool {
        self.exposed.includes(object)
    }

    /// Whether this member of an object that is included can be used in some way.
    pub(crate) fn shows(&self, object: &str, member: &str) -> bool {
        self.members.get(object).is_none_or(|members| members.contains(member))
    }

    /// Fails with the reason for which this cannot be done to a member of an object that is included.
    pub(crate) fn check(&self, object: &str, member: &str, wanted: Use) -> Result<(), &'static str> {
        let allowed = self.members.get(object).map(|members| members.contains(member));
        match (allowed, wanted) {
            (Some(false), _) => Err("access to this member has been denied"),
            (_, Use::Set) if self.read_only => Err("this gateway is read-only: it sets no attributes"),
            (None, Use::Call) if self.read_only => {
                Err("this gateway is read-only: it calls only the methods that were allowed one by one (--allow)")
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_with_a_list_have_nothing_but_what_is_on_it() {
        let mut permissions = Permissions::default();
        permissions.allow("http.shop", ["list".to_owned(), "price".to_owned()]);
        for (object, member, is_shown) in [
            ("http.shop", "list", true),
            ("http.shop", "price", true),
            ("http.shop", "sell", false),
            ("http.other", "sell", true),
        ] {
            assert_eq!(permissions.shows(object, member), is_shown, "{object} {member}");
            for wanted in [Use::Call, Use::Read, Use::Set] {
                assert_eq!(
                    permissions.check(object, member, wanted).is_ok(),
                    is_shown,
                    "{member} {wanted:?}"
                );
            }
        }
    }

    #[test]
    fn a_read_only_gateway_reads_and_calls_what_it_was_told_to() {
        let mut permissions = Permissions {
            read_only: true,
            ..Permissions::default()
        };
        permissions.allow("http.shop", ["list".to_owned()]);
        for (object, member, wanted, is_allowed) in [
            ("http.shop", "list", Use::Call, true),
            ("http.shop", "list", Use::Read, true),
            ("http.shop", "list", Use::Set, false),
            ("http.shop", "sell", Use::Read, false),
            ("http.other", "sell", Use::Call, false),
            ("http.other", "open", Use::Read, true),
            ("http.other", "open", Use::Set, false),
        ] {
            let verdict = permissions.check(object, member, wanted);
            assert_eq!(verdict.is_ok(), is_allowed, "{object} {member} {wanted:?}: {verdict:?}");
        }
    }
}
