//! `log`: what a connector says, bounded. Standard output and error of the component end up here too.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard};

use gladhand_core::attempt::LogLine;
use gladhand_mapping::text::truncate_bytes;

use super::View;
use crate::bindings::gladhand::connector::log;
use crate::host::Host;
use crate::limits::Limits;

/// The levels of the contract; an unknown one counts as `info`.
const LEVELS: [&str; 4] = ["debug", "info", "warn", "error"];

/// Fields of one line.
const MOST_FIELDS: usize = 32;

/// A call's log, shared by the host and the component's standard streams.
#[derive(Debug, Clone)]
pub struct SharedLog(Arc<Mutex<Log>>);

#[derive(Debug)]
struct Log {
    lines: Vec<LogLine>,
    dropped: u64,
    /// The last line of standard output and of standard error while it has no end.
    unfinished: [Vec<u8>; 2],
    most_lines: usize,
    most_bytes: usize,
}

/// Where a line came from that was not written through `log`.
#[derive(Debug, Clone, Copy)]
pub enum Stream {
    /// Standard output: `info`.
    Out = 0,
    /// Standard error: `error`, because that is where a panic speaks.
    Err = 1,
}

impl Host {
    /// Keeps a line, as much of it as is allowed.
    pub fn log(&mut self, level: &str, message: &str, fields: Vec<(String, String)>) {
        self.log.write(level, message, fields);
    }
}

impl SharedLog {
    /// An empty log.
    pub fn new(limits: &Limits) -> Self {
        Self(Arc::new(Mutex::new(Log {
            lines: Vec::new(),
            dropped: 0,
            unfinished: [Vec::new(), Vec::new()],
            most_lines: limits.log_lines,
            most_bytes: limits.log_line_bytes,
        })))
    }

    /// Keeps a line, as much of it as is allowed.
    pub fn write(&self, level: &str, message: &str, fields: Vec<(String, String)>) {
        self.lock().write(level, message, fields);
    }

    /// Keeps a line of the host's own.
    pub fn host_line(&self, message: &str) {
        self.write("warn", message, Vec::new());
    }

    /// Keeps what a standard stream was given, line by line.
    pub fn write_stream(&self, stream: Stream, bytes: &[u8]) {
        let mut log = self.lock();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let room = log.most_bytes - log.unfinished[stream as usize].len();
            let line = part.strip_suffix(b"\n").unwrap_or(part);
            log.unfinished[stream as usize].extend_from_slice(&line[..line.len().min(room)]);
            if part.ends_with(b"\n") {
                log.finish_line(stream);
            }
        }
    }

    /// The last that the component said on standard error: of a Rust panic, its message.
    pub fn last_words(&self) -> Option<String> {
        let mut log = self.lock();
        log.finish_line(Stream::Err);
        let errors: Vec<&str> = log
            .lines
            .iter()
            .filter(|line| line.level == "error")
            .map(|line| line.message.as_str())
            .collect();
        let panic = errors.iter().rposition(|line| line.contains("panicked at"));
        let words = match panic {
            Some(at) => errors.get(at + 1).or(errors.get(at)),
            None => errors.last(),
        };
        words.map(|words| truncate_bytes(words, 300).to_owned())
    }

    /// Everything that was kept, and how much was not.
    pub fn take(&self) -> Vec<LogLine> {
        let mut log = self.lock();
        log.finish_line(Stream::Out);
        log.finish_line(Stream::Err);
        let mut lines = mem::take(&mut log.lines);
        if log.dropped > 0 {
            lines.push(LogLine {
                level: "warn".to_owned(),
                message: format!(
                    "{} more lines were dropped: a call keeps at most {}",
                    log.dropped, log.most_lines
                ),
                fields: Vec::new(),
            });
        }
        lines
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        self.0
            .lock()
            .expect("nothing panics while it writes a line")
    }
}

