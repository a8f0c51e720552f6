/** Tells requests from whatever else a script of the origin may have written into a channel. */
import { isObject } from './is-object';
import { type CacheRequest, PROTOCOL_VERSION } from './messages';
import { isId, type ToOwnerMessage } from './tab-messages';

type Check = (value: unknown) => boolean;

const isString: Check = (value) => typeof value === 'string';
const isNumber: Check = (value) => typeof value === 'number';
const isBoolean: Check = (value) => typeof value === 'boolean';
const isBuffer: Check = (value) => value instanceof ArrayBuffer;
const isAddress: Check = (value) => isObject(value) && ('key' in value || 'spec' in value);
const isOptional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const isResult: Check = (value) =>
  isObject(value) && isNumber(value.byteLength) && isString(value.contentType) && isNumber(value.synthesisMs);
const isLabels: Check = (value) =>
  isObject(value) &&
  isOptional((names) => Array.isArray(names) && names.every(isString))(value.collections) &&
  isOptional(isBoolean)(value.pinned);
const isAddressHolder: Check = (value) => isObject(value) && isAddress(value.address);
const isMetadata: Check = (value) =>
  isObject(value) &&
  isString(value.key) &&
  isString(value.contentType) &&
  isObject(value.checksum) &&
  [value.byteLength, value.createdAtMs, value.expiresAtMs, value.characters, value.synthesisMs].every(isNumber);

/** What each request must hold, down to where the cache itself checks: what is in a spec, and whether a key is one. */
const FIELDS: { readonly [Type in CacheRequest['type']]: Readonly<Record<string, Check>> } = {
  ping: {},
  get: { address: isAddress },
  has: { address: isAddress },
  read: { callId: isString, spec: isObject },
  'await-fill': { callId: isString },
  'resume-fill': { callId: isString, spec: isObject },
  'leave-fill': { callId: isString, hasBegun: isBoolean },
  'renew-fill': { fillId: isString },
  'fill-chunk': { fillId: isString, offsetBytes: isNumber, chunk: isBuffer },
  'fill-complete': { fillId: isString, result: isResult },
  'fill-failed': { fillId: isString, error: isOptional(isObject) },
  put: {
    address: isAddress,
    bytes: isBuffer,
    result: isResult,
    durability: isString,
    labels: isOptional(isLabels),
  },
  label: { address: isAddress, labels: isLabels },
  delete: { address: isAddress },
  clear: { pinned: isOptional(isBoolean) },
  cleanup: { budgetMs: isOptional(isNumber) },
  configure: { change: isObject },
  'schedule-cleanup': { isOn: isBoolean },
  entries: {
    limit: isNumber,
    cursor: isOptional(isString),
    sort: isOptional(isString),
    collection: isOptional(isString),
    search: isOptional(isString),
  },
  info: { address: isAddress },
  verify: { budgetMs: isNumber, cursor: isOptional(isString) },
  pin: {
    target: (value) => isAddressHolder(value) || (isObject(value) && isString(value.collection)),
    isPinned: isBoolean,
  },
  collections: { limit: isNumber, cursor: isOptional(isString), search: isOptional(isString) },
  collection: { name: isString },
  'touch-collection': { name: isString, ttlMs: isOptional(isNumber) },
  'delete-collection': { name: isString, keepsAudio: isBoolean },
  'export-entry': { key: isString },
  'import-entry': { metadata: isMetadata, bytes: isBuffer, labels: isLabels, replaces: isBoolean },
  stats: {},
  'storage-changed': {},
  report: {
    served: (value) =>
      Array.isArray(value) &&
      value.every((sample) => isObject(sample) && isString(sample.source) && isNumber(sample.latencyMs)),
    failedSyntheses: isNumber,
    failedRequests: isNumber,
    heapRatio: isOptional(isNumber),
  },
  flush: {},
  close: {},
};

/** Whether the value is a request that the cache can be handed. */
export function isCacheRequest(value: unknown): value is CacheRequest {
  if (!isObject(value) || !isString(value.type)) return false;
  const type = value.type as CacheRequest['type'];
  if (!Object.hasOwn(FIELDS, type)) return false;
  return Object.entries(FIELDS[type]).every(([field, check]) => check(value[field]));
}

/** The message, if it is one that an owner's worker may get; requests of a foreign protocol are not looked into. */
export function asToOwnerMessage(data: unknown): ToOwnerMessage | undefined {
  if (!isObject(data) || !isId(data.tabId)) return undefined;
  switch (data.reprise) {
    case 'hello':
      if (!isId(data.protocol)) return undefined;
      break;
    case 'request': {
      const { protocol, epoch, requestId, request } = data;
      if (!isId(protocol) || !isId(epoch) || typeof requestId !== 'number') return undefined;
      if (protocol === PROTOCOL_VERSION && !isCacheRequest(request)) return undefined;
      break;
    }
    case 'filling':
      if (!isId(data.epoch) || !isId(data.fillId)) return undefined;
      break;
    case 'leaving':
      break;
    default:
      return undefined;
  }
  // Every field of the case has been looked at.
  return data as unknown as ToOwnerMessage;
}
