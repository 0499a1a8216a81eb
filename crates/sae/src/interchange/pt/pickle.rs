//! The stack machine.

use std::collections::HashMap;

use super::document::{Class, Document, Id, Node, Storage, TensorRef};
use super::dtype::Dtype;

/// Dimensions of a tensor at most; longer tuples could be copied many times by a short pickle.
const MAX_RANK: usize = 8;
/// Bytes of a storage's key at most, for the same reason.
const MAX_KEY: usize = 64;

/// What is wrong, for the user.
type Outcome<T> = Result<T, String>;

/// Runs a pickle; its objects are never more than its bytes.
pub(super) fn parse(bytes: &[u8]) -> Outcome<Document> {
    let mut machine = Machine {
        bytes,
        at: 0,
        nodes: Vec::new(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
    };
    loop {
        let place = machine.at;
        let [op] = machine.take()?;
        let stop = machine
            .step(op)
            .map_err(|reason| format!("{reason} (at byte {place})"))?;
        if stop {
            let root = machine.pop()?;
            return Ok(Document {
                nodes: machine.nodes,
                root,
            });
        }
    }
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    nodes: Vec<Node>,
    stack: Vec<Id>,
    /// Heights of the stack below which an instruction may not reach until the mark is gone.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
}

impl Machine<'_> {
    /// Carries out one instruction; true for the last one.
    fn step(&mut self, op: u8) -> Outcome<bool> {
        match op {
            b'.' => return Ok(true),
            0x80 => self.protocol()?,
            b'N' | 0x88 | 0x89 | b'K' | b'M' | b'J' | 0x8a | b'G' | b'X' => self.scalar(op)?,
            b'q' | b'r' | b'h' | b'j' => self.memorise(op)?,
            b'(' => self.marks.push(self.stack.len()),
            b')' | 0x85..=0x87 | b't' | b']' | b'}' => self.container(op)?,
            b'a' | b'e' | b's' | b'u' => self.fill(op)?,
            b'c' => self.global()?,
            b'Q' => self.persistent()?,
            b'R' => self.reduce()?,
            // The state of an object, which for a state dict is the version of each module.
            b'b' => drop(self.pop()?),
            _ => {
                return Err(format!(
                    "instruction 0x{op:02x} is not one that `torch.save` writes (pickle protocol 2)"
                ));
            }
        }
        Ok(false)
    }

    fn protocol(&mut self) -> Outcome<()> {
        match self.take()? {
            [2] => Ok(()),
            [other] => Err(format!("expected pickle protocol 2, found {other}")),
        }
    }

    fn scalar(&mut self, op: u8) -> Outcome<()> {
        let node = match op {
            b'N' => Node::None,
            0x88 => Node::Bool(true),
            0x89 => Node::Bool(false),
            b'K' => Node::Int(u8::from_le_bytes(self.take()?).into()),
            b'M' => Node::Int(u16::from_le_bytes(self.take()?).into()),
            b'J' => Node::Int(i32::from_le_bytes(self.take()?).into()),
            0x8a => Node::Int(self.long()?),
            b'G' => Node::Float(f64::from_be_bytes(self.take()?)),
            _ => {
                let length = u32::from_le_bytes(self.take()?) as usize;
                let text = std::str::from_utf8(self.slice(length)?);
                Node::Text(text.map_err(|e| e.to_string())?.to_owned())
            }
        };
        self.push(node);
        Ok(())
    }

    /// An integer of up to 8 bytes in two's complement.
    fn long(&mut self) -> Outcome<i64> {
        let [length] = self.take()?;
        let bytes = self.slice(length.into())?;
        let sign = match bytes.last() {
            Some(&top) if top & 0x80 != 0 => 0xff,
            _ => 0,
        };
        let mut word = [sign; 8];
        match word.get_mut(..bytes.len()) {
            Some(low) => low.copy_from_slice(bytes),
            None => return Err(format!("an integer of {length} bytes is too large")),
        }
        Ok(i64::from_le_bytes(word))
    }

    fn memorise(&mut self, op: u8) -> Outcome<()> {
        let key = match op {
            b'q' | b'h' => u8::from_le_bytes(self.take()?).into(),
            _ => u32::from_le_bytes(self.take()?),
        };
        if matches!(op, b'q' | b'r') {
            let id = self.top()?;
            self.memo.insert(key, id);
        } else {
            let id = self
                .memo
                .get(&key)
                .ok_or("an object is used before it is made")?;
            self.stack.push(*id);
        }
        Ok(())
    }

    fn container(&mut self, op: u8) -> Outcome<()> {
        let node = match op {
            b')' => Node::Tuple(Vec::new()),
            b']' => Node::List(Vec::new()),
            b'}' => Node::Dict(Vec::new()),
            b't' => Node::Tuple(self.pop_to_mark()?),
            _ => {
                let mut items = Vec::new();
                for _ in 0x85..=op {
                    items.push(self.pop()?);
                }
                items.reverse();
                Node::Tuple(items)
            }
        };
        self.push(node);
        Ok(())
    }

    /// Puts objects into the list or dictionary below them.
    fn fill(&mut self, op: u8) -> Outcome<()> {
        let items = match op {
            b'a' => vec![self.pop()?],
            b's' => {
                let value = self.pop()?;
                vec![self.pop()?, value]
            }
            _ => self.pop_to_mark()?,
        };
        let target = self.top()?;
        match (&mut self.nodes[target], op) {
            (Node::List(list), b'a' | b'e') => list.extend(items),
            (Node::Dict(pairs), b's' | b'u') => {
                let (added, rest) = items.as_chunks::<2>();
                if !rest.is_empty() {
                    return Err("a key has no value".into());
                }
                pairs.extend(added.iter().map(|&[key, value]| (key, value)));
            }
            _ => return Err("objects are put into something that is no list or dictionary".into()),
        }
        Ok(())
    }

    fn global(&mut self) -> Outcome<()> {
        let (module, name) = (self.line()?, self.line()?);
        let class = match (module.as_str(), name.as_str()) {
            ("collections", "OrderedDict") => Some(Class::OrderedDict),
            ("torch._utils", "_rebuild_tensor_v2") => Some(Class::RebuildTensor),
            ("torch", name) => Dtype::of_class(name).map(Class::Storage),
            _ => None,
        };
        let class = class.ok_or_else(|| {
            format!(
                "it wants to call Python's `{module}.{name}`, which is never done\nhint: save again with only tensors, numbers, \
                 text, lists and dictionaries, for example `torch.save(model.state_dict(), path)`"
            )
        })?;
        self.push(Node::Class(class));
        Ok(())
    }

    /// A reference to a storage: `("storage", class, key, device, number of values)`.
    fn persistent(&mut self) -> Outcome<()> {
        let wrong = || "expected a reference to a storage".to_owned();
        let id = self.pop()?;
        let [_, class, key, _, len] = self.tuple(id, wrong)?;
        let node = match (&self.nodes[class], &self.nodes[key], &self.nodes[len]) {
            (Node::Class(Class::Storage(dtype)), Node::Text(key), Node::Int(len))
                if key.len() <= MAX_KEY =>
            {
                Node::Storage(Storage {
                    key: key.clone(),
                    dtype: *dtype,
                    len: usize::try_from(*len).map_err(|e| e.to_string())?,
                })
            }
            _ => return Err(wrong()),
        };
        self.push(node);
        Ok(())
    }

    /// "Calls" one of the two known functions.
    fn reduce(&mut self) -> Outcome<()> {
        let (arguments, function) = (self.pop()?, self.pop()?);
        let node = match (&self.nodes[function], &self.nodes[arguments]) {
            (Node::Class(Class::OrderedDict), Node::Tuple(none)) if none.is_empty() => {
                Node::Dict(Vec::new())
            }
            (Node::Class(Class::RebuildTensor), Node::Tuple(arguments)) => {
                Node::Tensor(self.tensor(arguments)?)
            }
            _ => return Err("expected a tensor or an empty dictionary to be made".into()),
        };
        self.push(node);
        Ok(())
    }

    /// The arguments are storage, offset, shape, strides, and what only training needs.
    fn tensor(&self, arguments: &[Id]) -> Outcome<TensorRef> {
        let wrong = || "expected the storage, offset, shape and strides of a tensor".to_owned();
        let [storage, offset, shape, stride, ..] = *arguments else {
            return Err(wrong());
        };
        let Node::Storage(storage) = &self.nodes[storage] else {
            return Err(wrong());
        };
        let (shape, stride) = (self.sizes(shape)?, self.sizes(stride)?);
        if shape.len() != stride.len() {
            return Err(wrong());
        }
        Ok(TensorRef {
            storage: storage.clone(),
            offset: self.size(offset)?,
            shape,
            stride,
        })
    }

    fn sizes(&self, id: Id) -> Outcome<Vec<usize>> {
        match &self.nodes[id] {
            Node::Tuple(ids) if ids.len() <= MAX_RANK => {
                ids.iter().map(|&id| self.size(id)).collect()
            }
            _ => Err(format!("expected a tuple of at most {MAX_RANK} sizes")),
        }
    }

    fn size(&self, id: Id) -> Outcome<usize> {
        match self.nodes[id] {
            Node::Int(n) => usize::try_from(n).map_err(|_| format!("a size of {n}")),
            _ => Err("expected a size".into()),
        }
    }

    fn tuple<const N: usize>(&self, id: Id, wrong: impl Fn() -> String) -> Outcome<[Id; N]> {
        match &self.nodes[id] {
            Node::Tuple(ids) => ids[..].try_into().map_err(|_| wrong()),
            _ => Err(wrong()),
        }
    }

    fn push(&mut self, node: Node) {
        self.stack.push(self.nodes.len());
        self.nodes.push(node);
    }

    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn top(&self) -> Outcome<Id> {
        match self.stack.last() {
            Some(&id) if self.stack.len() > self.floor() => Ok(id),
            _ => Err("the stack is empty".into()),
        }
    }

    fn pop(&mut self) -> Outcome<Id> {
        let id = self.top()?;
        self.stack.pop();
        Ok(id)
    }

    fn pop_to_mark(&mut self) -> Outcome<Vec<Id>> {
        let mark = self.marks.pop().ok_or("there is no mark")?;
        Ok(self.stack.split_off(mark))
    }

    fn slice(&mut self, length: usize) -> Outcome<&[u8]> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let slice = rest.get(..length).ok_or("it is cut off")?;
        self.at += length;
        Ok(slice)
    }

    fn take<const N: usize>(&mut self) -> Outcome<[u8; N]> {
        let slice = self.slice(N)?;
        slice.try_into().map_err(|_| "it is cut off".to_owned())
    }

    /// Text up to the next line feed.
    fn line(&mut self) -> Outcome<String> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let length = rest
            .iter()
            .position(|&b| b == b'\n')
            .ok_or("it is cut off")?;
        let line = String::from_utf8_lossy(self.slice(length)?).into_owned();
        self.at += 1;
        Ok(line)
    }
}
