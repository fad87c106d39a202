//! The macros of ferropyro. Use them as `ferropyro::expose`, `ferropyro::remote` and `ferropyro::PyroClass`; examples are in the documentation
//! there.
//!
//! Each macro is three steps: its `parse` module makes a description of the item and notes everything that is wrong with it, its `render`
//! module writes what a person would write by hand against the public API of ferropyro.
#![forbid(unsafe_code)]

mod attributes;
mod class;
mod expose;
mod remote;
mod signature;

use proc_macro::TokenStream;

/// # Options
///
/// On the `impl` block, `#[expose(...)]` takes
/// - `name = "..."`: the name of the class in error texts; otherwise that of the type,
/// - `crate = path`: where the library is, if not at `::ferropyro`.
///
/// On a method,
/// - `skip`: the method is not exposed,
/// - `oneway`: callers get no answer,
/// - `callback`: errors are raised on both sides: at the caller, and in this program, whose daemon's `on_error` hook hears of them; the connection ends after one,
/// - `get`: the method reads an attribute, `set`: it sets one. A setter is called `set_` and the name of the attribute, or says `name`,
/// - `args`: the method has two parameters, `Vec<Value>` and `Dict`, for all arguments,
/// - `name = "..."`: the name that callers use.
///
/// # Methods
///
/// Many clients call at a time, so methods take `&self`; what changes is kept in a `Mutex` or an atomic. There are at most twelve
/// parameters. Each is read by serde, as its own type, except that `&str` and `&[u8]` are read as text and bytes, `&[T]` as `Vec<T>`,
/// any other `&T` as `T`, and that `&Context` is the context of the call. `#[default(expression)]` on a parameter makes it optional.
/// Parameters keep their names, since Python's callers may use them.
///
/// The result is anything that serde can write, or a `Result` of it whose error becomes a `Raise`. The macro goes by the word `Result`,
/// so an alias for it must end in that word, as `std::io::Result` does.
///
/// Methods may be `async fn`, but for those of attributes. Their futures must be `Send`.
///
/// `#[cfg]` on methods is heeded. Types may have type parameters, but cannot borrow.
///
/// (The compiler's lint `unreachable_pub`, which is off by default, does not know what `pub` means here.)
#[proc_macro_attribute]
pub fn expose(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expose::expand(arguments.into(), item.into()).into()
}

/// # Options
///
/// On the trait, `#[remote(...)]` takes
/// - `client = "..."`: the name of the struct that implements the trait; otherwise that of the trait and `Client`,
/// - `async_client = "..."`: the name of the struct with async methods; otherwise that of the trait and `AsyncClient`,
/// - `crate = path`: where the library is, if not at `::ferropyro`.
///
/// On a method,
/// - `oneway`: do not wait for an answer,
/// - `get`: read an attribute, `set`: set one. A setter is called `set_` and the name of the attribute, or says `name`,
/// - `name = "..."`: the name on the other side. Several methods may have the same, say for calls with less arguments.
///
/// # Methods
///
/// They take `&self` and up to twelve arguments that serde can write (`&[u8]` goes as bytes), and return `ferropyro::Result` of
/// something that serde can read, or of `Items`. Methods with a body stay as they are.
///
/// The structs have the visibility of the trait, a function `new(proxy)`, a method `proxy()`, and `From` of their proxies. No warning tells that some of all this is
/// not used: the trait says what the other side can do.
#[proc_macro_attribute]
pub fn remote(arguments: TokenStream, item: TokenStream) -> TokenStream {
    remote::expand(arguments.into(), item.into()).into()
}

/// # Options
///
/// On the struct, `#[pyro(...)]` takes
/// - `class = "..."`: the class in Python, with its module. This must be there,
/// - `alias = "..."`: another name under which objects of the class may come; as many as there are,
/// - `exception`: the class is an exception,
/// - `crate = path`: where the library is, if not at `::ferropyro`.
///
/// On a field,
/// - `name = "..."`: the name of the attribute in Python, if it is another,
/// - `default`: the attribute may be missing, and is `Default::default()` then,
/// - `skip`: not an attribute: never sent, and `Default::default()` in what is read.
///
/// # Fields
///
/// They have types that serde can write and read, those with a `PyroClass` included. An `Option` that is `None` is sent as None; it may be
/// missing only if it says `default`. Type parameters are all right, lifetimes are not.
#[proc_macro_derive(PyroClass, attributes(pyro))]
pub fn pyro_class(item: TokenStream) -> TokenStream {
    class::expand(item.into()).into()
}
