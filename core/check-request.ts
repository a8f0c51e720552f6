/**
 * Tells requests from whatever else a script of the origin may have written into a channel. All that the cache would
 * store, count or compute with is held to the bounds that pages are held to; what is in a spec, and whether a key is one,
 * the cache itself says.
 */
import { checkMetadata } from './bundle/bundle-metadata';
import { isCollectionName } from './label-catalogue';
import { SOURCES } from './metrics/zero-counters';
import { isChange, numberFrom, oneOf, type Rule } from './option-rules';
import { isObject } from './protocol/is-object';
import { type CacheRequest, PROTOCOL_VERSION } from './protocol/messages';
import { isId, type ToOwnerMessage } from './protocol/tab-messages';

type Check = (value: unknown) => boolean;

/** No more collections are named in one request. */
const MAX_COLLECTIONS = 10_000;
/** Longest text beside the audio: a cursor, what is searched for. */
const MAX_TEXT_LENGTH = 10_000;

const checkOf = ([check]: Rule): Check => check;
const isOptional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);

const isText: Check = (value) => typeof value === 'string' && value.length <= MAX_TEXT_LENGTH;
const isBoolean: Check = (value) => typeof value === 'boolean';
const isCount = checkOf(numberFrom(0, Number.MAX_SAFE_INTEGER, true));
const isDuration = checkOf(numberFrom(0, Number.MAX_VALUE));
const isBudget = checkOf(numberFrom(0));
const isTtl = checkOf(numberFrom(1));
const isLimit = checkOf(numberFrom(1, 1000, true));
const isBuffer: Check = (value) => value instanceof ArrayBuffer;
const isAddress: Check = (value) => isObject(value) && ('key' in value || 'spec' in value);
const isResult: Check = (value) =>
  isObject(value) &&
  isCount(value.byteLength) &&
  isText(value.contentType) &&
  isDuration(value.synthesisMs) &&
  isOptional(isTtl)(value.ttlMs) &&
  isOptional(isObject)(value.custom);
const isLabels: Check = (value) =>
  isObject(value) &&
  isOptional((names) => Array.isArray(names) && names.length <= MAX_COLLECTIONS && names.every(isCollectionName))(
    value.collections,
  ) &&
  isOptional(isBoolean)(value.pinned);
const isTarget: Check = (value) =>
  isObject(value) && ('collection' in value ? isCollectionName(value.collection) : isAddress(value.address));
const isSample: Check = (value) =>
  isObject(value) && checkOf(oneOf(...SOURCES))(value.source) && isDuration(value.latencyMs);

/** What each request must hold. */
const FIELDS: { readonly [Type in CacheRequest['type']]: Readonly<Record<string, Check>> } = {
  ping: {},
  get: { address: isAddress },
  has: { address: isAddress },
  read: { callId: isId, spec: isObject },
  'await-fill': { callId: isId },
  'resume-fill': { callId: isId, spec: isObject },
  'leave-fill': { callId: isId, hasBegun: isBoolean },
  'renew-fill': { fillId: isId },
  'fill-chunk': { fillId: isId, offsetBytes: isCount, chunk: isBuffer },
  'fill-complete': { fillId: isId, result: isResult },
  'fill-failed': { fillId: isId, error: isOptional(isError) },
  put: {
    address: isAddress,
    bytes: isBuffer,
    result: isResult,
    durability: checkOf(oneOf('memory', 'relaxed', 'durable')),
    labels: isOptional(isLabels),
    isPaid: isOptional(isBoolean),
  },
  'may-synthesize': {},
  label: { address: isAddress, labels: isLabels },
  delete: { address: isAddress },
  clear: { pinned: isOptional(isBoolean) },
  cleanup: { budgetMs: isOptional(isBudget) },
  configure: { change: isChange },
  'schedule-cleanup': { isOn: isBoolean },
  entries: {
    limit: isLimit,
    cursor: isOptional(isText),
    sort: isOptional(checkOf(oneOf('accessed', 'created', 'size'))),
    collection: isOptional(isCollectionName),
    search: isOptional(isText),
  },
  info: { address: isAddress },
  verify: { budgetMs: isBudget, cursor: isOptional(isText) },
  pin: { target: isTarget, isPinned: isBoolean },
  collections: { limit: isLimit, cursor: isOptional(isText), search: isOptional(isText) },
  collection: { name: isCollectionName },
  'touch-collection': { name: isCollectionName, ttlMs: isOptional(isTtl) },
  'delete-collection': { name: isCollectionName, keepsAudio: isBoolean },
  'export-entry': { key: isText },
  'import-entry': { metadata: isMetadata, bytes: isBuffer, labels: isLabels, replaces: isBoolean },
  stats: {},
  'storage-changed': {},
  report: {
    served: (value) => Array.isArray(value) && value.every(isSample),
    failedSyntheses: isCount,
    failedRequests: isCount,
    heapRatio: isOptional(isDuration),
  },
  flush: {},
  close: {},
};

/** Whether the value is a request that the cache can be handed. */
export function isCacheRequest(value: unknown): value is CacheRequest {
  if (!isObject(value) || typeof value.type !== 'string') return false;
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

/** Whether it is metadata as a bundle may carry it, and nothing else: labels come beside it. */
function isMetadata(value: unknown): boolean {
  try {
    const { collections, pinned, ...known } = checkMetadata(value, 'The request');
    return Object.keys(Object(value)).every((name) => Object.hasOwn(known, name));
  } catch {
    return false;
  }
}

/** Whether it can be put together to an error again, with all its causes. */
function isError(value: unknown): boolean {
  return isObject(value) && isText(value.message) && (value.cause === undefined || isError(value.cause));
}
