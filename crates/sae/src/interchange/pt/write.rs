//! Writing an archive that `torch.load(weights_only=True)` reads.

use std::io::{Cursor, Write as _};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// An object to be saved.
pub(crate) enum Object<'a> {
    Dict(Vec<(&'a str, Object<'a>)>),
    Tensor(Vec<usize>, Data<'a>),
}

/// The values of a tensor.
pub(crate) enum Data<'a> {
    F32(&'a [f32]),
    I64(Vec<i64>),
    I32(Vec<i32>),
    Bool(Vec<bool>),
}

impl Data<'_> {
    fn class(&self) -> &'static str {
        match self {
            Self::F32(_) => "FloatStorage",
            Self::I64(_) => "LongStorage",
            Self::I32(_) => "IntStorage",
            Self::Bool(_) => "BoolStorage",
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::F32(x) => x.len(),
            Self::I64(x) => x.len(),
            Self::I32(x) => x.len(),
            Self::Bool(x) => x.len(),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::F32(x) => x.iter().flat_map(|v| v.to_le_bytes()).collect(),
            Self::I64(x) => x.iter().flat_map(|v| v.to_le_bytes()).collect(),
            Self::I32(x) => x.iter().flat_map(|v| v.to_le_bytes()).collect(),
            Self::Bool(x) => x.iter().map(|&v| v.into()).collect(),
        }
    }
}

/// The bytes of the archive, the same for the same object.
///
/// # Errors
/// When the zip writer refuses, as text.
pub(crate) fn archive(root: &Object<'_>) -> Result<Vec<u8>, String> {
    let mut pickler = Pickler {
        out: vec![0x80, 2],
        storages: Vec::new(),
    };
    pickler.object(root);
    pickler.out.push(b'.');
    let mut members = vec![
        ("data.pkl".to_owned(), pickler.out),
        ("byteorder".to_owned(), b"little".to_vec()),
    ];
    let storages = pickler.storages.into_iter().enumerate();
    members.extend(storages.map(|(key, bytes)| (format!("data/{key}"), bytes)));
    members.push(("version".to_owned(), b"3\n".to_vec()));
    zip(&members).map_err(|e| e.to_string())
}

fn zip(members: &[(String, Vec<u8>)]) -> zip::result::ZipResult<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .large_file(bytes.len() > i32::MAX as usize)
            .with_alignment(64)
            .last_modified_time(zip::DateTime::default());
        zip.start_file(format!("archive/{name}"), options)?;
        zip.write_all(bytes)?;
    }
    Ok(zip.finish()?.into_inner())
}

struct Pickler {
    out: Vec<u8>,
    storages: Vec<Vec<u8>>,
}

impl Pickler {
    fn object(&mut self, object: &Object<'_>) {
        match object {
            Object::Dict(entries) => {
                self.out.push(b'}');
                self.out.push(b'(');
                for (key, value) in entries {
                    self.text(key);
                    self.object(value);
                }
                self.out.push(b'u');
            }
            Object::Tensor(shape, data) => self.tensor(shape, data),
        }
    }

    /// `torch._utils._rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())`.
    fn tensor(&mut self, shape: &[usize], data: &Data<'_>) {
        let key = self.storages.len().to_string();
        self.storages.push(data.bytes());
        self.global("torch._utils", "_rebuild_tensor_v2");
        self.out.extend(b"((");
        self.text("storage");
        self.global("torch", data.class());
        self.text(&key);
        self.text("cpu");
        self.int(data.len());
        self.out.extend(b"tQ");
        self.int(0);
        self.tuple(shape);
        let mut strides = vec![1; shape.len()];
        for i in (1..shape.len()).rev() {
            strides[i - 1] = strides[i] * shape[i];
        }
        self.tuple(&strides);
        self.out.push(0x89);
        self.global("collections", "OrderedDict");
        self.out.extend(b")RtR");
    }

    fn tuple(&mut self, sizes: &[usize]) {
        self.out.push(b'(');
        for &size in sizes {
            self.int(size);
        }
        self.out.push(b't');
    }

    fn int(&mut self, value: usize) {
        if let Ok(small) = i32::try_from(value) {
            self.out.push(b'J');
            self.out.extend(small.to_le_bytes());
        } else {
            // Memory has no more than `isize::MAX` values, so that the sign bit is free.
            self.out.extend([0x8a, 8]);
            self.out.extend((value as u64).to_le_bytes());
        }
    }

    fn text(&mut self, text: &str) {
        self.out.push(b'X');
        self.out.extend((text.len() as u32).to_le_bytes());
        self.out.extend(text.as_bytes());
    }

    fn global(&mut self, module: &str, name: &str) {
        self.out.extend(format!("c{module}\n{name}\n").as_bytes());
    }
}
