#![doc = include_str!("overview.md")]

#[doc = include_str!("central_login.md")]
#[doc = "```toml"]
#[doc = include_str!("../../../examples/deployments/central-login.toml")]
#[doc = "```"]
pub mod central_login {}
#[doc = include_str!("app_stack.md")]
#[doc = "```toml"]
#[doc = include_str!("../../../examples/deployments/app-stack.toml")]
#[doc = "```"]
pub mod app_stack {}

#[doc = include_str!("enterprise_op.md")]
#[doc = "```toml"]
#[doc = include_str!("../../../examples/deployments/enterprise-op.toml")]
#[doc = "```"]
pub mod enterprise_op {}

#[doc = include_str!("mobile_suite.md")]
#[doc = "```toml"]
#[doc = include_str!("../../../examples/deployments/mobile-suite.toml")]
#[doc = "```"]
pub mod mobile_suite {}

#[doc = include_str!("delegating_token_server.md")]
#[doc = "```toml"]
#[doc = include_str!("../../../examples/deployments/delegating-token-server.toml")]
#[doc = "```"]
pub mod delegating_token_server {}
