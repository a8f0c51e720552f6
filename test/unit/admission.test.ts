import { describe, expect, it } from 'vitest';
import { type AudioCandidate, admit, SNIFF_BYTES } from '../../core/admission';

/** Bytes from text (each character one byte) and numbers, padded to some length. */
function bytesOf(...parts: readonly (string | number)[]): Uint8Array {
  const bytes = parts.flatMap((part) =>
    typeof part === 'number' ? [part] : Array.from(part, (character) => character.charCodeAt(0)),
  );
  return Uint8Array.from({ length: Math.max(SNIFF_BYTES, bytes.length) }, (_, index) => bytes[index] ?? 0x55);
}

function judge(head: Uint8Array, given: Partial<AudioCandidate> = {}) {
  return admit({ head, byteLength: head.byteLength, maxEntryBytes: 10_000, ...given });
}

const MP3 = bytesOf('ID3', 4, 0, 0);

const CONTAINERS: readonly (readonly [name: string, head: Uint8Array, contentType: string])[] = [
  ['MP3 with tags', MP3, 'audio/mpeg'],
  ['MP3, MPEG-1 layer III', bytesOf(0xff, 0xfb, 0x90, 0x64), 'audio/mpeg'],
  ['MP3, MPEG-2 layer III', bytesOf(0xff, 0xf3, 0x44, 0xc4), 'audio/mpeg'],
  ['MP3, MPEG-2 with checksum', bytesOf(0xff, 0xf2, 0x44, 0xc4), 'audio/mpeg'],
  ['MP3, MPEG-2.5', bytesOf(0xff, 0xe3, 0x18, 0xc4), 'audio/mpeg'],
  ['AAC, MPEG-4', bytesOf(0xff, 0xf1, 0x50, 0x80), 'audio/aac'],
  ['AAC, MPEG-2', bytesOf(0xff, 0xf9, 0x50, 0x80), 'audio/aac'],
  ['WAV', bytesOf('RIFF', SNIFF_BYTES - 8, 0, 0, 0, 'WAVEfmt '), 'audio/wav'],
  ['Ogg', bytesOf('OggS', 0, 2), 'audio/ogg'],
  ['FLAC', bytesOf('fLaC', 0, 0, 0, 0x22), 'audio/flac'],
  ['MP4', bytesOf(0, 0, 0, 0x1c, 'ftypM4A '), 'audio/mp4'],
  ['WebM', bytesOf(0x1a, 0x45, 0xdf, 0xa3, 0x9f), 'audio/webm'],
];

describe('Raw bytes', () => {
  it.each(CONTAINERS)('are recognised as %s', (_, head, contentType) => {
    expect(judge(head)).toEqual({ contentType });
    expect(judge(head, { declaredType: 'application/octet-stream' })).toEqual({ contentType });
    expect(judge(head, { declaredType: 'binary/octet-stream; charset=binary' })).toEqual({ contentType });
  });

  it.each([
    ['a RIFF file that is no WAV', bytesOf('RIFF', 0, 0, 0, 0, 'AVI LIST')],
    ['UTF-16 text', bytesOf(0xff, 0xfe, 'H', 0, 'i', 0)],
    ['a single byte of a frame', new Uint8Array([0xff])],
    ['silence', new Uint8Array(SNIFF_BYTES)],
    ['a picture', bytesOf(0x89, 'PNG\r\n')],
  ])('are of unknown type when they are %s', (_, head) => {
    expect(judge(head)).toEqual({ refusal: 'unknown-type' });
  });

  it.each([
    ['mp3', 'audio/mpeg'],
    ['MP3', 'audio/mpeg'],
    ['mp3_44100_128', 'audio/mpeg'],
    ['pcm', 'audio/pcm'],
    ['pcm_24000', 'audio/pcm'],
    ['opus', 'audio/ogg'],
    ['opus_48000_64', 'audio/ogg'],
    ['ogg-24khz-16bit-mono-opus', 'audio/ogg'],
    ['wav', 'audio/wav'],
    ['aac', 'audio/aac'],
    ['flac', 'audio/flac'],
  ])('that look like nothing are what was asked for: %s', (format, contentType) => {
    expect(judge(new Uint8Array(SNIFF_BYTES), { format })).toEqual({ contentType });
  });

  it('that look like nothing stay unknown under an unknown format', () => {
    expect(judge(new Uint8Array(SNIFF_BYTES), { format: 'slin16' })).toEqual({ refusal: 'unknown-type' });
  });

  it('go by what they look like rather than by what was asked for', () => {
    expect(judge(bytesOf('OggS', 0, 2), { format: 'mp3' })).toEqual({ contentType: 'audio/ogg' });
  });

  it('of plain samples are not taken for MP3 frames because the first sample is a quiet negative one', () => {
    // Little-endian samples of -1 and -1025, as speech begins with.
    for (const sample of [bytesOf(0xff, 0xff, 0xfe, 0xff), bytesOf(0xff, 0xfb, 0xf0, 0xfb)]) {
      expect(judge(sample, { format: 'pcm_16000' })).toEqual({ contentType: 'audio/pcm' });
    }
  });
});

