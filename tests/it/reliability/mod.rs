//! RE: every step of the protocol in which a store has part, from one beginning each: the store fails at each
//! call and in each way, the request is dropped wherever it waits, and nothing is ever purged.

mod expiry;
mod faults;
mod journal;
mod released;
mod steps;
