/**
 * What the cache does, line by line, for developers: what failed, warnings, what changes by itself, and at `debug` each
 * operation of this page with its key's beginning where that is known, tier, time and bytes. Texts only where texts are
 * stored anyway.
 */
import type { AudioCacheClient } from './audio-cache-client';

/** How much is logged: each level includes those before it. */
export type LogLevel = 'silent' | 'error' | 'warn' | 'info' | 'debug';

/** Takes a line of a level. */
export type LogWriter = (level: Exclude<LogLevel, 'silent'>, line: string) => void;

const LEVELS: readonly LogLevel[] = ['silent', 'error', 'warn', 'info', 'debug'];
/** Enough to tell entries apart, beside `v1_`. */
const KEY_LENGTH = 11;

/** Writes to the console. */
export const consoleWriter: LogWriter = (level, line) => {
  // biome-ignore lint/suspicious/noConsole: this is what the log is for.
  console[level](`reprise-cache: ${line}`);
};

/** Logs what a client does from now on; what is not of the level is not even listened to. The returned function ends it. */
export function logOperations(
  client: Pick<AudioCacheClient, 'on'>,
  level: LogLevel,
  hasTexts: boolean,
  write: LogWriter,
): () => void {
  const isOn = (wanted: LogLevel) => LEVELS.indexOf(wanted) <= LEVELS.indexOf(level);
  const ends: (() => void)[] = [];
  const textOf = (text: string | undefined) => (hasTexts && text !== undefined ? ` ${JSON.stringify(text)}` : '');
  if (isOn('error')) {
    ends.push(
      client.on('failed', ({ error, name, key }) => {
        write('error', `${wordsOf('failed', name, key && shortKey(key), error.code)}: ${error.message}`);
      }),
    );
  }
  if (isOn('warn')) {
    ends.push(client.on('warning', ({ message }) => write('warn', message)));
    ends.push(
      client.on('alert', ({ alert, isRaised }) =>
        write('warn', `alert ${isRaised ? 'raised' : 'over'} ${alert.code}: ${alert.message}`),
      ),
    );
  }
  if (isOn('info')) {
    ends.push(client.on('owner-changed', ({ role }) => write('info', `this tab is now ${role}`)));
    ends.push(client.on('cleared', () => write('info', 'cleared')));
    ends.push(
      client.on('entries-removed', ({ tier, reason, entries, bytes }) =>
        write('info', `removed ${entries} from ${tier}, ${reason}, ${bytes} bytes`),
      ),
    );
  }
  if (isOn('debug')) {
    ends.push(
      client.on('served', ({ key, source, latencyMs, byteLength, joined, text }) => {
        const line = `served ${shortKey(key)} ${source}${joined ? ' joined' : ''} ${ms(latencyMs)} ${byteLength} bytes`;
        write('debug', line + textOf(text));
      }),
    );
    ends.push(
      client.on('operation', ({ name, key, latencyMs, byteLength, isFound }) => {
        const size = byteLength === undefined ? undefined : `${byteLength} bytes`;
        const found = isFound === false ? 'miss' : undefined;
        write('debug', wordsOf(name, key && shortKey(key), found, ms(latencyMs), size));
      }),
    );
    ends.push(client.on('entry-deleted', ({ key }) => write('debug', `deleted ${shortKey(key)}`)));
  }
  return () => {
    for (const end of ends) end();
  };
}

function wordsOf(...parts: readonly (string | undefined)[]): string {
  return parts.filter(Boolean).join(' ');
}

function shortKey(key: string): string {
  return key.slice(0, KEY_LENGTH);
}

function ms(latencyMs: number): string {
  return `${latencyMs.toFixed(2)} ms`;
}
