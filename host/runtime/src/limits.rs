//! How much a call may use, and the guard that holds an instance's memory to it.

use std::time::Duration;

use wasmtime::ResourceLimiter;

/// How much a call may use (design/4-semantics.md, "Limits of a call").
///
/// HTTP calls and the sizes of requests and responses are egress's to limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of linear memory, over all memories of an instance.
    pub memory_bytes: usize,
    /// Wall time of a call, waiting included.
    pub deadline: Duration,
    /// Time in which a call keeps a processor busy: the guest's own and what it makes the host do.
    pub busy: Duration,
    /// Lines that are kept of a call's log.
    pub log_lines: usize,
    /// Bytes of one line, fields included.
    pub log_line_bytes: usize,
    /// Bytes of one cache entry or variable.
    pub value_bytes: usize,
    /// Bytes of links and cache entries that one attempt may leave behind, so that it cannot fill the host's memory.
    pub kept_bytes: usize,
    /// Calls into the host. A connector makes a few dozen; ten thousand only if it is in a loop.
    pub host_calls: u32,
}

impl Limits {
    /// What a call may use where nothing else is said.
    pub const STANDARD: Self = Self {
        memory_bytes: 64 << 20,
        deadline: Duration::from_secs(30),
        busy: Duration::from_secs(2),
        log_lines: 200,
        log_line_bytes: 4 << 10,
        value_bytes: 256 << 10,
        kept_bytes: 4 << 20,
        host_calls: 10_000,
    };
}

/// Elements of a table. The largest component known, `CPython`, needs a third of it.
pub const TABLE_ELEMENTS: usize = 50_000;

/// Holds one instance's memories to a limit, and remembers that it had to.
#[derive(Debug)]
pub struct MemoryGuard {
    limit: usize,
    used: usize,
    was_refused: bool,
}

impl MemoryGuard {
    /// A guard over an instance that has no memory yet.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            used: 0,
            was_refused: false,
        }
    }

    /// The limit that was hit, where one was: a trap that follows is about memory.
    pub fn refused_at(&self) -> Option<usize> {
        self.was_refused.then_some(self.limit)
    }
}

impl ResourceLimiter for MemoryGuard {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let used = self.used.saturating_sub(current).saturating_add(desired);
        if used > self.limit {
            self.was_refused = true;
            return Ok(false);
        }
        self.used = used;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_ELEMENTS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_of_one_instance_share_one_limit() {
        let mut guard = MemoryGuard::new(100);
        assert!(guard.memory_growing(0, 60, None).expect("no error"));
        assert!(guard.memory_growing(0, 30, None).expect("no error"));
        assert!(guard.memory_growing(60, 70, None).expect("no error"));
        assert_eq!(guard.refused_at(), None);
        assert!(!guard.memory_growing(30, 31, None).expect("no error"));
        assert_eq!(guard.refused_at(), Some(100));
    }

    #[test]
    fn a_growth_beyond_all_numbers_is_refused() {
        let mut guard = MemoryGuard::new(usize::MAX - 1);
        assert!(guard.memory_growing(0, 10, None).expect("no error"));
        assert!(!guard.memory_growing(0, usize::MAX, None).expect("no error"));
    }
}
