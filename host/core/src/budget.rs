//! What a provider lets one account send, as a pure state that is asked before every request.