describe('A declared type', () => {
  it('is kept with its parameters, which raw PCM cannot be played without', () => {
    expect(judge(new Uint8Array(64), { declaredType: ' audio/L16; rate=24000; channels=1' })).toEqual({
      contentType: 'audio/l16; rate=24000; channels=1',
    });
    expect(judge(MP3, { declaredType: 'audio/ogg; codecs=opus' })).toEqual({ contentType: 'audio/ogg; codecs=opus' });
  });

  it('may be application/ogg', () => {
    expect(judge(bytesOf('OggS'), { declaredType: 'application/ogg' })).toEqual({ contentType: 'application/ogg' });
  });

  it.each(['text/html', 'application/json; charset=utf-8', 'text/plain', 'image/png', 'video/mp4', 'audio', 'x'])(
    'of %s is no audio, whatever the bytes look like',
    (declaredType) => {
      expect(judge(MP3, { declaredType })).toEqual({ refusal: 'not-audio' });
    },
  );
});

describe('A document under an audio type', () => {
  const DOCUMENTS: readonly (readonly [name: string, head: Uint8Array])[] = [
    ['HTML', bytesOf('<!DOCTYPE html><html>')],
    ['HTML in lower case, after blanks', bytesOf('\r\n\t <!doctype html>')],
    ['HTML without a doctype', bytesOf('<html lang="en">')],
    ['a bare HTML body', bytesOf('<body>Bad gateway</body>')],
    ['XML', bytesOf('<?xml version="1.0"?><Error>')],
    ['XML after a byte order mark', bytesOf(0xef, 0xbb, 0xbf, '<?xml version="1.0"?>')],
    ['an error of a storage service', bytesOf('<Error><Code>NoSuchKey</Code></Error>')],
    ['HTML that opens with a comment', bytesOf('<!-- a padding to disable friendly error pages -->')],
    ['JSON', bytesOf('{"error":{"message":"quota exceeded"}}')],
    ['indented JSON', bytesOf('{\n  "detail": "Not found"\n}')],
    ['JSON after a byte order mark', bytesOf(0xef, 0xbb, 0xbf, '{"error":1}')],
    ['an empty JSON object', bytesOf('{}')],
    ['a JSON array', bytesOf('[{"message":"overloaded"}]')],
  ];

  it.each(DOCUMENTS)('is no audio: %s', (_, head) => {
    for (const declaredType of ['audio/mpeg', 'application/octet-stream', undefined]) {
      expect(judge(head, { declaredType, format: 'mp3' })).toEqual({ refusal: 'not-audio' });
    }
  });

  it.each(CONTAINERS)('is not what %s is taken for', (_, head) => {
    expect(judge(head, { declaredType: 'audio/x-any' })).toEqual({ contentType: 'audio/x-any' });
  });

  it('is not what samples are taken for that happen to begin like one', () => {
    const samples = [bytesOf('{', 0x01, 0x02), bytesOf('<', 0x00, 0x3c, 0x00), bytesOf('[', 0xff, 0x5b, 0xff)];
    for (const head of samples)
      expect(judge(head, { declaredType: 'audio/pcm' })).toEqual({ contentType: 'audio/pcm' });
  });
});

