//! A list of system calls, as a seccomp filter (seccomp(2)).

use std::collections::BTreeMap;
use std::io;

use libc::c_long;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};

#[cfg(doc)]
use crate::tell_as;

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: TargetArch = TargetArch::x86_64;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: TargetArch = TargetArch::aarch64;

/// Why there is no filter.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The list can't be made into one: a mistake in the list.
    #[error("the list of system calls: {0}")]
    List(#[from] seccompiler::BackendError),
    /// The kernel takes none.
    #[error("the kernel takes no seccomp filter: {0}")]
    Kernel(#[from] seccompiler::Error),
    /// What has to be so before couldn't be.
    #[error("the signal for refused system calls: {0}")]
    Signal(#[from] io::Error),
}

/// One of a call's arguments, which a filter sees as a number: what a pointer points to stays unknown to it.
#[derive(Clone, Debug)]
pub struct Argument(SeccompCondition);

impl Argument {
    /// The argument at `place` (0 to 5) is `value`, in its lower 32 bits: the kernel reads no more of an `int`.
    ///
    /// # Errors
    /// There is no such place.
    pub fn is(place: u8, value: u32) -> Result<Self, Error> {
        Self::new(place, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value.into())
    }

    /// Of the argument's lower 32 bits those in `mask` are `value`.
    ///
    /// # Errors
    /// There is no such place.
    pub fn has(place: u8, mask: u32, value: u32) -> Result<Self, Error> {
        Self::new(place, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(mask.into()), value.into())
    }

    /// The whole argument, a pointer, is null.
    ///
    /// # Errors
    /// There is no such place.
    pub fn is_null(place: u8) -> Result<Self, Error> {
        Self::new(place, SeccompCmpArgLen::Qword, SeccompCmpOp::Eq, 0)
    }

    fn new(place: u8, length: SeccompCmpArgLen, comparison: SeccompCmpOp, value: u64) -> Result<Self, Error> {
        Ok(Self(SeccompCondition::new(place, length, comparison, value)?))
    }
}

/// What becomes of a call that isn't on the list; one of another architecture always ends the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Otherwise {
    /// The process is ended by SIGSYS.
    End,
    /// The call fails with EPERM, and the process says on its stderr which it was; [`tell_as`] has to come before.
    Tell,
}

/// A list of system calls.
#[derive(Clone, Debug, Default)]
pub struct Calls(BTreeMap<c_long, Vec<SeccompRule>>);

impl Calls {
    /// These calls, whatever their arguments.
    #[must_use]
    pub fn any(calls: &[c_long]) -> Self {
        Self(calls.iter().map(|&call| (call, Vec::new())).collect())
    }

    /// This call, too, with these arguments. Told again with others, either is meant.
    ///
    /// # Errors
    /// No argument is given.
    pub fn with(mut self, call: c_long, arguments: impl IntoIterator<Item = Argument>) -> Result<Self, Error> {
        let conditions = arguments.into_iter().map(|Argument(condition)| condition).collect();
        self.0.entry(call).or_default().push(SeccompRule::new(conditions)?);
        Ok(self)
    }

    /// Nothing but these calls.
    ///
    /// # Errors
    /// The list is longer than a filter can be.
    pub fn only(self, otherwise: Otherwise) -> Result<Filter, Error> {
        let action = match otherwise {
            Otherwise::End => SeccompAction::KillProcess,
            Otherwise::Tell => SeccompAction::Trap,
        };
        self.filter(action, SeccompAction::Allow)
    }

    /// All but these calls, which fail with this error. For those that a library can do without; of several filters the
    /// strictest counts.
    ///
    /// # Errors
    /// The list is longer than a filter can be.
    pub fn fail(self, error: i32) -> Result<Filter, Error> {
        self.filter(SeccompAction::Allow, SeccompAction::Errno(error.unsigned_abs()))
    }

    fn filter(self, others: SeccompAction, these: SeccompAction) -> Result<Filter, Error> {
        #[allow(clippy::useless_conversion, reason = "the kernel's long has 64 bits on the machines that there are")]
        let rules = self.0.into_iter().map(|(call, rules)| (i64::from(call), rules)).collect();
        Ok(Filter(SeccompFilter::new(rules, others, these, ARCHITECTURE)?.try_into()?))
    }
}

/// A filter that is ready to be installed.
#[derive(Clone, Debug)]
pub struct Filter(BpfProgram);

impl Filter {
    /// Confines the calling thread, for good. Allocates nothing.
    ///
    /// # Errors
    /// The kernel takes no filter.
    pub fn confine_thread(&self) -> Result<(), Error> {
        Ok(seccompiler::apply_filter(&self.0)?)
    }

    /// Confines all the threads of this process, for good.
    ///
    /// # Errors
    /// The kernel takes no filter, or a thread has one already that this one doesn't go with.
    pub fn confine_process(&self) -> Result<(), Error> {
        Ok(seccompiler::apply_filter_all_threads(&self.0)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_in_a_list_is_an_error() {
        assert!(Argument::is(6, 0).is_err());
        assert!(Calls::default().with(libc::SYS_ioctl, []).is_err());
        let one = Calls::any(&[libc::SYS_read]);
        assert!(one.clone().only(Otherwise::End).is_ok() && one.fail(libc::EPERM).is_ok());
    }
}
