/** What `configure` takes, and the check of it that a page can make. */
import { CHANGE_RULES, checkRules } from '../core/option-rules';
import type { ConfigChange, DiskConfig } from '../core/protocol/values';
import { type AudioCacheClientOptions, withCurrency, withPeriod } from './options';

/** What `configure` takes: the fields that are to change. */
export type ConfigureOptions = Pick<
  AudioCacheClientOptions,
  'maxEntryBytes' | 'cleanupIntervalMs' | 'memory' | 'price' | 'budget' | 'health'
> & { readonly disk?: Partial<Omit<DiskConfig, 'store'>> | undefined };

/**
 * Checks each field of a change, and fills in what price and budget leave out. Whether it contradicts the configuration
 * in force the worker says, which alone knows that for sure: another tab may have changed it a moment ago.
 * @throws AudioCacheError `INVALID_OPTIONS`, with `field` naming the option and the message what it may be
 */
export function resolveChange(change: ConfigureOptions): ConfigChange {
  checkRules(change, CHANGE_RULES);
  const filled = { ...change, price: withCurrency(change.price), budget: withPeriod(change.budget) };
  checkRules(filled, CHANGE_RULES);
  return filled;
}
