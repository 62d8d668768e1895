//! What the project promises, on a real Envoy with the real filter.

#[cfg(test)]
mod bad_configuration;
#[cfg(test)]
mod carriers;
#[cfg(test)]
mod endpoints;
#[cfg(test)]
mod expiry;
#[cfg(test)]
mod foreign_tokens;
#[cfg(test)]
mod hostile_bytes;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod neighbours;
#[cfg(test)]
mod observation;
#[cfg(test)]
mod pinning;
#[cfg(test)]
mod private_header;
#[cfg(test)]
mod rendered;
#[cfg(test)]
mod scene;
#[cfg(test)]
mod transcripts;
#[cfg(test)]
mod weights;
