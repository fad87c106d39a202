use ferropyro::{Result, remote};

#[remote]
trait Thing {
    fn nothing(&self);
    fn number(&self) -> i64;
    fn changes(&mut self) -> Result<()>;
    fn create() -> Result<i64>;
    async fn later(&self) -> Result<()>;
    fn unnamed(&self, _: i64) -> Result<()>;
    #[remote(oneway)]
    fn log(&self, text: &str) -> Result<i64>;
    #[remote(get)]
    fn at(&self, index: usize) -> Result<i64>;
    #[remote(set)]
    fn set_pair(&self, a: i64, b: i64) -> Result<()>;
    #[remote(set)]
    fn change(&self, value: i64) -> Result<()>;
    #[remote(oneway, get)]
    fn both(&self) -> Result<()>;
    #[remote(skip)]
    fn skipped(&self) -> Result<()>;
    #[remote(name = "_hidden")]
    fn hidden(&self) -> Result<()>;
    fn defaults(&self, #[default(1)] value: i64) -> Result<()>;
    #[rustfmt::skip]
    fn many(&self, a: i8, b: i8, c: i8, d: i8, e: i8, f: i8, g: i8, h: i8, i: i8, j: i8, k: i8, l: i8, m: i8) -> Result<()>;
    #[remote(oneway)]
    fn here(&self) -> Result<()> {
        Ok(())
    }
    fn proxy(&self) -> Result<()>;
}

fn main() {}