impl Log {
    fn write(&mut self, level: &str, message: &str, mut fields: Vec<(String, String)>) {
        if self.lines.len() >= self.most_lines {
            self.dropped += 1;
            return;
        }
        let message = truncate_bytes(message, self.most_bytes);
        let mut room = self.most_bytes - message.len();
        fields.truncate(MOST_FIELDS);
        fields.retain_mut(|(name, value)| {
            let Some(left) = room.checked_sub(name.len()) else {
                return false;
            };
            let kept = truncate_bytes(value, left).len();
            value.truncate(kept);
            value.shrink_to_fit();
            room = left - kept;
            true
        });
        let level = LEVELS.into_iter().find(|known| *known == level);
        self.lines.push(LogLine {
            level: level.unwrap_or("info").to_owned(),
            message: message.to_owned(),
            fields,
        });
    }

    fn finish_line(&mut self, stream: Stream) {
        let line = mem::take(&mut self.unfinished[stream as usize]);
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end();
        if !line.is_empty() {
            let level = match stream {
                Stream::Out => "info",
                Stream::Err => "error",
            };
            self.write(level, line, Vec::new());
        }
    }
}

impl log::Host for View<'_> {
    fn write(
        &mut self,
        level: String,
        message: String,
        fields: Vec<(String, String)>,
    ) -> wasmtime::Result<()> {
        let (host, meter) = self.host()?;
        meter.host_now(|| host.log(&level, &message, fields));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> SharedLog {
        SharedLog::new(&Limits {
            log_lines: 3,
            log_line_bytes: 10,
            ..Limits::STANDARD
        })
    }

    #[track_caller]
    fn check(log: &SharedLog, expect: &[(&str, &str)]) {
        let lines = log.take();
        let lines: Vec<_> = lines
            .iter()
            .map(|line| (line.level.as_str(), line.message.as_str()))
            .collect();
        assert_eq!(lines, expect);
    }

    #[test]
    fn lines_past_the_limit_are_counted() {
        let log = log();
        for number in 0..5 {
            log.write("info", &number.to_string(), Vec::new());
        }
        check(
            &log,
            &[
                ("info", "0"),
                ("info", "1"),
                ("info", "2"),
                ("warn", "2 more lines were dropped: a call keeps at most 3"),
            ],
        );
    }

    #[test]
    fn a_line_is_cut_with_its_fields() {
        let log = log();
        let fields = vec![
            ("a".to_owned(), "é".repeat(9)),
            ("much too long".to_owned(), String::new()),
        ];
        log.write("debug", "12345", fields);
        let line = &log.take()[0];
        assert_eq!(line.message, "12345");
        assert_eq!(line.fields, [("a".to_owned(), "éé".to_owned())]);
    }

    #[test]
    fn an_unknown_level_counts_as_info() {
        let log = log();
        log.write("shout", "x", Vec::new());
        check(&log, &[("info", "x")]);
    }

    #[test]
    fn streams_become_lines_however_they_are_cut() {
        let log = log();
        log.write_stream(Stream::Out, b"one\ntw");
        log.write_stream(Stream::Err, b"bad\n\n");
        log.write_stream(Stream::Out, b"o");
        check(&log, &[("info", "one"), ("error", "bad"), ("info", "two")]);
    }

    #[test]
    fn a_line_without_end_does_not_fill_the_memory() {
        let log = log();
        for _ in 0..100 {
            log.write_stream(Stream::Out, b"aaaaaaaa");
        }
        check(&log, &[("info", "aaaaaaaaaa")]);
    }

    #[test]
    fn the_last_words_of_a_panic_are_its_message() {
        let log = SharedLog::new(&Limits::STANDARD);
        log.write_stream(
            Stream::Err,
            b"\nthread '<unnamed>' panicked at src/lib.rs:1:1:\nno stage 7\nnote: run with `RUST_BACKTRACE=1`\n",
        );
        assert_eq!(log.last_words().as_deref(), Some("no stage 7"));
    }
}
