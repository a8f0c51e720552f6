/** Clips to fill a cache with: short WAV files that sound like wind, each another. */

const SAMPLE_RATE = 16_000;
const HEADER_BYTES = 44;

/** Makes a WAV file, mono and 16 bit, of filtered noise that swells and fades: it cannot be compressed by much. */
export function windOf(seconds: number): ArrayBuffer {
  const samples = Math.round(seconds * SAMPLE_RATE);
  const wav = new DataView(new ArrayBuffer(HEADER_BYTES + 2 * samples));
  writeHeader(wav, 2 * samples);
  let level = 0;
  for (let index = 0; index < samples; index++) {
    level += 0.2 * (2 * Math.random() - 1 - level);
    const loudness = Math.sin((Math.PI * index) / samples);
    wav.setInt16(HEADER_BYTES + 2 * index, 16_000 * loudness * level, true);
  }
  return wav.buffer;
}

function writeHeader(wav: DataView, dataBytes: number): void {
  const text = (offset: number, name: string) => {
    for (let index = 0; index < name.length; index++) wav.setUint8(offset + index, name.charCodeAt(index));
  };
  text(0, 'RIFF');
  wav.setUint32(4, HEADER_BYTES - 8 + dataBytes, true);
  text(8, 'WAVEfmt ');
  wav.setUint32(16, 16, true);
  wav.setUint16(20, 1, true);
  wav.setUint16(22, 1, true);
  wav.setUint32(24, SAMPLE_RATE, true);
  wav.setUint32(28, 2 * SAMPLE_RATE, true);
  wav.setUint16(32, 2, true);
  wav.setUint16(34, 16, true);
  text(36, 'data');
  wav.setUint32(40, dataBytes, true);
}
