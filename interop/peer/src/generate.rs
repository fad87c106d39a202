//! Random values that a serializer gives back as they were.

use ferropyro::formats::Surrogates;
use ferropyro::{BigInt, Complex, Serializer, Value};

/// Makes the same values for the same seed.
pub(crate) struct Generator {
    state: u64,
    serializer: Serializer,
}

impl Generator {
    pub(crate) fn new(seed: u64, serializer: Serializer) -> Generator {
        Generator {
            state: seed.wrapping_mul(2).wrapping_add(0x9E37_79B9_7F4A_7C15),
            serializer,
        }
    }

    /// A value with up to four levels of containers.
    pub(crate) fn value(&mut self) -> Value {
        self.nested(4)
    }

    fn nested(&mut self, depth: u64) -> Value {
        if depth == 0 || self.below(10) < 5 {
            return self.leaf();
        }
        let size = self.below(5);
        match self.below(5) {
            0 if self.keeps_tuples() => Value::Tuple((0..size).map(|_| self.nested(depth - 1)).collect()),
            // Serpent writes an empty set as an empty tuple.
            1 if self.keeps_tuples() => Value::Set((0..=size).map(|_| self.hashable()).collect()),
            2 if self.serializer == Serializer::Marshal => {
                Value::FrozenSet((0..size).map(|_| self.hashable()).collect())
            }
            0..=2 => Value::List((0..size).map(|_| self.nested(depth - 1)).collect()),
            _ => Value::Dict((0..size).map(|_| (self.key(), self.nested(depth - 1))).collect()),
        }
    }

    fn leaf(&mut self) -> Value {
        match self.below(12) {
            0 => Value::None,
            1 => Value::Bool(self.below(2) == 1),
            2 | 3 => Value::Int(self.int()),
            4 => self.big_int(),
            5 | 6 => Value::Float(self.float()),
            7 if self.keeps_tuples() => self.complex(),
            8 if matches!(self.serializer, Serializer::Marshal | Serializer::Msgpack) => {
                let size = self.below(40);
                Value::Bytes((0..size).map(|_| self.next() as u8).collect())
            }
            9 if self.serializer == Serializer::Marshal => self.code_points(),
            _ => Value::from(self.text()),
        }
    }

    fn hashable(&mut self) -> Value {
        match self.below(6) {
            0 => Value::Tuple(vec![Value::Int(self.int()), Value::from(self.text())]),
            // Not 0 nor 1, which Python takes for the same as False and True, and integral floats for ints.
            1 | 2 => Value::Int(self.int() | 2),
            _ => Value::from(self.text()),
        }
    }

    fn key(&mut self) -> Value {
        if self.keeps_tuples() {
            self.hashable()
        } else {
            // A dict with this key is a class dict.
            Value::from(format!("k{}", self.text()))
        }
    }

    fn keeps_tuples(&self) -> bool {
        matches!(self.serializer, Serializer::Serpent | Serializer::Marshal)
    }

    fn int(&mut self) -> i64 {
        let bits = self.below(64);
        (self.next() >> bits) as i64
    }

    pub(crate) fn big_int(&mut self) -> Value {
        let size = 1 + self.below(30);
        let bytes: Vec<u8> = (0..size).map(|_| self.next() as u8).collect();
        BigInt(num_bigint::BigInt::from_signed_bytes_le(&bytes)).into()
    }

    fn float(&mut self) -> f64 {
        match self.below(8) {
            0 => -0.0,
            1 => f64::INFINITY,
            2 => f64::NEG_INFINITY,
            3 => f64::NAN,
            4 => self.int() as f64 / 8.0,
            _ => loop {
                let number = f64::from_bits(self.next());
                if number.is_finite() {
                    return number;
                }
            },
        }
    }

    fn complex(&mut self) -> Value {
        let mut part = || loop {
            let number = self.float();
            if number.is_finite() {
                return number;
            }
        };
        // Python's own text of a complex number with a negative zero is read back as another one.
        let (re, im) = (part() + 0.0, part() + 0.0);
        Value::Complex(Complex { re, im })
    }

    pub(crate) fn text(&mut self) -> String {
        const ODD: &[char] = &[
            '\'',
            '"',
            '\\',
            '\n',
            '\r',
            '\t',
            '\0',
            '\u{1b}',
            '\u{7f}',
            '\u{85}',
            '\u{ff}',
            '\u{2028}',
            '\u{feff}',
            '\u{1F600}',
        ];
        let size = self.below(12);
        (0..size)
            .map(|_| match self.below(8) {
                0 => ODD[self.below(ODD.len() as u64) as usize],
                1 => char::from_u32(self.below(0x11_0000) as u32).unwrap_or('\u{20ac}'),
                _ => char::from(b' ' + self.below(95) as u8),
            })
            .collect()
    }

    fn code_points(&mut self) -> Value {
        let size = self.below(5);
        match Surrogates::from_code_points((0..size).map(|_| 0xD7F0 + self.below(0x820) as u32)) {
            Ok(Ok(text)) => Value::from(text),
            Ok(Err(text)) => Value::Surrogates(text),
            Err(_) => Value::None,
        }
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 11) % limit
    }

    /// SplitMix64.
    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }
}
