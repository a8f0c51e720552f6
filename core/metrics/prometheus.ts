/**
 * Statistics as Prometheus text (exposition format 0.0.4): base units, `_total` on counters, cumulative histograms.
 *
 * Rates and ratios are not among the metrics, since they follow from counters over whatever time is asked. A family of
 * which nothing is known (money without a price, an estimate that the browser does not give) is left out.
 */
import type { CacheStats, HistogramCounts, Savings, TierCounters, TierState } from '../protocol/values';
import { LATENCY_BOUNDS_MS } from './latency-bounds';

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number];

/** Tiers that hold entries on this machine. */
const TIERS = ['memory', 'disk'] as const;

/** Returns the text to be scraped; every line ends with a newline. */
export function renderPrometheus(stats: CacheStats): string {
  const { performance, tiers, health, runtime } = stats;
  const { hits, misses, joined, missesByReason, failedRequests, promotions, demotions, errors } = performance;
  const { disk } = tiers;
  const counted = (counter: Exclude<keyof TierCounters, 'evictionsByReason'>) =>
    TIERS.map((tier): Sample => [{ tier }, performance.tiers[tier][counter]]);
  const evictions = TIERS.flatMap((tier) =>
    labelled('reason', performance.tiers[tier].evictionsByReason).map(
      ([labels, value]): Sample => [{ tier, ...labels }, value],
    ),
  );
  const held = (state: keyof TierState) => TIERS.map((tier): Sample => [{ tier }, tiers[tier][state]]);
  const { version, store, role } = runtime;
  return [
    gauge('info', 'What the cache is: protocol version, store and role of the tab.', [
      [{ version: String(version), store, role }, 1],
    ]),
    gauge('counted_since_timestamp_seconds', 'When counting began.', one(runtime.countedSinceMs / 1000)),
    gauge('cleanup_scheduled', 'Whether cleanup runs on schedule.', one(Number(runtime.isCleanupScheduled))),
    counter('requests_total', 'Requests by outcome.', labelled('outcome', { hit: hits, miss: misses, joined })),
    counter('misses_total', 'Requests that found nothing, by why.', labelled('reason', missesByReason)),
    counter('failed_requests_total', 'Requests that ended with an error.', one(failedRequests)),
    histogram('clip_latency_seconds', 'Time from a call to its clip, by source.', performance.latencyHistogram),
    counter('tier_hits_total', 'Lookups that a tier answered.', counted('hits')),
    counter('tier_misses_total', 'Lookups that a tier could not answer.', counted('misses')),
    counter('tier_puts_total', 'Entries stored in a tier.', counted('puts')),
    counter('tier_evictions_total', 'Entries removed from a tier to make room, by why.', evictions),
    counter('tier_expirations_total', 'Entries removed from a tier at the end of their time.', counted('expirations')),
    counter('tier_errors_total', 'Operations of a tier that failed.', counted('errors')),
    counter('promotions_total', 'Entries copied up into memory.', one(promotions)),
    counter('demotions_total', 'Entries evicted from memory that disk goes on holding.', one(demotions)),
    gauge('tier_entries', 'Entries in a tier.', held('entries')),
    gauge('tier_bytes', 'Audio bytes in a tier.', held('bytes')),
    gauge('tier_limit_bytes', 'Bytes a tier may hold.', held('maxBytes')),
    gauge(
      'disk_bytes',
      'Bytes taken on disk, dead ones and the own files of the engine included.',
      one(disk.bytesOnDisk),
    ),
    gauge('disk_compression_saved_bytes', 'Bytes spared by compression.', one(disk.bytesSavedByCompression)),
    counter('disk_damaged_records_total', 'Damaged records dropped.', one(disk.damagedRecords)),
    gauge('disk_pinned_entries', 'Entries on disk that are pinned.', one(disk.pinned.entries)),
    gauge('disk_pinned_bytes', 'Audio bytes on disk that are pinned.', one(disk.pinned.bytes)),
    gauge(
      'disk_migration_remaining_entries',
      'Entries of an earlier store still to be moved.',
      one(disk.migration?.remainingEntries),
    ),
    gauge('storage_usage_bytes', 'What this site stores, as the browser estimates.', one(disk.estimate?.usageBytes)),
    gauge('storage_quota_bytes', 'What this site may store, as the browser estimates.', one(disk.estimate?.quotaBytes)),
    gauge('storage_persisted', 'Whether the browser has promised to keep the storage.', one(toNumber(disk.persisted))),
    ...money('saved', 'not needed', stats, performance.saved),
    ...money('spent', 'made', stats, performance.spent),
    ...budget(stats),
    counter('errors_total', 'Failures that the cache went on in spite of.', labelled('kind', { ...errors })),
    gauge('alert', 'What is wrong; see the alerts in stats().', alerts(health)),
  ].join('');
}

