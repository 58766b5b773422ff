//! `plotwarden policy schema`: the policy language as a JSON Schema, for editors.

use crate::cli::exit;
use crate::policy;

pub fn schema() -> u8 {
    println!("{:#}", policy::json_schema());
    exit::OK
}