describe('The length', () => {
  it('of nothing is refused before anything else', () => {
    const nothing = new Uint8Array(0);
    expect(judge(nothing, { declaredType: 'audio/mpeg', announcedLength: 10 })).toEqual({ refusal: 'empty' });
    expect(judge(nothing, { declaredType: 'text/html' })).toEqual({ refusal: 'empty' });
  });

  it('must reach what was announced', () => {
    const declaredType = 'audio/mpeg';
    expect(judge(MP3, { declaredType, announcedLength: 65 })).toEqual({ refusal: 'truncated' });
    expect(judge(MP3, { declaredType, announcedLength: 64 })).toEqual({ contentType: declaredType });
    expect(judge(MP3, { declaredType, announcedLength: 63.5 })).toEqual({ contentType: declaredType });
    expect(judge(MP3, { declaredType, announcedLength: Number.NaN })).toEqual({ contentType: declaredType });
  });

  it('may be the limit and not a byte more', () => {
    const declaredType = 'audio/mpeg';
    expect(judge(MP3, { declaredType, byteLength: 10_000 })).toEqual({ contentType: declaredType });
    expect(judge(MP3, { declaredType, byteLength: 10_001 })).toEqual({ refusal: 'too-large' });
  });

  it('of an error page does not make it audio that is merely too large', () => {
    expect(judge(bytesOf('<html>'), { declaredType: 'audio/mpeg', byteLength: 10_001 })).toEqual({
      refusal: 'not-audio',
    });
  });

  it.each([3, 7])('of %i bytes is enough to be judged', (length) => {
    expect(judge(MP3.subarray(0, length), { declaredType: 'audio/mpeg' })).toEqual({ contentType: 'audio/mpeg' });
  });
});

describe('A message in place of audio', () => {
  it.each(['<h1>502 Bad Gateway</h1>', 'Bad Gateway', 'upstream connect error', '<svg/>', 'null', '服務暫時無法使用'])(
    'is no audio, whatever it is declared as: %s',
    (message) => {
      const head = new TextEncoder().encode(message).subarray(0, SNIFF_BYTES);
      for (const declaredType of ['audio/mpeg', 'application/octet-stream', undefined]) {
        expect(judge(head, { declaredType, format: 'mp3' })).toEqual({ refusal: 'not-audio' });
      }
    },
  );

  it('is not seen in the printable silence of telephone codecs', () => {
    const silence = new Uint8Array(SNIFF_BYTES).fill(0x55);
    expect(judge(silence, { declaredType: 'audio/PCMA;rate=8000' })).toEqual({ contentType: 'audio/pcma;rate=8000' });
  });
});

describe('A WAV file shorter than its own header says', () => {
  const wav = (size: readonly number[]) => bytesOf('RIFF', ...size, 'WAVEfmt ');

  it('is truncated, once it is said to be whole', () => {
    const head = wav([0x24, 0x7d, 0, 0]);
    expect(judge(head)).toEqual({ refusal: 'truncated' });
    expect(judge(head, { isPartial: true })).toEqual({ contentType: 'audio/wav' });
    expect(judge(head, { byteLength: 0x7d24 + 8, maxEntryBytes: 100_000 })).toEqual({ contentType: 'audio/wav' });
  });

  it.each([[[0, 0, 0, 0]], [[0xff, 0xff, 0xff, 0xff]], [[0xff, 0xff, 0xff, 0x7f]]])(
    'is whole all the same when the header was written before the end was known: %j',
    (size) => {
      expect(judge(wav(size))).toEqual({ contentType: 'audio/wav' });
    },
  );
});
