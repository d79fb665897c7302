//! atomicity
