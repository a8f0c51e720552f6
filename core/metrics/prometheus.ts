/**
 * The metrics as Prometheus text (exposition format 0.0.4): base units, `_total` on counters, cumulative histograms.
 */
import type { CacheStats } from '../protocol/values';
import { EXPORTED_BOUNDS_SECONDS } from './latency-histogram';
import type { Metrics } from './metrics';

type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

/** Returns the text to be scraped; every line ends with a newline. */
export function renderPrometheus(metrics: Metrics, stats: Pick<CacheStats, 'tiers'>): string {
  const { saved, errors } = metrics;
  const perTier = (valueFor: (tier: 'memory' | 'disk') => number): Sample[] =>
    (['memory', 'disk'] as const).map((tier) => [{ tier }, valueFor(tier)]);
  return [
    family('requests_total', 'counter', 'Requests by outcome.', [
      [{ outcome: 'hit' }, metrics.hits],
      [{ outcome: 'miss' }, metrics.misses],
      [{ outcome: 'joined' }, metrics.joined],
    ]),
    family(
      'tier_hits_total',
      'counter',
      'Lookups that a tier answered.',
      perTier((tier) => metrics.tiers[tier].hits),
    ),
    family(
      'tier_misses_total',
      'counter',
      'Lookups that a tier could not answer.',
      perTier((tier) => metrics.tiers[tier].misses),
    ),
    family(
      'tier_puts_total',
      'counter',
      'Entries stored in a tier.',
      perTier((tier) => metrics.tiers[tier].puts),
    ),
    family(
      'tier_removals_total',
      'counter',
      'Entries that left a tier on their own account.',
      (['memory', 'disk'] as const).flatMap((tier): Sample[] => [
        [{ tier, reason: 'evicted' }, metrics.tiers[tier].evictions],
        [{ tier, reason: 'expired' }, metrics.tiers[tier].expirations],
      ]),
    ),
    family(
      'tier_entries',
      'gauge',
      'Entries in a tier.',
      perTier((tier) => stats.tiers[tier].entries),
    ),
    family(
      'tier_bytes',
      'gauge',
      'Audio bytes in a tier.',
      perTier((tier) => stats.tiers[tier].bytes),
    ),
    family(
      'tier_limit_bytes',
      'gauge',
      'Audio bytes a tier may hold.',
      perTier((tier) => stats.tiers[tier].maxBytes),
    ),
    family('promotions_total', 'counter', 'Entries copied from disk into memory.', [[{}, metrics.promotions]]),
    family('saved_requests_total', 'counter', 'Syntheses that were not needed.', [[{}, saved.requests]]),
    family('saved_characters_total', 'counter', 'Characters that were not synthesized.', [[{}, saved.characters]]),
    family('saved_synthesis_seconds_total', 'counter', 'Synthesis time that was not spent.', [
      [{}, saved.synthesisMs / 1000],
    ]),
    family(
      'errors_total',
      'counter',
      'Failures the cache worked on in spite of.',
      Object.entries(errors).map(([kind, count]): Sample => [{ kind }, count]),
    ),
    histograms(metrics),
  ].join('');
}

function family(name: string, type: 'counter' | 'gauge', help: string, samples: readonly Sample[]): string {
  return header(name, type, help) + samples.map(([labels, value]) => line(name, labels, value)).join('');
}

function histograms(metrics: Metrics): string {
  const name = 'clip_latency_seconds';
  let text = header(name, 'histogram', 'Time from a call to its clip, by source.');
  for (const [source, histogram] of Object.entries(metrics.latencies)) {
    const counts = histogram.cumulativeCounts;
    const { count } = histogram.summary();
    for (const [index, bound] of EXPORTED_BOUNDS_SECONDS.entries()) {
      text += line(`${name}_bucket`, { source, le: String(bound) }, counts[index] ?? 0);
    }
    text += line(`${name}_bucket`, { source, le: '+Inf' }, count);
    text += line(`${name}_sum`, { source }, histogram.sumMs / 1000);
    text += line(`${name}_count`, { source }, count);
  }
  return text;
}

function header(name: string, type: string, help: string): string {
  return `# HELP reprise_${name} ${help}\n# TYPE reprise_${name} ${type}\n`;
}

function line(name: string, labels: Readonly<Record<string, string>>, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${text}"`);
  return `reprise_${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}\n`;
}
