//! Scalars in TensorBoard's event files.
//!
//! An event file is a sequence of records (length, its checksum, a protocol buffer, its checksum); of the protocol buffer
//! `Event` only time, step, version and `Summary` with simple values are written.
//!
//! # Source
//! <https://github.com/tensorflow/tensorflow/blob/v2.16.1/tensorflow/core/util/event.proto>,
//! <https://github.com/tensorflow/tensorflow/blob/v2.16.1/tensorflow/core/lib/io/record_writer.cc>

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;

/// An event file that is appended to.
pub(crate) struct Events {
    file: File,
    path: PathBuf,
}

impl Events {
    /// Begins a new event file in a directory; TensorBoard reads all files of a directory as one run.
    ///
    /// `first_step` makes the name unique among the files of a run that was resumed.
    pub(crate) fn create(directory: &Path, first_step: u64) -> anyhow::Result<Self> {
        std::fs::create_dir_all(directory)
            .with_context(|| format!("cannot create `{}`", directory.display()))?;
        // Names sort by time; steps stand in for seconds, so that the same run has the same names.
        let path = directory.join(format!("events.out.tfevents.{first_step:010}.dropsonde"));
        let file = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(true)
            .open(&path)
            .with_context(|| format!("cannot create `{}`", path.display()))?;
        let mut events = Self { file, path };
        let mut event = Message::default();
        event.double(1, now());
        event.bytes(3, b"brain.Event:2");
        events.write(&event)?;
        Ok(events)
    }

    /// Appends values of a step.
    pub(crate) fn scalars(&mut self, step: u64, values: &[(&str, f64)]) -> anyhow::Result<()> {
        let mut summary = Message::default();
        for (tag, value) in values {
            let mut one = Message::default();
            one.bytes(1, tag.as_bytes());
            one.float(2, *value as f32);
            summary.bytes(1, &one.0);
        }
        let mut event = Message::default();
        event.double(1, now());
        event.varint(2, step);
        event.bytes(5, &summary.0);
        self.write(&event)
    }

    fn write(&mut self, event: &Message) -> anyhow::Result<()> {
        let length = (event.0.len() as u64).to_le_bytes();
        let mut record = Vec::with_capacity(event.0.len() + 16);
        record.extend(length);
        record.extend(masked(&length).to_le_bytes());
        record.extend(&event.0);
        record.extend(masked(&event.0).to_le_bytes());
        self.file
            .write_all(&record)
            .with_context(|| format!("cannot write `{}`", self.path.display()))
    }
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |time| time.as_secs_f64())
}

/// The checksum of a record's parts.
fn masked(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes)
        .rotate_right(15)
        .wrapping_add(0xa282_ead8)
}

/// A protocol buffer in the making.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn key(&mut self, field: u64, wire: u64) {
        self.number(field << 3 | wire);
    }

    fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn varint(&mut self, field: u64, value: u64) {
        self.key(field, 0);
        self.number(value);
    }

    fn double(&mut self, field: u64, value: f64) {
        self.key(field, 1);
        self.0.extend(value.to_le_bytes());
    }

    fn float(&mut self, field: u64, value: f32) {
        self.key(field, 5);
        self.0.extend(value.to_le_bytes());
    }

    fn bytes(&mut self, field: u64, value: &[u8]) {
        self.key(field, 2);
        self.number(value.len() as u64);
        self.0.extend(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lengths and checksums of every record, and the payloads.
    fn records(bytes: &[u8]) -> Vec<&[u8]> {
        let mut rest = bytes;
        let mut found = Vec::new();
        while !rest.is_empty() {
            let (length, behind) = rest.split_at(8);
            let n = u64::from_le_bytes(length.try_into().unwrap()) as usize;
            assert_eq!(behind[..4], masked(length).to_le_bytes());
            let payload = &behind[4..4 + n];
            assert_eq!(behind[4 + n..8 + n], masked(payload).to_le_bytes());
            found.push(payload);
            rest = &behind[8 + n..];
        }
        found
    }

    #[test]
    fn a_file_is_a_version_and_records_of_scalars() {
        let directory = tempfile::tempdir().unwrap();
        let mut events = Events::create(directory.path(), 40).unwrap();
        events.scalars(300, &[("loss", 0.5), ("l0", 32.0)]).unwrap();
        let path = directory
            .path()
            .join("events.out.tfevents.0000000040.dropsonde");
        let bytes = std::fs::read(path).unwrap();
        let records = records(&bytes);
        assert_eq!(records.len(), 2);
        assert!(records[0].ends_with(b"brain.Event:2"));
        // Field 2, varint 300; then the summary: tag, then the value.
        let summary = records[1][9..].to_vec();
        assert_eq!(summary[..3], [2 << 3, 0xac, 0x02]);
        let mut expected = vec![5 << 3 | 2, 24, 1 << 3 | 2, 11, 1 << 3 | 2, 4];
        expected.extend(b"loss");
        expected.push(2 << 3 | 5);
        expected.extend(0.5f32.to_le_bytes());
        expected.extend([1 << 3 | 2, 9, 1 << 3 | 2, 2]);
        expected.extend(b"l0");
        expected.push(2 << 3 | 5);
        expected.extend(32.0f32.to_le_bytes());
        assert_eq!(summary[3..], expected);
    }

    /// The check value of CRC-32C, masked as TensorFlow does.
    #[test]
    fn checksums_are_tensorflows() {
        assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(
            masked(b"123456789"),
            0xe306_9283u32.rotate_right(15).wrapping_add(0xa282_ead8)
        );
    }
}
