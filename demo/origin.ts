/** The origin of the demo: Flite in a worker, or the person's own service, after the simulated delay. */
import type { Synthesize } from 'reprise-cache';
import type { Flite } from './flite';
import type { Endpoint, Settings } from './settings';

/** Why nothing new is made; the cache passes it on as the cause of its error. */
const OFFLINE = 'You are offline, as far as this demo goes: nothing new can be made. What the cache holds still plays.';

/**
 * Makes the synthesizer. `isOffline` is asked for each phrase: then it refuses, as a service does that cannot be reached.
 * `isDelayed` false leaves the simulated delay out.
 */
export function createOrigin(
  flite: Flite,
  settings: Settings,
  isOffline: () => boolean,
  isDelayed: boolean,
): Synthesize {
  return async (spec, { signal }) => {
    if (isOffline()) throw new Error(OFFLINE);
    if (isDelayed) await wait(settings.delayMs, signal);
    const { text, voice = '', speed = 1, model = '' } = spec;
    if (spec.provider !== 'flite')
      return requestSpeech(settings.endpoint, { model, voice, input: text, speed }, signal);
    return { audio: await flite.speak({ text, voice, speed }, signal), contentType: 'audio/wav' };
  };
}

/** Asks an OpenAI-compatible service. Its answer goes to the cache as it is, errors included. */
function requestSpeech(endpoint: Endpoint, speech: object, signal: AbortSignal): Promise<Response> {
  // People paste the address with and without the version.
  const base = endpoint.url.replace(/\/+$/, '').replace(/\/v1$/, '');
  return fetch(`${base}/v1/audio/speech`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(endpoint.key && { authorization: `Bearer ${endpoint.key}` }),
    },
    body: JSON.stringify({ ...speech, response_format: 'mp3' }),
    signal,
  });
}

function wait(delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, delayMs);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
