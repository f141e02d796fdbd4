//! FLAC's check sums (RFC 9639, 9.1.8 and 9.3).

const CRC8: [u8; 256] = {
    let mut table = [0; 256];
    let mut n = 0;
    while n < 256 {
        let mut crc = n as u8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x80 != 0 { crc << 1 ^ 0x07 } else { crc << 1 };
            bit += 1;
        }
        table[n] = crc;
        n += 1;
    }
    table
};

/// `CRC16[0]` is the usual table by bytes; `CRC16[k]` is that of a byte with `k` zero bytes behind it.
const CRC16: [[u16; 256]; 16] = {
    let mut tables = [[0; 256]; 16];
    let mut n = 0;
    while n < 256 {
        let mut crc = (n as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 != 0 { crc << 1 ^ 0x8005 } else { crc << 1 };
            bit += 1;
        }
        tables[0][n] = crc;
        n += 1;
    }
    let mut k = 1;
    while k < 16 {
        let mut n = 0;
        while n < 256 {
            let before = tables[k - 1][n];
            tables[k][n] = before << 8 ^ tables[0][(before >> 8) as usize];
            n += 1;
        }
        k += 1;
    }
    tables
};

/// Of a frame's header; 0 if the check sum is included and right.
pub(super) fn crc8(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |crc, byte| CRC8[usize::from(crc ^ byte)])
}

/// Of a frame; 0 if the check sum is included and right. Sixteen bytes at a time: each step waits for the one before, so the
/// fewer there are the better.
pub(super) fn crc16(bytes: &[u8]) -> u16 {
    let at = |zeros: usize, byte: u8| CRC16[zeros][usize::from(byte)];
    let (chunks, rest) = bytes.as_chunks::<16>();
    let crc = chunks.iter().fold(0u16, |crc, &[a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]| {
        let [high, low] = crc.to_be_bytes();
        let behind = at(13, c) ^ at(12, d) ^ at(11, e) ^ at(10, f) ^ at(9, g) ^ at(8, h) ^ at(7, i) ^ at(6, j);
        let behind = behind ^ at(5, k) ^ at(4, l) ^ at(3, m) ^ at(2, n) ^ at(1, o) ^ at(0, p);
        at(15, a ^ high) ^ at(14, b ^ low) ^ behind
    });
    rest.iter().fold(crc, |crc, byte| crc << 8 ^ at(0, (crc >> 8) as u8 ^ byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_values() {
        assert_eq!(crc8(b"123456789"), 0xf4, "CRC-8/SMBUS");
        assert_eq!(crc16(b"123456789"), 0xfee8, "CRC-16/UMTS");
        let long: Vec<u8> = (0..=255).collect();
        for length in 0..=long.len() {
            let bytes = &long[..length];
            let bytewise = bytes.iter().fold(0, |crc, byte| crc << 8 ^ CRC16[0][usize::from((crc >> 8) as u8 ^ byte)]);
            assert_eq!(crc16(bytes), bytewise, "{length} bytes");
        }
    }
}
