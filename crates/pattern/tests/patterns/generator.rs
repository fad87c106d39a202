//! Patterns with everything that Python's have, right ones and wrong ones, and names that they may match.

/// Of these names and patterns mostly are, so that something matches.
const COMMON: &str = "aaaabbbcABks";
/// With relatives by case, letters beyond ASCII and U+FFFF, digits, marks and blanks.
const ODD: &str = "aiz017_-. \n\téÉßẞ\u{212a}ſıİµμσςǄǅǆ٣²Ⅷ\u{301}\u{1c}\u{a0}\u{10428}😀";
const PLACES: &str = r"^ $ $ \b \B \A \Z";
const ESCAPES: &str =
    r"\d \D \w \W \s \S \n \t \a \f \v \r \\ \. \- \é \x61 \u0061 \U00000061 \ud800 \0 \07 \101 \141 \377 \_";
const ODD_ESCAPES: &str = r"\x6 \u006 \U00110000 \400 \08 \9 \z \p{L} \K \h \e \N{SPACE} \N";
const SET_PARTS: &str = "a b A ^ ] [ - && -- ~~ || a-c A-z \\d \\W \\b \\x61-\\x63 \\141 \\] \\- [:alpha:] é ſ \u{212a} \
                         \u{10400}-\u{10427} \\ud800-\\udfff \u{0}-\u{10ffff} K-\u{212b}";
const ODD_SET_PARTS: &str = r"b-a \s-a a-\d \B \A \8 \400 \x6";
const COUNTS: &str = "* * + + ? ? {2} {1,2} {,3} {2,} {,} {0} {0,1} {3,4}";
const ODD_COUNTS: &str = "{2,1} { {} {a} {1 {1, {x1} {4294967295} {1,99999999999}";
const FLAGS: &str = "i m s x a u is imsx ai i-s -i x-";
const ODD_FLAGS: &str = "au L q 1 i-i - -a t i-q";
const NAMES: [&str; 10] = ["n", "m", "é", "_1", "1", "a b", "", "it's", "\n", "n"];
const NOISE: &str = "( ) (? (?: (?P (?P< (?P= (?( (?< (?<= (?<! (?= (?! (?> (?# (?i [ [^ ] { } * + ? | ^ $ . \\ \\1 \\x a b , - : > = \n #";
const FIXED: &str = r"a b ab a|b ^ a{2} \w (a) (?:aa|ab) \b . [ab] (?=a)b (?<!b)a";

/// Makes the same patterns and names every time.
pub(crate) struct Generator {
    state: u64,
    /// Groups in the pattern so far.
    groups: usize,
}

impl Generator {
    pub(crate) fn new(seed: u64) -> Generator {
        Generator {
            state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            groups: 0,
        }
    }

    pub(crate) fn names(&mut self, count: usize) -> Vec<String> {
        (0..count).map(|_| self.name()).collect()
    }

    fn name(&mut self) -> String {
        let odd = if self.chance(60) { 0 } else { 40 };
        let length = self.below(9);
        (0..length).map(|_| self.character(odd)).collect()
    }

    fn character(&mut self, odd: usize) -> char {
        let from = if self.chance(odd) { ODD } else { COMMON };
        let index = self.below(from.chars().count());
        from.chars().nth(index).unwrap_or('a')
    }

    pub(crate) fn pattern(&mut self) -> String {
        self.groups = 0;
        let mut pattern = String::new();
        if self.chance(25) {
            pattern += &format!("(?{})", self.pick("i m s x a ai u im"));
        }
        let depth = 1 + self.below(3);
        pattern += &self.piece(depth);
        pattern += &self.branches(depth);
        if self.chance(10) {
            pattern = self.spoiled(&pattern);
        }
        if self.chance(4) {
            pattern = self.noise();
        }
        pattern
    }

    /// Nothing that anybody meant.
    pub(crate) fn noise(&mut self) -> String {
        let length = 1 + self.below(12);
        (0..length).map(|_| self.pick(NOISE)).collect()
    }

    /// Not even characters.
    pub(crate) fn bytes(&mut self) -> Vec<u8> {
        let length = self.below(40);
        (0..length).filter_map(|_| u8::try_from(self.below(256)).ok()).collect()
    }

    /// With something taken out or put in.
    fn spoiled(&mut self, pattern: &str) -> String {
        let mut chars: Vec<char> = pattern.chars().collect();
        let at = self.below(chars.len() + 1);
        if self.chance(50) && at < chars.len() {
            chars.remove(at);
        } else {
            chars.splice(at..at, self.pick(NOISE).chars());
        }
        chars.into_iter().collect()
    }

