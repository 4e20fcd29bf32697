//! `random` and `shuffle`. With a seed they give what Python's `random.Random(seed)` gives: same playbook, same choice.

use minijinja::{Error, State, Value};
use rand::Rng;
use sha2::{Digest, Sha512};

use super::call::{Call, Run};
use super::python::{fail, int_argument, int_value, integer, is_list, items, text};

pub(super) const FILTERS: &[(&str, Run)] = &[("random", random), ("shuffle", shuffle)];

/// The Mersenne Twister MT19937 (Matsumoto and Nishimura 1998), seeded the way Python seeds it, or the system's source.
pub(crate) enum Generator {
    /// Reproducible.
    Seeded(Box<Twister>),
    /// From the operating system's randomness.
    System,
}

const SIZE: usize = 624;
const SHIFT: usize = 397;

/// State of the Mersenne Twister.
pub(crate) struct Twister {
    state: [u32; SIZE],
    index: usize,
}

impl Twister {
    fn from_words(key: &[u32]) -> Self {
        let mut state = [0_u32; SIZE];
        let mut previous = 19_650_218_u32;
        for (index, word) in state.iter_mut().enumerate() {
            if index > 0 {
                previous = 1_812_433_253_u32.wrapping_mul(previous ^ (previous >> 30)).wrapping_add(index as u32);
            }
            *word = previous;
        }
        let mut twister = Self { state, index: SIZE };
        let (mut i, mut j) = (1, 0);
        for _ in 0..SIZE.max(key.len()) {
            let before = twister.at(i - 1);
            let word = key.get(j).copied().unwrap_or_default();
            let mixed = (twister.at(i) ^ (before ^ (before >> 30)).wrapping_mul(1_664_525))
                .wrapping_add(word)
                .wrapping_add(j as u32);
            twister.put(i, mixed);
            i += 1;
            j += 1;
            if i >= SIZE {
                twister.put(0, twister.at(SIZE - 1));
                i = 1;
            }
            if j >= key.len() {
                j = 0;
            }
        }
        for _ in 0..SIZE - 1 {
            let before = twister.at(i - 1);
            let mixed = (twister.at(i) ^ (before ^ (before >> 30)).wrapping_mul(1_566_083_941)).wrapping_sub(i as u32);
            twister.put(i, mixed);
            i += 1;
            if i >= SIZE {
                twister.put(0, twister.at(SIZE - 1));
                i = 1;
            }
        }
        twister.put(0, 0x8000_0000);
        twister
    }

    fn at(&self, index: usize) -> u32 {
        self.state.get(index).copied().unwrap_or_default()
    }

    fn put(&mut self, index: usize, word: u32) {
        if let Some(slot) = self.state.get_mut(index) {
            *slot = word;
        }
    }

    fn next_word(&mut self) -> u32 {
        if self.index >= SIZE {
            for index in 0..SIZE {
                let joined = (self.at(index) & 0x8000_0000) | (self.at((index + 1) % SIZE) & 0x7fff_ffff);
                let twist = if joined & 1 == 0 { 0 } else { 0x9908_b0df };
                self.put(index, self.at((index + SHIFT) % SIZE) ^ (joined >> 1) ^ twist);
            }
            self.index = 0;
        }
        let mut word = self.at(self.index);
        self.index += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9d2c_5680;
        word ^= (word << 15) & 0xefc6_0000;
        word ^ (word >> 18)
    }
}

impl Generator {
    /// Seeded by a value, as Python does it for text and integers; `none` means the system's randomness.
    pub(crate) fn new(seed: Option<&Value>) -> Result<Self, Error> {
        let Some(seed) = seed.filter(|seed| !seed.is_none()) else { return Ok(Self::System) };
        let bytes = match integer(seed) {
            Some(whole) => whole.unsigned_abs().to_be_bytes().to_vec(),
            // Other values are seeded by their text; Python refuses most of them.
            None => {
                let source = text(seed)?;
                let mut bytes = source.as_bytes().to_vec();
                bytes.extend_from_slice(&Sha512::digest(source.as_bytes()));
                bytes
            }
        };
        let mut words: Vec<u32> =
            bytes.rchunks(4).map(|chunk| chunk.iter().fold(0, |word, byte| (word << 8) | u32::from(*byte))).collect();
        while words.len() > 1 && words.last() == Some(&0) {
            words.pop();
        }
        Ok(Self::Seeded(Box::new(Twister::from_words(&words))))
    }

    fn word(&mut self) -> u32 {
        match self {
            Self::Seeded(twister) => twister.next_word(),
            Self::System => rand::rng().next_u32(),
        }
    }

    /// `count` random bits, at most 64.
    fn bits(&mut self, count: u32) -> u64 {
        if count <= 32 {
            return u64::from(self.word() >> (32 - count.max(1)));
        }
        let low = u64::from(self.word());
        let high = u64::from(self.word() >> (64 - count.min(64)));
        (high << 32) | low
    }

    /// A number from 0 to below `limit` (which must be above 0).
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        let count = 64 - limit.leading_zeros();
        loop {
            let candidate = self.bits(count);
            if candidate < limit {
                return candidate;
            }
        }
    }

    /// One of the items.
    pub(crate) fn choose<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        if all.is_empty() {
            return None;
        }
        let index = self.below(all.len() as u64);
        all.get(usize::try_from(index).ok()?)
    }
}

fn random(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, start, step, seed] = call.bind(["end", "start", "step", "seed"], 1)?;
    let value = value.unwrap_or_default();
    let mut generator = Generator::new(seed.as_ref())?;
    if let Some(end) = integer(&value) {
        let start = int_argument(start.filter(|start| !start.is_none()).as_ref(), "start", 0)?;
        let step = int_argument(step.filter(|step| !step.is_none()).as_ref(), "step", 1)?;
        if step == 0 {
            return Err(call.fail("the step must not be 0"));
        }
        let width = end - start;
        let count = if step > 0 { (width + step - 1) / step } else { (width + step + 1) / step };
        let count = u64::try_from(count).unwrap_or_default();
        if count == 0 {
            return Err(call.fail(format!("there is no number from {start} to below {end}")));
        }
        return Ok(int_value(start + step * i128::from(generator.below(count))));
    }
    if value.as_str().is_none() && !is_list(&value) && !super::python::is_map(&value) {
        return Err(call.fail("can only be used on sequences and integers"));
    }
    if start.is_some() || step.is_some() {
        return Err(call.fail("start and step can only be used with integers"));
    }
    let all = items(&value)?;
    generator.choose(&all).cloned().ok_or_else(|| fail("`random`: can't choose from an empty sequence"))
}

fn shuffle(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, seed] = call.bind(["mylist", "seed"], 1)?;
    let value = value.unwrap_or_default();
    let Ok(mut all) = items(&value) else { return Ok(value) };
    let mut generator = Generator::new(seed.as_ref())?;
    for index in (1..all.len()).rev() {
        let other = usize::try_from(generator.below(index as u64 + 1)).unwrap_or_default();
        all.swap(index, other);
    }
    Ok(Value::from(all))
}
