//! A port of the machine, and the DAC that is plugged in there or lies beside it.
use std::cell::Cell;
use std::io;
use std::ops::Deref;
use std::rc::Rc;

use usb_dac::Model;
use usb_dac::redir::Dac;

pub(super) struct Port {
    dac: Dac,
    /// How often one was plugged in, into this port or the other one.
    plugs: Rc<Cell<usize>>,
}

impl Port {
    pub(super) fn pair(one: Dac, other: Dac) -> [Self; 2] {
        let plugs = Rc::new(Cell::new(0));
        [one, other].map(|dac| Self { dac, plugs: Rc::clone(&plugs) })
    }

    /// Plugs in the DAC that was there last, or another one.
    ///
    /// # Errors
    /// As [`Dac::plug`].
    pub(super) fn plug(&self, model: Option<Model>) -> io::Result<()> {
        self.dac.plug(model)?;
        self.plugs.set(self.plugs.get() + 1);
        Ok(())
    }

    /// How often one was plugged in since the machine was started, in any port.
    pub(super) fn plugs(&self) -> usize {
        self.plugs.get()
    }
}

impl Deref for Port {
    type Target = Dac;

    fn deref(&self) -> &Dac {
        &self.dac
    }
}