function money(name: string, what: string, { config }: CacheStats, { cost, ...savings }: Savings): string[] {
  const currency = config.price?.currency ?? '';
  return [
    counter(`${name}_requests_total`, `Syntheses ${what}.`, one(savings.requests)),
    counter(`${name}_characters_total`, `Characters of syntheses ${what}.`, one(savings.characters)),
    counter(`${name}_synthesis_seconds_total`, `Time of syntheses ${what}.`, one(savings.synthesisMs / 1000)),
    counter(`${name}_cost_total`, `Price of syntheses ${what}.`, one(cost, { currency })),
  ];
}

function budget({ config, performance }: CacheStats): string[] {
  const currency = config.price?.currency ?? '';
  const state = performance.budget;
  const secondsOf = (ms: number | undefined) => (ms === undefined ? undefined : ms / 1000);
  return [
    gauge('budget_limit', 'What may be spent in a period.', one(state?.limit, { currency })),
    gauge('budget_spent', 'What was spent in the present period.', one(state?.spent, { currency })),
    gauge('budget_exceeded', 'Whether the budget is used up.', one(toNumber(state?.isExceeded))),
    gauge(
      'budget_period_start_timestamp_seconds',
      'When the present period began.',
      one(secondsOf(state?.periodStartedAtMs)),
    ),
    gauge(
      'budget_period_end_timestamp_seconds',
      'When the present period ends.',
      one(secondsOf(state?.periodEndsAtMs)),
    ),
  ];
}

/** The same alert can be told by two parties, but no series twice. */
function alerts({ alerts }: CacheStats['health']): Sample[] {
  const labelsByIdentity = new Map(
    alerts.map(({ code, severity }): [string, Labels] => [`${code} ${severity}`, { code, severity }]),
  );
  return [...labelsByIdentity.values()].map((labels) => [labels, 1]);
}

function toNumber(value: boolean | undefined): number | undefined {
  return value === undefined ? undefined : Number(value);
}

/** The one sample of a family, or none where nothing is known. */
function one(value: number | undefined, labels: Labels = {}): Sample[] {
  return value === undefined ? [] : [[labels, value]];
}

function labelled(label: string, values: Readonly<Record<string, number>>): Sample[] {
  return Object.entries(values).map(([name, value]) => [{ [label]: name }, value]);
}

function counter(name: string, help: string, samples: readonly Sample[]): string {
  return family(name, 'counter', help, samples);
}

function gauge(name: string, help: string, samples: readonly Sample[]): string {
  return family(name, 'gauge', help, samples);
}

function family(name: string, type: 'counter' | 'gauge', help: string, samples: readonly Sample[]): string {
  if (samples.length === 0) return '';
  return header(name, type, help) + samples.map(([labels, value]) => line(name, labels, value)).join('');
}

function histogram(name: string, help: string, countsBySource: Readonly<Record<string, HistogramCounts>>): string {
  let text = header(name, 'histogram', help);
  for (const [source, { cumulative, count, sumMs }] of Object.entries(countsBySource)) {
    for (const [index, boundMs] of LATENCY_BOUNDS_MS.entries()) {
      text += line(`${name}_bucket`, { source, le: String(boundMs / 1000) }, cumulative[index] ?? 0);
    }
    text += line(`${name}_bucket`, { source, le: '+Inf' }, count);
    text += line(`${name}_sum`, { source }, sumMs / 1000);
    text += line(`${name}_count`, { source }, count);
  }
  return text;
}

function header(name: string, type: string, help: string): string {
  return `# HELP reprise_${name} ${help}\n# TYPE reprise_${name} ${type}\n`;
}

function line(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
  return `reprise_${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value === Number.POSITIVE_INFINITY ? '+Inf' : value}\n`;
}

function escaped(text: string): string {
  return text.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');
}
