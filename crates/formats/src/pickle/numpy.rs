//! numpy's arrays and scalars: arrays of numbers as lists within each other, scalars as numbers.

use super::document::{By, Document, Made, Name, Node, Object, Step};
use super::reader::Walk;
use crate::{Complex, Error, Value};

/// The value that this function of numpy makes of its arguments. `None` for what has no numbers in it: texts, records, objects.
pub(super) fn read<'de>(
    walk: &Walk<'de>,
    callee: &Name<'de>,
    args: &[Node<'de>],
    steps: &[Step<'de>],
) -> Result<Option<Value>, Error> {
    let document = &walk.document;
    let array = match (&*callee.name, args, steps) {
        ("scalar", [dtype, bytes], []) => Array::of(document, &[], *dtype, false, *bytes),
        ("_frombuffer", [bytes, dtype, shape, order], []) => document
            .tuple(*shape)
            .zip(document.text(*order))
            .and_then(|(shape, order)| Array::of(document, shape, *dtype, order == "F", *bytes)),
        ("_reconstruct", [_, _, _], [Step::State(state)]) => match document.tuple(*state) {
            Some([_, shape, dtype, fortran, bytes]) => document.tuple(*shape).and_then(|shape| {
                let fortran = matches!(fortran, Node::Bool(true));
                Array::of(document, shape, *dtype, fortran, *bytes)
            }),
            _ => None,
        },
        _ => None,
    };
    array.map_or(Ok(None), |array| {
        walk.count(array.values())?;
        Ok(array.value(&array.shape, 0))
    })
}

/// Whether a global is one of those that arrays are made of.
pub(super) fn is_known(name: &Name<'_>) -> bool {
    match &*name.module {
        "numpy" => matches!(&*name.name, "ndarray" | "dtype"),
        "numpy.core.multiarray" | "numpy._core.multiarray" => matches!(&*name.name, "_reconstruct" | "scalar"),
        "numpy.core.numeric" | "numpy._core.numeric" => name.name == "_frombuffer",
        _ => false,
    }
}

/// As many as numpy has.
const MOST_DIMENSIONS: usize = 64;

/// An array without numbers, but with more lists than these, is only passed on.
const MOST_EMPTY_LISTS: usize = 1000;

struct Array<'a> {
    shape: Vec<usize>,
    /// How many items on the next one is, in each dimension.
    strides: Vec<usize>,
    dtype: Dtype,
    bytes: std::borrow::Cow<'a, [u8]>,
}

#[derive(Clone, Copy)]
struct Dtype {
    kind: u8,
    size: usize,
    big_endian: bool,
}

impl<'a> Array<'a> {
    fn of<'de>(
        document: &'a Document<'de>,
        shape: &[Node<'de>],
        dtype: Node<'de>,
        fortran: bool,
        bytes: Node<'de>,
    ) -> Option<Array<'a>> {
        let size = |node: &Node<'de>| usize::try_from(document.small_int(*node)?).ok();
        let shape: Vec<usize> = shape.iter().map(size).collect::<Option<_>>()?;
        let dtype = Dtype::of(document, dtype)?;
        let bytes = document.bytes(bytes)?;
        let count = shape.iter().try_fold(1_usize, |count, size| count.checked_mul(*size))?;
        if bytes.len() != count.checked_mul(dtype.size)? || shape.len() > MOST_DIMENSIONS {
            return None;
        }
        let mut strides = vec![1; shape.len()];
        let mut stride = 1_usize;
        let order: Vec<usize> = match fortran {
            true => (0..shape.len()).collect(),
            false => (0..shape.len()).rev().collect(),
        };
        for dimension in order {
            strides[dimension] = stride;
            stride = stride.saturating_mul(shape[dimension]);
        }
        let array = Array {
            shape,
            strides,
            dtype,
            bytes,
        };
        // Empty lists take no bytes in the pickle, so that their number could be any.
        (count > 0 || array.values() <= MOST_EMPTY_LISTS).then_some(array)
    }

    /// How many lists and numbers the array is.
    fn values(&self) -> usize {
        let levels = self.shape.iter().scan(1_usize, |count, size| {
            *count = count.saturating_mul(*size);
            Some(*count)
        });
        levels.fold(1, usize::saturating_add)
    }

    /// The value of the last dimensions, those of `shape`, from the item at `start` on.
    fn value(&self, shape: &[usize], start: usize) -> Option<Value> {
        let Some((size, rest)) = shape.split_first() else {
            return self.dtype.item(self.bytes.get(start * self.dtype.size..)?);
        };
        let stride = self.strides[self.shape.len() - shape.len()];
        let items = (0..*size).map(|nr| self.value(rest, start + nr * stride));
        items.collect::<Option<Vec<Value>>>().map(Value::List)
    }
}

impl Dtype {
    fn of<'de>(document: &Document<'de>, node: Node<'de>) -> Option<Dtype> {
        let Some(Object::Made(made)) = document.object(node) else {
            return None;
        };
        let Made { by: By::Call, .. } = **made else {
            return None;
        };
        document
            .global(made.callee)
            .filter(|callee| callee.is("numpy", "dtype"))?;
        let code = document.text(*document.tuple(made.args)?.first()?)?;
        let order = match made.steps[..] {
            [Step::State(state)] => document.text(*document.tuple(state)?.get(1)?)?,
            _ => "<",
        };
        let (kind, size) = code.as_bytes().split_first()?;
        let dtype = Dtype {
            kind: *kind,
            size: std::str::from_utf8(size).ok()?.parse().ok()?,
            big_endian: order == ">",
        };
        // Whether there are such numbers does not depend on which one it is.
        dtype.item(&[0; 16]).map(|_| dtype)
    }

    /// The number at the start of these bytes.
    fn item(self, bytes: &[u8]) -> Option<Value> {
        let mut number = [0; 8];
        let half = if self.kind == b'c' { self.size / 2 } else { self.size };
        if self.kind == b'c' {
            let part = Dtype {
                kind: b'f',
                size: half,
                ..self
            };
            let (Value::Float(re), Value::Float(im)) = (part.item(bytes)?, part.item(bytes.get(half..)?)?) else {
                return None;
            };
            return Some(Value::Complex(Complex { re, im }));
        }
        let place = number.get_mut(..self.size)?;
        place.copy_from_slice(bytes.get(..self.size)?);
        if self.big_endian {
            place.reverse();
        }
        let unused = 64_u32.checked_sub(8 * u32::try_from(self.size).ok()?)?;
        let bits = u64::from_le_bytes(number);
        Some(match (self.kind, self.size) {
            (b'b', 1) => Value::Bool(bits != 0),
            (b'u', 1 | 2 | 4 | 8) => bits.into(),
            // The sign is that of the highest byte in use.
            (b'i', 1 | 2 | 4 | 8) => Value::Int((bits << unused) as i64 >> unused),
            (b'f', 4) => f32::from_bits(bits as u32).into(),
            (b'f', 8) => f64::from_bits(bits).into(),
            _ => return None,
        })
    }
}
