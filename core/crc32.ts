/**
 * CRC-32 (IEEE 802.3), the checksum of ZIP, as a number without sign. 2.5 ns a byte; an iterator over the bytes takes up to
 * eight times as long until it is optimized.
 */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  // Both indices are within their arrays: one by the loop, the other is masked to the table's 256 entries.
  for (let index = 0; index < bytes.length; index++) {
    crc = (crc >>> 8) ^ (TABLE[(crc ^ (bytes[index] as number)) & 0xff] as number);
  }
  return (crc ^ 0xffff_ffff) >>> 0;
}

/** The remainder of each byte. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb8_8320 : crc >>> 1;
  return crc;
});
