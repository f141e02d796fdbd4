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
const CRC16: [[u16; 256]; 8] = {
    let mut tables = [[0; 256]; 8];
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
    while k < 8 {
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

/// Of a frame; 0 if the check sum is included and right. Eight bytes at a time.
pub(super) fn crc16(bytes: &[u8]) -> u16 {
    let [t0, t1, t2, t3, t4, t5, t6, t7] = &CRC16;
    let at = |table: &[u16; 256], byte: u8| table[usize::from(byte)];
    let (chunks, rest) = bytes.as_chunks::<8>();
    let crc = chunks.iter().fold(0u16, |crc, &[a, b, c, d, e, f, g, h]| {
        let [high, low] = crc.to_be_bytes();
        at(t7, a ^ high) ^ at(t6, b ^ low) ^ at(t5, c) ^ at(t4, d) ^ at(t3, e) ^ at(t2, f) ^ at(t1, g) ^ at(t0, h)
    });
    rest.iter().fold(crc, |crc, byte| crc << 8 ^ at(t0, (crc >> 8) as u8 ^ byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_values() {
        assert_eq!(crc8(b"123456789"), 0xf4, "CRC-8/SMBUS");
        assert_eq!(crc16(b"123456789"), 0xfee8, "CRC-16/UMTS");
        let long: Vec<u8> = (0..=255).collect();
        let bytewise = long.iter().fold(0, |crc, byte| crc << 8 ^ CRC16[0][usize::from((crc >> 8) as u8 ^ byte)]);
        assert_eq!(crc16(&long), bytewise);
    }
}
