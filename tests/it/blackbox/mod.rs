//! The example server as its users meet it: over HTTP.
