/** What the page says: sources, figures and failures in plain words. */
import { AudioCacheError, type ClipSource } from 'reprise-cache';

/** Where a clip came from, as the end of "This one …". */
export const SOURCE_WORDS: Readonly<Record<ClipSource, string>> = {
  memory: 'from memory',
  disk: 'from disk',
  remote: 'from the shared cache',
  origin: 'made just now',
};

/** Milliseconds with as many decimals as mean something. */
export function milliseconds(ms: number): string {
  return ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}

/** Kilobytes of 1024 bytes. */
export function kilobytes(bytes: number): string {
  return `${Math.max(1, Math.round(bytes / 1024))} KB`;
}

/** Says why speaking failed and what to do; undefined for a stop that the person asked for. */
export function explainFailure(error: unknown): string | undefined {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  if (name === 'AbortError') return undefined;
  if (name === 'NotAllowedError')
    return 'The browser blocked the sound until you click. The clip is kept: press Speak again.';
  if (name === 'NotSupportedError') return 'The clip is there, but this browser could not play it.';
  if (error instanceof AudioCacheError) return explainCacheError(error);
  if (error instanceof TypeError)
    return 'The address of the service is not complete. It should look like http://localhost:8880.';
  return message;
}

function explainCacheError(error: AudioCacheError): string {
  const { code, status, cause } = error;
  if (code === 'INVALID_SPEC') return 'There is nothing to say yet: type a phrase.';
  if (code !== 'SYNTHESIS_FAILED') return error.message;
  if (status === 401 || status === 403) return `The service refused the API key (${status}).`;
  if (status === 404) return 'The service has no /v1/audio/speech, or does not know this model or voice (404).';
  if (status === 429) return 'The service asks for a pause: too many requests (429).';
  if (status !== undefined) return `The service could not make this phrase (${status}).`;
  // A fetch that could not connect is a TypeError on every platform; only the browser's console knows more.
  if (cause instanceof TypeError)
    return 'The service cannot be reached. Check the address, and that it allows this page (CORS).';
  return cause instanceof Error ? cause.message : error.message;
}
