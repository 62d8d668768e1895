//! Random nonces, generated in batches: a call for random bytes costs as much as sealing a token.

use std::cell::RefCell;

use crate::token::Nonce;

const LENGTH: usize = size_of::<Nonce>();
const STOCK: usize = 32;

/// A supply of nonces; each is used once.
#[derive(Default)]
pub(super) struct Nonces(RefCell<Vec<Nonce>>);

impl Nonces {
    /// A fresh nonce.
    ///
    /// # Errors
    /// Random bytes are not available.
    pub(super) fn next(&self) -> Result<Nonce, getrandom::Error> {
        let mut stock = self.0.borrow_mut();
        if let Some(nonce) = stock.pop() {
            return Ok(nonce);
        }
        let mut bytes = [0; LENGTH * STOCK];
        getrandom::fill(&mut bytes)?;
        let (nonces, _) = bytes.as_chunks::<LENGTH>();
        stock.extend_from_slice(nonces);
        stock.pop().ok_or(getrandom::Error::UNEXPECTED)
    }
}
