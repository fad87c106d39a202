//! A correlation id is a UUID, and nothing else.
use ferropyro::context;

fn main() {
    context::set_correlation_id(Some("4711"));
}
