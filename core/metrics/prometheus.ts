/**
 * The metrics as Prometheus text (exposition format 0.0.4): base units, `_total` on counters, cumulative histograms.
 */

import type { MetricsAnswer } from '../protocol/messages';
import type { TierCounters, TierState } from '../protocol/values';
import { LATENCY_BOUNDS_MS } from './latency-bounds';

type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

/** Tiers that hold entries on this machine. */
const TIERS = ['memory', 'disk'] as const;

/** Returns the text to be scraped; every line ends with a newline. */
export function renderPrometheus({ stats, histograms }: MetricsAnswer): string {
  const { performance, tiers } = stats;
  const { hits, misses, joined, promotions, saved, errors } = performance;
  const counted = (counter: keyof TierCounters) =>
    TIERS.map((tier): Sample => [{ tier }, performance.tiers[tier][counter]]);
  const held = (state: keyof TierState) => TIERS.map((tier): Sample => [{ tier }, tiers[tier][state]]);
  const removed = TIERS.flatMap((tier): Sample[] => [
    [{ tier, reason: 'evicted' }, performance.tiers[tier].evictions],
    [{ tier, reason: 'expired' }, performance.tiers[tier].expirations],
  ]);
  const requests = Object.entries({ hit: hits, miss: misses, joined });
  return [
    family('requests_total', 'counter', 'Requests by outcome.', labelled('outcome', requests)),
    family('tier_hits_total', 'counter', 'Lookups that a tier answered.', counted('hits')),
    family('tier_misses_total', 'counter', 'Lookups that a tier could not answer.', counted('misses')),
    family('tier_puts_total', 'counter', 'Entries stored in a tier.', counted('puts')),
    family('tier_removals_total', 'counter', 'Entries that left a tier on their own account.', removed),
    family('tier_entries', 'gauge', 'Entries in a tier.', held('entries')),
    family('tier_bytes', 'gauge', 'Audio bytes in a tier.', held('bytes')),
    family('tier_limit_bytes', 'gauge', 'Bytes a tier may hold.', held('maxBytes')),
    family('disk_bytes', 'gauge', 'Bytes on disk.', [[{}, tiers.disk.bytesOnDisk]]),
    family('disk_damaged_records_total', 'counter', 'Damaged records dropped.', [[{}, tiers.disk.damagedRecords]]),
    family('promotions_total', 'counter', 'Entries copied from disk into memory.', [[{}, promotions]]),
    family('saved_requests_total', 'counter', 'Syntheses that were not needed.', [[{}, saved.requests]]),
    family('saved_characters_total', 'counter', 'Characters that were not synthesized.', [[{}, saved.characters]]),
    family('saved_synthesis_seconds_total', 'counter', 'Synthesis time that was not spent.', [
      [{}, saved.synthesisMs / 1000],
    ]),
    family(
      'errors_total',
      'counter',
      'Failures that the cache went on in spite of.',
      labelled('kind', Object.entries(errors)),
    ),
    latencies(histograms),
  ].join('');
}

function labelled(label: string, values: readonly (readonly [name: string, value: number])[]): Sample[] {
  return values.map(([name, value]) => [{ [label]: name }, value]);
}

function family(name: string, type: 'counter' | 'gauge', help: string, samples: readonly Sample[]): string {
  return header(name, type, help) + samples.map(([labels, value]) => line(name, labels, value)).join('');
}

function latencies(histograms: MetricsAnswer['histograms']): string {
  const name = 'clip_latency_seconds';
  let text = header(name, 'histogram', 'Time from a call to its clip, by source.');
  for (const [source, { cumulative, count, sumMs }] of Object.entries(histograms)) {
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

function line(name: string, labels: Readonly<Record<string, string>>, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${text}"`);
  return `reprise_${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value === Number.POSITIVE_INFINITY ? '+Inf' : value}\n`;
}
