//! Listener, TLS, basic auth, limits and the /metrics handler.
