//! Why a file does not become a connector, in the words of whoever hands it over.

use gladhand_core::failure::Failure;

/// Why a file does not become a connector. Whatever ran before keeps running.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Too many bytes to be looked at.
    #[error(
        "the file has {bytes} bytes and a component may have at most {limit}: leave out debug information (`strip = true`) and data that it can fetch"
    )]
    TooLarge {
        /// Of the file.
        bytes: usize,
        /// What it may have.
        limit: usize,
    },
    /// Some other kind of file.
    #[error(
        "this is no WebAssembly file: hand over the `.wasm` file that `cargo build --target wasm32-wasip2` makes"
    )]
    NotWasm,
    /// WebAssembly, but a module without an interface.
    #[error(
        "this is a core WebAssembly module and not a component: build it with `cargo build --target wasm32-wasip2`, or turn it into a component with `wasm-tools component new`"
    )]
    CoreModule,
    /// A component that the engine does not accept.
    #[error("the component cannot be compiled: build it again with the current tools")]
    Broken(#[source] wasmtime::Error),
    /// It was built for another contract.
    #[error(
        "the component was built for gladhand:connector {found} and this host speaks {spoken}: build it against the contract of this host"
    )]
    OtherMajor {
        /// What the component names.
        found: String,
        /// What the host speaks.
        spoken: &'static str,
    },
    /// It needs things that no connector is given.
    #[error("the component imports what this host does not offer: {}", .0.join("; "))]
    Imports(Vec<String>),
    /// Its imports or exports have the right names and other shapes.
    #[error(
        "the component is no connector for gladhand:connector {spoken}, build it against the contract of this host: {detail}"
    )]
    Shape {
        /// What the host speaks.
        spoken: &'static str,
        /// What does not fit.
        detail: String,
    },
    /// It could not say what it is.
    #[error("the component could not describe itself: {}", .0.message)]
    Describe(Failure),
    /// It said what it is, and that cannot be.
    #[error("the component's descriptor is not valid at `{path}`: {problem}")]
    Descriptor {
        /// Where in the descriptor.
        path: String,
        /// What is wrong there.
        problem: String,
    },
    /// It asks for more than this host gives to any connector.
    #[error("the component asks for {asked} {what} and this host gives at most {limit}")]
    Limit {
        /// Of what.
        what: &'static str,
        /// How much it asks for.
        asked: u64,
        /// How much it could have.
        limit: u64,
    },
}
