//! Output and exit code of kubectl, with the policy in front of the API server.

mod apply;
mod create_token;
