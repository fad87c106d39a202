use std::cell::Cell;
use std::rc::Rc;
use std::sync::Mutex;

use ferropyro::expose;

struct Thing {
    level: Mutex<i64>,
}

async fn elsewhere() {}

#[expose]
impl Thing {
    pub async fn keeps_what_stays_in_its_thread(&self) -> i64 {
        let number = Rc::new(1);
        elsewhere().await;
        *number
    }

    pub async fn keeps_a_lock(&self, more: i64) {
        let mut level = self.level.lock().unwrap();
        elsewhere().await;
        *level += more;
    }

    pub async fn borrows_what_stays_in_its_thread(&self, number: &Cell<i64>) -> Result<i64, String> {
        elsewhere().await;
        Ok(number.get())
    }
}

fn main() {}
