//! Blocks that were decoded before anybody wanted to have them.

use std::collections::VecDeque;

use pcm::{Planes, Samples};

/// Copies of blocks, oldest first.
#[derive(Default)]
pub(crate) struct Ahead {
    blocks: VecDeque<Block>,
    given: Option<Block>,
}

/// The channels of a block.
enum Block {
    S16(Vec<Vec<i16>>),
    S32(Vec<Vec<i32>>),
}

impl Ahead {
    /// Keeps a copy; `false` if these aren't integers.
    pub(crate) fn keep(&mut self, samples: &Samples<'_>) -> bool {
        let block = match samples {
            Samples::S16(planes) => Block::S16(planes.iter().map(<[i16]>::to_vec).collect()),
            Samples::S32(planes) => Block::S32(planes.iter().map(<[i32]>::to_vec).collect()),
            Samples::F32(_) | Samples::Dsd(_) => return false,
        };
        self.blocks.push_back(block);
        true
    }

    /// Goes on to the next block; `false` if there is none.
    pub(crate) fn step(&mut self) -> bool {
        self.given = self.blocks.pop_front();
        self.given.is_some()
    }

    /// The block that was stepped to.
    pub(crate) fn given(&self) -> Option<Samples<'_>> {
        match self.given.as_ref()? {
            Block::S16(planes) => Planes::new(planes.iter().map(Vec::as_slice)).ok().map(Samples::S16),
            Block::S32(planes) => Planes::new(planes.iter().map(Vec::as_slice)).ok().map(Samples::S32),
        }
    }
}
