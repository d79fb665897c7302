#![doc = include_str!("overview.md")]

#[doc = include_str!("enterprise_op.md")]
#[doc = "```toml"]
#[doc = include_str!("../../../examples/deployments/enterprise-op.toml")]
#[doc = "```"]
pub mod enterprise_op {}

#[doc = include_str!("delegating_token_server.md")]
#[doc = "```toml"]
#[doc = include_str!("../../../examples/deployments/delegating-token-server.toml")]
#[doc = "```"]
pub mod delegating_token_server {}
