//! The harness itself: what the tests of the project stand on.

#[cfg(test)]
mod backends;
#[cfg(test)]
mod clients;
#[cfg(unix)]
#[cfg(test)]
mod locating;
