use ferropyro::expose;

struct Thing;

struct NoError;

struct Opaque;

#[expose]
impl Thing {
    pub async fn gives_what_cannot_be_sent(&self) -> Opaque {
        Opaque
    }

    pub async fn fails_with_no_exception(&self) -> Result<i64, NoError> {
        Err(NoError)
    }

    pub async fn takes_what_cannot_be_read(&self, opaque: Opaque) {
        drop(opaque);
    }
}

fn main() {}
