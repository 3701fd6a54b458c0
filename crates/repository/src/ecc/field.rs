//! Arithmetic in GF(2^8) with the polynomial 0x11D and the generator 2 (format 1 §3.5).

/// Products of all pairs of elements.
static PRODUCTS: [[u8; 256]; 256] = products();
/// Inverse of each element; that of 0, which has none, is 0.
static INVERSES: [u8; 256] = inverses();

const POLYNOMIAL: u16 = 0x11d;

const fn multiply(left: u8, right: u8) -> u8 {
    let (mut sum, mut factor, mut bits) = (0u8, left, right);
    while bits != 0 {
        if bits & 1 == 1 {
            sum ^= factor;
        }
        let shifted = (factor as u16) << 1;
        factor = if shifted & 0x100 == 0 {
            shifted as u8
        } else {
            (shifted ^ POLYNOMIAL) as u8
        };
        bits >>= 1;
    }
    sum
}

/// Powers of the generator 2, twice over so that sums of two logarithms need no reduction, and their logarithms.
const fn powers() -> ([u8; 512], [u16; 256]) {
    let (mut powers, mut logarithms) = ([0; 512], [0; 256]);
    let (mut power, mut exponent) = (1u8, 0);
    while exponent < 255 {
        powers[exponent] = power;
        powers[exponent + 255] = power;
        logarithms[power as usize] = exponent as u16;
        power = multiply(power, 2);
        exponent += 1;
    }
    (powers, logarithms)
}

const fn products() -> [[u8; 256]; 256] {
    let (powers, logarithms) = powers();
    let (mut table, mut left) = ([[0; 256]; 256], 1);
    while left < 256 {
        let mut right = 1;
        while right < 256 {
            table[left][right] = powers[(logarithms[left] + logarithms[right]) as usize];
            right += 1;
        }
        left += 1;
    }
    table
}

const fn inverses() -> [u8; 256] {
    let (powers, logarithms) = powers();
    let (mut table, mut element) = ([0; 256], 1);
    while element < 256 {
        table[element] = powers[(255 - logarithms[element]) as usize];
        element += 1;
    }
    table
}

/// Product of two elements.
pub(super) fn product(left: u8, right: u8) -> u8 {
    PRODUCTS[usize::from(left)][usize::from(right)]
}

/// Inverse of an element that is not 0.
pub(super) fn inverse(element: u8) -> u8 {
    INVERSES[usize::from(element)]
}

/// Adds `factor * source` to `target`, byte by byte, as far as the shorter of the two goes.
pub(super) fn add_multiple(target: &mut [u8], source: &[u8], factor: u8) {
    let multiples = &PRODUCTS[usize::from(factor)];
    for (target, &source) in target.iter_mut().zip(source) {
        *target ^= multiples[usize::from(source)];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_is_a_field() {
        for a in 0..=255 {
            assert_eq!(product(a, 1), a);
            assert_eq!(product(a, 0), 0);
            if a != 0 {
                assert_eq!(product(a, inverse(a)), 1);
            }
            for b in 0..=255 {
                assert_eq!(product(a, b), multiply(a, b));
                assert_eq!(product(a, b), product(b, a));
            }
        }
        assert_eq!(product(0x80, 2), 0x1d);
    }
}
