//! Rows of the threat catalogue that need a real server: the HTTP layer (HT), the pages (UI),
//! reliability (RE), and what is written down (SL). Each test has the name of its row.

mod ht;
mod re;
mod se;
mod sign_up;
mod sl;
mod ui;
