//! What a command printed, for tests: each test has a thread of its own, and so a capture of its own.

use std::cell::RefCell;

thread_local! {
    static CAPTURED: RefCell<Option<Captured>> = const { RefCell::new(None) };
}

/// What a command printed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Captured {
    /// Data.
    pub stdout: String,
    /// All else.
    pub stderr: String,
}

/// From now on what this thread prints is kept.
pub fn start() {
    CAPTURED.set(Some(Captured::default()));
}

/// What was printed since `start`.
pub fn take() -> Captured {
    CAPTURED.take().expect("`start` was called")
}

pub(super) fn text(text: &str) -> bool {
    keep(|captured| captured.stdout.push_str(text))
}

pub(super) fn note(text: &str) -> bool {
    keep(|captured| {
        captured.stderr.push_str(text);
        captured.stderr.push('\n');
    })
}

fn keep(add: impl FnOnce(&mut Captured)) -> bool {
    CAPTURED.with_borrow_mut(|captured| match captured {
        Some(captured) => {
            add(captured);
            true
        }
        None => false,
    })
}
