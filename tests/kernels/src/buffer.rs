//! Buffers that begin with a cache line, as the ring and large allocations do: where one begins decides how many accesses touch
//! two lines, so that figures of buffers that begin anywhere don't compare.

use std::ops::{Deref, DerefMut};

/// Bytes of a cache line, and of the longest vectors.
const LINE: usize = 64;

/// Elements from the beginning of a cache line on.
#[derive(Debug)]
pub struct Buffer<T> {
    /// What lies in front of the first line, and the elements.
    room: Vec<T>,
    begin: usize,
}

impl<T: Copy + Default> Buffer<T> {
    /// Of `length` elements, each from its number.
    #[must_use]
    pub fn new(length: usize, element: impl Fn(usize) -> T) -> Self {
        let most = LINE.checked_div(size_of::<T>()).unwrap_or(0);
        let mut room: Vec<T> = Vec::with_capacity(most + length);
        // The room never grows, so that it stays where it is.
        let begin = room.as_ptr().align_offset(LINE).min(most);
        room.resize(begin, T::default());
        room.extend((0..length).map(element));
        Self { room, begin }
    }

    /// Of elements that are 0.
    #[must_use]
    pub fn empty(length: usize) -> Self {
        Self::new(length, |_| T::default())
    }
}

impl<T> Deref for Buffer<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.room[self.begin..]
    }
}

impl<T> DerefMut for Buffer<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.room[self.begin..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_begins_with_a_line() {
        for length in [0, 1, 63, 4096, 100_000] {
            let bytes = Buffer::new(length, |n| n as u8);
            assert_eq!((bytes.len(), bytes.as_ptr().addr() % LINE), (length, 0));
            assert!((0..length).all(|n| bytes[n] == n as u8));
            let words = Buffer::<i32>::empty(length);
            assert_eq!((words.len(), words.as_ptr().addr() % LINE), (length, 0));
        }
    }
}
