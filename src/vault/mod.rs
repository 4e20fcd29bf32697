//! The vault: encrypted values and files, in the formats `$ANSIBLE_VAULT;1.1;AES256` and `1.2` (with a label).
//!
//! * [`Envelope`]: header, label and payload as text;
//! * `cipher`: the payload's encryption: PBKDF2, AES-CTR, HMAC;
//! * [`Identity`]: a password with the label that it goes by, and where it comes from;
//! * [`Keyring`]: all identities of a run; opens values and reads files that may be encrypted.
//!
//! The formats are described in Ansible's documentation, "Encrypting content with Ansible Vault". What is opened stays in
//! memory that is wiped where rprov alone holds it; a value that a template has read is data of the run like any other.

mod cipher;
mod envelope;
mod identity;
mod keyring;

pub use envelope::Envelope;
pub use identity::{Identity, Source};
pub use keyring::{Keyring, Opened, VaultError};
