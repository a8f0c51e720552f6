/** What each part of the panel is to the whole. */
import type { CacheStats } from '../../core/protocol/values';

/** One card of the panel. It draws when told to, and never asks for time or statistics itself. */
export interface PanelView {
  readonly root: HTMLElement;
  readonly update: (stats: CacheStats, nowMs: number) => void;
}
