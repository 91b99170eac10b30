//! Bodies of methods by their id, wherever in the file they stand: what a lambda's class calls stands in another one.

use super::code::Body;
use super::{Class, Dex};
use std::cell::OnceCell;
use std::collections::HashMap;

/// The classes of one file by their type, and what may still be read of them.
pub(crate) struct Elsewhere<'d, 'b> {
    dex: &'d Dex<'b>,
    read: OnceCell<(Dex<'b>, HashMap<u32, Class>)>,
}

impl<'d, 'b> Elsewhere<'d, 'b> {
    pub(crate) const fn of(dex: &'d Dex<'b>) -> Self {
        Self {
            dex,
            read: OnceCell::new(),
        }
    }

    /// The body of the method of that id; `None` where it is not in this file, or too much was asked already.
    pub(crate) fn body(&self, id: u32) -> Option<Body<'b>> {
        let (dex, classes) = self.read.get_or_init(|| {
            let classes = self.dex.classes().map(|class| (class.kind, class)).collect();
            (self.dex.anew(), classes)
        });
        let class = classes.get(&dex.method(id)?.class)?;
        let methods = dex.members(class).ok()?.methods;
        let method = methods.into_iter().find(|method| method.id == id)?;
        dex.body(&method).ok()?
    }
}
