//! RSA keys: whether a private key is consistent (RFC 8017 section 3.2), as Envoy's TLS library requires.

use crypto_bigint::{BoxedUint, ConcatenatingMul as _, NonZero};
use pkcs1::{RsaPrivateKey, UintRef};
use x509_cert::der::Decode;

use super::public_key::PublicKey;

/// The public key of an `RSAPrivateKey`; `None` if it is not one or is damaged.
pub(super) fn public_of(der: &[u8]) -> Option<PublicKey> {
    let key = RsaPrivateKey::<UintRef<'_>>::from_der(der).ok()?;
    is_consistent(&key).then(|| PublicKey::Rsa {
        modulus: key.modulus.as_bytes().to_vec(),
        exponent: key.public_exponent.as_bytes().to_vec(),
    })
}

/// The number of bits without leading zeros.
pub(super) fn bits(number: &[u8]) -> usize {
    let zeros = number.first().map_or(0, |first| first.leading_zeros());
    number.len() * 8 - usize::try_from(zeros).unwrap_or_default()
}

fn is_consistent(key: &RsaPrivateKey<UintRef<'_>>) -> bool {
    let number = |digits: &UintRef<'_>| BoxedUint::from_be_slice_vartime(digits.as_bytes());
    let (modulus, public, private) =
        (number(&key.modulus), number(&key.public_exponent), number(&key.private_exponent));
    let (first, second) = (number(&key.prime1), number(&key.prime2));
    let one = BoxedUint::one();
    let exponents = [(&first, &key.exponent1), (&second, &key.exponent2)];
    key.other_prime_infos.is_none()
        && equal(&first.concatenating_mul(&second), &modulus)
        && private < modulus
        && exponents.into_iter().all(|(prime, exponent)| {
            let below = prime.wrapping_sub(&one);
            is_rest(&private.concatenating_mul(&public), &below, &one)
                && is_rest(&private, &below, &number(exponent))
        })
        && is_rest(&number(&key.coefficient).concatenating_mul(&second), &first, &one)
}

/// Whether a division has this remainder; a division by zero has none.
fn is_rest(number: &BoxedUint, by: &BoxedUint, rest: &BoxedUint) -> bool {
    let by: Option<NonZero<BoxedUint>> = NonZero::new(by.clone()).into();
    by.is_some_and(|by| equal(&number.rem_vartime(&by), rest))
}

/// Whether two numbers are equal, however many digits they are held with.
fn equal(a: &BoxedUint, b: &BoxedUint) -> bool {
    a.to_be_bytes_trimmed_vartime() == b.to_be_bytes_trimmed_vartime()
}
