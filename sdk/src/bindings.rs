//! What wit-bindgen makes of the contract. Nobody but `imports` and `export` may name what is in here.
//! It contains `unsafe` code, which the lint does not see because it comes out of another crate's macro.
#![expect(clippy::pedantic, reason = "generated")]

wit_bindgen::generate!({
    world: "base",
    path: "../wit",
    pub_export_macro: true,
    export_macro_name: "export_base",
    default_bindings_module: "gladhand_sdk::bindings",
});
