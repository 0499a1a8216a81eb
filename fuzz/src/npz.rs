use std::io::{Cursor, Read, Write};
use std::path::Path;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::checkpoint;

/// Name and contents of a member of a checkpoint.
pub type Member = (String, Vec<u8>);

/// The members of the smallest good checkpoint.
pub fn members() -> Vec<Member> {
    members_in(checkpoint())
}

/// The members of a zip file.
pub fn members_of(path: &Path) -> Vec<Member> {
    members_in(std::fs::read(path).expect("a fixture"))
}

fn members_in(bytes: Vec<u8>) -> Vec<Member> {
    let mut zip = ZipArchive::new(Cursor::new(bytes)).expect("a zip");
    let mut members = Vec::new();
    for i in 0..zip.len() {
        let mut file = zip.by_index(i).expect("a member");
        let mut contents = Vec::new();
        file.read_to_end(&mut contents).expect("a member");
        members.push((file.name().expect("a name").into_owned(), contents));
    }
    members
}

/// An npz of these members, stored or deflated.
pub fn npz<'a>(
    members: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    method: CompressionMethod,
) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, contents) in members {
        zip.start_file(name, options).expect("a zip in memory");
        zip.write_all(contents).expect("a zip in memory");
    }
    zip.finish().expect("a zip in memory").into_inner()
}