    fn branches(&mut self, depth: usize) -> String {
        let count = if self.chance(25) { 2 + self.below(2) } else { 1 };
        let branches: Vec<_> = (0..count).map(|_| self.branch(depth)).collect();
        branches.join("|")
    }

    fn branch(&mut self, depth: usize) -> String {
        let length = self.below(4);
        (0..length).map(|_| self.piece(depth)).collect()
    }

    fn piece(&mut self, depth: usize) -> String {
        if self.chance(5) {
            return self.pick(PLACES).to_owned();
        }
        let mut piece = self.single(depth);
        if self.chance(30) {
            piece += self.one_of(COUNTS, ODD_COUNTS);
            if self.chance(25) {
                piece += self.pick("? +");
            }
        }
        piece
    }

    fn single(&mut self, depth: usize) -> String {
        match self.below(if depth == 0 { 50 } else { 100 }) {
            0..25 => self.character(20).to_string(),
            25..33 => ".".to_owned(),
            33..42 => self.one_of(ESCAPES, ODD_ESCAPES).to_owned(),
            42..50 => self.set(),
            50..57 => self.reference(),
            57..66 => format!("(?:{})", self.branches(depth - 1)),
            66..79 => {
                self.groups += 1;
                format!("({})", self.branches(depth - 1))
            }
            79..82 => self.named(depth),
            82..85 => format!("(?>{})", self.branches(depth - 1)),
            85..89 => format!("(?{}{})", self.pick("= !"), self.branches(depth - 1)),
            89..92 => format!("(?<{}{})", self.pick("= !"), self.behind(depth)),
            92..95 => format!("(?{}:{})", self.one_of(FLAGS, ODD_FLAGS), self.branches(depth - 1)),
            95..98 => self.conditional(depth),
            98 => "(?#a)".to_owned(),
            _ => self.pick("(?i) (?i-) (?#a) (?#").to_owned(),
        }
    }

    fn set(&mut self) -> String {
        let negation = if self.chance(30) { "^" } else { "" };
        let length = 1 + self.below(4);
        let mut parts = String::new();
        for _ in 0..length {
            match self.chance(50) {
                true => parts.push(self.character(50)),
                false => parts += self.one_of(SET_PARTS, ODD_SET_PARTS),
            }
        }
        format!("[{negation}{parts}]")
    }

    fn reference(&mut self) -> String {
        if self.groups == 0 && self.chance(90) {
            self.groups = 1;
            return "(a)".to_owned();
        }
        match self.chance(10) {
            true => format!("(?P={})", self.name_of_group()),
            false => format!("\\{}", self.some_group()),
        }
    }

    fn named(&mut self, depth: usize) -> String {
        self.groups += 1;
        let name = match self.chance(70) {
            true => format!("g{}", self.groups),
            false => self.name_of_group().to_owned(),
        };
        let inner = self.branches(depth - 1);
        let reference = match self.chance(50) {
            true => format!("(?P={name})"),
            false => String::new(),
        };
        format!("(?P<{name}>{inner}){reference}")
    }

    fn behind(&mut self, depth: usize) -> String {
        match self.chance(70) {
            true => self.pick(FIXED).to_owned(),
            false => self.branches(depth - 1),
        }
    }

    fn conditional(&mut self, depth: usize) -> String {
        let group = match self.chance(90) {
            true => self.some_group().to_string(),
            false => match self.below(5) {
                0 => "0".to_owned(),
                1 => "999".to_owned(),
                2 => " 1".to_owned(),
                _ => self.name_of_group().to_owned(),
            },
        };
        let (yes, no) = (self.branch(depth - 1), self.branch(depth - 1));
        match self.below(10) {
            0 => format!("(?({group}){yes}|{no}|a)"),
            1..4 => format!("(?({group}){yes})"),
            _ => format!("(?({group}){yes}|{no})"),
        }
    }

    /// Mostly one that is there.
    fn some_group(&mut self) -> usize {
        let one_more = self.groups == 0 || self.chance(3);
        1 + self.below(self.groups + usize::from(one_more))
    }

    fn name_of_group(&mut self) -> &'static str {
        NAMES[self.below(NAMES.len())]
    }

    /// Mostly a right one.
    fn one_of<'a>(&mut self, right: &'a str, odd: &'a str) -> &'a str {
        if self.chance(4) {
            self.pick(odd)
        } else {
            self.pick(right)
        }
    }

    /// One of the words.
    fn pick<'a>(&mut self, words: &'a str) -> &'a str {
        let index = self.below(words.split(' ').count());
        words.split(' ').nth(index).unwrap_or_default()
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn below(&mut self, limit: usize) -> usize {
        // xorshift64*
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        let random = self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(random).unwrap_or_default() % limit
    }
}
