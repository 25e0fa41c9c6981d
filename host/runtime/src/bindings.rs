//! The contract as wasmtime sees it, and nothing else.

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "base",
    imports: {
        "gladhand:connector/http.send": async | trappable,
        "gladhand:connector/links.get": async | trappable,
        "gladhand:connector/links.list": async | trappable,
        "gladhand:connector/links.find-by-remote": async | trappable,
        "gladhand:connector/variables": async | trappable,
        "gladhand:connector/cache.get": async | trappable,
        "gladhand:connector/locks": async | trappable,
        default: trappable,
    },
    exports: { default: async },
});
