//! The `.npz` container: a zip of `.npy` members, as `numpy.savez` writes it.

mod header;
mod read;
mod write;

pub(crate) use read::NpyArray;
pub(crate) use write::NpyValue;

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};

/// Arrays by key (the member's name without `.npy`).
pub(crate) type Members = BTreeMap<String, NpyArray>;

/// Members may hold this many bytes together whatever the size of the file.
const ALWAYS_ALLOWED: u64 = 64 << 20;

/// Above that, the file may grow by this factor when it is inflated. Trained weights hardly compress at all.
const LARGEST_RATIO: u64 = 32;

/// Reads every member; what they hold together is bounded by the size of the file.
pub(crate) fn read_members(mut file: impl Read + Seek) -> Result<Members, String> {
    let length = file.seek(SeekFrom::End(0)).map_err(|e| e.to_string())?;
    let mut left = ALWAYS_ALLOWED.max(length.saturating_mul(LARGEST_RATIO));
    let mut zip =
        zip::ZipArchive::new(file).map_err(|e| format!("expected an npz (zip) file: {e}"))?;
    let mut members = Members::new();
    for i in 0..zip.len() {
        let member = zip.by_index(i).map_err(|e| format!("member {i}: {e}"))?;
        let name = member.name().map_err(|e| e.to_string())?.into_owned();
        let Some(key) = name.strip_suffix(".npy").map(str::to_owned) else {
            return Err(format!(
                "member `{name}`, expected names that end in `.npy`"
            ));
        };
        let size = member.size();
        if size > left {
            return Err(format!(
                "`{key}` claims {size} bytes, expected at most {left} more in a file of {length} bytes\nhint: this is no file of trained weights"
            ));
        }
        // The claim may be a lie: it also bounds what is inflated.
        let array = NpyArray::read(member, size).map_err(|e| format!("`{key}`: {e}"))?;
        left -= size;
        if members.insert(key.clone(), array).is_some() {
            return Err(format!("`{key}` occurs twice"));
        }
    }
    Ok(members)
}
