//! What kubectl prints, and how it ends, with the policy in front of the API server.

mod apply;
mod create_token;
