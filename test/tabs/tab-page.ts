/** What a test asks of one of several tabs: methods of the page, each called by its name from outside (scripts/tab-browsers.mjs). */
import type { CacheConfig, CacheStats, ClipSource, CollectionDetails, ConfigChange } from '../../core/protocol/values';

/** An event of the client, and when it came. */
export interface SeenEvent {
  readonly type: string;
  readonly atMs: number;
  readonly key?: string;
  readonly role?: string;
}

/** What came of asking without a pause. */
export interface Pumped {
  readonly answeredAtMs: readonly number[];
  readonly wrong: number;
  readonly failed: number;
}

/** A clip, judged. */
export interface Said {
  readonly source: ClipSource;
  readonly joined: boolean;
  readonly isRight: boolean;
}

/** The page's methods. */
export interface TabPage {
  /** Opens the client; with `canHang` its worker is one that `hang` can stop. */
  open(options: { readonly namespace: string; readonly version?: number }, canHang?: boolean): Promise<void>;
  close(): Promise<void>;
  say(text: string, timeoutMs?: number): Promise<Said>;
  /** Where a phrase comes from; undefined on a miss. */
  source(text: string): Promise<ClipSource | undefined>;
  /** Which take of a phrase is held; undefined on a miss, -1 for bytes that are none of it. */
  take(text: string): Promise<number | undefined>;
  put(text: string, take: number): Promise<void>;
  /** Stores audio of this length. */
  putBytes(text: string, byteLength: number): Promise<void>;
  /** Stores a take of a phrase as a pinned member of a collection. */
  putPinned(text: string, take: number, collection: string): Promise<void>;
  collection(name: string): Promise<CollectionDetails | undefined>;
  configure(change: ConfigChange): Promise<CacheConfig>;
  delete(text: string): Promise<boolean>;
  clear(): Promise<void>;
  stats(): Promise<CacheStats>;
  snapshot(): CacheStats;
  /** The events since the last call. */
  events(): readonly SeenEvent[];
  /** Asks for the phrases in turn, all the time, until `stopPump`. */
  startPump(texts: readonly string[]): void;
  stopPump(): Pumped;
  /** When the pump had its first answer after this tab heard of another owner; undefined until then. */
  firstAnswerOfNextOwner(sinceMs: number): number | undefined;
  /** When a page of this origin went away last; 0 before. */
  goneAtMs(): number;
  /** When this page came back from the back/forward cache; undefined if it never did. */
  restoredAtMs(): number | undefined;
  /** How this page got here after it was left: `restored` from the back/forward cache, else `loaded`. */
  cameBack(): 'restored' | 'loaded';
  /** Has the worker of this tab do nothing but compute from now on. */
  hang(): void;
  /** Writes into a channel what somebody else would. */
  post(channelName: string, message: unknown): void;
  /** Names of the locks that are held, by any tab. */
  locksHeld(): Promise<readonly string[]>;
  /** Milliseconds of each of so many hits of a phrase that is held, one after the other. */
  timeHits(text: string, count: number): Promise<readonly number[]>;
  /** From now on answers whoever asks on the channel with so many bytes. */
  answerEcho(channelName: string, byteLength: number): void;
  /** Milliseconds of each of so many questions on the channel and their answers. */
  timeEcho(channelName: string, count: number): Promise<readonly number[]>;
  /** Bytes that this page and its workers take; undefined where the browser does not tell. */
  memoryBytes(): Promise<number | undefined>;
}
